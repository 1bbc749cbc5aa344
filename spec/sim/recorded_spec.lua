-- SPDX-License-Identifier: MIT
--
-- Recorded trace hashes: so every Lua, compiler and sanitizer that runs this
-- gives the same, to the bit. A change of behaviour records them anew with
-- RAFT_RECORD=1.

local sim = require("raft.sim")

describe("sim: the trace of a seed #recorded", function()
  it("is the recorded one", function()
    local recorded = require("spec.fixture.trace_hashes")
    for _, name in ipairs(sim.profiles.names) do
      local result = sim.run(sim.mix(sim.profiles[name], { seed = 3 }))
      if os.getenv("RAFT_RECORD") == "1" then
        print(("  %s = %q,"):format(name, result.trace_hash))
      else
        assert.equal(recorded[name], result.trace_hash)
      end
    end
  end)
end)
