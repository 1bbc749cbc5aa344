-- SPDX-License-Identifier: MIT
--
-- unsteady.lua - plain libraries that show what may differ between members.
--
-- Holds:     pairs and next in an order of a seed's own; addresses, clock,
--            chance and collections that are the seed's too.
-- Invariant: one seed shows the same on every VM and in every process, so
--            that a run which it breaks can be run again; two seeds differ
--            in all of it.
-- Rule:      for a lua_State of its own, in a pretended world: it changes the
--            globals. A machine that depends on none of this notes nothing.
--
-- One table is walked alike twice by one member, as it is in Lua; after a
-- restart, or on another member, the same content comes in another order.

-- luacheck: read globals table.unpack

local Dice = require "raft.dice"

local unsteady = {}

local error, getmetatable, next, pairs = error, getmetatable, next, pairs
local rawequal, rawget, select, type = rawequal, rawget, select, type
local setmetatable, tostring, unpack = setmetatable, tostring, table.unpack
local collectgarbage, floor = collectgarbage, math.floor
local string_byte, string_format = string.byte, string.format
local string_gsub = string.gsub
local table_sort = table.sort
local real_clock, real_date, real_time = os.clock, os.date, os.time

unpack = unpack or rawget(_G, "unpack")

local honours_pairs = pairs(setmetatable({}, { __pairs = function()
  return true
end })) == true

local PRIME = 2147483647 -- 2^31 - 1: products with 2^21 stay below 2^53
local NOW = 1700000000 -- seconds; somewhere near the present
local BYTES_SEEN = 64 -- of a long key

-- ---- identity ---------------------------------------------------------------

-- A number for each table, function, … in the order of their first sight.
local function new_numbers(chance)
  local numbers = setmetatable({}, { __mode = "k" })
  return function(object)
    local number = numbers[object]
    if not number then
      number = chance:draw()
      numbers[object] = number
    end
    return number
  end
end

-- ---- walks ------------------------------------------------------------------

-- The rank of a key: another for each seed.
local function new_rank(seed, number_of)
  local factor = floor(seed / 1024) % 1000003 + 1000000
  local first = seed % PRIME
  return function(key)
    local kind = type(key)
    local text = key
    if kind == "number" then
      text = string_format("%.14g", key)
    elseif kind == "boolean" then
      text = key and "true" or "false"
    elseif kind ~= "string" then
      return number_of(key)
    end
    local hash = first
    for at = 1, #text < BYTES_SEEN and #text or BYTES_SEEN do
      hash = (hash * 65599 + string_byte(text, at)) % PRIME
    end
    hash = (hash * factor + 12345) % PRIME
    return hash * factor % PRIME
  end
end

local function new_order(rank)
  return function(t)
    local keys, ranks = {}, {}
    for key in next, t do
      keys[#keys + 1] = key
      ranks[key] = rank(key)
    end
    table_sort(keys, function(a, b)
      return ranks[a] < ranks[b]
    end)
    return keys
  end
end

local function add_walks(globals, order, collect)
  local walk = {}
  local function begin(t)
    walk.table, walk.keys, walk.at = t, order(t), 0
  end

  local function find(t, key)
    begin(t)
    for at = 1, #walk.keys do
      if rawequal(walk.keys[at], key) then
        walk.at = at
        return
      end
    end
    error("invalid key to 'next'", 3)
  end

  local function successor(keys, at, t)
    while true do
      at = at + 1
      local key = keys[at]
      if key == nil then
        return at
      end
      local value = rawget(t, key)
      if value ~= nil then
        return at, key, value
      end
    end
  end

  function globals.next(t, key)
    if type(t) ~= "table" then
      error("bad argument #1 to 'next' (table expected, got " .. type(t)
        .. ")", 2)
    elseif key == nil then
      if next(t) == nil then
        return nil
      end
      begin(t)
    elseif walk.table ~= t or not rawequal(walk.keys[walk.at], key) then
      find(t, key)
    end
    local found, value
    walk.at, found, value = successor(walk.keys, walk.at, t)
    return found, value
  end

  function globals.pairs(t)
    local meta = getmetatable(t)
    if type(t) ~= "table"
       or honours_pairs and type(meta) == "table" and meta.__pairs then
      return pairs(t)
    end
    collect()
    local keys, at = order(t), 0
    return function()
      local key, value
      at, key, value = successor(keys, at, t)
      return key, value
    end, t, nil
  end
end

-- ---- text -------------------------------------------------------------------

local function add_text(globals, number_of)
  local function address(value)
    return string_format("0x%014x", number_of(value))
  end

  local function text(...)
    local value = ...
    if select("#", ...) == 0 then
      return tostring(...)
    end
    local kind, meta = type(value), getmetatable(value)
    if kind ~= "table" and kind ~= "function" and kind ~= "thread"
       or type(meta) == "table" and meta.__tostring then
      return tostring(value)
    end
    return kind .. ": " .. address(value)
  end

  globals.tostring = text
  globals.string.format = function(form, ...)
    local count, given = select("#", ...), { ... }
    local at = 0
    form = string_gsub(form, "%%([-+ #0-9.]*)(.)", function(width, kind)
      local value
      if kind == "%" then
        return nil
      end
      at = at + 1
      value = given[at]
      if kind == "p" and type(value) ~= "number" then
        given[at] = value == nil and "(null)" or address(value)
        return "%" .. width .. "s"
      elseif kind == "s" and type(value) ~= "string" and at <= count then
        given[at] = text(value)
      end
      return nil
    end)
    return string_format(form, unpack(given, 1, count))
  end
end

-- ---- clock, chance, memory --------------------------------------------------

local function add_clock(globals, chance)
  local ahead = chance:number(3600) - 1800
  local ticks = chance:number(1000)
  local function now()
    ticks = ticks + 1
    return NOW + ahead + floor(ticks / 100)
  end
  local os = globals.os
  os.time = function(given)
    if given ~= nil then
      return real_time(given)
    end
    return now()
  end
  os.clock = real_clock and function()
    ticks = ticks + chance:number(10)
    return ticks / 1000
  end
  os.date = function(form, time)
    return real_date(form, time or now())
  end
end

local function add_chance(globals, chance)
  local own = chance
  globals.math.randomseed = function(seed)
    own = Dice.new(floor(tonumber(seed) or chance:draw()))
  end
  globals.math.random = function(low, high)
    if low == nil then
      return own:draw() / PRIME
    elseif high == nil then
      low, high = 1, low
    end
    if low > high then
      error("bad argument #" .. (low == 1 and 1 or 2)
        .. " to 'random' (interval is empty)", 2)
    end
    return floor(low) + own:number(floor(high - low) + 1) - 1
  end
end

local function add_memory(globals, chance)
  globals.collectgarbage = function(what, ...)
    if what == "count" then
      return 100 + chance:number(100000) / 1024
    end
    return collectgarbage(what, ...)
  end
end

--- Collects at other moments than any other seed does.
function unsteady.collect(seed)
  collectgarbage("setpause", 101 + seed % 150)
end

--- Puts the libraries of a seed in the place of the plain ones.
-- @param globals _G of a state that belongs to one machine
-- @param seed a whole number from 1, below 2^53
function unsteady.install(globals, seed)
  local chance = Dice.new(seed)
  local number_of = new_numbers(Dice.new(seed + 1))
  local moments = Dice.new(seed + 2)
  local function collect()
    if moments:number(8) == 1 then
      collectgarbage()
    end
  end
  unsteady.collect(seed)
  add_walks(globals, new_order(new_rank(seed, number_of)), collect)
  add_text(globals, number_of)
  add_clock(globals, chance)
  add_chance(globals, chance)
  add_memory(globals, chance)
end

return unsteady
