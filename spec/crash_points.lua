-- SPDX-License-Identifier: MIT
--
-- crash_points.lua - one short story of three members, in which power can be
-- lost after every single write, sync, rename, creation and removal.
--
-- Goal:   what was acknowledged is there after the restart.
-- Method: the story is run again from its seed for each point, up to it; then
--         one member, or all, lose power, and their disks keep nothing or
--         everything that was not synced. Segments are small, so that some
--         are made and left during the story.

local sim = require "raft.sim"

local MS = 1000
local crash_points = {}

local WRITES = 10
local OPTIONS = { members = 3, clients = 0, seed = 2, deadline_us = 9000 * MS,
                  limits = { segment_bytes = 8192, batch_bytes = 1024 } }
local STORY_US = 1200 * MS

local function value_of(i)
  return i .. ("x"):rep(200)
end

-- 'bug' is nil, or one of the build with bugs.
local function begin(bug)
  local world = sim.new(sim.mix(OPTIONS, { bug = bug }))
  world:start_all()
  local client = world:client()
  for i = 1, WRITES do
    assert(client:propose { "set", "k" .. i, value_of(i) } == i)
  end
  return world, client
end

-- Each write has its key. Takes what is done by now: a list of keys.
local function take_done(client, done)
  for call in function () return client:take() end do
    assert(call.ok, call.code)
    done[#done + 1] = call.number
  end
  return done
end

local function check_value(reader, i)
  local call = assert(reader:wait(reader:query { "get", "k" .. i }))
  assert(call.ok, call.code)
  assert(call.result[1] == value_of(i), "key k" .. i .. " is lost")
end

-- A read that begins after the restart sees what was acknowledged before;
-- and in the end all is acknowledged and there.
local function check_values(world, client)
  local reader, done = world:client(), take_done(client, {})
  for _, i in ipairs(done) do
    check_value(reader, i)
  end
  world:run_until(function ()
    return #take_done(client, done) == WRITES
  end)
  for i = 1, WRITES do
    check_value(reader, i)
  end
end

-- What the world says comes first: it is the cause.
local function finish(world, where, ok, message)
  local is_settled = ok and world:settle()
  local result = world:result()
  world:close()
  if result.violation then
    message = result.violation.name .. ": " .. result.violation.text
  end
  if not is_settled then
    error(where .. ": " .. message, 0)
  end
end

--- The events of the story after which a disk has changed:
-- { { id = 2, event = 118 }, … }.
function crash_points.list(bug)
  local world = begin(bug)
  local before, points, event = {}, {}, 0
  for id = 1, OPTIONS.members do
    before[id] = world:status(id).disk_changes
  end
  local ends = world:now() + STORY_US
  while world:now() < ends and world:step() do
    event = event + 1
    for id = 1, OPTIONS.members do
      local now = world:status(id).disk_changes
      if now ~= before[id] then
        assert(now == before[id] + 1, "two changes in one event")
        points[#points + 1] = { id = id, event = event }
      end
      before[id] = now
    end
  end
  world:close()
  return points
end

local function lose_power(point, who, keeps, bug)
  local world, client = begin(bug)
  for _ = 1, point.event do
    world:step()
  end
  for _, id in ipairs(who) do
    world:crash(id, keeps)
  end
  world:run_for(1 * MS)
  for _, id in ipairs(who) do
    world:start(id)
  end
  return world, client
end

local function judge(world, client, where)
  finish(world, where, pcall(function ()
    assert(world:await_leader(), "no leader")
    check_values(world, client)
  end))
end

--- Power is lost at some members, whose disks keep "nothing", "everything"
-- or "some"; raises when something acknowledged is lost.
function crash_points.lose(point, who, keeps, bug)
  local where = ("member %d, event %d, keeps %s"):format(point.id,
    point.event, keeps)
  local world, client = lose_power(point, who, keeps, bug)
  judge(world, client, where)
end

--- And once more after the Nth change that the recovery makes.
-- @return false when it makes fewer
function crash_points.lose_twice(point, nth)
  local world, client = lose_power(point, { point.id }, "some")
  local first = world:status(point.id).disk_changes
  local ends = world:now() + 20 * MS
  while world:status(point.id).disk_changes < first + nth
        and world:now() < ends and world:step() do
    -- until the disk has changed that often
  end
  local has_happened = world:status(point.id).disk_changes == first + nth
  world:crash(point.id, nth % 2 == 0 and "everything" or "nothing")
  world:run_for(1 * MS)
  world:start(point.id)
  judge(world, client, ("member %d, event %d, change %d"):format(point.id,
    point.event, nth))
  return has_happened
end

return crash_points
