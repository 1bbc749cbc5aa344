-- SPDX-License-Identifier: MIT
--
-- chaos_world.lua - members as processes of this computer, with the methods of
-- a simulated world, so that scenarios, nemeses and workloads are the same.
--
-- Holds:     a folder, members, clients, a clock, and what the world did.
-- Knows not: scenarios; how one process is handled (chaos_process.lua), calls
--            (chaos_calls.lua), logs (chaos_records.lua), faults
--            (chaos_faults.lua), peace (chaos_peace.lua).
-- Invariant: after close nothing runs any more, however the run has ended.
-- Rule:      a member that ends by itself, and was given no reason to, is a
--            violation: a run never hides it.

local calls = require "raft.chaos_calls"
local chaos_process = require "raft.chaos_process"
local core = require "raft.core"
local dice = require "raft.dice"
local faults = require "raft.chaos_faults"
local node = require "raft.node"
local peace = require "raft.chaos_peace"
local real_world = require "raft.real_world"
local records = require "raft.chaos_records"

local World = {}

for _, part in ipairs { real_world, faults, peace } do
  for name, method in pairs(part) do
    World[name] = method
  end
end

local chaos_world = {}

-- ---- what members tell -----------------------------------------------------

-- Endings that say: this world cannot have such a member.
local TROUBLE = { address_in_use = true, denied = true, invalid = true }

local function violate(self, name, text)
  self.violation = self.violation
    or { name = name, text = text, time = self:now() }
end

World.violate = violate

-- Whether a fault that was ordered explains that it ended.
local function is_explained(member)
  return member.code ~= "panic" and (member.faulted or member.is_lost
    or member.code == "removed")
end

local function judge_end(self, member)
  local told = ("member %d has ended: %s"):format(member.id, member.detail
    or "without a word; its log ends with: "
      .. member:last_lines():sub(-300):gsub("%s+", " "))
  if is_explained(member) then
    return
  elseif TROUBLE[member.code] and member.life == 1 then
    error(told, 0)
  end
  violate(self, member.code == "panic" and "assert" or "member", told)
end

--- Reads logs and sees who has ended.
function World:look()
  self.records:read()
  for _, member in ipairs(self.members) do
    if member:has_ended() then
      self.records:read(member.id)
      self.records:note(self:now(), "sim.stop", member.id,
        { code = member.code or "unknown" })
      self.counts.stops = self.counts.stops + 1
      judge_end(self, member)
    end
  end
  self.violation = self.violation or self.records.violation
end

-- ---- time ------------------------------------------------------------------

--- Hears clients for so long at most. @return whether calls have ended
function World:listen(wait_us)
  if self.hosts then
    self.hosts:flush()
  end
  return self.calls:turn(wait_us)
end

-- ---- looking ---------------------------------------------------------------

--- Who leads, by what members told; nil: nobody.
function World:leader()
  local best
  for _, member in ipairs(self.members) do
    if member.state == "up" and member.role == "leader"
       and (not best or member.term > best.term) then
      best = member
    end
  end
  return best and best.id
end

--- What a member says of itself.
function World:status(id)
  local member = self.members[id]
  local shown = { id = id, state = member.state, paused = member.paused,
    code = member.code, detail = member.detail }
  for name, value in pairs(member:status() or {}) do
    shown[name] = value
  end
  return shown
end

-- ---- life ------------------------------------------------------------------

--- Starts a member, unless it runs.
function World:start(id)
  local member = self.members[id]
  if member:start() then
    self.records:note(self:now(), "sim.start", id, { life = member.life })
    self.counts.restarts = self.counts.restarts
      + (member.life > 1 and 1 or 0)
  end
end

--- Ends all that was begun. Again: nothing happens.
function World:close()
  for _, member in ipairs(self.members) do
    member:kill()
  end
  self.calls:close()
  self.records:close()
end

local function make_directory(self, member)
  local ok, message = node.init { id = member.id, dir = member.dir,
    name = "chaos", members = self.addresses,
    limits = member.options.limits }
  if not ok then
    error(("member %d: %s"):format(member.id, message), 0)
  end
end

World.make_directory = make_directory

local function hear(self, record)
  local member = self.members[record.member]
  member:hear(record)
  if member.must_refuse and member.state == "up" then
    violate(self, "damage", ("member %d has opened a log of which an old entry"
      .. " is damaged"):format(member.id))
  end
end

local COUNTS = { "crashes", "kills", "pauses", "resets", "wipes", "rots",
  "jumps", "drifts", "disk_failures", "disk_fulls", "slow_disks",
  "restarts", "stops", "slow_links" }

--- Directories of members, none of them started.
-- @param given { dir = "…", nodes = 5, seed = 1, addresses = { "host:port" },
-- member = options of raft.node, keep_traces = 20000, modules = the cpath of
-- another build, hosts = of chaos_hosts.lua, or nil }
function chaos_world.new(given)
  local self = setmetatable({
    dir = given.dir, nodes = given.nodes, seed = given.seed,
    addresses = given.addresses, began = core.now(), looked = 0, turned = 0,
    dice = dice.new(given.seed + 77), members = {}, counts = {},
    cuts = {}, slow_ways = {}, hosts = given.hosts, name = "this world",
  }, { __index = World })
  for _, name in ipairs(COUNTS) do
    self.counts[name] = 0
  end
  for id = 1, given.nodes do
    self.members[id] = chaos_process.new { id = id, dir = given.dir,
      options = given.member, modules = given.modules,
      within = given.hosts and function(fn)
        return given.hosts:within(id, fn)
      end }
    make_directory(self, self.members[id])
  end
  self.calls = calls.new { addresses = given.addresses, keep = 200000,
    now = function()
      return self:now()
    end }
  self.began = core.now()
  self.records = records.new { nodes = given.nodes, wall = core.wall(),
    keep = given.keep_traces,
    path = function(id)
      return self.members[id].log
    end,
    tell = function(record)
      hear(self, record)
    end }
  return self
end

return chaos_world
