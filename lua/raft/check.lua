-- SPDX-License-Identifier: MIT
--
-- check.lua - is a history linearizable?
--
-- Holds:     the models by name, one search per key, and the limits.
-- Knows not: how to search (core/check), what words mean (check_models.lua),
--            how an answer is shown (check_report.lua).
-- Rule:      "unknown" is never guessed away: one key that is not explainable
--            makes the whole "not", else one unknown makes it "unknown".

local check_counterexample = require "raft.check_counterexample"
local check_parts = require "raft.check_parts"
local check_search = require "raft.check_search"
local check_user = require "raft.check_user"
local models = require "raft.check_models"
local options = require "raft.options"
local wording = require "raft.wording"

local check = {}

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
  if type(given) == "table" and given.words then
    return given
  elseif type(given) == "table" then
    return check_user.model(given)
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

--- Whether a history could be judged by a model that begins so: without any
-- operation.
-- @return true; or nil and a message
function check.is_model(given, initial)
  local model, message = check.model(given)
  if not model then
    return nil, message
  end
  local ok, state, why = pcall(model.initial, initial, models.new_ids())
  if not ok or not state then
    return nil, "initial state: " .. tostring(not ok and state or why)
  end
  return true
end

-- ---- whole histories -----------------------------------------------------

local FIRST = 10000 -- configurations, before the other keys have their turn

-- Adds what the search of one part said.
local function add(total, part, one)
  total.states = total.states + one.states
  total.peak_bytes = math.max(total.peak_bytes, one.peak_bytes)
  if one.verdict == "not" then
    total.verdict, total.reason, total.key = "not", nil, part.key
    total.part, total.found = part, one
  elseif one.verdict == "unknown" then
    total.verdict, total.reason = "unknown", one.reason
    total.key = part.key
  end
end

-- Every part gets a short turn first: one that is hard does not keep another
-- from showing that the whole is not linearizable.
local function judge(parts, model, setting)
  local total = { verdict = "linearizable", states = 0, peak_bytes = 0 }
  local limits, hard = setting.limits, {}
  local states = limits.states
  limits.states = math.min(states, FIRST)
  for _, part in ipairs(parts) do
    local one = check_search.solve(part, model, setting, "not")
    if one.reason == "states" and states > FIRST then
      total.states = total.states + one.states
      hard[#hard + 1] = part
    else
      add(total, part, one)
    end
    if total.verdict == "not" then
      return total
    end
  end
  limits.states = states
  for _, part in ipairs(hard) do
    if total.verdict ~= "not" then
      add(total, part, check_search.solve(part, model, setting, "not"))
    end
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
  level = level or 1
  local o = options.check("history:check", given, SCHEMA, level)
  local result, message = check.try(history, o)
  if not result then
    error("history:check: " .. message, level + 1)
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
  local parts, ids, culprit = check_parts.divide(history, model)
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
  local whole = o.partition and parts
    or { check_parts.unite(history, parts) }
  local total = judge(whole, model, setting)
  if total.verdict == "not" and o.counterexample then
    total.counterexample = check_counterexample.make(total.part, model,
      setting, total.found)
  end
  total.part, total.found = nil, nil
  return total
end

return check
