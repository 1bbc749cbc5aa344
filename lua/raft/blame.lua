-- SPDX-License-Identifier: MIT
--
-- blame.lua - where in a user's file a mistake is, below calls of ours.
--
-- Holds:  the first place of a stack that is not in the toolkit.
-- Rule:   a user reads one line with a place in a file of his, whatever calls
--         of the toolkit lie between.

local blame = {}

local getinfo, pairs, type = debug.getinfo, pairs, type

local LEVELS = 250 -- of a stack that are looked at: further down costs more
                   -- than it tells, when a function calls itself without end

--- How the names of the toolkit's own chunks begin: "@lua/raft/".
blame.prefix = getinfo(1, "S").source:match("^(.*/)[^/]*$") or "@raft/"

local function is_ours(info)
  return info.source:sub(1, #blame.prefix) == blame.prefix
end

local function info_at(thread, level)
  if thread then
    return getinfo(thread, level, "Sl")
  end
  return getinfo(level + 2, "Sl") -- but for this function and its caller
end

--- "file.lua:12: ", or nil when no such place is on the stack.
-- @param thread of a coroutine that is not running; nil: from here
function blame.place(thread)
  for level = 0, LEVELS do
    local info = info_at(thread, level)
    if not info then
      return nil
    elseif info.currentline > 0 and not is_ours(info) then
      return ("%s:%d: "):format(info.short_src, info.currentline)
    end
  end
end

--- "file.lua:12: ", where a function begins; "" for none, and one not in Lua.
function blame.function_place(fn)
  local info = type(fn) == "function" and getinfo(fn, "S")
  return info and info.what ~= "C"
    and ("%s:%d: "):format(info.short_src, info.linedefined) or ""
end

--- Raises a message at the user's line.
function blame.raise(message)
  error((blame.place() or "") .. message, 0)
end

-- The message without a place of ours before it.
local function without_ours(thread, text)
  for level = 0, LEVELS do
    local info = getinfo(thread, level, "Sl")
    local head = info and info.short_src .. ":"
    if not info then
      break
    elseif is_ours(info) and text:sub(1, #head) == head then
      return (text:sub(#head + 1):gsub("^%d+: ", ""))
    end
  end
  return text
end

--- What a coroutine died of, as one line of text with the user's place.
-- @param fallback the place when no file of the user is on its stack
function blame.explain(thread, problem, fallback)
  local kind = type(problem)
  if kind ~= "string" and kind ~= "number" then
    local meta = kind == "table" and getmetatable(problem)
    problem = type(meta) == "table" and meta.__tostring and tostring(problem)
      or "raised a " .. kind
  end
  local text = without_ours(thread, tostring(problem))
  if not text:find("^[^\n]-:%d+: ") then
    text = (blame.place(thread) or fallback or "") .. text
  end
  local place = text:match("^[^\n]-:%d+: ")
  if place and text:sub(#place + 1, 2 * #place) == place then
    text = text:sub(#place + 1) -- coroutine.wrap of some VMs says it again
  end
  return (text:gsub("[\r\n]+", " "))
end

local LINES = 1000000 -- of a file and what it requires, before it returns

--- Runs the chunk of a file, and knows meanwhile which line of it runs: that
-- a file returns what a call gives takes its frame off the stack.
-- @return as pcall
function blame.follow(chunk, source)
  local line, count = nil, 0
  local jit = rawget(_G, "jit")
  local is_compiling = jit and jit.status() -- such code calls no hook
  if is_compiling then
    jit.off()
    jit.flush()
  end
  debug.sethook(function()
    local info = getinfo(2, "Sl")
    if info.source == source then
      line = info
    end
    count = count + 1
    if count > LINES then
      count = LINES - 100 -- a pcall around it helps not for long
      error(("%s:%d: more than %d lines before the file returns: a loop"
        .. " without end?"):format(info.short_src, info.currentline, LINES),
        0)
    end
  end, "l")
  blame.followed = function()
    return line and ("%s:%d: "):format(line.short_src, line.currentline)
  end
  local ok, value = pcall(chunk)
  debug.sethook()
  blame.followed = nil
  if is_compiling then
    jit.on()
  end
  return ok, value
end

--- A table whose missing keys raise: 'what' has no such name, did you mean.
function blame.strict(what, names)
  local wording = require "raft.wording"
  return function(_, key)
    if type(key) ~= "string" then
      return nil
    end
    local list = {}
    for name in pairs(names) do
      list[#list + 1] = name
    end
    table.sort(list)
    local near = wording.nearest(key, list)
    blame.raise(('%s has no "%s"%s'):format(what, key,
      near and (', did you mean "%s"?'):format(near) or ""))
  end
end

return blame
