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

-- Past blanks, commas, comments and discarded forms' marks.
local function skip(text, at)
  while true do
    local next = text:match("^[%s,]*()", at)
    if text:sub(next, next) == ";" then
      next = text:match("^[^\n]*()", next)
    end
    if next == at then
      return at
    end
    at = next
  end
end

local value

local function read_string(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = text:find('["\\]', from)
    if not stop then
      fail(at, 'a string that ends with "', text)
    end
    parts[#parts + 1] = text:sub(from, stop - 1)
    if text:sub(stop, stop) == '"' then
      return table.concat(parts), stop + 1
    end
    local escaped = ESCAPES[text:sub(stop + 1, stop + 1)]
    if not escaped then
      fail(stop, "an escape of a string", text)
    end
    parts[#parts + 1] = escaped
    from = stop + 2
  end
end

local function read_items(text, at, closer, depth)
  if depth > DEPTH_MAX then
    fail(at, "at most " .. DEPTH_MAX .. " levels", text)
  end
  local items, lines = {}, {}
  at = skip(text, at)
  while text:sub(at, at) ~= closer do
    if at > #text then
      fail(at, "a " .. closer, text)
    end
    local item
    lines[#items + 1] = at
    item, at = value(text, at, depth)
    items[#items + 1] = item == nil and NIL or item
    at = skip(text, at)
  end
  return items, at + 1, lines
end

local function read_map(text, at, depth)
  local items, after = read_items(text, at, "}", depth)
  if #items % 2 ~= 0 then
    fail(at, "a value for each key of a map", text)
  end
  local map = {}
  for i = 1, #items, 2 do
    if type(items[i]) == "table" or items[i] == NIL then
      fail(at, "a keyword, string or number as a key", text)
    end
    if items[i + 1] ~= NIL then
      map[items[i]] = items[i + 1]
    end
  end
  return map, after
end

local function read_word(text, at)
  local word, after = text:match('^:?([^%s,;"%[%](){}]+)()', at)
  if not word then
    fail(at, "a value", text)
  end
  if text:sub(at, at) == ":" then
    return word, after
  elseif word == "nil" then
    return nil, after
  elseif CONSTANTS[word] ~= nil then
    return CONSTANTS[word], after
  end
  local digits = word:match("^([+-]?%d[%d%.eE+-]*)[NM]?$")
  return digits and tonumber((digits:gsub("^%+", ""))) or word, after
end

function value(text, at, depth)
  at = skip(text, at)
  local first = text:sub(at, at)
  if first == '"' then
    return read_string(text, at)
  elseif first == "{" then
    return read_map(text, at + 1, depth + 1)
  elseif first == "#" then
    if text:sub(at + 1, at + 1) == "{" then
      return read_items(text, at + 2, "}", depth + 1)
    end
    local after = text:match("^#[%w%._/%-]+()", at)
    if not after or depth > DEPTH_MAX then
      fail(at, "a set or a tagged value", text)
    end
    return value(text, after, depth + 1)
  elseif CLOSERS[first] then
    return read_items(text, at + 1, CLOSERS[first], depth + 1)
  end
  return read_word(text, at)
end

local function guarded(fn)
  local ok, first, second = pcall(fn)
  if ok then
    return true, first, second
  elseif type(first) ~= "table" then
    error(first, 0)
  end
  return false, first
end

--- One value and nothing behind it.
-- @return the value; or nil and a message
function edn.read(text)
  local ok, result = guarded(function ()
    local one, after = value(text, 1, 0)
    after = skip(text, after)
    if after <= #text then
      fail(after, "one value", text)
    end
    return one
  end)
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

--- All values of a text, or of the one vector or list that it is.
-- @return { value, …, lines = { 1, … } }; or nil, a message and the line
function edn.read_all(text)
  local line_of = line_counter(text)
  local ok, items, places = guarded(function ()
    local at = skip(text, 1)
    local closer = CLOSERS[text:sub(at, at)]
    if closer and closer ~= "}" then
      local list, after, starts = read_items(text, at + 1, closer, 1)
      after = skip(text, after)
      if after <= #text then
        fail(after, "the end of the file", text)
      end
      return list, starts
    end
    local list, starts = {}, {}
    while at <= #text do
      starts[#list + 1] = at
      local item
      item, at = value(text, at, 0)
      list[#list + 1] = item == nil and NIL or item
      at = skip(text, at)
    end
    return list, starts
  end)
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
