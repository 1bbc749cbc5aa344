-- SPDX-License-Identifier: MIT
--
-- text.lua - the rules for one file, read as text.
--
-- Holds:  sizes (STYLE.md's table), licence lines, banned words, white space,
--         clocks in specs. Each rule is a function of a file
--           { path = "core/base/error.c", text = "…" }
--         that returns complaints { { line = 7, text = "…" } }.

local source = require "scripts.rules.source"

local text = {}

local function starts(path, prefix)
  return path:sub(1, #prefix) == prefix
end

local function extension(path)
  return path:match("%.(%w+)$") or ""
end

-- Scripts have no extension; a line says what they are written in.
local function language(file)
  local ext = extension(file.path)
  if ext == "c" or ext == "h" or ext == "lua" then
    return ext
  end
  local first = file.text:match("^#![^\n]*")
  if first and first:find("lua") then
    return "lua"
  end
  return first and "sh" or nil
end

-- ---- sizes ---------------------------------------------------------------

local LARGE_HEADERS = { ["core/raft/raft.h"] = true,
  ["core/wal/wal.h"] = true }

-- Headers aim at 150 lines; the two doors of the engine and the log, and what
-- a room shows to its own files, need more.
local LIMITS = {
  c_file = 600,
  header = 300,
  large_header = 400,
  lua_module = 400,
  spec = 500,
  function_lines = 70,
  dispatch_lines = 100,
  parameters = 6,
  columns = 80,
}

local function file_limit(file)
  local kind = language(file)
  if kind == "h" then
    return LARGE_HEADERS[file.path] and LIMITS.large_header or LIMITS.header
  elseif kind == "c" then
    return LIMITS.c_file
  elseif kind == "lua" then
    return starts(file.path, "spec/") and LIMITS.spec or LIMITS.lua_module
  end
  return nil
end

function text.file_size(file)
  local limit = file_limit(file)
  local count = #source.lines(file.text)
  if limit and count > limit then
    return { { line = count, text = ("%d lines, the limit is %d: split it by"
      .. " noun"):format(count, limit) } }
  end
  return {}
end

-- Columns as people see them: bytes that continue a character do not count.
local function columns(line)
  local _, count = line:gsub("[^\128-\191]", "")
  return count
end

function text.line_length(file)
  local found = {}
  if not language(file) then
    return found
  end
  for number, line in ipairs(source.lines(file.text)) do
    if columns(line) > LIMITS.columns then
      found[#found + 1] = { line = number, text = ("%d columns, the limit is"
        .. " %d"):format(columns(line), LIMITS.columns) }
    end
  end
  return found
end

-- describe() is a folder of specs, not a function to be read at once.
local function is_describe(file, lines, item)
  return starts(file.path, "spec/")
    and (lines[item.line]:find("describe%(") or
      lines[item.line]:find("insulate%(")) ~= nil
end

local function functions_of(file)
  local kind = language(file)
  if kind == "c" or kind == "h" then
    return source.c_functions(file.text)
  elseif kind == "lua" then
    local lines, kept = source.lines(file.text), {}
    for _, item in ipairs(source.lua_functions(file.text)) do
      if not is_describe(file, lines, item) then
        kept[#kept + 1] = item
      end
    end
    return kept
  end
  return {}
end

function text.function_size(file)
  local found = {}
  for _, item in ipairs(functions_of(file)) do
    local limit = LIMITS.function_lines
    if item.text and source.is_dispatch(item.text) then
      limit = LIMITS.dispatch_lines
    end
    if item.lines > limit then
      found[#found + 1] = { line = item.line, text = ("%s: %d lines, the"
        .. " limit is %d"):format(item.name, item.lines, limit) }
    end
  end
  return found
end

function text.parameters(file)
  local found = {}
  for _, item in ipairs(functions_of(file)) do
    if item.parameters > LIMITS.parameters then
      found[#found + 1] = { line = item.line, text = ("%s: %d parameters, the"
        .. " limit is %d"):format(item.name, item.parameters,
        LIMITS.parameters) }
    end
  end
  return found
end

-- ---- words ---------------------------------------------------------------

function text.licence(file)
  if not language(file) then
    return {}
  end
  local lines = source.lines(file.text)
  for number = 1, math.min(3, #lines) do
    if lines[number]:find("SPDX-License-Identifier: MIT", 1, true) then
      return {}
    end
  end
  return { { line = 1, text = "no SPDX-License-Identifier line" } }
end

-- Written in two pieces, so that this file obeys its own rule. The first are
-- whole words in capitals; the others count in any case.
local CAPITALS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }
local PHRASES = { "place" .. "holder", "not " .. "implemented",
  "for " .. "now" }
-- Folders of one developer's machine.
local FOLDERS = { "/ho" .. "me/", "/wo" .. "rk/", "/Us" .. "ers/",
  "/ro" .. "ot/" }

local function banned_in(line)
  for _, word in ipairs(CAPITALS) do
    if line:find("%f[%w]" .. word .. "%f[^%w]") then
      return word
    end
  end
  local lower = line:lower()
  for _, phrase in ipairs(PHRASES) do
    if lower:find("%f[%w]" .. phrase .. "%f[^%w]") then
      return phrase
    end
  end
  for _, folder in ipairs(FOLDERS) do
    if line:find(folder, 1, true) then
      return folder
    end
  end
  return nil
end

function text.banned_words(file)
  local found = {}
  for number, line in ipairs(source.lines(file.text)) do
    local word = banned_in(line)
    if word then
      found[#found + 1] = { line = number,
        text = ('"%s": finish it, or name an issue'):format(word) }
    end
  end
  return found
end

function text.white_space(file)
  local found = {}
  for number, line in ipairs(source.lines(file.text)) do
    if line:find("\r", 1, true) then
      found[#found + 1] = { line = number, text = "a carriage return" }
    elseif line:find("\t", 1, true) then
      found[#found + 1] = { line = number, text = "a tab" }
    elseif line:find("%s$") then
      found[#found + 1] = { line = number, text = "white space at the end" }
    end
  end
  if #file.text > 0 and file.text:sub(-1) ~= "\n" then
    found[#found + 1] = { line = #source.lines(file.text),
      text = "no newline at the end" }
  end
  return found
end

-- ---- specs ---------------------------------------------------------------

local CLOCKS = { "os%.time", "os%.clock", "os%.date", "socket%.gettime",
  "socket%.sleep", "system%.sleep", "uv%.sleep" }

--- Time in specs is the simulator's; only real processes have another.
function text.clock_in_spec(file)
  local found = {}
  if not starts(file.path, "spec/") or starts(file.path, "spec/real/")
     or extension(file.path) ~= "lua" then
    return found
  end
  local bare = source.bare_lua(file.text)
  for number, line in ipairs(source.lines(bare)) do
    for _, clock in ipairs(CLOCKS) do
      if line:find(clock) then
        found[#found + 1] = { line = number,
          text = "a wall clock or a sleep in a spec" }
      end
    end
  end
  return found
end

-- ---- git -----------------------------------------------------------------

--- `luarocks init` adds /lua to .gitignore: our own folder would be lost.
function text.ignored_sources(file)
  local found = {}
  if file.path ~= ".gitignore" then
    return found
  end
  for number, line in ipairs(source.lines(file.text)) do
    if line:find("^/?lua/?$") then
      found[#found + 1] = { line = number, text = "lua/ is our source folder" }
    end
  end
  return found
end

text.rules = {
  "file_size", "line_length", "function_size", "parameters", "licence",
  "banned_words", "white_space", "clock_in_spec", "ignored_sources",
}

return text
