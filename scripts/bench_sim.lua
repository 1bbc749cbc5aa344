-- SPDX-License-Identifier: MIT
--
-- bench_sim.lua - how fast the simulator is, at a fixed density: five members,
-- heartbeats every 50 ms, 20 operations and more than one fault in a
-- simulated second, all checks on; and how fast its core is, with nothing to
-- do and nothing checked. Run by scripts/bench sim.
--
-- Beside it what others say of theirs, of other work on other computers: VOPR
-- (TigerBeetle) 1,000 times real time, virtraft2 150 to 200, FoundationDB 10.

local sim = require "raft.sim"

local S = 1000 * 1000
local SEEDS = 20

local ROWS = {
  { name = "dense", options = sim.mix(sim.profiles.everything, {
    members = 5, clients = 5, heartbeat_us = 50 * 1000,
    operation_us = 165 * 1000, fault_us = S / 2, duration_us = 30 * S,
    uses = 0,
  }) },
  { name = "quiet", options = {
    members = 5, clients = 0, heartbeat_us = 50 * 1000,
    duration_us = 600 * S,
  } },
  { name = "quiet, unchecked", options = {
    members = 5, clients = 0, heartbeat_us = 50 * 1000,
    duration_us = 600 * S, checks = 0,
  } },
}

local function measure(row)
  local events, messages, simulated, operations = 0, 0, 0, 0
  local cpu = os.clock()
  for seed = 1, SEEDS do
    local result = sim.run(sim.mix(row.options, { seed = seed }))
    assert(result.ok, result.violation and result.violation.text)
    events = events + result.events
    messages = messages + result.messages
    operations = operations + result.invoked
    simulated = simulated + result.now / S - 1
  end
  cpu = os.clock() - cpu
  print(("  %-16s %10.0f %10.0f %10.0f %8.1f"):format(row.name,
    events / cpu, messages / cpu, simulated / cpu, operations / simulated))
end

print "  of one core       events/s messages/s  times real  ops/s"
for _, row in ipairs(ROWS) do
  measure(row)
end
print "  aims: dense 400000 events/s; quiet, unchecked 1000000 messages/s"
print "  others publish: VOPR 1000, virtraft2 150-200, FoundationDB 10"
