-- SPDX-License-Identifier: MIT
--
-- Disks that nemeses take: of less than half of those who vote, and of nobody
-- twice.

local fake = require("spec.fake_cluster")
local nemesis = require("raft.nemesis")

local attack = fake.attack

describe("nemesis: losses", function ()
  it("take the disks of less than half of the members in a run", function ()
    for seed = 1, 50 do
      for nodes = 3, 7 do
        local rot = nemesis.disk { kind = "rot", every = "10ms",
                                   lasts = "1ms" }
        local wipe = nemesis.wipe { every = "15ms", lasts = "2ms" }
        local log = attack(nemesis.all { rot, wipe },
          { seed = seed, nodes = nodes, lasts = "1s" })
        local lost, wiped = {}, 0
        for _, line in ipairs(log) do
          local verb, id = line:match("(%a+) (%d)$")
          if verb ~= "restart" then
            lost[#lost + 1] = id
            wiped = wiped + (verb == "wipe" and 1 or 0)
          end
        end
        assert.equal(math.floor((nodes - 1) / 2), #lost)
        assert.is_true(wiped <= 1)
      end
    end
  end)
end)

describe("nemesis: losses beside spares", function ()
  it("are counted against those who vote", function ()
    for seed = 1, 20 do
      local log = attack(nemesis.disk { kind = "rot", every = "10ms",
        lasts = "1ms" }, { seed = seed, nodes = 5, spares = 2, lasts = "1s" })
      assert.equal(2, #log) -- one, and its restart
    end
  end)

  it("hit nobody twice, and nothing else hits who lost his disk", function ()
    local log = attack(nemesis.sequence {
      nemesis.limit(1, nemesis.wipe { target = 2, lasts = "10ms" }),
      nemesis.kill { target = 2 }, nemesis.pause { target = 2 },
      nemesis.clock { target = 2 }, nemesis.disk { target = 2 },
    }, { lasts = "9s" })
    assert.same({ "1.001 wipe 2", "1.011 restart 2" }, log)
    log = attack(nemesis.all {
      nemesis.limit(1, nemesis.wipe { target = 2, lasts = "10ms" }),
      nemesis.kill { target = "random", every = "50ms", lasts = "1ms" },
    }, { nodes = 3, lasts = "9s" })
    local wiped
    for _, line in ipairs(log) do
      assert.falsy(wiped and line:find "kill 2$")
      wiped = wiped or line:find "wipe"
    end
    assert.truthy(wiped)
  end)
end)

describe("nemesis: wipes", function ()
  it("are one in a run: two that are new would not know each other",
    function ()
      local log = attack(nemesis.wipe { every = "15ms", lasts = "2ms" },
        { nodes = 7, lasts = "1s" })
      assert.equal(2, #log) -- and its restart
    end)
end)
