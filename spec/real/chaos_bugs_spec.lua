-- SPDX-License-Identifier: MIT
--
-- Known bugs, switched on in real members, are found by luaraft chaos: needs
-- the build with bugs.

local Runs = require "spec.real.chaos_runs"
local core = require "raft.core"
local helper = require "spec.helper"

local is_build = #core.bugs > 0 and _VERSION == "Lua 5.4"
local it_with_bugs = is_build and it or function () end

-- Clients that write all the time, and a nemesis of this kind.
local function hunt(nemesis, given)
  return ([[
local nemesis, workload = raft.nemesis, raft.workload
return raft.scenario { nodes = 3, machine = "raft.machines.rooms",
  duration = "%s", concurrency = 8,
  workload = workload.all {
    workload.register { pause = "5ms" }, workload.append { pause = "5ms" },
    workload.counter { pause = "5ms" }, workload.queue { pause = "5ms" } },
  nemesis = %s }
]]):format(given and given.duration or "10s", nemesis)
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

local SHORT = {
  { "skip_sync", POWER }, { "skip_checksum", ROT },
  { "skip_message_checksum", CORRUPT },
}
local LONG = {
  { "truncate_at_rot", ROT }, { "commit_unsynced", SLOW_POWER },
  { "late_step_down", LEADERS }, { "no_deduplication", LEADERS },
}

local TRIES = 20 -- seeds

local function is_found(runs, bug, nemesis, duration)
  local path = runs:scenario(bug, hunt(nemesis, { duration = duration }))
  local said
  for seed = 1, TRIES do
    local code
    code, said = runs:run(("%s --bug %s --seed %d"):format(path, bug, seed))
    if code == 1 and said:find(bug .. ".lua: seed", 1, true) then
      return true, said
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
    local all = { ROT, POWER, SLOW_POWER, CORRUPT, LEADERS }
    for i = 1, helper.full and #all or 1 do
      local nemesis = all[i]
      local path = runs:scenario("clean", hunt(nemesis, {
        duration = helper.full and "10s" or "2s" }))
      local code, said = runs:run(path)
      assert.equal(0, code, said)
    end
  end)
end)
