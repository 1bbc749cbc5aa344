-- SPDX-License-Identifier: MIT
--
-- A run is decided by its options and the calls made, and by nothing else.
-- That all builds agree is in recorded_spec.lua.

local sim = require "raft.sim"

local function run(name, seed, more)
  return sim.run(sim.mix(sim.profiles[name], { seed = seed }, more))
end

describe("sim: determinism", function ()
  for _, name in ipairs(sim.profiles.names) do
    it(("gives one hash for a seed of %s, run twice"):format(name),
    function ()
      for seed = 1, 2 do
        local one, two = run(name, seed), run(name, seed)
        assert.same(one, two)
      end
    end)
  end

  it("gives another hash for another seed", function ()
    local seen = {}
    for seed = 1, 20 do
      local hash = run("quiet", seed).trace_hash
      assert.is_nil(seen[hash])
      seen[hash] = true
    end
  end)

  it("does not depend on who is watching", function ()
    local watched = run("everything", 3, { keep_traces = 1000 })
    assert.equal(run("everything", 3).trace_hash, watched.trace_hash)
  end)

  it("does not depend on how far one steps at a time", function ()
    local function step_by(length)
      local world = sim.new(sim.mix(sim.profiles.crashes, { seed = 4 }))
      world:begin()
      for _ = 1, 4000000 / length do
        world:run_for(length)
      end
      local result = world:result()
      world:close()
      return result
    end
    assert.same(step_by(4000000), step_by(1000))
  end)
end)
