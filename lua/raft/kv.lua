-- SPDX-License-Identifier: MIT
--
-- kv.lua - a replicated key-value store.
--
-- Commands, each answered with what 'apply' returns:
--   { "set", key, value }       the old value; value nil deletes
--   { "delete", key }           the old value
--   { "cas", key, old, new }    whether it was 'old' and now is 'new'
--   { "append", key, text }     the length of the text now
--   { "add", key, number }      the number now
--   { "get", key }              the value, at its place in the log
-- Questions:
--   { "get", key }              the value
--   { "size" }                  how many keys
--   { "keys", after, count }    at most 'count' (1000) keys that come after
--
-- A key is a string or a whole number. A value is any value; 'cas' compares
-- two tables as never equal.

local ordered = require("raft.ordered")

local KV = {}
KV.__index = KV

function KV.new()
  return setmetatable({ map = {}, count = 0 }, KV)
end

local function check_key(key)
  local whole = type(key) == "number" and key % 1 == 0
    and key > -2 ^ 53 and key < 2 ^ 53
  if type(key) ~= "string" and not whole then
    error("expected a string or a whole number as a key, got "
      .. tostring(key), 0)
  end
  return key
end

local function put(self, key, value)
  local old = self.map[key]
  if old == nil and value ~= nil then
    self.count = self.count + 1
  elseif old ~= nil and value == nil then
    self.count = self.count - 1
  end
  self.map[key] = value
  return old
end

local commands = {}

function commands.get(self, key)
  return self.map[key]
end

function commands.set(self, key, value)
  return put(self, key, value)
end

function commands.delete(self, key)
  return put(self, key, nil)
end

function commands.cas(self, key, old, new)
  if self.map[key] ~= old then
    return false
  end
  put(self, key, new)
  return true
end

function commands.append(self, key, text)
  local old = self.map[key]
  if old == nil then
    old = ""
  end
  if type(old) ~= "string" or type(text) ~= "string" then
    error("append: expected two strings, got a " .. type(old) .. " and a "
      .. type(text), 0)
  end
  put(self, key, old .. text)
  return #old + #text
end

function commands.add(self, key, number)
  local old = self.map[key]
  if old == nil then
    old = 0
  end
  if type(old) ~= "number" or type(number) ~= "number" then
    error("add: expected two numbers, got a " .. type(old) .. " and a "
      .. type(number), 0)
  end
  put(self, key, old + number)
  return old + number
end

local questions = { get = commands.get }

function questions.size(self)
  return self.count
end

function questions.keys(self, after, count)
  local keys = {}
  for _, key in ipairs(ordered.keys(self.map)) do
    if #keys >= (count or 1000) then
      break
    elseif after == nil or ordered.less(after, key) then
      keys[#keys + 1] = key
    end
  end
  return keys
end

local function chosen(list, words, what)
  local word = type(words) == "table" and words[1] or nil
  local fn = type(word) == "string" and list[word]
  if not fn then
    error("unknown " .. what .. " '" .. tostring(word) .. "'", 0)
  end
  return fn
end

function KV:apply(command)
  local fn = chosen(commands, command, "command")
  return fn(self, check_key(command[2]), command[3], command[4])
end

function KV:query(question)
  return chosen(questions, question, "question")(self, question[2],
    question[3])
end

function KV:snapshot()
  return self.map
end

-- The content itself: its canonical encoding is what is hashed.
function KV:digest()
  return self.map
end

function KV:restore(image)
  self.map, self.count = image, 0
  for _ in pairs(image) do
    self.count = self.count + 1
  end
end

-- For luaraft lint.
function KV.commands(random)
  local words = { "add", "append", "cas", "delete", "get", "set" }
  local word, key = words[random(#words)], "key " .. random(6)
  if word == "add" then
    return { word, key, random(9) }
  elseif word == "append" then
    return { word, key, "x" }
  end
  return { word, key, random(4), random(4) }
end

return KV
