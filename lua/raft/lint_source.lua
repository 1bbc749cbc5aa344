-- SPDX-License-Identifier: MIT
--
-- lint_source.lua - what the text of a machine tells without being run.
--
-- Holds:     its code without comments, the words in it, the uses of what
--            differs between members.
-- Invariant: lines are those of the file; text inside of strings is no code.

local lint_source = {}

-- What a machine without the sandbox should not touch, and why.
local UNSTEADY = {
  { "os", "the system differs between members; the time is entry.time" },
  { "io", "files differ between members" },
  { "debug", "it shows what differs between members" },
  { "collectgarbage", "when memory is collected differs between members" },
  { "math.random", "its seed differs between members; use entry.random" },
  { "pairs", "its order differs between members; use raft.ordered" },
  { "next", "its order differs between members; use raft.ordered" },
}

-- Names that are no command's.
local METHODS = {
  apply = true, close = true, commands = true, digest = true, new = true,
  opened = true, query = true, restore = true, snapshot = true,
}

-- One long bracket, [==[ … ]==]; returns where it ends, or nil.
local function long_bracket(text, at)
  local equals = text:match("^%[(=*)%[", at)
  if equals then
    local _, stop = text:find("]" .. equals .. "]", at, true)
    return stop or #text
  end
end

local function quoted(text, at)
  local quote, position = text:sub(at, at), at + 1
  while position <= #text do
    local char = text:sub(position, position)
    if char == "\\" then
      position = position + 1
    elseif char == quote or char == "\n" then
      return position
    end
    position = position + 1
  end
  return #text
end

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

--- Code with every comment and string blanked, and the short strings in it.
-- @return code, of the same length and lines; a list of strings
function lint_source.read(text)
  local parts, strings, from = {}, {}, 1
  local function skip(first, last)
    parts[#parts + 1] = text:sub(from, first - 1)
    parts[#parts + 1] = blank(text:sub(first, last))
    from = last + 1
    return from
  end
  local at = 1
  while true do
    at = text:find("[%-%[\"']", at)
    if not at then
      break
    end
    local char, stop = text:sub(at, at), nil
    if text:sub(at, at + 1) == "--" then
      stop = long_bracket(text, at + 2) or (text:find("\n", at, true)
        or #text + 1) - 1
    elseif char == "[" then
      stop = long_bracket(text, at)
    elseif char ~= "-" then
      stop = quoted(text, at)
      strings[#strings + 1] = text:sub(at + 1, stop - 1)
    end
    at = stop and skip(at, stop) or at + 1
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts), strings
end

local function whole_names(code, name)
  local found, at = {}, 1
  while true do
    local first, last = code:find(name, at, true)
    if not first then
      return found
    end
    local before, after = code:sub(first - 1, first - 1),
      code:sub(last + 1, last + 1)
    if not before:find("[%w_.:]") and not after:find("[%w_]")
       and not code:find("^%s*=[^=]", last + 1) then
      found[#found + 1] = first
    end
    at = last + 1
  end
end

--- Uses of what differs between members.
-- @return { { line = 7, name = "pairs", why = "…" }, … }, by line
function lint_source.unsteady(text)
  local code = lint_source.read(text)
  local found = {}
  for rank, row in ipairs(UNSTEADY) do
    for _, at in ipairs(whole_names(code, row[1])) do
      local _, breaks = code:sub(1, at):gsub("\n", "")
      local member = code:match("^%.[%a_][%w_]*", at + #row[1])
      found[#found + 1] = { line = breaks + 1, rank = rank, at = at,
                            name = row[1] .. (member or ""), why = row[2] }
    end
  end
  table.sort(found, function(a, b)
    return a.at < b.at or a.at == b.at and a.rank < b.rank
  end)
  return found
end

local function add(list, seen, word)
  if word and not seen[word] and #word > 0 and #word <= 24 then
    seen[word] = true
    list[#list + 1] = word
  end
end

--- Words that commands may be made of, and how apply looks at a command.
-- @param texts the machine's file and those that it requires
-- @return { words = { "set", … }, fields = { "op", … }, is_list = true }
function lint_source.vocabulary(texts)
  local words, fields, seen, seen_fields = {}, {}, {}, {}
  local is_list = false
  for _, text in ipairs(texts) do
    local code, strings = lint_source.read(text)
    for _, word in ipairs(strings) do
      if not METHODS[word] then
        add(words, seen, word:match("^[%w_:/-]+$"))
      end
    end
    for name in code:gmatch("function%s+[%w_]+[.:]([%a_][%w_]*)") do
      if not METHODS[name] then
        add(words, seen, name)
      end
    end
    local command = code:match("[.:]apply%s*=?%s*f?u?n?c?t?i?o?n?%s*%(%s*"
      .. "self%s*,%s*([%a_][%w_]*)")
      or code:match("[.:]apply%s*%(%s*([%a_][%w_]*)")
    if command then
      is_list = is_list or code:find("%f[%w_]" .. command .. "%s*%[") ~= nil
      for field in code:gmatch("%f[%w_]" .. command .. "%.([%a_][%w_]*)") do
        add(fields, seen_fields, field)
      end
    end
  end
  return { words = words, fields = fields, is_list = is_list }
end

return lint_source
