-- SPDX-License-Identifier: MIT
--
-- A machine that is busy never delays a heartbeat: at default timeouts no
-- term changes, and no turn of the engine's loop takes long.

local Cluster = require "spec.real.cluster"
local helper = require "spec.helper"

-- The longest turn that is allowed; sanitizers are slow.
local IS_SLOW = (os.getenv("SPEC_BUILD") or ""):find("san") ~= nil
local TURN_US = IS_SLOW and 200000 or 20000
-- A computer with other things to do can only make turns longer, never
-- shorter: what held once holds.
local ATTEMPTS = 4

describe("a busy machine", function ()
  local function attempt(body)
    local cluster = Cluster.new { member = {
      machine = "spec/real/machines/busy.lua", sandbox = false,
      memory = "3GiB" } }
    local ok, why = pcall(function ()
      cluster:start_all()
      local leader, status = cluster:leader()
      body(cluster, leader, status)
    end)
    cluster:close()
    return ok, why
  end

  local function once(body)
    local ok, why
    for number = 1, ATTEMPTS do
      ok, why = attempt(body)
      if ok then return end
      print(("attempt %d: %s"):format(number, tostring(why)))
    end
    error(why, 0)
  end

  -- The same leader in the same term, and short turns.
  local function holds(cluster, leader, term)
    local rows = cluster:settle()
    for id = 1, 3 do
      assert.equal(term, rows[id].term)
      assert.equal(leader, rows[id].leader)
      assert.is_true(rows[id].turn_longest_us < TURN_US,
        ("member %d: a turn of %d us"):format(id, rows[id].turn_longest_us))
    end
  end

  it("that applies for three seconds changes no term", function ()
    once(function (cluster, leader, status)
      local client = cluster:client { deadline = "30s" }
      assert.same({ true, true }, { client:propose { "spin", 3 } })
      client:close()
      holds(cluster, leader, status.term)
    end)
  end)

  it("whose whole memory is collected changes no term", function ()
    once(function (cluster, leader, status)
      local client = cluster:client { deadline = "120s" }
      assert.same({ true, true },
        { client:propose { "grow", helper.full and 500 or 100 } })
      assert.same({ true, true },
        { client:propose { "collect", helper.full and 10 or 3 } })
      local _, mebibytes = client:query { "memory" }
      assert.is_true(mebibytes >= (helper.full and 500 or 100))
      client:close()
      holds(cluster, leader, status.term)
    end)
  end)
end)
