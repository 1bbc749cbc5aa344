-- SPDX-License-Identifier: MIT
--
-- The check of linear reads is not blind: with each bug of reads switched on
-- some seed of a general simulation is judged stale.

local probe = require("raft.probe")
local sim = require("raft.sim")

local BUGS = probe.with_bugs
  and { "read_without_round", "read_before_noop", "read_old_round" } or {}

describe("sim: stale reads", function()
  for _, bug in ipairs(BUGS) do
    it("are found with " .. bug, function()
      local reads = sim.mix(sim.profiles.reads, { bug = bug })
      local cut_off = sim.mix(sim.profiles.partitions, {
        members = 5, clients = 10, burst = 3, reads = 600, keys = 1,
        operation_us = 20000, heartbeat_us = 40000, election_us = 80000,
        election_spread_us = 60000, check_quorum_us = 400000,
        fault_us = 80000, fault_length_us = 600000, isolate = 5, pause = 5,
        bug = bug,
      })
      for seed = 1, 3000 do
        for _, options in ipairs { cut_off, reads } do
          local result = sim.run(sim.mix(options, { seed = seed }))
          if not result.ok then
            assert.equal("linearizable", result.violation.name)
            return
          end
        end
      end
      error("3000 seeds, and no stale read was found")
    end)
  end
end)
