-- SPDX-License-Identifier: MIT
--
-- check_parts.lua - a history as what core/check searches.
--
-- Holds:     entries (operations with the action that a model gives them) and
--            parts: the entries of one key and their events.
-- Knows not: how parts are searched: check_search.lua.
--
-- A part: { key = "x", entries = { { action = "write", first = "…", operation
-- = {…} }, … }, events = { 1, 2, -1 } }: calls of entries, and their returns
-- as negative numbers.

local models = require "raft.check_models"
local wording = require "raft.wording"

local check_parts = {}

local function describe(operation)
  return ("operation %d (process %s, %s%s)"):format(operation.number,
    tostring(operation.process), operation.f,
    operation.line and ", line " .. operation.line or "")
end

--- One operation as a model takes it.
-- @return an entry; nothing, if it says nothing; or nil and a message
function check_parts.entry(model, operation, ids)
  local word = model.word and model:word(operation)
    or model.words and model.words[operation.f]
  if not word then
    local list = {}
    for name in pairs(model.words) do
      list[#list + 1] = name
    end
    table.sort(list)
    return nil, ("%s: expected one of %s of model %s, got %s"):format(
      describe(operation), table.concat(list, ", "), model.name,
      wording.describe(operation.f))
  end
  local action, first, second = word(operation, ids)
  if action == nil and first ~= nil then
    return nil, describe(operation) .. ": " .. first
  end
  return action and { action = action, first = first, second = second,
    operation = operation } or nil
end

local NO_KEY = {}

-- The call of a stale read stands where what it saw may be from: before all
-- events that are not older than that. Nothing else moves.
-- @return a list; or nil, a message and the operation of an event without time
local function in_order(history)
  local list = history:events()
  if not history.has_ages then
    return list
  end
  local before, moved = {}, {}
  for _, event in ipairs(list) do
    if not event.time then
      local operation = history.operations[event.operation]
      return nil, describe(operation) .. ": expected a time of each event,"
        .. " where reads have an age, got none", operation
    end
  end
  for at, event in ipairs(list) do
    if event.type == "invoke" and event.age then
      while at > 1 and list[at - 1].time >= event.time - event.age do
        at = at - 1
      end
      before[at] = before[at] or {}
      table.insert(before[at], event)
    end
  end
  for i, event in ipairs(list) do
    for _, early in ipairs(before[i] or {}) do
      moved[#moved + 1] = early
    end
    if not (event.type == "invoke" and event.age) then
      moved[#moved + 1] = event
    end
  end
  return moved
end

--- Parts in the order of their first call, and what numbers their elements.
-- @return parts, ids; or nil, a message and the operation
function check_parts.divide(history, model)
  local ids, parts, by_key, entries = models.new_ids(), {}, {}, {}
  local list, why, which = in_order(history)
  if not list then
    return nil, why, which
  end
  for _, event in ipairs(list) do
    local operation = history.operations[event.operation]
    local entry = entries[event.operation]
    if event.type == "invoke" and operation.outcome ~= "fail" then
      local message
      entry, message = check_parts.entry(model, operation, ids)
      if message then
        return nil, message, operation
      end
      local key = nil
      if model.keyed and model.key then
        key = model.key(operation)
      elseif model.keyed then
        key = operation.key
      end
      local name = key == nil and NO_KEY or key
      local part = by_key[name]
      if entry and not part then
        part = { key = key, entries = {}, events = {} }
        by_key[name], parts[#parts + 1] = part, part
      end
      if entry then
        part.entries[#part.entries + 1] = entry
        entry.part, entry.index = part, #part.entries
        entries[event.operation] = entry
        part.events[#part.events + 1] = entry.index
      end
    elseif entry and event.type == "ok" then
      local events = entry.part.events
      events[#events + 1] = -entry.index
    end
  end
  return parts, ids
end

--- All parts as one, each a component of its own.
function check_parts.unite(history, parts)
  local all = { entries = {}, events = {} }
  local at = {}
  for number, part in ipairs(parts) do
    for _, entry in ipairs(part.entries) do
      entry.component = number - 1
      all.entries[#all.entries + 1] = entry
      at[entry.operation.number] = #all.entries
    end
  end
  for _, event in ipairs(in_order(history)) do
    local index = at[event.operation]
    if index and event.type == "invoke" then
      all.events[#all.events + 1] = index
    elseif index and event.type == "ok" then
      all.events[#all.events + 1] = -index
    end
  end
  return all
end

return check_parts
