-- SPDX-License-Identifier: MIT
--
-- After the faults: a leader, and writes and reads of every client, within
-- the bound; also when only a majority is healed, and the rest stays dead,
-- deaf, bridged, … for ever.

local core = require "raft.core"
local helper = require "spec.helper"
local probe = require "raft.probe"
local sim = require "raft.sim"

local PROFILES = { "partitions", "everything", "contested_five", "disks",
  "reads" }

local function run(name, seed, heal, more)
  return sim.run(sim.mix(sim.profiles[name], { seed = seed, heal = heal },
    more))
end

describe("sim: when a majority is healed, and the rest is", function ()
  for at = 2, #core.sim_heals - 1 do
    local heal = core.sim_heals[at]
    it(heal .. ", clients are served", function ()
      local partial = 0
      for _, name in ipairs(PROFILES) do
        for seed = 1, helper.full and 1000 or 4 do
          local result = run(name, seed, heal)
          assert(result.ok, result.violation
            and ("%s, seed %d: %s"):format(name, seed,
            result.violation.text))
          partial = partial + result.partial_heals
        end
      end
      assert.is_true(partial > 0, "everybody was healed")
    end)
  end

  it("any of these, by the seed", function ()
    local partial, seeds = 0, 20
    for seed = 1, seeds do
      partial = partial + run("partitions", seed, "some").partial_heals
    end
    assert.is_true(partial > seeds / 5 and partial < seeds)
  end)

  -- Who is cut off, hears its clients, and leads an older term with a full
  -- disk, refuses until it steps down: in these seeds it did.
  it("leading an older term, it is waited for", function ()
    local seeds = { deaf = { 179, 194 }, mute = { 16, 179 } }
    for heal, some in pairs(seeds) do
      for at = 1, helper.full and 1000 or #some do
        local seed = helper.full and at or some[at]
        local result = run("partitions", seed, heal,
          { disk_full = 30, disk_failure = 0 })
        assert(result.ok, result.violation
          and ("%s, seed %d: %s"):format(heal, seed, result.violation.text))
      end
    end
  end)

  -- It would lead on between its cuts, and serve badly.
  it("flapping, it stays away where leaders wait for long", function ()
    for seed = 1, helper.full and 1000 or 30 do
      local result = run("partitions", seed, "flapping", { lease_us = 1500000,
        lease_reads = 100, check_quorum_us = 4000000 })
      assert(result.ok, result.violation
        and ("seed %d: %s"):format(seed, result.violation.text))
    end
  end)

  it("unknown, that is told", function ()
    assert.has_error(function ()
      sim.run { heal = "sick" }
    end, "option heal: expected " .. table.concat(core.sim_heals, ", ")
      .. ", got sick")
  end)
end)

describe("sim: a majority that cannot elect is seen", function ()
  -- Votes that bind pre-votes stop a majority for ever once they differ.
  it("with a known bug", function ()
    if not probe.with_bugs then
      return
    end
    local name
    for seed = 1, 200 do
      local result = run("partitions", seed, "dead",
        { bug = "pre_vote_bound_by_vote" })
      name = result.violation and result.violation.name or name
    end
    assert.equal("liveness", name)
  end)
end)
