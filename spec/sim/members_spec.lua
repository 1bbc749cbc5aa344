-- SPDX-License-Identifier: MIT
--
-- Members come and go, and leaders hand over, in the pretended world.

local sim = require "raft.sim"

local SECOND = 1000000

local function new(options)
  local world = sim.new(options)
  world:start_all()
  for id = world.members + 1, world.members + (options.spares or 0) do
    world:start(id)
  end
  assert(world:run_for(2 * SECOND))
  return world, world:leader()
end

local function holds(world)
  local result = world:result()
  assert(result.ok, result.violation and result.violation.name .. ": "
    .. result.violation.text)
  return result
end

describe("sim: members", function ()
  it("that are added follow, and lead when only they are left", function ()
    local world, leader = new { members = 3, spares = 3 }
    world:set_members(leader, { 4, 5, 6 })
    assert(world:run_for(5 * SECOND))
    local result = holds(world)
    assert.same({ 1, 1, 3, 3 }, { result.orders, result.orders_done,
      result.configurations, result.removed })
    assert.is_true(world:leader() > 3)
    for id = 1, 3 do
      assert.equal("stopped", world:status(id).state)
    end
  end)

  it("that missed their removal disturb nobody, and are told", function ()
    local world, leader = new { members = 5 }
    local gone = leader % 5 + 1
    local rest = world:others(gone)
    world:partition(gone, rest)
    world:set_members(leader, rest)
    assert(world:run_for(5 * SECOND))
    local term = world:status(leader).term
    assert.equal("up", world:status(gone).state)
    assert.equal(0, holds(world).removed)
    world:heal()
    assert(world:run_for(5 * SECOND))
    assert.equal(1, holds(world).removed)
    assert.equal("stopped", world:status(gone).state)
    assert.same({ leader, term }, { world:leader(),
      world:status(leader).term })
  end)

  it("that were removed and start again are told again", function ()
    local world, leader = new { members = 3 }
    local gone = leader % 3 + 1
    world:set_members(leader, world:others(gone))
    assert(world:run_for(3 * SECOND))
    world:start(gone)
    assert(world:run_for(3 * SECOND))
    assert.equal("stopped", world:status(gone).state)
    assert.equal(2, holds(world).removed)
    assert.equal(leader, world:leader())
  end)

  it("that were away while all others changed find the new ones", function ()
    local world, leader = new { members = 3, spares = 4 }
    local away = leader % 3 + 1
    world:kill(away)
    world:set_members(leader, { away, 4, 5 })
    assert(world:run_for(4 * SECOND))
    world:set_members(world:leader(), { away, 6, 7 })
    assert(world:run_for(6 * SECOND))
    world:start(away)
    assert(world:run_for(4 * SECOND))
    holds(world)
    local new_leader = world:leader()
    assert.is_true(new_leader > 5 or new_leader == away)
    assert.equal(world:status(new_leader).commit, world:status(away).commit)
  end)

  it("are refused by nobody for a change that will be cut", function ()
    local world, leader = new { members = 5 }
    local near, out = leader % 5 + 1, (leader + 1) % 5 + 1
    local rest = world:others(leader, near)
    world:partition({ leader, near }, rest)
    world:set_members(leader, world:others(out)) -- the two alone have it
    assert(world:run_for(SECOND / 5))
    world:crash(leader)
    world:crash(near)
    assert(world:run_for(2 * SECOND))
    world:transfer(world:leader(), out)
    assert(world:run_for(SECOND))
    assert.equal(out, world:leader())
    world:heal()
    world:start(near)
    assert(world:run_for(2 * SECOND))
    holds(world)
    assert.equal(world:status(out).commit, world:status(near).commit)
  end)

  it("say where they listen as soon as they are told", function ()
    local world, leader = new { members = 3, spares = 1 }
    local away = leader % 3 + 1
    world:partition(away, world:others(away)) -- too short for links to end
    world:set_members(leader, { leader, away, 4 })
    assert(world:run_for(SECOND / 2))
    world:transfer(leader, 4)
    assert(world:run_for(SECOND / 5))
    assert.equal(4, world:leader())
    world:kill(leader)
    world:heal()
    assert(world:run_for(3 * SECOND))
    holds(world)
    assert.equal(4, world:leader())
    assert.equal(world:status(4).commit, world:status(away).commit)
  end)

  it("asked for in the last moment are there before all is calm", function ()
    local world, leader = new { members = 3, spares = 1 }
    local rest = world:others(leader)
    world:kill(4)
    world:set_members(leader, { rest[1], rest[2], 4 })
    assert(world:run_for(SECOND / 5))
    assert(world:settle())
    assert.equal(1, holds(world).orders_done)
    assert.not_equal(leader, world:leader())
  end)

  it("come and go during faults, and all that must hold holds", function ()
    local done = 0
    for seed = 1, 10 do
      local result = sim.run(sim.mix(sim.profiles.members, { seed = seed }))
      assert(result.ok, result.violation and ("seed=%d %s: %s"):format(seed,
        result.violation.name, result.violation.text))
      done = done + result.orders_done
    end
    assert.is_true(done > 30)
  end)
end)

describe("sim: leadership", function ()
  it("goes to whom the operator names, and to anybody", function ()
    local world, leader = new { members = 3 }
    local heir = leader % 3 + 1
    world:transfer(leader, heir)
    assert(world:run_for(SECOND / 10))
    assert.equal(heir, world:leader())
    world:transfer(heir)
    assert(world:run_for(SECOND / 10))
    assert.not_equal(heir, world:leader())
    assert.equal(2, holds(world).orders_done)
  end)

  it("goes to and fro, and who slept through it may vote late", function ()
    local world, leader = new { members = 3 }
    local heir, asleep = leader % 3 + 1, (leader + 1) % 3 + 1
    world:pause(asleep)
    assert(world:run_for(SECOND / 10))
    for _, to in ipairs { heir, leader, heir } do
      world:transfer(world:leader(), to)
      assert(world:run_for(SECOND / 20))
      assert.equal(to, world:leader())
    end
    world:resume(asleep)
    assert(world:run_for(SECOND))
    holds(world)
  end)

  it("stays when the heir is dead, and writes go on", function ()
    local world, leader = new { members = 3 }
    local heir = leader % 3 + 1
    world:kill(heir)
    assert(world:run_for(SECOND))
    world:transfer(leader, heir)
    assert(world:run_for(2 * SECOND))
    assert.same({ leader, 0 }, { world:leader(), holds(world).orders_done })
    world:client():propose { "set", "k", 1 }
    assert(world:run_for(SECOND))
    holds(world)
  end)

  it("is handed over when the leader's disk has stalled", function ()
    local world, leader = new { members = 3,
      limits = { sync_stall_us = SECOND / 5 } }
    local client = world:client()
    world:slow(leader, 3 * SECOND)
    client:propose { "set", "k", 1 }
    assert(world:run_for(SECOND))
    assert.not_equal(leader, world:leader())
    holds(world)
  end)

  it("stays when every disk has stalled", function ()
    local world, leader = new { members = 3,
      limits = { sync_stall_us = SECOND / 5 } }
    local client = world:client()
    for id = 1, 3 do
      world:slow(id, 2 * SECOND)
    end
    client:propose { "set", "k", 1 }
    assert(world:run_for(SECOND))
    assert.equal(leader, world:leader())
    holds(world)
  end)
end)
