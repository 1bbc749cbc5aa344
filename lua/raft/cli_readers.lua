-- SPDX-License-Identifier: MIT
--
-- cli_readers.lua - the arguments of the command luaraft, from text to values.
--
-- Holds:     functions of a text: a value; or nil and what was expected.
-- Knows not: which argument is read so (cli_arguments.lua).

local address = require("raft.address")
local json = require("raft.json")
local quantity = require("raft.quantity")

local readers = {}

-- What begins like a negative number is one, and no option "-5", as argparse
-- thinks: it gets a mark that nobody types.
local MARK = "\1"

local function plain(value)
  if type(value) == "string" and value:sub(1, 1) == MARK then
    return value:sub(2)
  end
  return value
end

--- The words of a command line, for argparse.
function readers.marked(words)
  local list, is_behind = {}, false
  for i, word in ipairs(words) do
    is_behind = is_behind or word == "--"
    list[i] = not is_behind and word:find("^%-%.?%d") and MARK .. word or word
  end
  return list
end

--- What argparse made of them, where nothing was read: words, lists of words.
function readers.unmarked(given)
  for name, value in pairs(given) do
    for i, word in ipairs(type(value) == "table" and value or {}) do
      value[i] = plain(word)
    end
    given[name] = plain(value)
  end
  return given
end

--- What argparse says, without marks, on one line.
function readers.message(text)
  return (tostring(text):gsub(MARK, ""):gsub("%s+", " "))
end

--- A converter for argparse, which wants the value, or nil and a message.
function readers.named(name, read)
  return function(text)
    local value, message = read(plain(text))
    if value == nil then
      return nil, name .. ": " .. message
    end
    return value
  end
end

function readers.address(text)
  local ok, message = address.parse(text)
  return ok and text, message
end

--- Microseconds that a command may go on, at least one.
function readers.time(text)
  local us, message = quantity.duration(text)
  if us == 0 then
    return nil, "expected a duration above 0, got " .. text
  end
  return us, message
end

--- Options of raft take durations as people write them.
function readers.duration(text)
  local ok, message = readers.time(text)
  return ok and text, message
end

function readers.directory(text)
  if text == "" then
    return nil, "expected a directory, got none"
  end
  return text
end

--- One of some words.
function readers.one_of(words)
  return function(text)
    for _, word in ipairs(words) do
      if word == text then
        return text
      end
    end
    return nil, ("expected one of %s, got %s"):format(
      table.concat(words, ", "), text)
  end
end

function readers.cluster_name(text)
  if #text > 63 then
    return nil, ("expected at most 63 bytes, got %d"):format(#text)
  end
  return text
end

--- In a table, since a command may be nil.
function readers.json(text)
  if text == "-" then
    text = io.read("*a")
  end
  local ok, value = json.decode(text)
  if not ok then
    return nil, value
  end
  return { value = value }
end

--- A whole number from 1 to 'most', or without an end.
function readers.number(most)
  return function(text)
    local value = tonumber(text)
    if not value or value < 1 or value > (most or quantity.MAX)
       or value % 1 ~= 0 then
      return nil, ("expected a whole number from 1%s, got %s"):format(
        most and " to " .. most or "", text)
    end
    return math.floor(value)
  end
end

--- "7" or "1..1000"
function readers.seeds(text)
  local first, last = text:match("^(%d+)%.%.(%d+)$")
  first, last = tonumber(first or text), tonumber(last or text)
  if first and last < first then
    return nil, ("expected seeds such as 1..1000, got %s: the first is above"
      .. " the last"):format(text)
  end
  if not first or first % 1 ~= 0 or first < 0
     or last > quantity.MAX then
    return nil, "expected seeds such as 1..1000, got " .. text
  end
  return { first = first, last = last }
end

return readers
