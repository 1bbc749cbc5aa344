-- SPDX-License-Identifier: MIT
--
-- A big state, and big sessions: written, sent, installed and restored, while
-- the engine's loop goes on. RAFT_FULL: of 1 GiB.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local IS_FULL = os.getenv "RAFT_FULL" == "1"
local MIB = IS_FULL and 1024 or 32
local RESULT = 1000000 -- bytes that a session keeps
local SESSIONS = 60

-- A GiB may take its time.
local function await_installed(cluster, id)
  local function is_there()
    local status = cluster:status(id)
    return status and status.snapshots_installed == 1
  end
  for _ = 1, IS_FULL and 4 or 0 do
    pcall(cluster.wait, cluster, "the snapshot to be installed", is_there)
  end
  cluster:wait("the snapshot to be installed", is_there)
end

-- What half of all results costs of the processor, copied once, here and under
-- the load that there is: no turn may take as long. One that does no more than
-- its part takes less than a tenth of that.
local function much_ms()
  local longest = 0
  for _ = 1, 3 do
    local from = os.clock()
    assert(("v"):rep(SESSIONS * RESULT / 4)) -- it is copied twice
    longest = math.max(longest, (os.clock() - from) * 1000)
  end
  return longest
end

-- The longest turns since the process began, in milliseconds. What is asserted
-- is processor time, beside what other work takes of it: others run here, too,
-- and make every turn longer, and dearer, but not that much.
local function reported(cluster, what, id)
  local status = cluster:wait("a status", function ()
    return cluster:status(id)
  end)
  local cpu, much = status.turn_longest_cpu_us / 1000, much_ms()
  print(("%s: longest turn %.2f ms, of the processor %.2f ms, of %.2f"):format(
    what, status.turn_longest_us / 1000, cpu, much))
  assert.is_true(cpu < much, ("%s: %.2f ms of %.2f"):format(what, cpu, much))
  return status
end

describe("a snapshot of " .. MIB .. " MiB #once", function ()
  it("stalls no engine's loop", function ()
    local cluster = Cluster.new { count = 3, member = {
      machine = "scripts/machines/pieces.lua", memory = "4GiB",
      limits = { retained_entries = 2, snapshot_rate = "256MiB" } } }
    finally(function () cluster:close() end)
    cluster:start_all()
    local leader = cluster:leader()
    local away = leader % 3 + 1
    local client = cluster:client { deadline = "60s" }
    cluster:kill(away)
    cluster:wait_end(away)
    for i = 1, MIB / 4 do
      local ok, message = client:propose { "fill", 64 }
      assert(ok, ("%d: %s\n%s"):format(i, message, cluster:logs()))
    end
    -- ... and results that their sessions keep.
    local clients = {}
    for i = 1, SESSIONS do
      clients[i] = cluster:client { deadline = "60s" }
      assert(clients[i]:propose { "give", RESULT })
    end
    local ids = {}
    for id = 1, 3 do
      ids[#ids + 1] = id ~= away and id or nil
    end
    local function report(what, id)
      return reported(cluster, what, id)
    end

    assert.is_true(report("filled", leader).session_bytes
      > SESSIONS * RESULT)
    for _, id in ipairs(ids) do
      assert(raft.admin(cluster:dir_of(id)):snapshot())
      report("written by " .. id, id)
    end
    cluster:start(away)
    await_installed(cluster, away)
    local sent = 0 -- by who led then
    for _, id in ipairs(ids) do
      sent = sent + report("sent by " .. id, id).snapshots_sent
    end
    assert.is_true(sent > 0)
    report("installed", away)
    -- Whoever has it restores it, and nobody else led meanwhile.
    assert.equal(16 * MIB, (select(2, client:query "count")))
    for _, id in ipairs(ids) do
      cluster:kill(id)
      cluster:wait_end(id)
      cluster:start(id)
      report("restored by " .. id, id)
    end
    local rows = cluster:settle()
    assert.equal(rows[1].state_hash, rows[2].state_hash)
    assert.equal(rows[1].state_hash, rows[3].state_hash)
    assert.equal(16 * MIB, (select(2, client:query "count")))
    client:close()
    for _, one in ipairs(clients) do
      one:close()
    end
  end)
end)
