-- SPDX-License-Identifier: MIT
--
-- Random lives of whole clusters: ring 1 as it is, real codec, real log, on
-- pretended disks and networks; every check after every event. A failure is a
-- profile and a seed.

local helper = require("spec.helper")
local sim = require("raft.sim")

local SEEDS = helper.full and 2000 or 40

-- What must have happened at least once in all runs of a profile: else the
-- profile says less than its name.
local MUST = {
  quiet = { "acknowledged", "reads_done" },
  messages = { "lost", "duplicated", "reordered", "corrupted", "refused" },
  crashes = { "crashes", "kills", "restarts", "pauses" },
  partitions = { "partitions", "heals", "elections", "truncations" },
  disks = { "disk_failures", "disk_fulls", "slow_syncs", "stops",
    "inspections" },
  small = { "truncations", "reads_done" },
  everything = { "wipes", "jumps", "machine_failures", "memory_failures",
    "unknowns" },
}

local function run(name, seed)
  return sim.run(sim.mix(sim.profiles[name], { seed = seed }))
end

describe("sim: seeds of", function()
  for _, name in ipairs { "quiet", "messages", "crashes", "partitions",
    "disks", "small", "everything" } do
    it(name .. " hold every invariant, and end in peace", function()
      local sums = {}
      for i = 1, SEEDS do
        local seed = helper.seed * 100000 + i
        local result = run(name, seed)
        assert(result.ok, ("profile %s, seed %d: %s: %s"):format(name, seed,
          result.violation and result.violation.name,
          result.violation and result.violation.text))
        for key, value in pairs(result) do
          if type(value) == "number" then
            sums[key] = (sums[key] or 0) + value
          end
        end
      end
      for _, counter in ipairs(MUST[name]) do
        assert(sums[counter], "no counter " .. counter)
        assert(sums[counter] > 0, counter .. " never happened")
      end
    end)
  end
end)

describe("sim: a seed", function()
  it("gives the same trace twice, and another seed another", function()
    for _, name in ipairs { "everything", "small", "disks" } do
      local first, again = run(name, 7), run(name, 7)
      assert.equal(first.trace_hash, again.trace_hash)
      assert.equal(first.events, again.events)
      assert.are_not.equal(first.trace_hash, run(name, 8).trace_hash)
    end
  end)

  -- Recorded: so every Lua, compiler and sanitizer that runs this spec gives
  -- the same. A change of behaviour records them anew: RAFT_RECORD=1.
  it("gives the recorded trace on every compiler #recorded", function()
    local recorded = require("spec.fixture.trace_hashes")
    for _, name in ipairs { "quiet", "messages", "crashes", "partitions",
      "disks", "small", "everything" } do
      local hash = run(name, 3).trace_hash
      if os.getenv("RAFT_RECORD") == "1" then
        print(("  %s = %q,"):format(name, hash))
      else
        assert.equal(recorded[name], hash)
      end
    end
  end)
end)
