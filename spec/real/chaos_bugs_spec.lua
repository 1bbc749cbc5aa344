-- SPDX-License-Identifier: MIT
--
-- Known bugs, switched on in real members, are found by luaraft chaos: needs
-- the build with bugs.

local Cluster = require "spec.real.cluster"
local Runs = require "spec.real.chaos_runs"
local core = require "raft.core"
local helper = require "spec.helper"

local is_build = #core.bugs > 0 and _VERSION == "Lua 5.4"
local it_with_bugs = is_build and it or function () end

-- Clients that write all the time.
local WRITERS = [[workload.all {
    workload.register { pause = "5ms" }, workload.append { pause = "5ms" },
    workload.counter { pause = "5ms" }, workload.queue { pause = "5ms" } }]]

-- A scenario with this nemesis; it may be { nemesis, options = "…", machine =
-- "…", workload = "…" }.
local function hunt(given, duration)
  local nemesis = type(given) == "table" and given[1] or given
  local more = type(given) == "table" and given or {}
  return ([[
local nemesis, workload = raft.nemesis, raft.workload
return raft.scenario { nodes = 3, machine = "%s", duration = "%s",
  concurrency = 8, options = %s,
  workload = %s,
  nemesis = %s }
]]):format(more.machine or "raft.machines.rooms", duration,
    more.options or "{}", more.workload or WRITERS, nemesis)
end

-- Name of the bug, what finds it, and by which verdict.
local POWER = 'nemesis.crash_all { every = "900ms", lasts = "50ms" }'
local ROT = [[nemesis.mix {
  nemesis.disk { kind = "rot", lasts = "50ms" },
  nemesis.crash { lasts = "50ms" }, every = "300ms" }]]
-- Slow disks, all at once, and then no power.
local SLOW_POWER = [[nemesis.all {
  nemesis.disk { kind = "slow", by = "40ms", target = 1, every = "1s",
                 lasts = "900ms" },
  nemesis.disk { kind = "slow", by = "40ms", target = 2, every = "1s",
                 lasts = "900ms" },
  nemesis.disk { kind = "slow", by = "40ms", target = 3, every = "1s",
                 lasts = "900ms" },
  nemesis.crash_all { every = "2s", lasts = "50ms" } }]]
local CORRUPT = [[nemesis.network { kind = "corrupt", amount = "10%",
  every = "1s", lasts = "900ms" }]]
local LEADERS = [[nemesis.mix {
  nemesis.partition { kind = "isolate", target = "leader", lasts = "900ms" },
  nemesis.reset { kind = "clients", target = "leader" },
  nemesis.pause { target = "leader", lasts = "900ms" },
  every = { "100ms", "600ms" } }]]
-- A sync fails; whoever goes on has a hole in its log when it is killed.
local SYNCS = [[nemesis.mix {
  nemesis.disk { kind = "fail_sync", lasts = "300ms" },
  nemesis.kill { lasts = "50ms" }, every = "400ms" }]]
-- Commands are asked for again, and members begin at snapshots.
local SNAPSHOTS = { [[nemesis.mix {
  nemesis.reset { kind = "clients", target = "leader" },
  nemesis.kill { target = "leader", lasts = "50ms" },
  nemesis.pause { target = "leader", lasts = "900ms" },
  every = { "100ms", "400ms" } }]],
  options = '{ limits = { snapshot_bytes = "16KiB" } }' }
-- A leader that is alone and does not know it yet; most clients only read.
local ALONE = { [[nemesis.partition { kind = "isolate", target = "leader",
  every = "2s", lasts = "1900ms" }]],
  options = '{ check_quorum_us = "1500ms" }', machine = "raft.kv",
  workload = [[workload.register { pause = "5ms", keys = 1,
    mix = { read = 200, write = 1 } }]] }
local CROWD = [[nemesis.mix {
  nemesis.partition { kind = "isolate", target = "leader", lasts = "700ms" },
  nemesis.partition { kind = "one_way", lasts = "700ms" },
  nemesis.crash { lasts = "50ms" }, nemesis.transfer {},
  every = { "100ms", "500ms" } }]]

local SHORT = {
  { "skip_sync", POWER }, { "skip_checksum", ROT },
  { "skip_message_checksum", CORRUPT }, { "retry_sync", SYNCS },
  { "snapshot_forgets_sessions", SNAPSHOTS },
}
local LONG = {
  { "truncate_at_rot", ROT }, { "commit_unsynced", SLOW_POWER },
  { "late_step_down", LEADERS }, { "no_deduplication", LEADERS },
  { "read_without_round", ALONE }, { "truncate_always", CROWD },
}

local MOST = 10 * 60 -- seconds, until it is found

local function is_found(runs, bug, nemesis, duration)
  local path = runs:scenario(bug, hunt(nemesis, duration))
  local ends, seed, said = Cluster.now() + MOST, 0, nil
  while Cluster.now() < ends do
    local code
    seed = seed + 1
    code, said = runs:run(("%s --bug %s --seed %d"):format(path, bug, seed))
    if code == 1 and said:find(bug .. ".lua: seed", 1, true) then
      return Cluster.now() < ends, said
    end
  end
  return false, said
end

describe("luaraft chaos, in the build with bugs, #once", function ()
  local runs

  before_each(function ()
    runs = Runs.new()
  end)

  after_each(function ()
    runs:close()
  end)

  for _, row in ipairs(SHORT) do
    it_with_bugs("finds " .. row[1], function ()
      local found, said = is_found(runs, row[1], row[2], "4s")
      assert.is_true(found, said)
    end)
  end

  for _, row in ipairs(LONG) do
    it_with_bugs("#full finds " .. row[1], function ()
      local found, said = is_found(runs, row[1], row[2], "20s")
      assert.is_true(found, said)
    end)
  end

  it_with_bugs("finds nothing where there is no bug", function ()
    local all = { ROT, POWER, SLOW_POWER, CORRUPT, LEADERS, SYNCS, SNAPSHOTS,
      ALONE, CROWD }
    for i = 1, helper.full and #all or 1 do
      local nemesis = all[i]
      local path = runs:scenario("clean", hunt(nemesis,
        helper.full and "10s" or "2s"))
      local code, said = runs:run(path)
      assert.equal(0, code, said)
    end
  end)
end)
