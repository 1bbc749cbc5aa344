-- SPDX-License-Identifier: MIT
--
-- sqlite_statement.lua - from a command to SQL that is the same everywhere.
--
-- Holds:     parameters put into a statement; what is refused, and why.
-- Invariant: what two members could compute differently is refused before it
--            runs: functions that SQLite does not call deterministic and
--            those of the calendar ('now'), in the statement and in each
--            default, trigger and view that it comes by, since EXPLAIN shows
--            the program of all of it; PRAGMA, ATTACH, ANALYZE; temporary and
--            virtual tables. So is what would end the transaction around it.
-- Knows not: how a statement is run: explain(sql) gives rows of EXPLAIN.

local raft = require "raft"

local statement = {}

local function set(words)
  local found = {}
  for word in words:gmatch "%S+" do
    found[word] = true
  end
  return found
end

local CHANGES = set "DELETE INSERT REPLACE SELECT UPDATE VALUES WITH"
local SHAPES = set "ALTER CREATE DROP REINDEX"
local CALENDAR = set
  "date datetime julianday strftime time timediff unixepoch"

--- Errors that have to do with this computer, not with the statement.
statement.OURS = {
  ["attempt to write a readonly database"] = true,
  ["database disk image is malformed"] = true,
  ["database is locked"] = true, ["database or disk is full"] = true,
  ["disk I/O error"] = true, ["file is not a database"] = true,
  ["interrupted"] = true, ["not enough memory"] = true,
  ["out of memory"] = true, ["unable to open database file"] = true,
}

-- ---- parameters -------------------------------------------------------------

local function literal(value)
  local kind = type(value)
  if value == raft.null then
    return "NULL"
  elseif kind == "table" and type(value.blob) == "string" then
    return "x'" .. value.blob:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
    end) .. "'"
  elseif kind == "string" and not value:find("%z") then
    return "'" .. value:gsub("'", "''") .. "'"
  elseif kind == "boolean" then
    return value and "1" or "0"
  elseif kind == "number" and value - value == 0 then
    local whole = value % 1 == 0 and value >= -2 ^ 63 and value < 2 ^ 63
    return (whole and "%d" or "%.17g"):format(value)
  end
  error("expected a number, a string, a boolean, raft.null or a { blob ="
    .. " bytes } as a parameter, got " .. kind, 0)
end

-- Where what begins at 'at' ends, and what stands for it in the statement.
local function token(sql, at, given, place)
  local char = sql:sub(at, at)
  if char:find "['\"`[]" then
    return sql:find(char == "[" and "]" or char, at + 1, true) or #sql
  elseif sql:find("^%-%-", at) then
    return sql:find("\n", at, true) or #sql, " "
  elseif sql:find("^/%*", at) then
    return select(2, sql:find("*/", at + 2, true)) or #sql, " "
  elseif sql:find("^%?%D", at) or char == "?" and at == #sql then
    place.used = place.used + 1
    return at, " " .. literal(given[place.used]) .. " " -- 5-? of -3
  elseif sql:find("^:%l", at) then
    local stop = select(2, sql:find("^:%l+", at))
    return stop, " " .. literal(place[sql:sub(at + 1, stop)]) .. " "
  end
  place.is_list = place.is_list or sql:find("^%s*;%s*[^%s;]", at) ~= nil
  return at
end

--- { "SELECT ?, :time", "x" } -> "SELECT 'x', 7", "SELECT"
-- @param place { time = 7, random = 4 }
function statement.bind(given, place)
  local sql, out, at = given[1], {}, 1
  if type(sql) ~= "string" or sql:find("%z") then
    error("expected SQL, a string without zero bytes, got a " .. type(sql), 0)
  end
  place.used, place.is_list = 1, false
  while at <= #sql do
    local stop, text = token(sql, at, given, place)
    out[#out + 1] = text or sql:sub(at, stop)
    at = stop + 1
  end
  if given[place.used + 1] ~= nil then
    error(("expected %d parameters, got more"):format(place.used - 1), 0)
  end
  sql = table.concat(out):gsub("^%s+", "")
  if place.is_list and not sql:lower():find "^create%s+trigger" then
    error("expected one statement, got several: send them as a list", 0)
  end
  return sql, sql:match("^%a*"):upper()
end

-- ---- what is refused --------------------------------------------------------

-- In a CHECK, an index or a generated column SQLite refuses 'now' by itself
-- (PureFunc). Names with sqlite_ are calls that ALTER makes.
local function function_problem(row, steady)
  local name = (row.p4 or ""):match "^[^(]*"
  local is_steady = steady[name] and not CALENDAR[name]
    or CALENDAR[name] and row.opcode == "PureFunc"
    or name:find "^sqlite_[rd]"
  return not is_steady and name .. "() is not the same on every member" or nil
end

-- One instruction of SQLite's machine.
local function problem(row, steady)
  local code = row.opcode
  if code == "Function" or code == "PureFunc" then
    return function_problem(row, steady)
  elseif code == "Transaction" and row.p1 ~= 0 and row.p2 ~= 0 then
    return "what is temporary is gone after a restart"
  elseif code == "Variable" then
    return "expected ?, :time or :random as parameters"
  elseif code:find "^Halt" and row.p1 ~= 0 and row.p2 == 1 then
    return "ROLLBACK would undo more than this statement"
  elseif code:find "^Halt" and statement.OURS[row.p4] then
    return "'" .. row.p4 .. "' is what a disk says"
  elseif code:find "^V%u" then
    return "virtual tables may do anything"
  end
end

-- ALTER looks at temporary tables and at virtual ones of SQLite's own, and at
-- what it would give; none of them can be the user's.
local function problem_of_alter(row, steady)
  return row.opcode:find "^%u%l" and not row.opcode:find "^Transaction"
    and problem(row, steady) or nil
end

--- @param steady names of the functions that SQLite calls deterministic
-- @return true; or nil, why
function statement.check_program(sql, word, steady, explain)
  local rows, why = explain(sql)
  local judge = word == "ALTER" and problem_of_alter or problem
  local writes, gives = false, false
  for _, row in ipairs(rows or {}) do
    why = why or judge(row, steady)
    writes = writes or row.opcode == "Transaction" and row.p2 ~= 0
    gives = gives or row.opcode == "ResultRow" and word ~= "ALTER"
  end
  if writes and gives then -- LuaSQL runs twice what gives rows
    why = why or "expected no RETURNING: read in a statement of its own"
  end
  return not why or nil, why
end

--- @return true; or nil, why the statement is not for all members
function statement.check(sql, word, steady, explain)
  local low = sql:lower()
  local name = low:match "sqlite_%w*" or low:match "raft_%w*"
  if not (CHANGES[word] or SHAPES[word]) then
    return nil, "expected a statement that reads or changes tables, got '"
      .. low:sub(1, 20) .. "'"
  elseif low:find "^create%s+virtual" then
    return nil, "virtual tables may do anything"
  elseif name then
    return nil, "the name '" .. name .. "' is not for commands"
  end
  return statement.check_program(sql, word, steady, explain)
end

statement.SHAPES = SHAPES

return statement
