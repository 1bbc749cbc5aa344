-- SPDX-License-Identifier: MIT
--
-- Checks look, and never change what they look at.

local sim = require "raft.sim"

describe("sim: checks", function ()
  it("leave no trace: a run without them is the same run", function ()
    for _, name in ipairs { "quiet", "messages", "crashes", "contested_five",
        "tight", "disks" } do
      for seed = 1, 3 do
        local options = sim.mix(sim.profiles[name], { seed = seed,
          settle_us = 0, duration_us = 3000000, losses_max = 0,
          inspect_disk = 200000 })
        local seen = sim.run(options)
        local unseen = sim.run(sim.mix(options, { checks = 0 }))
        assert(seen.ok, seen.violation and seen.violation.text)
        assert.equal(seen.trace_hash, unseen.trace_hash, name)
        assert.is_true(seen.claims > 0)
        assert.equal(0, unseen.claims + unseen.inspections)
      end
    end
  end)

  it("are off only where a run says so", function ()
    local options = { seed = 1, memory_bytes = 1000 }
    assert.equal("memory", sim.run(options).violation.name)
    assert.is_true(sim.run(sim.mix(options, { checks = 0 })).ok)
  end)

  -- In this run a member acknowledges its last entry, and is removed by it.
  it("hold nothing against who ended before it was looked at", function ()
    local result = sim.run(sim.mix(sim.profiles.everything, { seed = 87516 }))
    assert(result.ok, result.violation and result.violation.text)
  end)

  it("do not call a leader good that has lost its majority", function ()
    -- Bridged to one of four others, it leads for as long as it takes to
    -- notice; all are level, and calm would not last.
    for seed = 1, 5 do
      local result = sim.run { seed = seed, members = 5, clients = 1,
        operation_us = 100000, duration_us = 1000000, heal = "bridged" }
      assert(result.ok, result.violation and result.violation.text)
    end
  end)
end)
