-- SPDX-License-Identifier: MIT
--
-- chaos_member.lua - the process of one member under luaraft chaos.
--
-- Holds:     what such a process does: it serves, tells, and is ordered to
--            fail on its standard input (core/uv/faults.h).
-- Knows not: who orders, and why.
-- Rule:      one line per record on stdout, of five words between tabs: wall
--            time in microseconds, member, term, text, JSON. The last line of
--            a member that ends by itself is chaos.ended.

local core = require "raft.core"
local node = require "raft.node"

local chaos_member = {}

local FAILED = 1

local function plain(text)
  return (tostring(text):gsub("[%c]", " "))
end

local function tell(wall, member, term, text, json)
  io.stdout:write(("%.0f\t%.0f\t%.0f\t%s\t%s\n"):format(wall, member, term,
    plain(text), plain(json)))
end

local function read_options(path)
  local file = assert(io.open(path, "rb"))
  local ok, given = core.decode(file:read("*a"))
  file:close()
  assert(ok, given)
  return given
end

local function end_with(id, message, code)
  tell(0, id, 0, ("chaos.ended code=%s %s"):format(tostring(code),
    tostring(message)), "{}")
  os.exit(FAILED)
end

--- Serves until it is killed.
-- @param path a file with an encoded table: options of raft.node, and id
function chaos_member.run(path)
  local given = read_options(path)
  local id = given.id
  given.id = nil
  given.hold_unsynced, given.is_controlled = true, true
  io.stdout:setvbuf("line")
  given.on_log = function(record)
    tell(record.wall, record.member, record.term, record.text, record.json)
  end
  local member, message, code = node.start(given)
  if not member then
    end_with(id, message, code)
  end
  tell(0, id, 0, "chaos.open " .. member:address(), "{}")
  local ok
  ok, message, code = member:run()
  if not ok then
    end_with(id, message, code)
  end
end

return chaos_member
