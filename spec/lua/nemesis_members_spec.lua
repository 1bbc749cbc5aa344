-- SPDX-License-Identifier: MIT
--
-- Who votes: what the nemesis of members asks for.

local fake = require("spec.fake_cluster")
local nemesis = require("raft.nemesis")

local function attack(one, given)
  given.leader = given.leader or 1
  return (fake.attack(one, given))
end

describe("nemesis: membership", function ()
  it("takes a vote, and gives it back", function ()
    assert.same({ "1.000 set_members 1 2 | 3", "1.500 set_members 1 2 3 | " },
      attack(nemesis.membership { target = 3 },
        { nodes = 3, lasts = "1600ms" }))
  end)

  it("leaves more than half of the votes", function ()
    local one = nemesis.membership { every = "10ms", lasts = "300ms" }
    for nodes = 3, 7 do
      local most = 0
      for _, line in ipairs(attack(nemesis.all { one, one, one, one },
        { nodes = nodes, lasts = "2s" })) do
        local count = select(2, line:match("|(.*)$"):gsub("%d", ""))
        most = math.max(most, count)
      end
      assert.equal(math.min(4, math.floor((nodes - 1) / 2)), most)
    end
  end)

  it("replaces members by spares, each once, for good", function ()
    assert.same({ "1.001 set_members 1 2 4 | ", "2.001 set_members 1 4 5 | " },
      attack(nemesis.sequence {
        nemesis.membership { kind = "replace", target = 3 },
        nemesis.membership { kind = "replace", target = 2 },
        nemesis.membership { kind = "replace", target = 1 },
        nemesis.membership { target = 2 },
      }, { nodes = 5, spares = 2, lasts = "4500ms" }))
  end)

  it("asks again for a vote where nobody leads", function ()
    local cluster = fake.new { nodes = 3, leader = 1, lasts = "2s" }
    local one = nemesis.membership { target = 3, lasts = "100ms",
                                     every = "500ms" }
    cluster:spawn(function ()
      cluster:sleep "550ms"
      cluster.leading = nil
      cluster:sleep "300ms"
      cluster.leading = 2
    end)
    cluster:spawn(one.run, one, cluster, nil, 1)
    cluster:run()
    assert.same({ "0.500 set_members 1 2 | 3", "0.900 set_members 1 2 3 | " },
      cluster.log)
  end)

  it("changes nothing where nobody leads", function ()
    local cluster = fake.new { nodes = 5, lasts = "3s" }
    local one = nemesis.membership {}
    cluster:spawn(one.run, one, cluster)
    cluster:run()
    assert.same({}, cluster.log)
    assert.same({}, nemesis.counts(cluster))
  end)

  it("takes the vote later where nobody led at first", function ()
    local cluster = fake.new { nodes = 3, lasts = "1200ms" }
    local one = nemesis.membership { target = 3, lasts = "100ms",
                                     every = "500ms" }
    cluster:spawn(function ()
      cluster:sleep "700ms"
      cluster.leading = 1
    end)
    cluster:spawn(one.run, one, cluster)
    cluster:run()
    assert.same({ "1.000 set_members 1 2 | 3", "1.100 set_members 1 2 3 | " },
      cluster.log)
  end)

  it("and lost disks are not in one run", function ()
    for seed = 1, 20 do
      local seen = {}
      for _, line in ipairs(attack(nemesis.all {
        nemesis.membership { every = { "10ms", "1s" }, lasts = "10ms" },
        nemesis.disk { kind = "rot", every = { "10ms", "1s" } },
        nemesis.wipe { every = { "10ms", "1s" } },
      }, { seed = seed, lasts = "5s" })) do
        seen[line:match("^%S+ (%S+)")] = true
      end
      assert.are_not.equal(seen.set_members or false,
        (seen.rot or seen.wipe) or false)
    end
  end)
end)
