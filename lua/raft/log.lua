-- SPDX-License-Identifier: MIT
--
-- log.lua - what a member tells, as lines.
--
-- Holds:     a record of node:step as one line of text or of JSON.
-- Knows not: where lines go.
-- Rule:      every line has wall time in UTC, member and term before what
--            happened, so that lines of several members can be sorted
--            together.

local log = {}

-- 1767225600123456 -> "2026-01-01T00:00:00.123456Z"
local function wall_of(record)
  local seconds = math.floor(record.wall / 1e6)
  local rest = record.wall - seconds * 1e6
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%06dZ"):format(rest)
end

--- "2026-01-01T00:00:00.123456Z info  member 1 term 2  raft.role from=…"
function log.text(record)
  return ("%s %-5s member %.0f term %.0f  %s"):format(wall_of(record),
    record.level, record.member, record.term, record.text)
end

--- '{"wall":"2026-01-01T00:00:00.123456Z","time":7,"member":1,…}'
function log.json(record)
  return ('{"wall":"%s",%s'):format(wall_of(record), record.json:sub(2))
end

--- A function for on_log that writes lines.
-- @param form "text" or "json"
-- @param write function (text)
function log.writer(form, write)
  local print_one = log[form]
  return function (record)
    write(print_one(record) .. "\n")
  end
end

return log
