-- SPDX-License-Identifier: MIT

--- round_table.lua: engines around a table, their talk passed by hand.
--
-- The paper's situations are about who said what to whom, and in which order.
-- Here a spec decides both: messages lie on the table until it delivers them,
-- disks are done at once unless it holds them. There is no chance and no
-- clock but the one that the spec turns.
--
--   local t = round_table.new { members = 3 }
--   t:elect(1)              -- member 1's patience ends, all its talk arrives
--   t:propose(1, 2)         -- two commands
--   t:settle()              -- everything on the table arrives
--   assert.same({ 1, 1, 1, 1 }, t:terms(2))
--
-- Logs are written as lists of terms, as in the paper's figures. Entry 1 is
-- always the configuration, of term 1.

local core = require("raft").core
local effects_of = require("spec.paper.table_effects")
local looks = require("spec.paper.table_looks")

local Table = {}
Table.__index = Table

for name, look in pairs(looks) do Table[name] = look end

local VALUES, perform = effects_of.VALUES, effects_of.perform
local image_at = effects_of.image_at

local MS = 1000
local BUG = os.getenv("RAFT_BUG") or "none"

local round_table = { MS = MS }

--- A new table.
-- @param options { members = 3, logs = { [2] = { 1, 1, 2 } },
--   terms = { [2] = 3 }, limits = {...}, heartbeat_us = …,
--   priorities = { { id = 2, value = 200 } },
--   watch = function(engine, event) … return function(effects) … end end }
--   'watch' sees every step before, and with what it returned after.
function round_table.new(options)
  local self = setmetatable({
    now = 1000 * MS, wire = {}, members = {}, count = options.members,
    cuts = {}, limits = options.limits, options = options, drawn = 0,
    commands = 0, held = {}, reads = {}, talk = {}, leaders = {},
  }, Table)
  self.first = { voters = {}, learners = options.learners,
    lease_us = options.lease_us, drift_ppm = options.drift_ppm,
    priorities = options.priorities }
  for id = 1, options.members do self.first.voters[id] = id end
  for id = 1, options.members do self:add(id) end
  return self
end

--- A further member, with the first configuration in its log, as joining
-- writes it.
function Table:add(id)
  local log = (self.options.logs or {})[id] or { 1 }
  local disk = { term = log[#log], vote = 0, entries = {} }
  disk.term = (self.options.terms or {})[id] or disk.term
  for index, term in ipairs(log) do
    disk.entries[index] = {
      term = term, size = 100, time = index, checksum = term * 1000 + index,
      kind = index == 1 and "configuration" or "command",
    }
  end
  disk.last = #log
  VALUES[disk.entries[1]] = self.first
  self.members[id] = { id = id, disk = disk }
  self.count = math.max(self.count, id)
  self:start(id)
end

--- Starts a member from what its disk holds.
function Table:start(id)
  local member = self.members[id]
  local runs, configurations = {}, {}
  local image = member.disk.snapshot
  local base = member.disk.base or 0
  if image then
    configurations[1] = { index = image.configuration_index,
      value = image.configuration }
  end
  for index = base + 1, member.disk.last do
    local entry = member.disk.entries[index]
    if #runs == 0 or entry.term ~= runs[#runs].term then
      runs[#runs + 1] = { first = index, term = entry.term }
    end
    if VALUES[entry] and index > (image and image.configuration_index or 0)
    then
      table.insert(configurations, 1,
        { index = index, value = VALUES[entry] })
    end
  end
  local latest, previous = configurations[1], configurations[2] or {}
  self.drawn = self.drawn + 1
  member.cache = {}
  for index, entry in pairs(member.disk.entries) do
    member.cache[index] = entry
  end
  member.writes, member.applied, member.role = {}, {}, "follower"
  member.up, member.commit = true, base
  member.engine = assert(core.new({
    id = id, now = self.now, random = self.drawn, limits = self.limits,
    heartbeat_us = self.options.heartbeat_us,
    election_us = self.options.election_us,
    bug = BUG ~= "none" and BUG or nil,
  }, {
    term = member.disk.term, vote = member.disk.vote, runs = runs,
    last_index = member.disk.last, last_time = member.disk.last,
    base_index = base, base_term = member.disk.base_term,
    configuration = latest.value, configuration_index = latest.index,
    previous = previous.value, previous_index = previous.index,
  }))
end

--- Ends a member; what its disk had not done is lost, its messages stay.
function Table:crash(id)
  local member = self.members[id]
  member.up = false
  member.engine:close()
end

-- ---- steps ---------------------------------------------------------------

--- Hands one event to a member and performs what it asks for.
-- @return the effects; or nil, message, code
function Table:step(id, event)
  local member = self.members[id]
  self.drawn = self.drawn + 1
  event.now, event.wall = self.now, self.now
  event.random = self.drawn * 7919
  if event.kind == "message" and event.message.kind == "append" then
    local message = event.message
    for i, entry in ipairs(message.entries or {}) do
      member.incoming = member.incoming or {}
      member.incoming[message.previous_index + i] = entry
    end
  end
  local watch = self.options.watch
  local after = watch and watch(member.engine, event)
  local effects, message, code = member.engine:step(event)
  if after then after(effects) end
  if not effects then return nil, message, code end
  self:take_incoming(member)
  assert(member.engine:broken_invariant() == nil,
    member.engine:broken_invariant())
  for _, effect in ipairs(effects) do
    perform[effect.kind](self, member, effect)
  end
  if member.must_sync and member.up then
    member.must_sync = nil
    self:sync(id)
  end
  return effects
end

-- Entries that the engine took have its log's term at their index.
function Table.take_incoming(_, member)
  for index, entry in pairs(member.incoming or {}) do
    if member.engine:term_of(index) == entry.term then
      member.cache[index] = entry
    end
  end
  member.incoming = nil
  local last = member.engine:status().last
  for index in pairs(member.cache) do
    if index > last then member.cache[index] = nil end
  end
end

-- ---- what a spec does ---------------------------------------------------

--- The disk of a member finishes its writes (all, or the first 'count').
function Table:sync(id, count)
  local member = self.members[id]
  local ticket
  for _ = 1, count or #member.writes do
    local write = table.remove(member.writes, 1)
    if not write then break end
    member.disk.term, member.disk.vote = write.term, write.vote
    if write.first > 0 then
      local entries = member.disk.entries
      for index = write.first, member.disk.last do entries[index] = nil end
      for i, entry in ipairs(write.entries) do
        entries[write.first + i - 1] = entry
      end
      member.disk.last = write.first + #write.entries - 1
    end
    ticket = write.ticket
  end
  if ticket then self:step(id, { kind = "persisted", ticket = ticket }) end
end

--- A snapshot is taken of what a member has applied (up to 'index').
function Table:snapshot(id, index)
  local member = self.members[id]
  index = index or member.engine:status().applied
  member.disk.snapshot = image_at(member, index)
  return self:step(id, { kind = "snapshot", index = index })
end

--- A whole snapshot arrives. @return the effects; or nil, message, code
function Table:arrive(message)
  local member = self.members[message.to]
  member.arrived = message
  local effects, text, code = self:step(message.to, { kind = "install",
    from = message.from, term = message.term, snapshot = message.image })
  if effects and not member.must_install then self:sent(message) end
  return effects, text, code
end

--- The leader hears what became of a snapshot.
function Table:sent(message, failed)
  local leader = self.members[message.from]
  if leader.up then
    self:step(message.from,
      { kind = "sent", member = message.to, failed = failed })
  end
end

--- The disk of a member has the snapshot that arrived, and an empty log.
function Table:install(id, failed)
  local member, disk = self.members[id], self.members[id].disk
  local message = member.arrived
  member.must_install = nil
  if not failed then
    disk.snapshot, disk.entries = message.image, {}
    disk.base, disk.base_term = message.image.index, message.image.term
    disk.last = disk.base
    member.cache = {}
  end
  self:step(id, { kind = "installed", failed = failed })
  self:sent(message, failed)
end

--- From now on a member's writes wait for sync().
function Table:hold(id) self.held[id] = true end

function Table:release(id)
  self.held[id] = nil
  self:sync(id)
end

--- From now on a member's machine does not answer, until it is free.
function Table:busy(id) self.members[id].is_busy = true end

function Table:free(id)
  local member = self.members[id]
  member.is_busy = nil
  perform.apply(self, member, member.given)
end

--- Nothing passes from one member to another, in this direction.
function Table:cut(from, to) self.cuts[from .. ">" .. to] = true end

--- A member hears and is heard by nobody.
function Table:isolate(id)
  for other = 1, self.count do
    self:cut(id, other)
    self:cut(other, id)
  end
end

function Table:heal() self.cuts = {} end

--- Delivers the first message on the table that 'wanted' accepts.
-- @return the message, or nil
function Table:deliver(wanted)
  for i, message in ipairs(self.wire) do
    if not wanted or wanted(message) then
      table.remove(self.wire, i)
      local to = self.members[message.to]
      if to and to.up and not self.cuts[message.from .. ">" .. message.to] then
        if message.kind == "image" then
          self:arrive(message)
        else
          self:step(message.to, { kind = "message", message = message })
        end
      end
      return message
    end
  end
end

--- Delivers until the table is empty.
function Table:settle()
  local count = 0
  while self:deliver() do
    count = count + 1
    assert(count < 10000, "the talk does not end")
  end
  return count
end

--- Throws away what lies on the table.
function Table:drop(wanted)
  local kept = {}
  for _, message in ipairs(self.wire) do
    if wanted and not wanted(message) then kept[#kept + 1] = message end
  end
  self.wire = kept
end

function Table:wait(us) self.now = self.now + us end

--- A member looks at the clock.
function Table:tick(id) return self:step(id, { kind = "time" }) end

--- A member's patience ends: time moves to its deadline.
function Table:timeout(id)
  local deadline = self.members[id].engine:deadline()
  if deadline > self.now then self.now = deadline end
  return self:tick(id)
end

--- Everyone looks at the clock often enough, and talks, for so long.
function Table:run(us)
  local stop = self.now + us
  while self.now < stop do
    self.now = self.now + 10 * MS
    for id, member in ipairs(self.members) do
      if member.up and member.engine:deadline() <= self.now then
        self:tick(id)
      end
    end
    self:settle()
  end
end

--- A member becomes leader: its timeout, and all the talk after it. The
-- others must have lost their leader.
function Table:elect(id)
  self:wait(600 * MS)
  self:timeout(id)
  self:settle()
  assert(self.members[id].role == "leader",
    "member " .. id .. " was not elected")
end

--- Proposes 'count' commands. @return the effects; or nil, message, code
function Table:propose(id, count)
  local entries = {}
  for i = 1, count or 1 do entries[i] = { kind = "command", size = 100 } end
  return self:step(id, { kind = "propose", entries = entries })
end

--- Proposes a configuration, { voters = { 1, 2, 3, 4 } }; 'expected' is the
-- index of the one it changes. @return the effects; or nil, message, code
function Table:configure(id, value, expected)
  self.members[id].proposed = value
  return self:step(id, { kind = "configure", configuration = value,
    size = 100, checksum = 7, expected = expected })
end

--- Asks for leadership to be handed to a member (nil: whom it likes).
function Table:transfer(id, member)
  return self:step(id, { kind = "transfer", member = member })
end

--- Asks for a read named 'name' (a number). @param kind "linear", "lease",
-- "follower", or "stale" with a bound in time
function Table:read(id, name, kind, max_age_us)
  return self:step(id, { kind = "read", ids = { name }, read = kind,
    max_age_us = max_age_us })
end

return round_table
