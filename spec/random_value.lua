-- SPDX-License-Identifier: MIT
--
-- random_value.lua - a random value, with small tables of all kinds in it,
-- and a random key of a table.
--
--   random_value.value(random, 0)   random: of helper; 0: how deep it lies
--   random_value.key(random)

local core = require "raft.core"

local NUMBERS = { 0, -1, 127, 128, 255, 256, 65535, 65536, 2 ^ 32 - 1, 2 ^ 32,
  2 ^ 53 - 1, 2 ^ 53, 2 ^ 63, 2 ^ 64, 1e300, 0.1, 1 / 0, -32, -33, -128, -129,
  -32768, -32769, -2 ^ 31, -2 ^ 31 - 1, -2 ^ 53, 5e-324, 2.2e-308 }

local function random_string(random)
  local size = random:pick { 3, 31, 32, 33, 255, 256, 300 }
  if random:one_in(3) then
    return random:bytes(0, 6)
  end
  return random:pick { "a", "key", ("x"):rep(size), "\195\164", "\255",
    "a\0b", ("\128"):rep(size) }
end

local random_value

local function random_key(random)
  if random:boolean() then
    return random:integer(-3, 40)
  end
  return random_string(random)
end

local function random_table(random, depth)
  if random:one_in(8) then
    return core.map {}
  end
  local t = {}
  if random:boolean() then
    for i = 1, random:integer(0, 20) do
      t[i] = random_value(random, depth + 1)
    end
  end
  for _ = 1, random:integer(0, 5) do
    t[random_key(random)] = random_value(random, depth + 1)
  end
  return t
end

function random_value(random, depth)
  local kind = random:integer(1, depth < 4 and 6 or 5)
  if kind == 1 then
    return random:boolean()
  elseif kind == 2 then
    return random:pick(NUMBERS)
  elseif kind == 3 then
    return random:integer(-100000, 100000) / random:pick { 1, 2, 3 }
  elseif kind == 4 then
    return random_string(random)
  elseif kind == 5 then
    return core.null
  end
  return random_table(random, depth)
end

return { value = random_value, key = random_key }
