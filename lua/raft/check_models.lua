-- SPDX-License-Identifier: MIT
--
-- check_models.lua - what the words of a history mean to core/check.
--
-- Holds:  the models register, cas-register, kv, append, counter, set, queue:
--         each turns one operation into an action on bytes.
-- Rule:   an operation that only looks and did not return is left out: it
--         says nothing. So is one that failed.
--
-- A model: { keyed = whether operations on different keys never meet,
-- initial = function(value, ids) -> bytes, words = { f = function(operation,
-- ids) -> action, first, second } }. A word returns nil, message for a value
-- that does not fit, and nothing for an operation to be left out.

local core = require "raft.core"
local wording = require "raft.wording"

local models = {}

local floor = math.floor

-- ---- values as bytes -----------------------------------------------------

local function bytes_of(value)
  local ok, bytes = core.encode(value)
  if not ok then
    return nil, bytes
  end
  return bytes
end

--- Elements as 4 bytes each, numbered as they come.
function models.new_ids()
  return { of = {}, values = {}, count = 0 }
end

local function element(ids, value)
  local bytes, message = bytes_of(value)
  if not bytes then
    return nil, message
  end
  local id = ids.of[bytes]
  if not id then
    local number = ids.count
    ids.count = number + 1
    id = string.char(floor(number / 2 ^ 24) % 256,
      floor(number / 2 ^ 16) % 256, floor(number / 256) % 256, number % 256)
    ids.of[bytes], ids.values[id] = id, value
  end
  return id
end

local function elements(ids, list)
  if list == nil or list == core.null then
    list = {}
  elseif type(list) ~= "table" then
    return wording.expected("a list", list)
  end
  local parts = {}
  for i, value in ipairs(list) do
    local id, message = element(ids, value)
    if not id then
      return nil, message
    end
    parts[i] = id
  end
  return parts
end

local function sequence(ids, list)
  local parts, message = elements(ids, list)
  return parts and table.concat(parts), message
end

local function collection(ids, list)
  local parts, message = elements(ids, list)
  if not parts then
    return nil, message
  end
  table.sort(parts)
  local unique = {}
  for i, id in ipairs(parts) do
    if id ~= parts[i - 1] then
      unique[#unique + 1] = id
    end
  end
  return table.concat(unique)
end

-- 8 bytes, the smallest first; negative numbers as their complement.
local function sum(value)
  if value == nil or value == core.null then
    value = 0
  elseif type(value) ~= "number" or value % 1 ~= 0
     or value <= -2 ^ 53 or value >= 2 ^ 53 then
    return wording.expected("a whole number", value)
  end
  local bytes = {}
  for i = 1, 8 do
    bytes[i] = string.char(value % 256)
    value = floor(value / 256)
  end
  return table.concat(bytes)
end

local function text(value)
  if value == nil or value == core.null then
    return ""
  elseif type(value) ~= "string" then
    return wording.expected("a string", value)
  end
  return value
end

-- ---- words ---------------------------------------------------------------

-- A word that looks: encode(operation's output, ids) is what it saw.
local function look(encode)
  return function (operation, ids)
    if operation.outcome ~= "ok" then
      return
    end
    local bytes, message = encode(operation.output, ids)
    if not bytes then
      return nil, message
    end
    return "read", bytes
  end
end

-- A word that changes: encode(operation's input, ids) is with what.
local function change(action, encode)
  return function (operation, ids)
    local bytes, message = encode(operation.input, ids)
    if not bytes then
      return nil, message
    end
    return action, bytes
  end
end

-- { old, new }. It returns false where it saw something else than 'old'.
local function cas(encode)
  return function (operation, ids)
    local pair = operation.input
    if type(pair) ~= "table" then
      return wording.expected("{ old, new }", pair)
    end
    local old, message = encode(pair[1], ids)
    local new, other = encode(pair[2], ids)
    if not old or not new then
      return nil, message or other
    elseif operation.outcome == "ok" and operation.output == false then
      return "differs", old
    end
    return "swap", old, new
  end
end

local function flipped(encode)
  return function (value, ids)
    return encode(ids, value)
  end
end

local as_sequence, as_collection = flipped(sequence), flipped(collection)
local as_element = flipped(element)

local function dequeue(operation, ids)
  if operation.outcome ~= "ok" then
    return "take_any", ""
  elseif operation.output == nil or operation.output == core.null then
    return "read", ""
  end
  local id, message = element(ids, operation.output)
  if not id then
    return nil, message
  end
  return "take", id
end

-- ---- states for people ---------------------------------------------------

local function shown_elements(bytes, ids)
  local list = {}
  for at = 1, #bytes, 4 do
    list[#list + 1] = ids.values[bytes:sub(at, at + 3)]
  end
  return list
end

local function shown_sum(bytes)
  local value = 0
  for i = 8, 1, -1 do
    value = value * 256 + bytes:byte(i)
  end
  return value < 2 ^ 63 and value or value - 2 ^ 64
end

local function shown_value(bytes)
  local ok, value = core.decode(bytes)
  return ok and value
end

-- ---- models --------------------------------------------------------------

local function model(name, encode, shown, words, keyed)
  models[name] = {
    name = name, keyed = keyed, words = words, initial = encode,
    shown = shown,
  }
end

local REGISTER = { read = look(bytes_of), write = change("write", bytes_of) }

model("register", bytes_of, shown_value, REGISTER, true)
model("cas-register", bytes_of, shown_value, {
  read = REGISTER.read, write = REGISTER.write, cas = cas(bytes_of),
}, true)
model("kv", text, function (bytes)
  return bytes
end, {
  get = look(text), put = change("write", text),
  append = change("append", text), cas = cas(text),
}, true)
model("append", as_sequence, shown_elements, {
  read = look(as_sequence), append = change("append", as_element),
}, true)
model("counter", sum, shown_sum, {
  read = look(sum), add = change("add", sum),
}, true)
model("set", as_collection, shown_elements, {
  read = look(as_collection), add = change("insert", as_element),
}, true)
model("queue", as_sequence, shown_elements, {
  enqueue = change("append", as_element), dequeue = dequeue,
}, true)

return models
