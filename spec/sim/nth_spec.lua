-- SPDX-License-Identifier: MIT
--
-- Faults are enumerated before they are drawn: in one short story the Nth
-- allocation, the Nth write or sync, the Nth request of the machine fails,
-- and power is lost after the Nth event; for every N that the story has.

local helper = require "spec.helper"
local sim = require "raft.sim"

local MS = 1000
local STORY = { members = 3, clients = 0, seed = 1, deadline_us = 5000 * MS }

-- A leader, and a few writes of one client.
local function begin()
  local world = sim.new(STORY)
  world:start_all()
  local client = world:client()
  for i = 1, 6 do
    client:propose { "set", "k" .. i % 2, i }
  end
  client:query { "get", "k1" }
  return world
end

local function finish(world, n)
  local ok = world:settle()
  local result = world:result()
  world:close()
  if not ok then
    error(("at %d: %s: %s"):format(n, result.violation.name,
      result.violation.text))
  end
  return result
end

-- Calls 'plan(world, n)' for n = 1, 2, … until 'happened(result)' is false.
local function enumerate(what, stride, plan, happened)
  local n, count = 1, 0
  repeat
    local world = begin()
    plan(world, n)
    world:run_for(1500 * MS)
    local result = finish(world, n)
    count = count + 1
    n = n + stride
    assert(n < 100000, "it goes on happening")
  until not happened(result)
  print(("%s: %d runs"):format(what, count))
  assert.is_true(count > 1)
end

describe("sim: the Nth", function ()
  it("allocation of each member fails", function ()
    local stride = helper.full and 1 or 5
    for id = 1, 3 do
      local fired
      enumerate("allocations of member " .. id, stride, function (world, n)
        world:fail_memory(id, n)
        fired = function ()
          return world:status(id).allocations >= n
        end
        world:run_for(1400 * MS)
        fired = world:status(id).state ~= "up" or fired()
      end, function ()
        return fired
      end)
    end
  end)

  it("write or sync of each member fails", function ()
    for id = 1, 3 do
      enumerate("writes and syncs of member " .. id, 1, function (world, n)
        world:fail(id, "disk", n)
      end, function (result)
        return result.disk_failures > 0
      end)
    end
  end)

  it("request of each machine fails", function ()
    for id = 1, 3 do
      enumerate("machine requests of member " .. id, 1, function (world, n)
        world:fail(id, "machine", n)
      end, function (result)
        return result.machine_failures > 0
      end)
    end
  end)

  it("event is the last before power is lost", function ()
    local last, count = 700, 0
    for n = 1, last, helper.full and 1 or 3 do
      local world = begin()
      for _ = 1, n do
        world:step()
      end
      for id = 1, 3 do
        world:crash(id)
      end
      world:run_for(10 * MS)
      world:start_all()
      finish(world, n)
      count = count + 1
    end
    print(("power losses: %d runs"):format(count))
  end)

  it("event is the last before each process dies in turn", function ()
    for n = 1, 700, helper.full and 1 or 7 do
      local world = begin()
      for _ = 1, n do
        world:step()
      end
      for id = 1, 3 do
        world:kill(id)
        world:start(id)
      end
      finish(world, n)
    end
  end)
end)
