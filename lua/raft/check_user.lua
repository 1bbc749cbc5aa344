-- SPDX-License-Identifier: MIT
--
-- check_user.lua - models written in Lua.
--
-- Holds:     a user's model as check.lua wants it: states numbered by their
--            canonical bytes, so that equal states are one.
-- Invariant: each step gets a state of its own, decoded from bytes: it may
--            change it and return it.
--
--   return {                                -- a file, or a table given
--     init = function () return { a = 10, b = 0 } end,
--     step = function (state, input, output)    -- -> whether, next state
--       if input.f == "read" then
--         return output.value.a == state.a and output.value.b == state.b,
--           state
--       end
--       …
--     end,
--     key = function (input) return input.key end,   -- optional: parts that
--                                                    -- never meet
--     looks = { read = true },                -- optional: words that never
--   }                                         -- change the state
--
-- input is { f, key, value }; output is { value = … } for what
-- returned, nil for what nobody knows the outcome of: then 'step' says what
-- it becomes if it takes effect.

local blame = require "raft.blame"
local core = require "raft.core"
local options = require "raft.options"
local wording = require "raft.wording"

local check_user = {}

local SCHEMA = {
  init = { "function", required = true },
  step = { "function", required = true },
  key = { "function" },
  looks = { "table", default = {} },
  name = { "string", default = "of one's own" },
}

-- @param fn of the user's, that returned the value, if one did
local function encode(what, value, fn)
  local ok, bytes = core.encode(value)
  if not ok then
    error(blame.function_place(fn) .. what .. ": " .. tostring(bytes), 0)
  end
  return bytes
end

local function decode(bytes)
  local _, value = core.decode(bytes)
  return value
end

local function input_of(operation)
  return { f = operation.f, key = operation.key, value = operation.input }
end

-- Numbers for byte strings, from 0.
local function numbered(list, of, bytes)
  local number = of[bytes]
  if not number then
    number = #list
    list[number + 1], of[bytes] = bytes, number
  end
  return number
end

--- A model from a user's table; raises at 'level' for what is wrong with it.
function check_user.model(given)
  local ok, o = pcall(options.check, "model", given, SCHEMA, 0)
  if not ok then
    return nil, (tostring(o):gsub("^[^:]*:%d+: ", ""))
  end
  local states, state_of, classes, class_of = {}, {}, {}, {}
  local model = { name = o.name, keyed = o.key ~= nil }
  function model.key(operation)
    return o.key(input_of(operation))
  end
  local function word(operation)
    local returned = operation.outcome == "ok"
    if o.looks[operation.f] and not returned then
      return
    end
    local class = numbered(classes, class_of, encode("operation", {
      operation.f,
      operation.key == nil and core.null or operation.key,
      operation.input == nil and core.null or operation.input,
      returned, returned and operation.output or core.null,
    }))
    return o.looks[operation.f] and "look" or "step", class
  end
  function model.word()
    return word
  end
  function model.initial(value)
    if value ~= nil then
      return numbered(states, state_of, encode("initial", value))
    end
    return numbered(states, state_of, encode("init", o.init(), o.init))
  end
  function model.ask(state, operation)
    local output
    if operation.outcome == "ok" then
      output = { value = operation.output }
    end
    local may, next = o.step(decode(states[state + 1]), input_of(operation),
      output)
    if not may then
      return nil
    end
    return numbered(states, state_of, encode("step", next, o.step))
  end
  function model.shown(state)
    return decode(states[state + 1])
  end
  return model
end

--- A model from a Lua file.
-- @return a model; or nil and a message
function check_user.load(path)
  local chunk, message = loadfile(path)
  if not chunk then
    return nil, message
  end
  local ok, given = pcall(chunk)
  if not ok then
    return nil, tostring(given)
  elseif type(given) ~= "table" then
    return nil, path .. ": expected a table with init and step, got "
      .. wording.describe(given)
  end
  local model
  model, message = check_user.model(given)
  return model, message and path .. ": " .. message
end

return check_user
