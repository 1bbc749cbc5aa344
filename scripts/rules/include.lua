-- SPDX-License-Identifier: MIT
--
-- include.lua - which room of core/ may know which.
--
-- Holds:  the direction of includes, and the libraries a room may use.
-- Source: docs/architecture.md, "Three rings".

local source = require "scripts.rules.source"

local include = {}

-- room -> the rooms below it. A room may always include itself.
include.BELOW = {
  base = "",
  raft = "base",
  port = "base raft",
  wire = "base raft port",
  wal = "base raft port wire",
  replica = "base raft port wire wal",
  client = "base raft port wire",
  fault = "base raft port",
  check = "base",
  sim = "base raft port wire wal replica client fault check",
  uv = "base raft port wire wal replica client fault",
}

-- What C itself offers without a world behind it.
local PLAIN = "stdbool.h stddef.h stdint.h string.h"
local TEXT = PLAIN .. " stdarg.h stdio.h stdlib.h inttypes.h limits.h"

-- room -> the headers of others that it may include. Sockets, threads, files
-- and clocks are in core/uv only: it may include anything but lua.h.
include.OUTSIDE = {
  base = TEXT .. " setjmp.h xxhash.h",
  raft = PLAIN,
  port = PLAIN,
  wire = TEXT .. " math.h msgpack.h",
  wal = TEXT,
  replica = TEXT,
  client = TEXT,
  fault = TEXT,
  check = TEXT,
  sim = TEXT,
}

local function has_word(list, word)
  return (" " .. list .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

local function check_own(room, name)
  local other = name:match("^([%w_]+)/")
  if not other then
    return ('"%s" has no room before it'):format(name)
  elseif not include.BELOW[other] then
    return ('"%s" is no room of core/'):format(other)
  elseif other ~= room and not has_word(include.BELOW[room], other) then
    return ("core/%s must not know core/%s"):format(room, other)
  end
  return nil
end

local function check_outside(room, name)
  if name == "lua.h" or name == "lauxlib.h" or name == "lualib.h"
     or name == "luajit.h" then
    return ("<%s> is for bindings/ only"):format(name)
  end
  local allowed = include.OUTSIDE[room]
  if allowed and not has_word(allowed, name) then
    return ("core/%s must not use <%s>"):format(room, name)
  end
  return nil
end

--- Complaints about the includes of one file of core/.
function include.direction(file)
  local found = {}
  local room = file.path:match("^core/([%w_]+)/[%w_]+%.[ch]$")
  if not room then
    return found
  elseif not include.BELOW[room] then
    return { { line = 1, text = "core/" .. room .. " is no room" } }
  end
  for number, line in ipairs(source.lines(file.text)) do
    local own = line:match('^%s*#%s*include%s*"([^"]+)"')
    local outside = line:match("^%s*#%s*include%s*<([^>]+)>")
    local problem = own and check_own(room, own)
      or outside and check_outside(room, outside)
    if problem then
      found[#found + 1] = { line = number, text = problem }
    end
  end
  return found
end

--- The build with bugs is known to one header, so that no file of core/
-- differs between the builds.
function include.bug_build(file)
  local found = {}
  if not file.path:find("^core/") or file.path == "core/base/bug.h" then
    return found
  end
  for number, line in ipairs(source.lines(file.text)) do
    if line:find("RAFT_WITH_BUGS", 1, true) then
      found[#found + 1] = { line = number,
        text = "only core/base/bug.h knows the build with bugs" }
    end
  end
  return found
end

include.rules = { "direction", "bug_build" }

return include
