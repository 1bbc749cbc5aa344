-- SPDX-License-Identifier: MIT
--
-- textbook.lua - the engine with the handles of a textbook: tick, step,
-- propose, ready, advance.
--
-- Holds:  a node over raft.core, and a storage in memory. For those who learn
--         Raft or bring their own disk, network and machine.
-- Rule:   what ready() gives is done in this order: write hard_state and
--         entries, durably; send messages; apply committed; then advance().
--         Messages that claim what is not durable yet come with the next
--         ready(), by themselves.
--
--   node:propose("x=1")
--   while node:has_ready() do
--     local ready = node:ready()
--     storage:write(ready)                     -- durably
--     for _, message in ipairs(ready.messages) do send(message) end
--     for _, entry in ipairs(ready.committed) do machine(entry.data) end
--     node:advance()
--   end

local core = require "raft.core"

local textbook = {}

-- ---- storage -------------------------------------------------------------

local Storage = {}
Storage.__index = Storage

--- A log in memory; entry 1 says who the members are.
-- @param members { 1, 2, 3 }
-- @return { term = 1, vote = 0, entries = { { term = 1, … } } }
function textbook.storage(members)
  return setmetatable({
    term = 1, vote = 0, members = members,
    entries = { { term = 1, kind = "configuration", size = 80, time = 0 } },
  }, Storage)
end

--- Takes over what a ready() says.
function Storage:write(ready)
  if ready.hard_state then
    self.term, self.vote = ready.hard_state.term, ready.hard_state.vote
  end
  if ready.first then
    for index = #self.entries, ready.first, -1 do
      self.entries[index] = nil
    end
    for _, entry in ipairs(ready.entries) do
      self.entries[#self.entries + 1] = entry
    end
  end
end

function Storage:recovered()
  local runs = {}
  for index, entry in ipairs(self.entries) do
    if index == 1 or entry.term ~= runs[#runs].term then
      runs[#runs + 1] = { first = index, term = entry.term }
    end
  end
  return {
    term = self.term, vote = self.vote, runs = runs,
    last_index = #self.entries, last_time = self.entries[#self.entries].time,
    configuration = { voters = self.members }, configuration_index = 1,
  }
end

-- ---- the node ------------------------------------------------------------

local Node = {}
Node.__index = Node

--- A node that has recovered from its storage.
-- @param options { id = 1, storage = textbook.storage { 1, 2, 3 },
--   tick_us = 10000, seed = 1 }
-- @return the node; or nil, message, code
function textbook.node(options)
  local engine, message, code = core.new({
    id = options.id, now = 0, random = options.seed or options.id,
  }, options.storage:recovered())
  if not engine then return nil, message, code end
  local entries = {}
  for index, entry in ipairs(options.storage.entries) do
    entries[index] = entry
  end
  return setmetatable({
    id = options.id, engine = engine, entries = entries,
    storage = options.storage, now = 0, tick_us = options.tick_us or 10000,
    drawn = (options.seed or options.id) * 104729,
    messages = {}, committed = {}, reads = {},
  }, Node)
end

local perform = {}

function perform.append(node, effect, data)
  for i = 0, effect.count - 1 do
    local noop = effect.entry == "noop"
    node.entries[effect.first + i] = {
      term = effect.term, kind = noop and "noop" or "command",
      size = 80, time = effect.time + i, data = data and data[i + 1],
    }
  end
end

-- Writes of one ready() become one: from the lowest index on.
function perform.persist(node, effect)
  node.ticket = effect.ticket
  node.hard_state = { term = effect.term, vote = effect.vote }
  if effect.first > 0 and effect.first < (node.first or math.huge) then
    node.first = effect.first
  end
end

function perform.send(node, effect)
  local message = effect.message
  if message.kind == "append" then
    message.entries = {}
    for i = 1, message.entry_count do
      message.entries[i] = node.entries[message.previous_index + i]
    end
  end
  node.messages[#node.messages + 1] = message
end

function perform.load(node, effect)
  local entries = {}
  for i = 0, effect.count - 1 do
    entries[i + 1] = node.storage.entries[effect.first + i]
  end
  node:event { kind = "loaded", ticket = effect.ticket, entries = entries }
end

function perform.apply(node, effect)
  for index = effect.first, effect.first + effect.count - 1 do
    local entry = node.entries[index]
    if entry.kind == "command" then
      node.committed[#node.committed + 1] = {
        index = index, term = entry.term, time = entry.time,
        data = entry.data,
      }
    end
  end
  node.applied = effect.first + effect.count - 1
end

function perform.read(node, effect)
  node.reads[#node.reads + 1] = {
    id = effect.id, index = effect.index, status = effect.status,
  }
end

local function plain_entries(entries)
  local plain = {}
  for i, entry in ipairs(entries) do
    plain[i] = { term = entry.term, kind = entry.kind, size = entry.size,
      time = entry.time }
  end
  return plain
end

--- Hands one event of raft.core to the engine.
-- @return true; or nil, message, code
function Node:event(event, data)
  self.drawn = self.drawn + 1
  event.now, event.wall, event.random = self.now, self.now, self.drawn
  if event.entries then event.entries = plain_entries(event.entries) end
  local effects, message, code = self.engine:step(event)
  if not effects then return nil, message, code end
  for _, effect in ipairs(effects) do
    local action = perform[effect.kind]
    if action then action(self, effect, data) end
  end
  return true
end

--- Time goes on by one tick.
function Node:tick()
  self.now = self.now + self.tick_us
  if self.engine:deadline() <= self.now then
    return self:event { kind = "time" }
  end
  return true
end

--- A message of another node has come.
function Node:step(message)
  local copy = {}
  for key, value in pairs(message) do copy[key] = value end
  if message.kind ~= "append" then
    return self:event { kind = "message", message = copy }
  end
  copy.entries = plain_entries(message.entries)
  local ok, text, code = self:event { kind = "message", message = copy }
  for i, entry in ipairs(message.entries) do
    local index = message.previous_index + i
    if self.engine:term_of(index) == entry.term then
      self.entries[index] = entry
    end
  end
  for index = #self.entries, self.engine:status().last + 1, -1 do
    self.entries[index] = nil
  end
  return ok, text, code
end

--- Proposes any Lua value.
-- @return true; or nil, message, code ("not_leader", …)
function Node:propose(data)
  return self:event(
    { kind = "propose", entries = { { kind = "command", size = 80 } } },
    { data })
end

--- Asks for a linear read; its answer comes in ready().reads.
function Node:read(id)
  return self:event { kind = "read", ids = { id } }
end

function Node:has_ready()
  return self.ticket ~= nil or self.applied ~= nil or #self.messages > 0
    or #self.reads > 0
end

--- What is to be done now.
-- @return { hard_state = { term = 2, vote = 1 } or nil, first = 5 or nil,
--   entries = { … } from 'first' on, messages = { … },
--   committed = { { index = 4, term = 2, data = … } },
--   reads = { { id = 7, index = 4, status = "ok" } } }
function Node:ready()
  local entries = {}
  if self.first then
    for index = self.first, self.engine:status().last do
      entries[#entries + 1] = self.entries[index]
    end
  end
  self.given = {
    hard_state = self.hard_state, first = self.first, entries = entries,
    messages = self.messages, committed = self.committed, reads = self.reads,
    ticket = self.ticket, applied = self.applied,
  }
  self.messages, self.committed, self.reads = {}, {}, {}
  self.ticket, self.hard_state, self.first, self.applied = nil, nil, nil, nil
  return self.given
end

--- The last ready() is done, durably.
function Node:advance()
  local given = assert(self.given, "advance without ready")
  self.given = nil
  if given.ticket then
    self:event { kind = "persisted", ticket = given.ticket }
  end
  if given.applied then
    self:event { kind = "applied", index = given.applied }
  end
end

--- { role = "leader", term = 2, leader = 1, commit = 4, … }
function Node:status()
  return self.engine:status()
end

return textbook
