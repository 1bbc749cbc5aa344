-- SPDX-License-Identifier: MIT

--- table_effects.lua: what a member at the round table does for its engine.
--
-- Its disk and its cache are tables; messages lie on the table's 'wire'.

local table_effects = {}

-- The value of a configuration entry.
local VALUES = setmetatable({}, { __mode = "k" })
table_effects.VALUES = VALUES

local perform = {}
table_effects.perform = perform

local function copy_range(list, first, last)
  local copy = {}
  for i = first, last do copy[#copy + 1] = list[i] end
  return copy
end
table_effects.copy_range = copy_range

function perform.append(self, member, effect)
  for i = 0, effect.count - 1 do
    self.commands = self.commands + 1
    local noop = effect.entry == "noop"
    local entry = {
      term = effect.term, kind = effect.entry or "command",
      size = noop and 80 or 100, time = effect.time + i,
      checksum = noop and 0 or self.commands,
    }
    if effect.entry == "configuration" then VALUES[entry] = member.proposed end
    member.cache[effect.first + i] = entry
  end
end

function perform.persist(self, member, effect)
  local write = {
    ticket = effect.ticket, term = effect.term, vote = effect.vote,
    first = effect.first,
    entries = copy_range(member.cache, effect.first,
      effect.first + effect.count - 1),
  }
  member.writes[#member.writes + 1] = write
  if not self.held[member.id] then member.must_sync = true end
end

function perform.send(self, member, effect)
  local message = effect.message
  if message.kind == "append" then
    local first = message.previous_index + 1
    message.entries = copy_range(member.cache, first,
      first + message.entry_count - 1)
    message.configurations = {}
    for _, entry in ipairs(message.entries) do
      table.insert(message.configurations, VALUES[entry])
    end
  end
  self.wire[#self.wire + 1] = message
  self.talk[#self.talk + 1] = message
end

function perform.load(self, member, effect)
  local last = effect.first + effect.count - 1
  self:step(member.id, {
    kind = "loaded", ticket = effect.ticket,
    entries = copy_range(member.disk.entries, effect.first, last),
  })
end

function perform.apply(self, member, effect)
  if member.is_busy then
    member.given = effect
    return
  end
  for i = effect.first, effect.first + effect.count - 1 do
    member.applied[i] = member.cache[i].term
  end
  self:step(member.id, {
    kind = "applied", index = effect.first + effect.count - 1,
  })
end

--- What a snapshot of a member's log at 'index' says of itself.
function table_effects.image_at(member, index)
  local image = { index = index, term = member.engine:term_of(index) }
  for i = index, 1, -1 do
    local entry = member.cache[i]
    if entry and VALUES[entry] then
      image.configuration, image.configuration_index = VALUES[entry], i
      return image
    end
  end
  local before = member.disk.snapshot
  image.configuration = before.configuration
  image.configuration_index = before.configuration_index
  return image
end

-- The disk forgets what a snapshot covers.
function perform.compact(_, member, effect)
  local disk = member.disk
  disk.base, disk.base_term = effect.index,
    member.engine:term_of(effect.index)
  for index in pairs(disk.entries) do
    if index <= effect.index then disk.entries[index] = nil end
  end
end

-- It lies on the table with the messages, whole.
function perform.snapshot(self, member, effect)
  self.wire[#self.wire + 1] = {
    kind = "image", from = member.id, to = effect.to,
    term = member.engine:status().term, image = member.disk.snapshot,
  }
end

function perform.install(self, member, effect)
  assert(effect.index == member.arrived.image.index, "another snapshot")
  member.must_install = true
  if not self.held[member.id] then self:install(member.id) end
end

function perform.read(self, _, effect)
  self.reads[effect.id] = effect
end

function perform.role(self, member, effect)
  member.role = effect.role
  member.reason = effect.reason
  if effect.role == "leader" then
    local other = self.leaders[effect.term]
    assert(other == nil or other == member.id, "two leaders of one term")
    self.leaders[effect.term] = member.id
  end
end

function perform.commit(_, member, effect)
  member.commit = effect.index
end

function perform.configuration() end

function perform.transfer(_, member, effect)
  member.transfer = effect.status
end

function perform.trace() end

return table_effects
