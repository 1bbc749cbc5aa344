-- SPDX-License-Identifier: MIT
--
-- A machine that is busy never delays a heartbeat: at default timeouts no
-- term changes, and no turn of the engine's loop takes long.

local Cluster = require "spec.real.cluster"
local helper = require "spec.helper"

local TURN_US = 20000 -- the longest turn that is allowed

describe("a busy machine", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  local function start()
    cluster = Cluster.new { member = {
      machine = "spec/real/machines/busy.lua", sandbox = false,
      memory = "3GiB" } }
    cluster:start_all()
    return cluster:leader()
  end

  -- The same leader in the same term, and short turns.
  local function holds(leader, term)
    local rows = cluster:settle()
    for id = 1, 3 do
      assert.equal(term, rows[id].term)
      assert.equal(leader, rows[id].leader)
      assert.is_true(rows[id].turn_longest_us < TURN_US,
        ("member %d: a turn of %d us"):format(id, rows[id].turn_longest_us))
    end
  end

  it("that applies for three seconds changes no term", function ()
    local leader, status = start()
    local client = cluster:client { deadline = "30s" }
    assert.same({ true, true }, { client:propose { "spin", 3 } })
    client:close()
    holds(leader, status.term)
  end)

  it("whose whole memory is collected changes no term", function ()
    local leader, status = start()
    local client = cluster:client { deadline = "120s" }
    assert.same({ true, true },
      { client:propose { "grow", helper.full and 500 or 100 } })
    assert.same({ true, true },
      { client:propose { "collect", helper.full and 10 or 3 } })
    local _, mebibytes = client:query { "memory" }
    assert.is_true(mebibytes >= (helper.full and 500 or 100))
    client:close()
    holds(leader, status.term)
  end)
end)
