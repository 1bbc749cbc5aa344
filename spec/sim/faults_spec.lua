-- SPDX-License-Identifier: MIT
--
-- Every fault happens, and what it must cause is seen.

local sim = require "raft.sim"

local function sum_of(options, seeds)
  local sum = {}
  for seed = 1, seeds do
    local result = sim.run(sim.mix(options, { seed = seed }))
    assert(result.ok, result.violation and ("seed %d: %s: %s"):format(seed,
      result.violation.name, result.violation.text))
    for name, value in pairs(result) do
      if type(value) == "number" then
        sum[name] = (sum[name] or 0) + value
      end
    end
  end
  return sum
end

-- Counters that a run of everything must reach.
local REACHED = {
  "lost", "cut", "duplicated", "reordered", "corrupted", "refused",
  "strangers", "dials", "links", "judged", "resets", "client_resets",
  "slow_links", "tails", "drifts", "sectors_lost", "crashes", "kills",
  "restarts", "pauses", "partitions", "heals", "stops", "wipes",
  "wiped_refused", "rots", "rots_refused", "jumps", "syncs", "slow_syncs",
  "disk_failures", "disk_fulls", "machine_failures", "memory_failures",
  "inspections", "claims", "elections", "leaders", "rivals", "truncations",
  "applied", "acknowledged", "reads_done", "stale_done", "unknowns",
}

describe("sim: faults", function ()
  it("all happen in sixty seeds of everything", function ()
    local sum = sum_of(sim.profiles.everything, 60)
    for _, name in ipairs(REACHED) do
      assert.is_true(sum[name] > 0, name .. " never happened")
    end
  end)

  it("do not happen when they are not asked for", function ()
    local sum = sum_of(sim.profiles.quiet, 5)
    for _, name in ipairs {
      "lost", "cut", "duplicated", "reordered", "corrupted", "refused",
      "strangers", "judged", "resets", "client_resets", "slow_links",
      "tails", "drifts", "lies", "crashes", "kills", "restarts",
      "pauses", "partitions", "stops", "wipes", "rots", "jumps",
      "disk_failures", "disk_fulls", "machine_failures", "memory_failures",
      "rivals", "truncations", "unknowns",
    } do
      assert.equal(0, sum[name], name)
    end
    assert.is_true(sum.acknowledged > 1000)
  end)

  it("flip bits in messages, each of which is refused", function ()
    local sum = sum_of({ corrupt = 50, operation_us = 5000 }, 20)
    assert.is_true(sum.corrupted > 500)
    assert.equal(sum.corrupted, sum.refused)
  end)

  it("lose, repeat and reorder about as often as asked for", function ()
    local sum = sum_of({ loss = 100, duplicate = 100, reorder = 100 }, 10)
    local messages = sum.messages + sum.requests
    for _, name in ipairs { "lost", "duplicated", "reordered" } do
      local permille = sum[name] * 1000 / messages
      assert.is_true(permille > 50 and permille < 300, name .. permille)
    end
  end)

  it("keep the log of a disk that is full readable, and it restarts",
  function ()
    local sum = sum_of({ disk_full = 1, crash = 1, fault_us = 300000,
                         fault_length_us = 2000000,
                         limits = { segment_bytes = 8192,
                                    batch_bytes = 1024 } }, 20)
    assert.is_true(sum.disk_fulls > 50)
    assert.equal(0, sum.stops)
  end)

  it("stay below the memory that a member may have", function ()
    local result = sim.run { seed = 1, memory_bytes = 1000 }
    assert.is_false(result.ok)
    assert.equal("memory", result.violation.name)
  end)
end)
