-- SPDX-License-Identifier: MIT
--
-- mutate_judge.lua SEEDS - general simulations until one fails: the first
-- judge of a changed line. Prints "sim CHECK PROFILE SEEDS", or "pass".
--
-- Rule:   profiles take turns, so that a change is caught by the cheapest.

local sim = require "raft.sim"

local runs = 0
for seed = 1, tonumber(arg[1]) do
  for _, name in ipairs(sim.profiles.names) do
    local result = sim.run(sim.mix(sim.profiles[name], {
      seed = seed, events_max = 1000000,
    }))
    runs = runs + 1
    if not result.ok then
      print(("sim %s, %s, %d runs"):format(result.violation.name, name, runs))
      return
    end
  end
end
print("pass")
