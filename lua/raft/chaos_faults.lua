-- SPDX-License-Identifier: MIT
--
-- chaos_faults.lua - what goes wrong with members that are processes: the
-- methods of a simulated world, by signals and orders.
--
-- Holds:  what is cut, slow and full now, so that it stays so when a member
--         starts again.
-- Rule:   a fault that this world has not ends the run as not applicable.
--         Cuts of one turn are noted at one moment: they are one fault.

local chaos_disk = require "raft.chaos_disk"
local not_applicable = require("raft.chaos_process").not_applicable

local World = {}

local CLIENTS = 0

-- ---- network ---------------------------------------------------------------

local function way(from, to)
  return ("%d>%d"):format(from, to)
end

-- What both ends of a way are told: nothing is sent at one, nothing is heard
-- at the other. Hosts of their own are cut off instead.
local function tell_way(self, from, to)
  local is_cut = (self.cuts[way(from, to)] or 0) > 0
  if self.hosts then
    self.hosts:cut(from, to, is_cut)
    return
  end
  if from ~= CLIENTS then
    self.members[from]:stand("cut " .. to, is_cut and "cut " .. to,
      "mend " .. to)
  end
  if to ~= CLIENTS then
    self.members[to]:stand("deafen " .. from, is_cut and "deafen " .. from,
      "hear " .. from)
  end
end

function World:cut(from, to)
  local key = way(from, to)
  self.cuts[key] = (self.cuts[key] or 0) + 1
  if self.cuts[key] == 1 then
    tell_way(self, from, to)
  end
  self.records:note(self.turned, "sim.cut", 0, { from = from, to = to })
end

function World:mend(from, to)
  local key = way(from, to)
  if (self.cuts[key] or 0) > 0 then
    self.cuts[key] = self.cuts[key] - 1
    if self.cuts[key] == 0 then
      tell_way(self, from, to)
    end
    self.records:note(self.turned, "sim.mend", 0, { from = from, to = to })
  end
end

function World:slow_link(from, to, us)
  if from == CLIENTS then
    not_applicable("real members cannot slow what clients send")
  end
  self.members[from]:stand("slow " .. to,
    us > 0 and ("slow_link %d %.0f"):format(to, us),
    ("slow_link %d 0"):format(to))
  self.slow_ways[way(from, to)] = us > 0 and { from, to } or nil
  self.counts.slow_links = self.counts.slow_links + (us > 0 and 1 or 0)
  self.records:note(self.turned, "sim.slow_link", 0,
    { from = from, to = to, by = us })
end

--- Takes back all cuts, and slow ways.
function World:heal()
  for from = 0, self.nodes do
    for to = 0, self.nodes do
      if (self.cuts[way(from, to)] or 0) > 0 then
        self.cuts[way(from, to)] = 0
        tell_way(self, from, to)
      end
      if self.slow_ways[way(from, to)] then
        self:slow_link(from, to, 0)
      end
    end
  end
  self.records:note(self.turned, "sim.heal")
end

--- Of two members each forgets the connection that it made.
function World:reset(from, to)
  self.counts.resets = self.counts.resets + 1
  for _, pair in ipairs { { from, to }, { to, from } } do
    if pair[1] ~= CLIENTS then
      self.members[pair[1]]:order("reset " .. pair[2])
    end
  end
  self.records:note(self:now(), "sim.reset", 0, { from = from, to = to })
end

--- A share or a time of all messages, as core/fault/net.h names them.
function World:set(name, value)
  for _, member in ipairs(self.members) do
    member:stand("set " .. name, value > 0
      and ("set %s %.0f"):format(name, value), ("set %s 0"):format(name))
  end
end

-- ---- processes -------------------------------------------------------------

-- Logs are read to their ends first: then nothing that it told comes later.
local function ended(self, id, kind, count)
  self.records:read(id)
  self.records:note(self:now(), kind, id)
  self.counts[count] = self.counts[count] + 1
end

function World:kill(id)
  if self.members[id]:kill() then
    ended(self, id, "sim.kill", "kills")
  end
end

local BITS = 2 ^ 30

--- Power is lost. @param keeps "contents": all but names was written
function World:crash(id, keeps)
  local bits = keeps == "contents" and -1 or self.dice:number(BITS)
  if self.members[id]:crash(bits) then
    ended(self, id, "sim.crash", "crashes")
  end
end

function World:pause(id)
  if self.members[id]:pause() then
    self.counts.pauses = self.counts.pauses + 1
    self.records:note(self:now(), "sim.pause", id)
  end
end

function World:resume(id)
  if self.members[id]:resume() then
    self.records:note(self:now(), "sim.resume", id)
  end
end

-- ---- operators -------------------------------------------------------------

function World:transfer(leader, to)
  self.members[leader]:operate("transfer", { to })
end

function World:set_members(leader, voters, learners)
  self.members[leader]:operate("set_members",
    { { voters = voters, learners = learners or {} } })
end

function World:snapshot(id)
  self.members[id]:operate("snapshot", {})
end

-- ---- clocks ----------------------------------------------------------------

function World:jump(id, us)
  local member = self.members[id]
  member.wall = (member.wall or 0) + us
  member:order(("jump %.0f"):format(us))
  -- The computer's clock is as it is when its process starts again.
  member:remember("jump", member.wall ~= 0
    and ("jump %.0f"):format(member.wall))
  self.counts.jumps = self.counts.jumps + 1
  self.records:note(self:now(), "sim.clock", id,
    { back = us < 0, by = math.abs(us) })
end

function World:drift(id, ppm)
  self.members[id]:stand("drift", ppm ~= 0 and ("drift %.0f"):format(ppm),
    "drift 0")
  self.counts.drifts = self.counts.drifts + (ppm ~= 0 and 1 or 0)
  self.records:note(self:now(), "sim.drift", id,
    { slower = ppm < 0, by = math.abs(ppm) })
end

-- ---- disks -----------------------------------------------------------------

local function note_disk(self, kind, count, id, on)
  self.records:note(self:now(), kind, id, { on = on })
  self.counts[count] = self.counts[count] + (on and 1 or 0)
end

function World:slow(id, us)
  local was = self.members[id].standing.slow
  self.members[id]:stand("slow", us > 0 and ("sync %.0f"):format(us),
    "sync 0")
  if us > 0 or was then
    note_disk(self, "sim.disk_slow", "slow_disks", id, us > 0)
  end
end

--- So many bytes are left; nil: it is mended.
function World:fill(id, bytes)
  local member = self.members[id]
  local was = member.standing.left
  member:stand("left", bytes and ("left %.0f"):format(bytes), "left -1")
  member.faulted = member.faulted or bytes ~= nil
  if bytes or was then
    note_disk(self, "sim.disk_full", "disk_fulls", id, bytes ~= nil)
  end
end

function World:fail(id, part, nth)
  if part ~= "disk" then
    not_applicable("real members have no " .. part .. " that fails")
  end
  local member = self.members[id]
  member:order(("fail %.0f"):format(nth))
  if nth > 0 then
    member.faulted = true
    self.counts.disk_failures = self.counts.disk_failures + 1
    self.records:note(self:now(), "sim.disk_failed", id)
  end
end

function World:lie(id, word)
  local lies = word == "on"
  local member = self.members[id]
  member:stand("lie", lies and "lie 1", "lie 0")
  member.is_lost = member.is_lost or lies
  self.records:note(self:now(), "sim.lie", id, { on = lies })
end

-- ---- losses ----------------------------------------------------------------

local function lost_count(self)
  local count = 0
  for _, member in ipairs(self.members) do
    count = count + (member.is_lost and 1 or 0)
  end
  return count
end

--- Whether a member's disk can be lost: a quorum recovers, and all others
-- have its incarnation on their disks, so that they know another one.
function World:may_lose(id)
  if self.members[id].is_lost or (lost_count(self) + 1) * 2 >= self.nodes then
    return false
  end
  for _, other in ipairs(self.members) do
    if other.id ~= id and not chaos_disk.peers(other.dir)[id] then
      return false
    end
  end
  return true
end

--- Counts it as lost.
function World:lose() -- luacheck: no self
end

--- An empty disk, and a directory made anew, as an operator might.
function World:wipe(id)
  local member = self.members[id]
  member:kill()
  member.is_lost = true
  os.execute("rm -rf '" .. member.dir .. "'")
  self:make_directory(member)
  self.counts.wipes = self.counts.wipes + 1
  self.records:note(self:now(), "sim.wipe", id)
end

--- Damages what is old. @return whether there was something
function World:rot(id)
  local member = self.members[id]
  local is_done, must_refuse = chaos_disk.rot(member.dir, function(bound)
    return self.dice:number(bound)
  end)
  if is_done then
    member.is_lost, member.must_refuse = true, must_refuse
    self.counts.rots = self.counts.rots + 1
    self.records:note(self:now(), "sim.rot", id)
  end
  return is_done
end

return World
