-- SPDX-License-Identifier: MIT
--
-- quantity.lua - durations and sizes as people write them.
--
-- Holds:  "150ms" and "64MiB" to whole microseconds and bytes.
--         And back.
-- Rule:   a unit is never guessed: a duration has one, and 64MB is refused.

local wording = require "raft.wording"

local quantity = {}

quantity.MAX = 2 ^ 53 - 1 -- every Lua holds whole numbers up to here

local expected = wording.expected

local DURATIONS = {
  us = 1,
  ms = 1000,
  s = 1000 * 1000,
  min = 60 * 1000 * 1000,
  h = 3600 * 1000 * 1000,
  d = 24 * 3600 * 1000 * 1000,
}

local SIZES = {
  B = 1,
  KiB = 1024,
  MiB = 1024 ^ 2,
  GiB = 1024 ^ 3,
  TiB = 1024 ^ 4,
}

local function with_unit(value, units)
  if type(value) ~= "string" then
    return nil
  end
  local digits, unit = value:match("^(%d+%.?%d*) ?(%a+)$")
  local factor = digits and units[unit]
  local number = factor and (tonumber(digits) + 0.0) * factor
  if not number or number > quantity.MAX then
    return nil
  end
  return math.floor(number + 0.5)
end

--- "150ms" -> 150000, in microseconds. A number alone has no unit and is
-- refused; units are us, ms, s, min, h, d.
-- @return the duration, or nil and a message
function quantity.duration(value)
  local number = with_unit(value, DURATIONS)
  if not number then
    return expected('a duration such as "150ms", "5s" or "2min"', value)
  end
  return number
end

--- "64MiB" -> 67108864, in bytes; a whole number is bytes. Units are B, KiB,
-- MiB, GiB, TiB: powers of 1024, and no others, so that 64MB is not a guess.
-- @return the size, or nil and a message
function quantity.size(value)
  local number = with_unit(value, SIZES)
  if type(value) == "number" and value >= 0 and value % 1 == 0
     and value <= quantity.MAX then
    number = math.floor(value)
  end
  if not number then
    return expected('a size such as "512KiB" or "64MiB"', value)
  end
  return number
end

-- Of the units that divide it, the largest; 0 has the last of them.
local function with_largest(number, names, units)
  for _, name in ipairs(names) do
    if number % units[name] == 0 then
      return ("%.0f"):format(number / units[name]) .. name
    end
  end
end

--- 150000 -> "150ms"
function quantity.duration_text(us)
  return with_largest(us, { "h", "min", "s", "ms", "us" }, DURATIONS)
end

--- 67108864 -> "64MiB"
function quantity.size_text(bytes)
  return with_largest(bytes, { "GiB", "MiB", "KiB", "B" }, SIZES)
end

return quantity
