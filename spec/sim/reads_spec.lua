-- SPDX-License-Identifier: MIT
--
-- Linear reads under partitions and pauses, judged against the register's
-- order: a value has the index of its write as its version; a read must give
-- at least every version that was acknowledged, to anyone, before it began,
-- and none from the future.

local helper = require("spec.helper")
local sim = require("raft.sim")

local SEEDS = helper.full and 1000 or 120

local options = sim.mix(sim.profiles.partitions, {
  members = 5, clients = 6, burst = 3, reads = 600, keys = 2,
  operation_us = 20000, isolate = 4, pause = 6, duration_us = 6000000,
})

describe("sim: linear reads", function()
  it("are never stale, whoever is cut off or paused", function()
    local reads, pauses, cuts = 0, 0, 0
    for i = 1, SEEDS do
      local seed = helper.seed * 100000 + i
      local result = sim.run(sim.mix(options, { seed = seed }))
      assert(result.ok, ("seed %d: %s"):format(seed, result.violation
        and result.violation.name .. ": " .. result.violation.text))
      reads = reads + result.reads_done
      pauses = pauses + result.pauses
      cuts = cuts + result.partitions
    end
    assert.is_true(reads > SEEDS * 20)
    assert.is_true(pauses > SEEDS / 2 and cuts > SEEDS / 2)
  end)
end)
