-- SPDX-License-Identifier: MIT
--
-- edn.lua - the part of EDN that histories are written in.
--
-- Holds:  read and write of nil, true, false, numbers, strings, keywords,
--         symbols, vectors, lists, sets and maps; tagged values lose their tag.
-- Rule:   a keyword or symbol is the string without its colon; a map becomes
--         a table, a vector, list or set an array. Depth is bounded.

local ordered = require "raft.ordered"
local wording = require "raft.wording"

local edn = {}

local DEPTH_MAX = 64

local ESCAPES = { n = "\n", t = "\t", r = "\r", ['"'] = '"', ["\\"] = "\\" }
local CLOSERS = { ["["] = "]", ["("] = ")", ["{"] = "}", ["#{"] = "}" }
local CONSTANTS = { ["true"] = true, ["false"] = false }

-- A nil inside an array or map would make a hole.
local NIL = require("raft.core").null

local function fail(at, what, text)
  local came = text:sub(at):match("^%S+")
  error({ at = at, message = select(2, wording.expected(what, came)) }, 0)
end

local find, byte, sub, match = string.find, string.byte, string.sub,
  string.match

-- Past blanks, commas and comments: where the next thing begins.
local function skip(text, at)
  local next = match(text, "^[%s,]*()", at)
  while byte(text, next) == 59 do -- ;
    local line = find(text, "\n", next, true) or #text + 1
    next = match(text, "^[%s,]*()", line)
  end
  return next
end

local value

local function read_escaped(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = find(text, '["\\]', from)
    if not stop then
      fail(at, 'a string that ends with "', text)
    end
    parts[#parts + 1] = sub(text, from, stop - 1)
    if byte(text, stop) == 34 then -- "
      return table.concat(parts), stop + 1
    end
    local escaped = ESCAPES[sub(text, stop + 1, stop + 1)]
    if not escaped then
      fail(stop, "an escape of a string", text)
    end
    parts[#parts + 1] = escaped
    from = stop + 2
  end
end

local function read_string(text, at)
  local body, after = match(text, '^"([^"\\]*)"()', at)
  if body then
    return body, after
  end
  return read_escaped(text, at)
end

-- Past the closer; false: there is another item at 'at'.
local function ends(text, at, closer)
  if at > #text then
    fail(at, "a " .. closer, text)
  end
  return sub(text, at, at) == closer and at + 1
end

local function check_depth(text, at, depth)
  if depth > DEPTH_MAX then
    fail(at, "at most " .. DEPTH_MAX .. " levels", text)
  end
end

-- 'places' takes where each item begins, if somebody asks.
local function read_items(text, at, closer, depth, places)
  check_depth(text, at, depth)
  local items, count = {}, 0
  at = skip(text, at)
  local after = ends(text, at, closer)
  while not after do
    local item
    count = count + 1
    if places then
      places[count] = at
    end
    item, at = value(text, at, depth)
    items[count] = item == nil and NIL or item
    at = skip(text, at)
    after = ends(text, at, closer)
  end
  return items, after
end

local function read_map(text, at, depth)
  check_depth(text, at, depth)
  local map, start = {}, at
  at = skip(text, at)
  local after = ends(text, at, "}")
  while not after do
    local key, next = match(text, "^:([%w_-]+) ()", at) -- as mostly
    if not key then
      key, next = value(text, at, depth)
    end
    if type(key) == "table" or key == nil then
      fail(start, "a keyword, string or number as a key", text)
    end
    at = skip(text, next)
    if ends(text, at, "}") then
      fail(start, "a value for each key of a map", text)
    end
    map[key], at = value(text, at, depth)
    at = skip(text, at)
    after = ends(text, at, "}")
  end
  return map, after
end

local function read_word(text, at)
  local word, after = match(text, '^:?([^%s,;"%[%](){}]+)()', at)
  if not word then
    fail(at, "a value", text)
  end
  if byte(text, at) == 58 then -- :
    return word, after
  elseif word == "nil" then
    return nil, after
  elseif CONSTANTS[word] ~= nil then
    return CONSTANTS[word], after
  end
  local digits = match(word, "^([+-]?%d[%d%.eE+-]*)[NM]?$")
  return digits and tonumber((digits:gsub("^%+", ""))) or word, after
end

local function read_tagged(text, at, depth)
  if byte(text, at + 1) == 123 then -- {
    return read_items(text, at + 2, "}", depth + 1)
  end
  local after = match(text, "^#[%w%._/%-]+()", at)
  if not after or depth > DEPTH_MAX then
    fail(at, "a set or a tagged value", text)
  end
  return value(text, skip(text, after), depth + 1)
end

-- At the first byte of one.
function value(text, at, depth)
  local first = sub(text, at, at)
  if first == ":" or find(first, "%w") then
    return read_word(text, at)
  elseif first == '"' then
    return read_string(text, at)
  elseif first == "{" then
    return read_map(text, at + 1, depth + 1)
  elseif first == "#" then
    return read_tagged(text, at, depth)
  elseif CLOSERS[first] then
    return read_items(text, at + 1, CLOSERS[first], depth + 1)
  end
  return read_word(text, at)
end

local function guarded(fn, text)
  local ok, first, second = pcall(fn, text)
  if ok then
    return true, first, second
  elseif type(first) ~= "table" then
    error(first, 0)
  end
  return false, first
end

local function read_one(text)
  local one, after = value(text, skip(text, 1), 0)
  after = skip(text, after)
  if after <= #text then
    fail(after, "one value", text)
  end
  return one
end

--- One value and nothing behind it.
-- @return the value; or nil and a message
function edn.read(text)
  local ok, result = guarded(read_one, text)
  if not ok then
    return nil, result.message
  end
  return result
end

local function line_counter(text)
  local at, line = 1, 1
  return function (position)
    while true do
      local newline = text:find("\n", at, true)
      if not newline or newline >= position then
        return line
      end
      at, line = newline + 1, line + 1
    end
  end
end

local function read_whole(text)
  local at = skip(text, 1)
  local closer = CLOSERS[text:sub(at, at)]
  local places = {}
  if closer and closer ~= "}" then
    local list, after = read_items(text, at + 1, closer, 1, places)
    after = skip(text, after)
    if after <= #text then
      fail(after, "the end of the file", text)
    end
    return list, places
  end
  local list, count = {}, 0
  while at <= #text do
    local item
    count = count + 1
    places[count] = at
    item, at = value(text, at, 0)
    list[count] = item == nil and NIL or item
    at = skip(text, at)
  end
  return list, places
end

--- All values of a text, or of the one vector or list that it is.
-- @return { value, …, lines = { 1, … } }; or nil, a message and the line
function edn.read_all(text)
  local line_of = line_counter(text)
  local ok, items, places = guarded(read_whole, text)
  if not ok then
    return nil, items.message, line_of(items.at)
  end
  items.lines = {}
  for i, at in ipairs(places) do
    items.lines[i] = line_of(at)
  end
  return items
end

-- ---- writing -------------------------------------------------------------

local function quoted(text)
  return '"' .. text:gsub('[\\"\n\r\t]', function (char)
    return ({ ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" })[char]
      or "\\" .. char
  end) .. '"'
end

--- A value of raft as EDN. Tables are arrays or maps, as in JSON.
function edn.write(given)
  local kind = type(given)
  if given == nil or given == NIL then
    return "nil"
  elseif kind == "string" then
    return quoted(given)
  elseif kind == "number" then
    return given % 1 == 0 and math.abs(given) < 2 ^ 63
      and ("%d"):format(given) or ("%.17g"):format(given)
  elseif kind ~= "table" then
    return tostring(given)
  end
  local parts = {}
  local keys = ordered.keys(given)
  for i, key in ipairs(keys) do
    local item = edn.write(given[key])
    parts[i] = #keys == #given and item or edn.write(key) .. " " .. item
  end
  local body = table.concat(parts, " ")
  return #keys == #given and "[" .. body .. "]" or "{" .. body .. "}"
end

return edn
