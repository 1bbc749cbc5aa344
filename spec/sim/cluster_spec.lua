-- SPDX-License-Identifier: MIT
--
-- Rings 0 and 1 as they are, in a pretended world: elections, replication,
-- restarts, over the real codec and the real log on pretended disks.

local sim = require "raft.sim"

local MS, S = 1000, 1000 * 1000

local function started(options)
  local world = sim.new(options)
  world:start_all()
  return world
end

local function finish(world)
  local ok = world:settle()
  local result = world:result()
  assert(ok, result.violation and result.violation.name .. ": "
    .. result.violation.text)
  world:close()
  return result
end

local function set(client, key, value)
  local done = assert(client:wait(assert(client:propose {
    "set", key, value })))
  assert.is_true(done.ok, done.code)
  return done.result
end

local function get(client, key)
  local done = assert(client:wait(assert(client:query { "get", key })))
  assert.is_true(done.ok, done.code)
  return done.result[1], done.result[2]
end

describe("sim: a cluster", function ()
  for _, members in ipairs { 1, 2, 3, 5 } do
    it(("of %d elects a leader and replicates"):format(members), function ()
      local world = started { members = members, seed = members }
      local leader = world:await_leader(5 * S)
      assert.is_not_nil(leader)
      local client = world:client()
      local first = set(client, "x", 1)
      local second = set(client, "x", 2)
      assert.is_true(second > first)
      local value, version = get(client, "x")
      assert.equal(2, value)
      assert.equal(second, version)
      finish(world)
    end)
  end

  it("answers nothing, and loses nothing, without a majority", function ()
    local world = started { members = 3, seed = 4, deadline_us = 1 * S }
    local leader = world:await_leader()
    local client = world:client()
    set(client, "x", 1)
    world:partition({ leader }, world:others(leader))
    for _, id in ipairs(world:others(leader)) do
      world:crash(id)
    end
    local done = client:wait(client:propose { "set", "x", 2 })
    assert.is_false(done.ok)
    assert.equal("timeout", done.code)
    world:heal()
    for _, id in ipairs(world:others(leader)) do
      world:start(id)
    end
    world:await_leader()
    set(client, "y", 3)
    local value = get(client, "x")
    assert.is_true(value == 1 or value == 2, "unknown means either")
    finish(world)
  end)

  it("finds everything again after power was lost everywhere", function ()
    local world = started { members = 3, seed = 5 }
    world:await_leader()
    local client = world:client()
    local version
    for i = 1, 20 do
      version = set(client, "x", i)
    end
    for id = 1, 3 do
      world:crash(id)
    end
    world:run_for(100 * MS)
    assert.is_nil(world:leader())
    world:start_all()
    world:await_leader()
    local value, found = get(client, "x")
    assert.equal(20, value)
    assert.equal(version, found)
    finish(world)
  end)

  it("goes on while a minority is down, which catches up later", function ()
    local world = started { members = 5, seed = 6 }
    local leader = world:await_leader()
    local down = world:others(leader)
    local client = world:client()
    world:crash(down[1])
    world:kill(down[2])
    for i = 1, 50 do
      set(client, "k" .. i % 7, i)
    end
    assert.is_true(world:status(leader).commit > 50)
    world:start(down[1])
    world:start(down[2])
    finish(world)
  end)

  it("elects another leader when its own is cut off, and reads from it",
  function ()
    local world = started { members = 3, seed = 7 }
    local old = world:await_leader()
    local client, reader = world:client(), world:client()
    set(client, "x", 1)
    get(reader, "x") -- it believes in the old leader now
    world:partition({ old }, world:others(old))
    assert.is_true(world:run_until(function ()
      local leader = world:leader()
      return leader and leader ~= old
    end, 5 * S))
    set(client, "x", 2)
    assert.equal(2, (get(reader, "x")))
    world:heal()
    finish(world)
  end)

  it("steps over a paused leader, who follows when it wakes", function ()
    local world = started { members = 3, seed = 8 }
    local old = world:await_leader()
    local client = world:client()
    set(client, "x", 1)
    world:pause(old)
    assert.is_true(world:status(old).paused)
    assert.is_true(world:run_until(function ()
      local leader = world:leader()
      return leader and leader ~= old
    end, 5 * S))
    set(client, "x", 2)
    world:resume(old)
    world:run_for(1 * S)
    assert.equal("follower", world:status(old).role)
    finish(world)
  end)

  it("disturbs nobody when only one direction is cut", function ()
    local world = started { members = 3, seed = 9 }
    local leader = world:await_leader()
    local other = world:others(leader)[1]
    world:cut(other, leader) -- it hears, and is not heard
    local term = world:status(leader).term
    local client = world:client()
    for i = 1, 10 do
      set(client, "x", i)
    end
    world:run_for(1 * S)
    assert.equal(leader, world:leader())
    assert.equal(term, world:status(other).term)
    assert.equal("follower", world:status(other).role)
    world:mend(other, leader)
    finish(world)
  end)

  it("refuses a member that comes back with an empty disk", function ()
    local world = started { members = 3, seed = 10 }
    local leader = world:await_leader()
    local client = world:client()
    for i = 1, 10 do
      set(client, "x", i)
    end
    world:run_for(1 * S)
    local wiped = world:others(leader)[1]
    world:crash(wiped)
    world:wipe(wiped)
    world:start(wiped)
    world:run_for(5 * S)
    assert.is_true(world:result().wiped_refused > 0)
    assert.equal("stopped", world:status(wiped).state)
    assert.equal("wiped", world:status(wiped).code)
    set(client, "x", 11)
    finish(world)
  end)

  it("stops a member whose disk fails, and takes it back", function ()
    local world = started { members = 3, seed = 11 }
    local leader = world:await_leader()
    local client = world:client()
    set(client, "x", 1)
    world:fail(leader, "disk")
    set(client, "x", 2) -- through another one
    assert.equal("stopped", world:status(leader).state)
    assert.equal("io", world:status(leader).code)
    world:start(leader)
    assert.equal(2, (get(client, "x")))
    finish(world)
  end)

  it("stops a member whose machine has no memory, and takes it back",
  function ()
    local world = started { members = 3, seed = 12 }
    local leader = world:await_leader()
    local client = world:client()
    set(client, "x", 1)
    world:fail(leader, "machine")
    set(client, "x", 2)
    assert.equal("stopped", world:status(leader).state)
    assert.equal("no_memory", world:status(leader).code)
    world:start(leader)
    finish(world)
  end)

  it("ends a run at an option that makes no sense", function ()
    for _, options in ipairs {
      { members = 0 }, { members = 16 }, { clients = 65 },
      { delay_min_us = 5, delay_max_us = 4 },
    } do
      local result = sim.run(options)
      assert.is_false(result.ok)
      assert.equal("options", result.violation.name)
    end
    assert.has_error(function ()
      sim.run { lost = 1 }
    end, 'sim.run: unknown option "lost", did you mean "loss"?')
  end)
end)
