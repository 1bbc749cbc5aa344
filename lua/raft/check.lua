-- SPDX-License-Identifier: MIT
--
-- check.lua - is a history linearizable?
--
-- Holds:     a history turned into what core/check searches, one search per
--            key, and its limits.
-- Knows not: how to search (core/check), what words mean (check_models.lua),
--            how an answer is shown (check_report.lua).
-- Rule:      "unknown" is never guessed away: one key that is not explainable
--            makes the whole "not", else one unknown makes it "unknown".

local check_user = require "raft.check_user"
local core = require "raft.core"
local models = require "raft.check_models"
local options = require "raft.options"
local wording = require "raft.wording"

local check = {}

local SLICE = 20000 -- configurations between two looks at the clock

local SCHEMA = {
  model = { "any" }, -- instead of the history's
  partition = { "boolean", default = true }, -- one search per key
  counterexample = { "boolean", default = true }, -- made small, when "not"
  states = { "whole", min = 1, default = 20000000 }, -- visited, per search
  bytes = { "size", default = "1GiB" }, -- of memory, per search
  time = { "duration" }, -- of processor time, for all; nil: no such limit
}

-- ---- models --------------------------------------------------------------

local function names()
  local list = {}
  for name in pairs(models) do
    if type(models[name]) == "table" then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

--- The model of a name, a path of a Lua file, or a table of one's own.
-- @return a model, or nil and a message
function check.model(given)
  if type(given) == "table" then
    return given.words and given or check_user.model(given)
  elseif type(given) ~= "string" then
    return nil, "expected a model, one of " .. table.concat(names(), ", ")
      .. ", the path of a Lua file, or a table, got "
      .. wording.describe(given)
  elseif type(models[given]) == "table" then
    return models[given]
  elseif given:find("%.lua$") then
    return check_user.load(given)
  end
  local near = wording.nearest(given, names())
  return nil, ('unknown model "%s", %s'):format(given,
    near and ('did you mean "%s"?'):format(near)
    or "expected one of " .. table.concat(names(), ", ")
      .. ", or the path of a Lua file")
end

-- ---- parts: what one search is about -------------------------------------

local function describe(operation)
  return ("operation %d (process %s, %s%s)"):format(operation.number,
    tostring(operation.process), operation.f,
    operation.line and ", line " .. operation.line or "")
end

local function entry_of(model, operation, ids)
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
      wording.describe(operation.f)), operation
  end
  local action, first, second = word(operation, ids)
  if action == nil and first ~= nil then
    return nil, describe(operation) .. ": " .. first, operation
  end
  return action and { action = action, first = first, second = second,
    operation = operation } or nil
end

-- Parts in the order of their first call: { { key = "x", entries = {…},
-- events = { 1, 2, -1 } }, … }.
local function divide(history, model)
  local ids, parts, by_key, entries = models.new_ids(), {}, {}, {}
  for _, event in ipairs(history:events()) do
    local operation = history.operations[event.operation]
    local entry = entries[event.operation]
    if event.type == "invoke" and operation.outcome ~= "fail" then
      local message, culprit
      entry, message, culprit = entry_of(model, operation, ids)
      if message then
        return nil, message, culprit
      end
      local key = model.keyed and (model.key or function (one)
        return one.key
      end)(operation)
      local name = key == nil and "" or type(key) .. ":" .. tostring(key)
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

-- All parts as one, each a component of its own.
local function united(history, parts)
  local all = { entries = {}, events = {} }
  local at = {}
  for number, part in ipairs(parts) do
    for _, entry in ipairs(part.entries) do
      entry.component = number - 1
      all.entries[#all.entries + 1] = entry
      at[entry.operation.number] = #all.entries
    end
  end
  for _, event in ipairs(history:events()) do
    local index = at[event.operation]
    if index and event.type == "invoke" then
      all.events[#all.events + 1] = index
    elseif index and event.type == "ok" then
      all.events[#all.events + 1] = -index
    end
  end
  return all
end

-- ---- one search ----------------------------------------------------------

local function open(part, initial, limits)
  local actions, firsts, seconds, components = {}, {}, {}, {}
  for i, entry in ipairs(part.entries) do
    actions[i], firsts[i] = entry.action, entry.first
    seconds[i] = entry.second or false
    components[i] = entry.component or 0
  end
  return core.check {
    actions = actions, firsts = firsts, seconds = seconds,
    components = components, events = part.events, initial = initial,
    states = limits.states, bytes = limits.bytes, fail_at = limits.fail_at,
  }
end

-- Runs a search to its end; returns the verdict and why it is unknown.
local function run(search, part, model, limits)
  while true do
    local verdict, state, index = search:run(SLICE)
    if verdict == "asking" then
      local next = model.ask(state, part.entries[index].operation)
      if not search:answer(next) then
        return "unknown", "memory"
      end
    elseif verdict ~= "running" then
      return verdict
    elseif limits.clock and os.clock() > limits.clock then
      return "unknown", "time"
    end
  end
end

local function furthest(search, part, model, ids, result)
  local order, states, blocked = search:furthest()
  if not order then
    return
  end
  result.order = {}
  for i, index in ipairs(order) do
    local state = states[i]
    result.order[i] = {
      operation = part.entries[index].operation,
      state = model.ask and model.shown(state)
        or model.shown(search:state(state), ids),
    }
  end
  result.blocked = blocked and part.entries[blocked]
end

--- Searches one part.
-- @param limits { states, bytes, clock = os.clock() not to be passed }
-- @param keep whether to tell how far it came
-- @return { verdict, reason, states, peak_bytes, order = { { operation =
-- {…}, state = 3 }, … }, blocked = entry }
function check.solve(part, model, setting, keep)
  local limits = setting.limits
  local search = open(part, setting.initial, limits)
  if not search then
    return { verdict = "unknown", reason = "memory", states = 0,
             peak_bytes = 0 }
  end
  local verdict, reason = run(search, part, model, limits)
  local counts = search:counts()
  local result = {
    verdict = verdict, states = counts.states,
    peak_bytes = counts.peak_bytes,
    reason = reason or verdict == "unknown"
      and (counts.no_memory and "memory" or "states") or nil,
  }
  if keep then
    furthest(search, part, model, setting.ids, result)
  end
  search:close()
  return result
end

-- ---- whole histories -----------------------------------------------------

local function judge(parts, model, setting, o)
  local total = { verdict = "linearizable", states = 0, peak_bytes = 0 }
  for _, part in ipairs(parts) do
    local one = check.solve(part, model, setting, o.keep)
    total.states = total.states + one.states
    total.peak_bytes = math.max(total.peak_bytes, one.peak_bytes)
    if one.verdict == "not" then
      total.verdict, total.reason, total.key = "not", nil, part.key
      total.part, total.order, total.blocked = part, one.order, one.blocked
      break
    elseif one.verdict == "unknown" then
      total.verdict, total.reason = "unknown", one.reason
      total.key = part.key
    end
    total.order = one.order
  end
  return total
end

--- What history:check() does.
-- @param given { model, partition = true, counterexample = true, states =
-- 20000000, bytes = "1GiB", time = nil }
-- @param level whom to blame for a mistake
-- @return { verdict = "linearizable" | "not" | "unknown", reason = "states" |
-- "memory" | "time", states = 120, peak_bytes = 65536, key = "x",
-- counterexample = {…} }
function check.run(history, given, level)
  level = (level or 1) + 1
  local o = options.check("history:check", given, SCHEMA, level)
  local result, message = check.try(history, o)
  if not result then
    error("history:check: " .. message, level)
  end
  return result
end

--- The same with checked options, for histories from files.
-- @return the result; or nil, message and the operation that does not fit
function check.try(history, o)
  local model, message = check.model(o.model or history.model)
  if not model then
    return nil, message
  end
  local parts, ids, culprit = divide(history, model)
  if not parts then
    return nil, ids, culprit
  end
  local initial
  initial, message = model.initial(history.initial, ids)
  if not initial then
    return nil, "initial state: " .. message
  end
  local setting = {
    initial = initial, ids = ids, limits = {
      states = o.states, bytes = o.bytes, fail_at = o.fail_at,
      clock = o.time and os.clock() + o.time / 1e6,
    },
  }
  local whole = o.partition and parts or { united(history, parts) }
  local total = judge(whole, model, setting, o)
  return total
end

return check
