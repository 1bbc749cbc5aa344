-- SPDX-License-Identifier: MIT
--
-- json.lua - values of raft as JSON, and back.
--
-- Holds:     encode, written here because no JSON library of Lua keeps a whole
--            number of 16 digits; decode, on dkjson.
-- Invariant: decode(encode(value)) is the value, but for whole numbers as
--            keys, which JSON has not: they come back as strings.
--
-- What JSON cannot say is an object with one odd key: bytes that are not
-- UTF-8 are {"$bytes":"00ff"}, and {"$number":"nan"} (inf, -inf).

local core = require("raft.core")
local ordered = require("raft.ordered")

local json = {}

local DEPTH = 64 -- containers in containers, as in core/wire/value.h

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t",
}

-- Whether a string is valid UTF-8: the codec knows, str or bin.
local function is_text(value)
  local ok, bytes = core.encode(value)
  local head = ok and bytes:byte(1) or 0
  return not (head >= 0xc4 and head <= 0xc6)
end

local function string_json(value)
  if not is_text(value) then
    return '{"$bytes":"' .. value:gsub(".", function(char)
      return ("%02x"):format(char:byte())
    end) .. '"}'
  end
  return '"' .. value:gsub('[%c"\\\127]', function(char)
    return ESCAPES[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

local function number_json(value)
  if value ~= value then
    return '{"$number":"nan"}'
  elseif value == 1 / 0 or value == -1 / 0 then
    return '{"$number":"' .. (value > 0 and "inf" or "-inf") .. '"}'
  elseif value % 1 == 0 and value > -2 ^ 63 and value < 2 ^ 63 then
    return (("%d"):format(value):gsub("^-0$", "0"))
  end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

local encode

local function table_json(value, depth)
  local keys, parts = ordered.keys(value), {}
  if depth > DEPTH then
    error(("a value deeper than %d has no JSON"):format(DEPTH), 0)
  end
  if #keys == #value and not (#keys == 0 and getmetatable(value)) then
    for i = 1, #value do
      parts[i] = encode(value[i], depth + 1)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i, key in ipairs(keys) do
    parts[i] = string_json(tostring(key)) .. ":"
      .. encode(value[key], depth + 1)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value, depth)
  local kind = type(value)
  if value == nil or value == core.null then
    return "null"
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "number" then
    return number_json(value)
  elseif kind == "string" then
    return string_json(value)
  elseif kind == "table" then
    return table_json(value, depth)
  end
  error("a " .. kind .. " has no JSON", 0)
end

--- A value as one line of JSON; keys in order. Raises for a value that raft
-- could not hold either.
function json.encode(value)
  return encode(value, 0)
end

local NUMBERS = { nan = 0 / 0, inf = 1 / 0, ["-inf"] = -1 / 0 }

local function odd_object(object)
  local key, value = next(object)
  if next(object, key) ~= nil or type(value) ~= "string" then
    return nil
  elseif key == "$number" then
    return NUMBERS[value]
  elseif key == "$bytes" and #value % 2 == 0
     and not value:find("[^0-9a-fA-F]") then
    return (value:gsub("..", function(pair)
      return string.char(tonumber(pair, 16))
    end))
  end
end

local decoded

local function decoded_object(object)
  local value = odd_object(object)
  if value ~= nil then
    return value
  end
  local map = {}
  for key, member in pairs(object) do
    if type(key) ~= "string" then
      error("expected names in an object: {\"name\":1}", 0)
    end
    map[key] = decoded(member)
  end
  return core.map(map)
end

-- From what dkjson made: objects and arrays carry marks, null is ours.
function decoded(value)
  if type(value) ~= "table" then
    return value
  elseif getmetatable(value).__jsontype == "object" then
    return decoded_object(value)
  end
  local list = {}
  for i = 1, #value do
    list[i] = decoded(value[i])
  end
  return list
end

-- Where the string that begins at 'at' ends.
local function after_string(text, at)
  at = at + 1
  while true do
    local mark = text:find('["\\]', at)
    if not mark then
      return #text + 1
    elseif text:sub(mark, mark) == '"' then
      return mark + 1
    end
    at = mark + 2
  end
end

-- Where the first bracket stands that is one too deep, or a comment, which
-- dkjson would skip; or nil. @return what it is, too
local function forbidden(text)
  local depth, at = 0, 1
  while true do
    at = text:find('["/%[%]{}]', at)
    local mark = at and text:sub(at, at)
    if not at then
      return nil
    elseif mark == "/" then
      return at, "expected a value, got a comment"
    elseif mark == '"' then
      at = after_string(text, at)
    else
      depth = depth + ((mark == "[" or mark == "{") and 1 or -1)
      at = at + 1
    end
    if depth > DEPTH then
      return at - 1, ("expected at most %d levels, got more"):format(DEPTH)
    end
  end
end

-- The first whole number that this Lua would round, and where it begins; or
-- nil.
local function rounded_number(text)
  local at = 1
  while true do
    at = text:find('["%d]', at)
    if not at then
      return nil
    elseif text:sub(at, at) == '"' then
      at = after_string(text, at)
    else
      local literal, after = text:match("^([%d.eE+-]+)()", at)
      local value = #literal >= 16 and not literal:find("[^%d]")
        and tonumber(literal)
      if value and number_json(value) ~= literal then
        return literal, at
      end
      at = after
    end
  end
end

-- What dkjson would take for a comma that is there, or leave out.
local LOOSE = {
  '[%w%]}\1]%s*()[%[{"]', "[%]}\1]%s*()[%w-]", "%w%s+()[%w-]",
  ",%s*()[%]}]",
}

-- Where the first of them is, or nil.
local function loose_end(text)
  local parts, at = {}, 1
  while true do
    local mark = text:find('"', at, true)
    if not mark then
      break
    end
    local after = math.min(after_string(text, mark), #text + 1)
    parts[#parts + 1] = text:sub(at, mark)
    parts[#parts + 1] = ("\1"):rep(after - mark - 1)
    at = after
  end
  local outline = table.concat(parts) .. text:sub(at)
  local first
  for _, pattern in ipairs(LOOSE) do
    local position = outline:match(pattern)
    first = position and math.min(first or position, position) or first
  end
  return first
end

local SHOWN = 20 -- bytes around a mistake

-- nil and a message: what is wrong, at which byte, and what stands there.
local function mistake(text, position, message)
  local from = math.max(1, position - SHOWN)
  local before, after = text:sub(from, position - 1),
    text:sub(position, position + SHOWN - 1)
  local place = (from > 1 and "…" or "") .. before .. " >>> "
    .. (after == "" and "the end" or after)
    .. (position + SHOWN <= #text and "…" or "")
  return nil, ("%s at byte %d: %s"):format(message, position,
    (place:gsub("%c", " ")))
end

--- JSON text as a value; null inside is raft.null, at the top nil.
-- @return true, value; or nil, message
function json.decode(text)
  local dkjson = require("dkjson")
  local wrong, why = forbidden(text)
  if wrong then
    return mistake(text, wrong, "no JSON: " .. why)
  end
  local value, position, message = dkjson.decode(text, 1, core.null)
  local loose = not message and loose_end(text:sub(1, position - 1))
  if loose then
    return mistake(text, loose, "no JSON: a comma or a colon too few or too"
      .. " many")
  end
  if message then
    return mistake(text, position, "no JSON: " .. message:gsub(" at .*", ""))
  end
  local rest = text:match("^%s*(.-)%s*$", position)
  if rest ~= "" then
    return mistake(text, text:find("%S", position),
      "no JSON: expected one value, got more")
  end
  local rounded, at = rounded_number(text)
  if rounded then
    return mistake(text, at, "the number " .. rounded
      .. " is too large to be held exactly")
  end
  local ok, result = pcall(decoded, value)
  if not ok then
    return nil, "no JSON: " .. tostring(result)
  elseif result == core.null then
    result = nil
  end
  return true, result
end

return json
