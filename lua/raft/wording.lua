-- SPDX-License-Identifier: MIT
--
-- wording.lua - how a mistake is said.
--
-- Holds:  a value in words, "expected …, got …", and "did you mean"; and a
--         word of a command that is to be typed.
-- Rule:   one line, without an address of this machine's memory.

local wording = {}

local SHOWN = 40 -- bytes of a string in a message

--- A value in words: 'the string "abc"', "the number 7", "nothing".
function wording.describe(value)
  local kind = type(value)
  if kind == "nil" then
    return "nothing"
  elseif kind == "string" then
    local text = #value > SHOWN and value:sub(1, SHOWN) .. "…" or value
    text = text:gsub("[%c\\\"]", function (char)
      return ("\\%d"):format(char:byte())
    end)
    return 'the string "' .. text .. '"'
  elseif kind == "number" then
    local whole = value % 1 == 0 and math.abs(value) < 1e18
    return ("the number " .. (whole and "%.0f" or "%.14g")):format(value)
  elseif kind == "boolean" then
    return "the boolean " .. tostring(value)
  end
  return "a " .. kind
end

--- nil and a message, as a parser returns them.
function wording.expected(what, value)
  return nil, "expected " .. what .. ", got " .. wording.describe(value)
end

--- A word as a shell takes it.
function wording.quoted(word)
  return word:find("^[%w%./_%-=]+$") and word
    or "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Number of edits between two words; beyond 'limit' any larger number.
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then
    return limit + 1
  end
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal = row[j]
      row[j] = best
    end
  end
  return row[#b]
end

--- How long a list is, holes included: a nil in it is a mistake that # and
-- ipairs pass over.
function wording.length(list)
  local length = 0
  for key in pairs(list) do
    length = type(key) == "number" and math.max(length, key) or length
  end
  return length
end

--- The name nearest to a mistyped word, or nil when none is near.
-- @param word what came
-- @param names a list of what there is; of equally near ones the first
function wording.nearest(word, names)
  local limit = math.max(1, math.floor(#word / 3))
  local best, best_distance = nil, limit + 1
  for _, name in ipairs(names) do
    local edits = distance(word:lower(), name:lower(), limit)
    if edits < best_distance then
      best, best_distance = name, edits
    end
  end
  return best
end

return wording
