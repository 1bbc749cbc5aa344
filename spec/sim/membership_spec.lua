-- SPDX-License-Identifier: MIT
--
-- The nemesis of members in the simulator: those who lose their vote and
-- regain it, and spares that take the place of others, while clients work.

local helper = require("spec.helper")
local raft = require("raft")

local nemesis, workload = raft.nemesis, raft.workload

local SEEDS = helper.full and 100 or 4

-- Runs it under some seeds. @return how many configurations there were
local function attack(one, nodes, spares)
  local sum = 0
  for seed = 1, SEEDS do
    local result = raft.scenario({
      nodes = nodes, machine = "raft.kv", duration = "8s",
      options = { spares = spares }, workload = workload.append {},
      nemesis = one,
    }):run { seed = seed }
    assert.is_true(result.ok, ("seed %d: %s"):format(seed,
      result.violation and result.violation.text or ""))
    sum = sum + result.configurations
  end
  return sum
end

describe("chaos: membership", function ()
  it("takes votes and gives them back", function ()
    local sum = attack(nemesis.membership {}, 3, 0)
    assert.is_true(sum >= 8 * SEEDS, sum) -- two of each of the seven
  end)

  it("replaces members for good, while there are spares", function ()
    local gone = 0
    local result = raft.scenario({
      nodes = 3, options = { spares = 2 },
      run = function (cluster)
        cluster:await_leader()
        nemesis.membership({ kind = "replace" }):run(cluster, nil, 6)
        cluster:settle()
        for _, id in ipairs(cluster:members()) do
          gone = gone + (cluster:status(id).code == "removed" and 1 or 0)
        end
      end,
    }):run { seed = 1 }
    assert.is_true(result.ok)
    assert.equal(2, gone)
  end)

  it("holds while all else goes wrong", function ()
    local sum = attack(nemesis.all {
      nemesis.everything { without = { "wipe", "disk" } },
      nemesis.membership { every = { "200ms", "2s" } },
      nemesis.membership { kind = "replace", every = "3s" },
    }, 5, 2)
    assert.is_true(sum >= 2 * SEEDS, sum)
  end)
end)
