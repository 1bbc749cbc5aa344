-- SPDX-License-Identifier: MIT
--
-- service_world.lua - a service that is not ours as a world of a scenario:
-- processes of this computer, by a driver (driver.lua).
--
-- Holds:     its processes, its clients (service_calls.lua), and who leads,
--            where operators say; what is cut between them: service_ways.lua.
-- Knows not: protocols.
-- Rule:      what cannot be done to such a process ends the run as not
--            applicable. A member that ends by itself is a violation.

local calls = require "raft.service_calls"
local core = require "raft.core"
local not_applicable = require("raft.chaos_process").not_applicable
local real_world = require "raft.real_world"
local records = require "raft.chaos_records"
local ways = require "raft.service_ways"
local wire = require "raft.service_wire"

local World = {}
World.__index = World

for _, part in ipairs { real_world, ways } do
  for name, method in pairs(part) do
    World[name] = method
  end
end

local service_world = {}

local CLIENTS = 0
local SETTLE_US = 5 * 1000 * 1000 -- for a service to be well again

-- ---- processes -------------------------------------------------------------

local function host_of(self, id)
  return self.hosts and self.hosts:address(id) or self.host
end

local function place_of(self, id)
  return { id = id, dir = self.members[id].dir, host = host_of(self, id),
    port = self.port + id, nodes = self.nodes, leader = self.primary,
    host_of = function(other)
      return host_of(self, other)
    end,
    door_of = function(other)
      return self.proxy and self.proxy:port_of(nil, other)
        or self:peer_port(other)
    end,
    port_of = function(to, from)
      from = from or id
      return self.proxy and from ~= to and self.proxy:port_of(from, to)
        or self:peer_port(to)
    end }
end

local function start_process(self, id, words)
  if not self.hosts then
    return core.process_start(words)
  end
  return self.hosts:within(id, function()
    return core.process_start(words)
  end)
end

function World:start(id)
  local member = self.members[id]
  if member.process then
    return
  end
  local words = self.driver.start(place_of(self, id))
  words.log = member.log
  local process, message = start_process(self, id, words)
  if not process then
    error(("member %d: %s"):format(id, message), 0)
  end
  member.process, member.state, member.paused = process, "up", false
  self.records:note(self:now(), "sim.start", id, { life = 1 })
end

local function gone(self, member, state)
  member.process:close()
  member.process, member.state, member.paused = nil, state, false
  if member.id == self.primary and state == "stopped" then
    self.records:note(self:now(), "sim.stop", member.id, {})
  end
end

-- SIGKILL is all that such a process can be given; nothing holds its writes.
function World:kill(id)
  local member = self.members[id]
  if member.process then
    gone(self, member, "down")
    self.counts.kills = self.counts.kills + 1
    self.records:note(self:now(), "sim.kill", id)
  end
end

function World:pause(id)
  local member = self.members[id]
  if member.process and not member.paused then
    member.paused = member.process:signal("STOP")
    self.counts.pauses = self.counts.pauses + 1
    self.records:note(self:now(), "sim.pause", id)
  end
end

function World:resume(id)
  local member = self.members[id]
  if member.paused then
    member.process:signal("CONT")
    member.paused = false
    self.records:note(self:now(), "sim.resume", id)
  end
end

-- ---- operators -------------------------------------------------------------

--- Who takes the writes, by what operators said, also when it is down; of a
-- service that decides for itself, somebody who runs.
function World:leader()
  if self.driver.has_leader then
    return self.primary
  end
  for id, member in ipairs(self.members) do
    if member.state == "up" then
      return id
    end
  end
end

-- Tells members who leads; those that are down learn it when they start.
local function tell_primary(self)
  for _, order in ipairs(self.driver.promote(place_of(self, self.primary)))
  do
    local member = self.members[order.id]
    local made = member.process and not member.paused
      and wire.connect(host_of(self, order.id), self.port + order.id)
    if made then
      made:send(order.bytes)
      self.orders[#self.orders + 1] = made
    end
  end
end

--- An operator fails over.
function World:transfer(_, to)
  if not self.driver.promote then
    not_applicable(self.driver.name .. " has no operator who hands over")
  end
  self.primary = to or self.primary % self.nodes + 1
  tell_primary(self)
end

-- ---- looking, time ---------------------------------------------------------

function World:status(id)
  local member = self.members[id]
  return { id = id, state = member.state, paused = member.paused,
    role = self.driver.has_leader and (id == self.primary and "leader"
      or "follower") or nil }
end

local function last_words(member)
  local file = io.open(member.log, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text:sub(-300):gsub("%s+", " ")
end

--- Sees who has ended.
function World:look()
  for id, member in ipairs(self.members) do
    if member.process and member.process:ended(0) then
      gone(self, member, "stopped")
      self.violation = self.violation or { name = "member",
        time = self:now(), text = ("member %d has ended; its log ends with:"
          .. " %s"):format(id, last_words(member)) }
    end
  end
end

--- Hears clients, and what passes between members, for so long at most.
-- @return whether calls have ended
function World:listen(wait_us)
  if self.hosts then
    self.hosts:flush()
  end
  local list = {}
  self.calls:descriptors(list)
  if self.proxy then
    self.proxy:descriptors(list)
  end
  core.poll(list, {}, wait_us)
  if self.proxy then
    self.proxy:turn()
  end
  return self.calls:turn()
end

-- ---- peace -----------------------------------------------------------------

--- Ends every fault, and gives the service time to be well.
function World:settle()
  self:heal()
  for id = 1, self.nodes do
    self:resume(id)
    self:start(id)
  end
  if self.driver.promote then
    tell_primary(self)
  end
  local ends = self:now() + SETTLE_US
  repeat
    self:advance(ends)
  until self.violation or core.sim_interrupted() or self:now() >= ends
  return self.violation == nil
end

function World:close()
  for _, member in ipairs(self.members) do
    if member.process then
      gone(self, member, "down")
    end
  end
  for _, made in ipairs(self.orders) do
    made:close()
  end
  self.calls:close()
  if self.proxy then
    self.proxy:close()
  end
end

-- Of these only what takes a fault back is possible: there is none.
local WITHOUT = { set = 2, slow = 2, fill = 2, drift = 2, lie = 2, fail = 3,
  slow_link = 3, jump = 2, crash = 1, rot = 1, wipe = 1, may_lose = 1,
  set_members = 1, snapshot = 1 }

for name, place in pairs(WITHOUT) do
  World[name] = function(self, ...)
    local value = (select(place, ...))
    if place == 1 or value and value ~= 0 and value ~= "off" then
      not_applicable(("%s has no %s"):format(self.driver.name, name))
    end
  end
end

--- @param given { driver = …, dir = "…", nodes = 3, seed = 1, host = "…",
-- port = 7100, keep_traces = 20000, hosts = of chaos_hosts.lua, or nil }
function service_world.new(given)
  local self = setmetatable({ driver = given.driver, dir = given.dir,
    nodes = given.nodes, seed = given.seed, host = given.host,
    port = given.port, began = core.now(), looked = 0, turned = 0,
    hosts = given.hosts, members = {}, cuts = {}, orders = {}, primary = 1,
    counts = { kills = 0, pauses = 0, resets = 0 } }, World)
  for id = 1, given.nodes do
    local base = ("%s/%d"):format(given.dir, id)
    os.execute("mkdir -p '" .. base .. "'")
    self.members[id] = { id = id, dir = base, log = base .. ".log",
                         state = "down" }
  end
  self.records = records.new { nodes = 0, wall = core.wall(),
    keep = given.keep_traces }
  self.proxy = given.driver.cuts and not given.hosts
    and self:new_proxy() or nil
  self.calls = calls.new { driver = given.driver, nodes = given.nodes,
    now = function()
      return self:now()
    end,
    place = function(id)
      return place_of(self, id)
    end,
    target = function(id)
      return given.driver.has_leader and self.primary or id
    end,
    is_cut = function(id)
      return self:is_cut(CLIENTS, id) or self:is_cut(id, CLIENTS)
    end }
  return self
end

return service_world
