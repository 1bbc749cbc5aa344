-- SPDX-License-Identifier: MIT
--
-- Builds of different age in one cluster, under faults: some members begin as
-- the build before (no features), and come back as a newer one (another
-- protocol, a feature more) when they first start again.

local helper = require "spec.helper"
local sim = require "raft.sim"

local NEW = 32
local SECOND = 1000000
local SEEDS = helper.full and 300 or 12

local function holds(world, what)
  local result = world:result()
  assert.is_nil(result.violation, what .. ": " .. (result.violation
    and result.violation.name .. ": " .. result.violation.text or ""))
end

local function agreed(world, members)
  local count = 0
  for id = 1, members do
    local status = world:status(id)
    count = count + (status.features_agreed == NEW and 1 or 0)
  end
  return count
end

describe("sim: builds of different age", function ()
  -- Of each seed other members begin as older ones, spares as well.
  local function run_seeds(older)
    local sums = { agreements = 0, judged = 0, follower_done = 0 }
    for seed = 1, SEEDS do
      local result = sim.run(sim.mix(sim.profiles.members, { seed = seed,
        features = NEW, crash = 12, older = older(seed), reads = 600,
        follower_reads = 300, bounded_reads = 300 }))
      assert.is_nil(result.violation, result.violation and "seed " .. seed
        .. ": " .. result.violation.name .. ": " .. result.violation.text)
      for name, sum in pairs(sums) do
        sums[name] = sum + (result[name] > 0 and 1 or 0)
      end
    end
    return sums
  end

  it("hold under faults while members are exchanged one by one", function ()
    local sums = run_seeds(function (seed) return 2 ^ (seed % 3 + 1) end)
    assert.is_true(sums.agreements * 2 > SEEDS,
      sums.agreements .. " runs have agreed")
    assert.equal(SEEDS, sums.follower_done)
  end)

  it("hold when one that is added later lacks what is on by then: it is "
    .. "refused, until it runs a newer build", function ()
      local spares = 2 ^ 4 + 2 ^ 5 + 2 ^ 6 + 2 ^ 7 + 2 ^ 8 + 2 ^ 9
      local sums = run_seeds(function () return spares end)
      assert.is_true(sums.agreements * 2 > SEEDS,
        sums.agreements .. " runs have agreed")
      assert.is_true(sums.judged > 0)
    end)

  it("agree on nothing while one of the older ones lives, and then at once",
    function ()
      local world = sim.new { members = 3, seed = 7, features = NEW,
        older = 2 ^ 2 }
      world:start_all()
      assert(world:run_for(5 * SECOND))
      assert.equal(0, agreed(world, 3))
      world:crash(2)
      world:start(2)
      assert(world:run_for(3 * SECOND))
      assert.equal(3, agreed(world, 3))
      holds(world, "three")
    end)
end)
