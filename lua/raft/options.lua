-- SPDX-License-Identifier: MIT
--
-- options.lua - option tables, read strictly.
--
-- Holds:     the check of a table of options against a schema.
-- Knows not: what any option is for.
-- Rule:      a mistake is an error at the caller's level, in one line: where,
--            what was expected, what came. Nothing is guessed.

local address = require "raft.address"
local quantity = require "raft.quantity"
local wording = require "raft.wording"

local options = {}

local expected = wording.expected

local function is(kind, text)
  return function (value)
    if type(value) ~= kind then
      return expected(text, value)
    end
    return value
  end
end

local function whole(value, row)
  local least, most = row.min or 0, row.max or quantity.MAX
  if type(value) ~= "number" or value % 1 ~= 0 or value < least
     or value > most then
    local range = ("a whole number from %.0f"):format(least)
    if row.max then
      range = range .. (" to %.0f"):format(most)
    end
    return expected(range, value)
  end
  return math.floor(value)
end

-- A quantity within the bounds of its row.
local function within(noun, read, text)
  return function (value, row)
    local least, most = row.min or 0, row.max or quantity.MAX
    local number, message = read(value)
    if not number or number >= least and number <= most then
      return number, message
    elseif number > most then
      return expected(noun .. " of at most " .. text(most), value)
    end
    return expected(least == 1 and noun .. " above 0"
      or noun .. " of at least " .. text(least), value)
  end
end

local function one_of(value, row)
  for _, word in ipairs(row.words) do
    if word == value then
      return value
    end
  end
  return expected("one of " .. table.concat(row.words, ", "), value)
end

-- A zero byte would end it early, below Lua.
local function path(value)
  if type(value) ~= "string" or value == ""
     or value:find("\0", 1, true) then
    return expected("a path, without zero bytes", value)
  end
  return value
end

local TYPES = {
  any = function (value)
    return value
  end,
  address = function (value)
    local ok, message = address.parse(value)
    return ok and value, message
  end,
  addresses = address.list,
  boolean = is("boolean", "true or false"),
  duration = within("a duration", quantity.duration, quantity.duration_text),
  ["function"] = is("function", "a function"),
  id = address.id,
  members = address.members,
  one_of = one_of,
  path = path,
  size = within("a size", quantity.size, quantity.size_text),
  string = is("string", "a string"),
  table = is("table", "a table"),
  whole = whole,
}

local function names_of(schema)
  local names = {}
  for name in pairs(schema) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function unknown_key(key, schema)
  local names = names_of(schema)
  if type(key) ~= "string" then
    return "expected options by name, got " .. wording.describe(key)
      .. " as a name"
  end
  local near = wording.nearest(key, names)
  if near then
    return ('unknown option "%s", did you mean "%s"?'):format(key, near)
  end
  return ('unknown option "%s", expected one of %s'):format(key,
    table.concat(names, ", "))
end

local function read(name, value, row)
  if value == nil and row.default ~= nil then
    value = row.default
  elseif value == nil and not row.required then
    return nil
  end
  local reader = TYPES[row[1]]
  local result, message = reader(value, row)
  if message then
    return nil, ("option %s: %s"):format(name, message)
  end
  return result
end

--- Checks a table of options against a schema.
--
--   local SCHEMA = {
--     dir = { "string", required = true },
--     timeout = { "duration", default = "5s" },
--     limit = { "whole", min = 1, max = 1000 },
--     read = { "one_of", words = { "linear", "stale" } },
--   }
--   local o = options.check("raft.node", given, SCHEMA)
--
-- Kinds: any, address, addresses, boolean, duration, function, id, members,
-- one_of, path, size, string, table, whole; 'min' and 'max' bound durations,
-- sizes and whole numbers. A default is written as a user
-- would.
-- @param where the function's name, before each message
-- @param given what the user gave; nil is an empty table
-- @param level whom to blame, as for error(); 1 is the caller of the function
-- that calls this one
-- @return a new table: durations in microseconds, sizes in bytes
function options.check(where, given, schema, level)
  level = (level or 1) + 2
  if given == nil then
    given = {}
  elseif type(given) ~= "table" then
    error(where .. ": expected a table of options, got "
      .. wording.describe(given), level)
  end
  for key in pairs(given) do
    if schema[key] == nil then
      error(where .. ": " .. unknown_key(key, schema), level)
    end
  end
  local result = {}
  for _, name in ipairs(names_of(schema)) do
    local value, message = read(name, given[name], schema[name])
    if message then
      error(where .. ": " .. message, level)
    end
    result[name] = value
  end
  return result
end

return options
