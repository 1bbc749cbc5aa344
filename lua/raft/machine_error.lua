-- SPDX-License-Identifier: MIT
--
-- machine_error.lua - what a machine raised, as text.
--
-- Holds:     the text that the proposer gets for a value given to error().
-- Invariant: the same text on every member and every Lua: keys in order,
--            numbers in one form, no address of anybody's memory.

local getmetatable, ipairs, next = debug.getmetatable, ipairs, next
local rawget, type = rawget, type
local math_type = rawget(math, "type")
local string_byte, string_find = string.byte, string.find
local string_format, string_gsub = string.format, string.gsub
local table_concat, table_sort = table.concat, table.sort

local machine_error = {}

local DEPTH = 4 -- tables in tables; deeper ones are left out
local VALUES = 64 -- shown, of all tables together

local write

local function before(a, b)
  if type(a) ~= type(b) then
    return type(a) == "number"
  end
  return a < b
end

-- Keys that have an order; others cannot be sent anywhere either.
local function keys_of(value)
  local keys, whole = {}, true
  for key in next, value do
    if type(key) == "number" or type(key) == "string" then
      keys[#keys + 1] = key
    else
      whole = false
    end
  end
  table_sort(keys, before)
  return keys, whole
end

local function write_table(value, depth, budget)
  if depth > DEPTH then
    return "{...}"
  end
  local parts, position = {}, 1
  local keys, whole = keys_of(value)
  for _, key in ipairs(keys) do
    budget[1] = budget[1] - 1
    if budget[1] < 0 then
      whole = false
      break
    end
    local text = write(rawget(value, key), depth, budget)
    if key == position then
      position = position + 1
    elseif type(key) == "string" and string_find(key, "^[%a_][%w_]*$") then
      text = key .. "=" .. text
    else
      text = "[" .. write(key, depth, budget) .. "]=" .. text
    end
    parts[#parts + 1] = text
  end
  if not whole then
    parts[#parts + 1] = "..."
  end
  return "{" .. table_concat(parts, ", ") .. "}"
end

function write(value, depth, budget)
  local kind = type(value)
  if kind == "string" then
    return '"' .. string_gsub(value, "[%c\"\\]", function (char)
      return string_format("\\%03d", string_byte(char))
    end) .. '"'
  elseif kind == "table" then
    return write_table(value, depth + 1, budget)
  elseif kind == "number" then
    if math_type and math_type(value) == "integer" then
      return string_format("%d", value)
    end
    local whole = value % 1 == 0 and value > -1e15 and value < 1e15
    return string_format(whole and "%.0f" or "%.17g", value)
  elseif kind == "boolean" then
    return value and "true" or "false"
  end
  return kind
end

--- { code = "sold_out", left = 0 } -> '{code="sold_out", left=0}'; a string,
-- and a value with __tostring, is its own text.
-- @param value what was raised
-- @param tostring that of the machine, for values with __tostring
function machine_error.text(value, tostring)
  if type(value) == "string" then
    return value
  end
  local meta = getmetatable(value)
  if type(value) == "table" and type(meta) == "table"
     and rawget(meta, "__tostring") ~= nil then
    return tostring(value)
  end
  return write(value, 0, { VALUES })
end

return machine_error
