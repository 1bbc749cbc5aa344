-- SPDX-License-Identifier: MIT
--
-- Recorded trace hashes: so every Lua, compiler and sanitizer that runs this
-- gives the same, to the bit. A change of behaviour records them anew with
-- RAFT_RECORD=1, which writes the fixture.

local sim = require("raft.sim")

local FIXTURE = "spec/fixture/trace_hashes.lua"

local function record(hashes)
  local file = assert(io.open(FIXTURE))
  local head = file:read("*a"):match("^(.-\nreturn {\n)")
  file:close()
  file = assert(io.open(FIXTURE, "w"))
  file:write(head)
  for _, name in ipairs(sim.profiles.names) do
    file:write(("  %s = %q,\n"):format(name, hashes[name]))
  end
  file:write("}\n")
  file:close()
end

describe("sim: the trace of a seed #recorded", function()
  it("is the recorded one", function()
    local recorded, hashes = require("spec.fixture.trace_hashes"), {}
    for _, name in ipairs(sim.profiles.names) do
      local result = sim.run(sim.mix(sim.profiles[name], { seed = 3 }))
      hashes[name] = result.trace_hash
    end
    if os.getenv("RAFT_RECORD") == "1" then
      record(hashes)
      recorded = hashes
    end
    assert.same(recorded, hashes)
  end)
end)
