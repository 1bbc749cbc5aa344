-- SPDX-License-Identifier: MIT
--
-- ordered.lua - tables in an order that does not depend on their history.
--
-- Holds:     pairs, next and keys in key order; a stable sort.
-- Invariant: two tables with equal content are walked alike, on every VM and
--            however they came to their content.
--
-- The order of keys: numbers by value; then strings by bytes, a prefix before
-- what it begins (as in the canonical encoding of a map); then false, true.
-- Other keys have no order that two processes could share: they are refused.

local ordered = {}

local error, rawget, type = error, rawget, type
local real_next = next
local getmetatable = debug and debug.getmetatable or getmetatable
local table_sort, math_min, byte = table.sort, math.min, string.byte

-- Byte by byte: the operator < asks the locale of the process on some VMs.
local string_less = function(a, b)
  for i = 1, math_min(#a, #b) do
    local byte_a, byte_b = byte(a, i), byte(b, i)
    if byte_a ~= byte_b then
      return byte_a < byte_b
    end
  end
  return #a < #b
end

-- Without a comparison, table.sort is several times as fast.
local sort_strings = function(strings)
  table_sort(strings, string_less)
end

--- From now on < of this lua_State is known to compare bytes: its thread is in
-- the locale "C" whenever it runs (bindings/machine.c sees to that).
function ordered.trust_comparison()
  string_less = function(a, b)
    return a < b
  end
  sort_strings = table_sort
end

local RANK = { number = 1, string = 2, boolean = 3 }

local function rank_of(key, level)
  local rank = RANK[type(key)]
  if not rank then
    error("a table with a " .. type(key) .. " as a key has no order: use"
      .. " numbers, strings or booleans as keys", level + 1)
  end
  return rank
end

local function key_less(a, b)
  local rank_a, rank_b = RANK[type(a)], RANK[type(b)]
  if rank_a ~= rank_b then
    return rank_a < rank_b
  elseif rank_a == 1 then
    return a < b
  elseif rank_a == 2 then
    return string_less(a, b)
  end
  return not a and b
end

--- Whether key a comes before key b.
function ordered.less(a, b)
  rank_of(a, 2)
  rank_of(b, 2)
  return key_less(a, b)
end

--- The keys of a table, in order: { 1, 2, "a", "bc", true }.
-- @param t a table
-- @param level where a refusal is blamed, as for error(); 1: the caller
-- @return a list
function ordered.keys(t, level)
  local numbers, strings = {}, {}
  local ascending, last = true, nil
  for key in real_next, t do
    local rank = rank_of(key, (level or 1) + 1)
    if rank == 1 then
      ascending = ascending and (last == nil or last < key)
      last = key
      numbers[#numbers + 1] = key
    elseif rank == 2 then
      strings[#strings + 1] = key
    end
  end
  if not ascending then
    table_sort(numbers)
  end
  sort_strings(strings)
  for i = 1, #strings do
    numbers[#numbers + 1] = strings[i]
  end
  if rawget(t, false) ~= nil then
    numbers[#numbers + 1] = false
  end
  if rawget(t, true) ~= nil then
    numbers[#numbers + 1] = true
  end
  return numbers
end

--- pairs in key order. A key that is removed on the way is not visited; one
-- that is added is not either. Honours __pairs on every VM.
function ordered.pairs(t)
  local meta = getmetatable(t)
  local own = type(meta) == "table" and rawget(meta, "__pairs")
  if own then
    local iterate, state, first = own(t)
    return iterate, state, first
  elseif type(t) ~= "table" then
    error("bad argument #1 to 'pairs' (table expected, got "
      .. (t == nil and "no value" or type(t)) .. ")", 2)
  end
  local keys = ordered.keys(t, 2)
  local position = 0
  return function()
    while true do
      position = position + 1
      local key = keys[position]
      if key == nil then
        return nil
      end
      local value = rawget(t, key)
      if value ~= nil then
        return key, value
      end
    end
  end, t, nil
end

-- One walk by next() at a time is remembered, so that it takes a sort and not
-- one per key. Whoever replays calls forget() where the walk may have changed
-- in between.
local walk = { table = nil, keys = nil, position = 0 }

function ordered.forget()
  walk.table, walk.keys, walk.position = nil, nil, 0
end

local function position_after(keys, key)
  local low, high = 1, #keys + 1
  while low < high do
    local middle = (low + high - (low + high) % 2) / 2
    if key_less(key, keys[middle]) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

--- next in key order. next(t) of a large table is cheap only when it is
-- empty; walk with pairs.
function ordered.next(t, key)
  if type(t) ~= "table" then
    error("bad argument #1 to 'next' (table expected, got "
      .. (t == nil and "no value" or type(t)) .. ")", 2)
  elseif key == nil then
    if real_next(t) == nil then
      return nil
    end
    walk.table, walk.keys, walk.position = t, ordered.keys(t, 2), 0
  elseif walk.table ~= t or walk.keys[walk.position] ~= key then
    rank_of(key, 2)
    walk.table, walk.keys = t, ordered.keys(t, 2)
    walk.position = position_after(walk.keys, key) - 1
  end
  while true do
    walk.position = walk.position + 1
    local found = walk.keys[walk.position]
    if found == nil then
      ordered.forget()
      return nil
    end
    local value = rawget(t, found)
    if value ~= nil then
      return found, value
    end
  end
end

local RUN = 8 -- lists of this length are sorted by insertion

local function insertion_sort(list, first, last, less)
  for i = first + 1, last do
    local value = list[i]
    local j = i - 1
    while j >= first and less(value, list[j]) do
      list[j + 1] = list[j]
      j = j - 1
    end
    list[j + 1] = value
  end
end

local function merge(from, to, first, middle, last, less)
  local left, right = first, middle + 1
  for at = first, last do
    if right > last
       or (left <= middle and not less(from[right], from[left])) then
      to[at] = from[left]
      left = left + 1
    else
      to[at] = from[right]
      right = right + 1
    end
  end
end

local function default_less(a, b)
  return a < b
end

--- A stable sort: equal elements keep their order, and the result depends on
-- the list and the comparison alone. Returns nothing, as table.sort.
function ordered.sort(list, less)
  if type(list) ~= "table" then
    error("bad argument #1 to 'sort' (table expected, got "
      .. (list == nil and "no value" or type(list)) .. ")", 2)
  elseif less ~= nil and type(less) ~= "function" then
    error("bad argument #2 to 'sort' (function expected, got "
      .. type(less) .. ")", 2)
  end
  less = less or default_less
  local count = #list
  for first = 1, count, RUN do
    insertion_sort(list, first, math_min(first + RUN - 1, count), less)
  end
  local from, to = list, {}
  local width = RUN
  while width < count do
    for first = 1, count, 2 * width do
      local middle = math_min(first + width - 1, count)
      local last = math_min(first + 2 * width - 1, count)
      merge(from, to, first, middle, last, less)
    end
    from, to = to, from
    width = 2 * width
  end
  if from ~= list then
    for i = 1, count do
      list[i] = from[i]
    end
  end
end

return ordered
