-- SPDX-License-Identifier: MIT
--
-- canonical.lua - the canonical encoding of values a second time, in Lua, as
-- plainly as it can be said: the twin of bindings/value_encode.c.
--
-- Written from the rules in core/wire/value.h, not from its code: numbers are
-- taken apart by arithmetic, texts are judged by decoding them, keys are
-- compared byte by byte.

local core = require "raft.core"

local canonical = {}

local LIMIT = 2 ^ 53

-- Lua 5.3 and later:
local number_type = rawget(math, "type")
local to_integer = rawget(math, "tointeger")
local pack = rawget(string, "pack")

local function is_integer_type(number)
  return number_type and number_type(number) == "integer"
end

local function big_endian(number, width)
  local bytes = {}
  for i = width, 1, -1 do
    bytes[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(bytes)
end

-- 64 bits of two's complement, as two halves of 32.
local function signed_64(number)
  local high = math.floor(number / 2 ^ 32)
  local low = number - high * 2 ^ 32
  return big_endian(high % 2 ^ 32, 4) .. big_endian(low, 4)
end

local function integer(number)
  if is_integer_type(number)
     and (number >= to_integer(LIMIT)
          or number <= to_integer(-LIMIT)) then
    return (number >= 0 and "\207" or "\211") .. pack(">i8", number)
  elseif number >= 0 then
    if number < 128 then
      return string.char(number)
    elseif number < 2 ^ 8 then
      return "\204" .. big_endian(number, 1)
    elseif number < 2 ^ 16 then
      return "\205" .. big_endian(number, 2)
    elseif number < 2 ^ 32 then
      return "\206" .. big_endian(number, 4)
    end
    return "\207" .. signed_64(number)
  elseif number >= -32 then
    return string.char(256 + number)
  elseif number >= -2 ^ 7 then
    return "\208" .. big_endian(number % 2 ^ 8, 1)
  elseif number >= -2 ^ 15 then
    return "\209" .. big_endian(number % 2 ^ 16, 2)
  elseif number >= -2 ^ 31 then
    return "\210" .. big_endian(number % 2 ^ 32, 4)
  end
  return "\211" .. signed_64(number)
end

-- IEEE 754 by hand: sign, eleven bits of exponent, 52 of fraction.
local function float(number)
  local sign, exponent, fraction = 0, 0, 0
  if number ~= number then
    return "\203\127\248" .. ("\0"):rep(6)
  elseif number < 0 then
    sign, number = 1, -number
  end
  if number == math.huge then
    exponent = 2047
  elseif number > 0 then
    local power = 1022
    while number >= 1 and power < 2046 do
      number, power = number / 2, power + 1
    end
    while number < 0.5 and power > 0 do
      number, power = number * 2, power - 1
    end
    if power == 0 then -- a denormal
      exponent, fraction = 0, number * 2 ^ 52
    else
      exponent, fraction = power, (number * 2 - 1) * 2 ^ 52
    end
  end
  local high = math.floor(fraction / 2 ^ 32)
  local low = fraction - high * 2 ^ 32
  return "\203"
    .. big_endian(sign * 2 ^ 31 + exponent * 2 ^ 20 + high, 4)
    .. big_endian(low, 4)
end

-- The code points of a text; nil when it is not UTF-8.
local function code_points(text)
  local points, at = {}, 1
  while at <= #text do
    local byte = text:byte(at)
    local more, point, least
    if byte < 0x80 then
      more, point, least = 0, byte, 0
    elseif byte >= 0xc0 and byte < 0xe0 then
      more, point, least = 1, byte - 0xc0, 0x80
    elseif byte >= 0xe0 and byte < 0xf0 then
      more, point, least = 2, byte - 0xe0, 0x800
    elseif byte >= 0xf0 and byte < 0xf8 then
      more, point, least = 3, byte - 0xf0, 0x10000
    else
      return nil
    end
    for i = 1, more do
      local next_byte = text:byte(at + i)
      if not next_byte or next_byte < 0x80 or next_byte >= 0xc0 then
        return nil
      end
      point = point * 64 + next_byte - 0x80
    end
    if point < least or point > 0x10ffff
       or point >= 0xd800 and point <= 0xdfff then
      return nil
    end
    points[#points + 1] = point
    at = at + more + 1
  end
  return points
end

function canonical.is_utf8(text)
  return code_points(text) ~= nil
end

local function text_or_bytes(text)
  local size = #text
  local width = size < 2 ^ 8 and 1 or size < 2 ^ 16 and 2 or 4
  local names = { 0, 1, nil, 2 }
  if not canonical.is_utf8(text) then
    return string.char(0xc4 + names[width]) .. big_endian(size, width) .. text
  elseif size < 32 then
    return string.char(0xa0 + size) .. text
  end
  return string.char(0xd9 + names[width]) .. big_endian(size, width) .. text
end

local function container(small, wide, count)
  if count < 16 then
    return string.char(small + count)
  elseif count < 2 ^ 16 then
    return string.char(wide) .. big_endian(count, 2)
  end
  return string.char(wide + 1) .. big_endian(count, 4)
end

-- Whether key a stands before key b.
function canonical.key_less(a, b)
  if type(a) ~= type(b) then
    return type(a) == "number"
  elseif type(a) == "number" then
    return a < b
  end
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then
      return a:byte(i) < b:byte(i)
    end
  end
  return #a < #b
end

local encode

local function is_list(t, count)
  for i = 1, count do
    if rawget(t, i) == nil then
      return false
    end
  end
  return true
end

local function encode_table(t)
  local keys, parts = {}, {}
  for key in next, t do
    keys[#keys + 1] = key
  end
  if #keys == 0 then
    return getmetatable(t) == "raft.map" and "\128" or "\144"
  elseif is_list(t, #keys) then
    parts[1] = container(0x90, 0xdc, #keys)
    for i = 1, #keys do
      parts[#parts + 1] = encode(t[i])
    end
    return table.concat(parts)
  end
  table.sort(keys, canonical.key_less)
  parts[1] = container(0x80, 0xde, #keys)
  for _, key in ipairs(keys) do
    parts[#parts + 1] = encode(key)
    parts[#parts + 1] = encode(t[key])
  end
  return table.concat(parts)
end

function encode(value)
  if value == nil or value == core.null then
    return "\192"
  elseif type(value) == "boolean" then
    return value and "\195" or "\194"
  elseif type(value) == "string" then
    return text_or_bytes(value)
  elseif type(value) == "table" then
    return encode_table(value)
  elseif is_integer_type(value) then
    return integer(value)
  elseif value % 1 == 0 and value > -LIMIT and value < LIMIT then
    return integer(value)
  end
  return float(value)
end

--- The canonical bytes of a value that has them.
canonical.encode = encode

function canonical.hex(bytes)
  return (bytes:gsub(".", function (byte)
    return ("%02x"):format(byte:byte())
  end))
end

function canonical.bytes(hex)
  return (hex:gsub("%s+", ""):gsub("..", function (digits)
    return string.char(tonumber(digits, 16))
  end))
end

return canonical
