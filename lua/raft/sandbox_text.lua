-- SPDX-License-Identifier: MIT
--
-- sandbox_text.lua - values as text, the same text on every member.
--
-- Holds:     tostring, and the functions of string and table that make text
--            of values or that could ask for absurd amounts of memory.
-- Invariant: no address is ever shown, a number has one text on every VM.
-- Limit:     the operator .. cannot be replaced: 5.0 .. "" is "5.0" on Lua
--            5.3 and 5.4 and "5" elsewhere. Members on different VMs are
--            refused for such reasons.

-- luacheck: read globals unpack table.unpack math.type

local text = {}

local error, select, type = error, select, type
local pcall, rawget = pcall, rawget
local getmetatable = debug.getmetatable
local string_format, string_gmatch = string.format, string.gmatch
local string_gsub = string.gsub
local string_rep, string_sub = string.rep, string.sub
local table_concat = table.concat
local unpack = table.unpack or unpack
local math_type = math.type

local EXACT = 2 ^ 53       -- below it every VM holds an integer exactly
local TEXT_MAX = 64 * 2 ^ 20 -- bytes that string.rep may make at once

local NAN = 0 / 0 -- printed without a sign, which would vary
if string_sub(string_format("%f", NAN), 1, 1) == "-" then
  NAN = -NAN
end

local function number_text(value)
  if value ~= value then
    return "nan"
  elseif value == 1 / 0 then
    return "inf"
  elseif value == -1 / 0 then
    return "-inf"
  elseif math_type and math_type(value) == "integer" then
    return string_format("%d", value)
  elseif value % 1 == 0 and value > -EXACT and value < EXACT then
    return value == 0 and "0" or string_format("%d", value)
  end
  return string_format("%.14g", value)
end

-- Runs a function of the string library with a message that blames whoever
-- called us. No code of the machine runs inside: a refused allocation is the
-- only error that is not about the arguments.
local function blamed(host, name, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then
    return result
  elseif result == "not enough memory"
     or result == "not enough memory for buffer allocation" then
    host.exhausted()
  end
  error((string_gsub(result, "to '[^']*'", "to '" .. name .. "'")), 3)
end

local function new_tostring(host)
  return function(value)
    local kind = type(value)
    if kind == "string" then
      return value
    elseif kind == "number" then
      return number_text(value)
    elseif kind == "boolean" then
      return value and "true" or "false"
    elseif kind == "nil" then
      return "nil"
    elseif value == host.null then
      return "null"
    end
    local meta = getmetatable(value)
    local own = kind == "table" and meta and rawget(meta, "__tostring")
    if own then
      local result = own(value)
      if type(result) ~= "string" then
        error("'__tostring' must return a string", 2)
      end
      return result
    end
    local name = meta and rawget(meta, "__name")
    return type(name) == "string" and name or kind
  end
end

-- string.format: values of %s as tostring has them, no %p, one NaN.
local function new_format(host, tostring)
  return function(format, ...)
    if type(format) ~= "string" then
      error("bad argument #1 to 'format' (string expected, got "
        .. type(format) .. ")", 2)
    end
    local count = select("#", ...)
    local values = { ... }
    local index = 0
    for letter in string_gmatch(format, "%%[^%a%%]*(.?)") do
      if letter ~= "%" then
        index = index + 1
        local value = values[index]
        if letter == "p" then
          error("'%p' shows an address, which differs between members", 2)
        elseif letter == "s" and index <= count then
          values[index] = tostring(value)
        elseif value ~= value then
          values[index] = NAN
        end
      end
    end
    return (blamed(host, "format", string_format, format,
      unpack(values, 1, count)))
  end
end

local function new_rep(host)
  return function(value, count, separator)
    local kind = type(value)
    if (kind == "string" or kind == "number") and type(count) == "number" then
      local size = #(value .. "") + #(separator or "")
      if count * size > TEXT_MAX then
        error("resulting string too large", 2)
      end
    end
    if separator ~= nil then
      return (blamed(host, "rep", string_rep, value, count, separator))
    end
    return (blamed(host, "rep", string_rep, value, count))
  end
end

-- A copy of the list with its numbers as text; the list, if it has none.
local function with_texts(list, first, last)
  local copy
  for i = first, last do
    if type(list[i]) == "number" then
      copy = copy or {}
      copy[i] = number_text(list[i])
    end
  end
  if not copy then
    return list
  end
  for i = first, last do
    copy[i] = copy[i] or list[i]
  end
  return copy
end

local function new_concat(host)
  return function(list, separator, first, last)
    if type(list) == "table" then
      first, last = first or 1, last or #list
      if type(first) == "number" and type(last) == "number" then
        list = with_texts(list, first, last)
      end
    end
    return (blamed(host, "concat", table_concat, list, separator or "",
      first, last))
  end
end

--- The functions, for one lua_State.
-- @param host { null = …, exhausted = function that ends the machine }
-- @return { tostring = …, format = …, rep = …, concat = … }
function text.new(host)
  local tostring = new_tostring(host)
  return {
    tostring = function(...)
      if select("#", ...) == 0 then
        error("bad argument #1 to 'tostring' (value expected)", 2)
      end
      return tostring((...))
    end,
    format = new_format(host, tostring),
    rep = new_rep(host),
    concat = new_concat(host),
  }
end

return text
