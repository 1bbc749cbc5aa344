-- SPDX-License-Identifier: MIT
--
-- check_search.lua - one part of a history, searched.
--
-- Holds:     the calls of core.check, and the questions to models in Lua.
-- Knows not: histories, keys, words.

local core = require "raft.core"

local check_search = {}

local SLICE = 20000 -- configurations between two looks at the clock

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
    exact = limits.exact,
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
-- @param setting { initial, ids, limits = { states, bytes, clock = what
-- os.clock() shall not pass, exact = whether to tell just how far it came } }
-- @param keep the verdict with which to tell how far it came
-- @return { verdict, reason, states, peak_bytes, order = { { operation =
-- {…}, state = 3 }, … }, blocked = entry }
function check_search.solve(part, model, setting, keep)
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
  if verdict == keep then
    furthest(search, part, model, setting.ids, result)
  end
  search:close()
  return result
end

return check_search
