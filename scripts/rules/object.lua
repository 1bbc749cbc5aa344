-- SPDX-License-Identifier: MIT
--
-- object.lua - what compiled rooms may contain and ask for.
--
-- Holds:  purity of ring 0, no state outside structs, what the core may call,
--         what a module exports. Symbols come from nm.
-- Source: docs/architecture.md, "Three rings".

local object = {}

--- The lines of nm: { { file = "core/raft/log.o", kind = "T",
-- name = "raft_log_append" } }; the file is "" before the first is named.
function object.symbols(listing)
  local found, current = {}, ""
  for line in listing:gmatch("[^\n]+") do
    local file = line:match("^(%S+):$")
    local kind, name = line:match("^%s*%x*%s+(%a)%s+(%S+)$")
    if file then
      current = file
    elseif kind then
      found[#found + 1] = { file = current, kind = kind, name = name }
    end
  end
  return found
end

local function set(list)
  local words = {}
  for word in list:gmatch("%S+") do
    words[word] = true
  end
  return words
end

local MEMORY = set "memcpy memmove memset memcmp"

--- Ring 0 asks for core/base and the four functions that compilers call by
-- themselves, and holds no state.
-- @param ring the symbols of core/raft, linked with ld -r
-- @param base the symbols of core/base
function object.purity(ring, base)
  local found, offered = {}, {}
  for _, symbol in ipairs(base) do
    if symbol.kind:find("[TDRBV]") then
      offered[symbol.name] = true
    end
  end
  for _, symbol in ipairs(ring) do
    if symbol.kind == "U" and not MEMORY[symbol.name]
       and not offered[symbol.name] then
      found[#found + 1] = { text = "core/raft asks for " .. symbol.name }
    elseif symbol.kind:find("[bBdDC]") then
      found[#found + 1] = { text = "core/raft has state: " .. symbol.name }
    end
  end
  return found
end

-- One guard per thread (base/panic.h), and the table of malloc's functions,
-- which nothing writes to.
local ALLOWED_STATE = set "current raft_memory_plain"

--- No variable of a room outlives a call.
function object.state(symbols)
  local found = {}
  for _, symbol in ipairs(symbols) do
    if symbol.kind:find("[bBdDC]") and not ALLOWED_STATE[symbol.name] then
      found[#found + 1] = { path = symbol.file,
        text = "a variable outside every struct: " .. symbol.name }
    end
  end
  return found
end

-- Text and numbers, without a world behind them.
local HARMLESS = set [[
  memcpy memmove memset memcmp memchr strlen strcmp strncmp strchr strrchr
  strstr
  snprintf vsnprintf strtod strtol strtoul strtoull qsort bsearch
  __stack_chk_fail __tls_get_addr _GLOBAL_OFFSET_TABLE_ __isnan __isinf floor
]]
-- Only core/base may: it owns memory, and a panic without a guard says why
-- before it aborts.
local BASE_ONLY = set [[
  malloc realloc free abort longjmp __longjmp_chk fprintf stderr
]]
-- A world owns its memory, and guards its calls of rings 0 and 1.
local WORLD = set "_setjmp setjmp malloc calloc realloc free strdup"

local function may_call(room, name)
  if HARMLESS[name] then
    return true
  elseif room == "base" then
    return BASE_ONLY[name] == true
  elseif room == "wire" then
    return name:find("^msgpack_") ~= nil
  elseif room == "sim" then
    return WORLD[name] == true
  end
  return false
end

--- Below core/uv nothing prints, exits, reads the environment, a clock or a
-- file, or has chance of its own.
function object.calls(symbols)
  local found, ours = {}, {}
  for _, symbol in ipairs(symbols) do
    if symbol.kind ~= "U" then
      ours[symbol.name] = true
    end
  end
  for _, symbol in ipairs(symbols) do
    local room = symbol.file:match("core/([%w_]+)/")
    if symbol.kind == "U" and room and room ~= "uv" and not ours[symbol.name]
       and not may_call(room, symbol.name) then
      found[#found + 1] = { path = symbol.file,
        text = "core/" .. room .. " must not call " .. symbol.name }
    end
  end
  return found
end

--- Two checkouts give equal objects: none names the folder it was built in.
-- @param bytes of an object that was compiled by absolute paths
function object.folder(path, bytes, folder)
  if bytes:find(folder, 1, true) then
    return { { path = path, text = "names the folder of the checkout: is there"
      .. " a __FILE__?" } }
  end
  return {}
end

--- A module exports how it is opened, and nothing else: another library with
-- names like ours may live in the same process.
-- @param symbols of nm --dynamic --defined-only
function object.exports(symbols)
  local found = {}
  for _, symbol in ipairs(symbols) do
    if not symbol.name:find("^luaopen_raft_[a-z]+$") then
      found[#found + 1] = { path = symbol.file,
        text = "exports " .. symbol.name }
    end
  end
  if #symbols == 0 then
    found[1] = { text = "exports nothing: it cannot be opened" }
  end
  return found
end

return object
