-- SPDX-License-Identifier: MIT
--
-- sqlite.lua - a replicated SQL database: SQLite, in a file of each member.
--
--   luaraft serve scripts/machines/sqlite.lua --no-sandbox --dir data/1
--     --options '{"path": "data/1.db"}'
--
-- Commands, each one transaction:
--   "CREATE TABLE …"                           one statement
--   { "INSERT INTO t VALUES (?, ?)", 1, "x" }  with parameters
--   { { "UPDATE …", 7 }, { "DELETE …" } }      several: all of them or none
-- A statement is answered with its rows, { { id = 1, name = "x" }, … }, where
-- it gives any, else with the number of rows that it changed; several with a
-- list. Questions are single statements that read. Parameters: numbers,
-- booleans (1, 0), strings, raft.null, { blob = bytes }; :time is the entry's
-- time in microseconds, :random a number, the same on every member.
--
-- Holds:     the database, and in a table of it the index of the last command,
--            changed in the same transaction: killed at any moment, a member
--            knows what it has; nothing is applied twice or left out.
-- Refuses:   what could differ between members: sqlite_statement.lua.
-- Differs:   SQLite waits for no disk here, since the log did: after a power
--            cut commands come from the log again. Members need the same
--            SQLite and libm. Not seen: SQLite draws a rowid when 2^63-1 is
--            taken; a statement without end.
-- Needs:     lua-sql-sqlite3 (the rock luasql-sqlite3); no sandbox.

local driver = require "luasql.sqlite3"
local statement = require "sqlite_statement"

local SQLite = {}
SQLite.__index = SQLite

local ANSWER, STATE = 2 ^ 20, 2 ^ 24 -- bytes of rows, at most
local FUNCTIONS = [[
  SELECT name FROM pragma_function_list WHERE flags & 2048]] -- DETERMINISTIC
local SCHEMA = [[
  SELECT type, name, sql FROM sqlite_schema ORDER BY type, name]]
local READS = { SELECT = true, VALUES = true, WITH = true }

local function quoted(text, mark)
  return mark .. text:gsub(mark, mark .. mark) .. mark
end

-- Runs one statement. @return rows, or how many it changed; or nil, why
local function execute(self, sql, most)
  local cursor, why = self.connection:execute(sql)
  local rows, size, row = {}, 0
  if type(cursor) == "userdata" then
    repeat
      row, why = cursor:fetch({}, "a")
      rows[#rows + 1] = row
      for name, value in pairs(row or {}) do
        size = size + #name + (type(value) == "string" and #value or 8)
      end
    until not row or size > most
    if row then
      cursor:close()
      why = ("expected at most %d bytes of rows: say LIMIT"):format(most)
    end
  else
    rows = cursor
  end
  if why then
    return nil, (why:gsub("^LuaSQL: ", ""))
  end
  return rows
end

-- What must succeed, or this member cannot go on.
local function must(self, sql)
  local result, why = execute(self, sql, STATE)
  if not result then
    self.halt(("%s: %s"):format(self.path or "sqlite", why))
  end
  return result
end

local function open(self, path)
  local connection, why = driver.sqlite3():connect(path)
  if not connection then
    self.halt(("sqlite: %s: %s"):format(path, why))
  end
  self.connection, self.steady = connection, {}
  must(self, "PRAGMA journal_mode = " .. (self.path and "WAL" or "MEMORY"))
  must(self, "PRAGMA synchronous = " .. (self.path and "NORMAL" or "OFF"))
  must(self, "PRAGMA foreign_keys = ON")
  must(self, "CREATE TABLE IF NOT EXISTS raft_applied (at INTEGER)")
  if #must(self, "SELECT at FROM raft_applied") == 0 then
    must(self, "INSERT INTO raft_applied VALUES (0)")
  end
  for _, row in ipairs(must(self, FUNCTIONS)) do
    self.steady[row.name] = true
  end
  if not self.path then
    os.remove(path) -- it lives as long as it is open
  end
end

--- @param options { path = "data/1.db" }; without it a file that nobody sees,
-- empty at each start @param halt ends this member, with a text
function SQLite.new(options, halt)
  local self = setmetatable({ halt = halt }, SQLite)
  self.path = type(options) == "table" and options.path or nil
  open(self, self.path or os.tmpname())
  return self
end

function SQLite:opened()
  return must(self, "SELECT at FROM raft_applied")[1].at
end

function SQLite:close()
  self.connection:close()
end

-- ---- commands ---------------------------------------------------------------

-- A column's default is in the program of an INSERT that leaves it out.
local function check_defaults(self, explain)
  for _, row in ipairs(execute(self, SCHEMA, STATE) or {}) do
    if row.type == "table" and not row.name:find "^sqlite_" then
      local ok, why = statement.check_program("INSERT INTO "
        .. quoted(row.name, '"') .. " DEFAULT VALUES", "", self.steady, explain)
      if not ok then
        error(row.name .. ": " .. why, 0)
      end
    end
  end
end

local function run(self, given, place)
  local sql, word = statement.bind(given, place)
  local function explain(text)
    return execute(self, "EXPLAIN " .. text, STATE)
  end
  local result, why = statement.check(sql, word, self.steady, explain)
  if result then
    result, why = execute(self, sql, ANSWER)
  end
  if not result then
    error(why, 0)
  elseif statement.SHAPES[word] then
    check_defaults(self, explain)
    return 0
  end
  return result
end

local function run_all(self, list, place)
  local answers = {}
  for i, given in ipairs(list) do
    answers[i] = run(self, type(given) == "table" and given or { given }, place)
  end
  return answers
end

function SQLite:apply(command, entry)
  local is_list = type(command) == "table" and type(command[1]) == "table"
  must(self, "BEGIN IMMEDIATE")
  must(self, ("UPDATE raft_applied SET at = %d"):format(entry.index))
  must(self, "SAVEPOINT command")
  local ok, answers = pcall(run_all, self, is_list and command or { command },
    { time = entry.time, random = entry.random(2 ^ 53 - 1) })
  if not ok and statement.OURS[answers] then
    self.halt(("%s: %s"):format(self.path or "sqlite", answers))
  elseif not ok then
    must(self, "ROLLBACK TO command")
  end
  must(self, "COMMIT")
  if not ok then
    error(answers, 0)
  end
  return is_list and answers or answers[1]
end

function SQLite:query(question)
  local sql, word = statement.bind(
    type(question) == "table" and question or { question }, {})
  if not READS[word] then
    error("expected SELECT, VALUES or WITH as a question, got '" .. word .. "'",
      0)
  end
  must(self, "PRAGMA query_only = ON")
  local rows, why = execute(self, sql, ANSWER)
  must(self, "PRAGMA query_only = OFF")
  return rows or error(why, 0)
end

-- ---- the whole of it --------------------------------------------------------

function SQLite:snapshot()
  local name = self.path and self.path .. ".snapshot" or os.tmpname()
  os.remove(name)
  local ok, why = execute(self, "VACUUM INTO " .. quoted(name, "'"), STATE)
  local file = ok and assert(io.open(name, "rb")) or error(why, 0)
  os.remove(name) -- its bytes stay while it is open
  return function()
    local piece = file and file:read(65536)
    if file and not piece then
      file:close()
      file = nil
    end
    return piece
  end
end

function SQLite:restore(next_piece)
  local name = self.path and self.path .. ".new" or os.tmpname()
  local file = assert(io.open(name, "wb"))
  for piece in next_piece do
    assert(file:write(piece))
  end
  assert(file:close())
  self:close()
  if self.path then
    -- A commit syncs all of the file, before it takes the other one's place.
    local fresh = assert(driver.sqlite3():connect(name))
    assert(fresh:execute "UPDATE raft_applied SET at = at")
    fresh:close()
    assert(os.rename(name, self.path))
  end
  open(self, self.path or name)
end

--- Equal for members with equal tables; for a database of up to 16 MiB.
function SQLite:digest()
  local state = {}
  for i, row in ipairs(must(self, SCHEMA)) do
    local rows, why = {}, nil
    if row.type == "table" then
      rows, why = execute(self, "SELECT * FROM " .. quoted(row.name, '"'),
        STATE)
    end
    state[i] = { row.name, row.sql or "", rows or error(why, 0) }
  end
  return state
end

-- For luaraft lint and the simulator.
function SQLite.commands(random)
  local key, n = random(9), random(100)
  local insert = { "INSERT INTO t VALUES (?, ?, :time)", key, n }
  return ({
    "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, n UNIQUE, at)",
    insert,
    { "INSERT OR REPLACE INTO t VALUES (?, ?, :random)", key, n },
    { "UPDATE t SET n = n + ? WHERE k > ?", n, key },
    { { "DELETE FROM t WHERE k = ?", key }, insert, insert },
    { insert, "SELECT * FROM t ORDER BY n" },
  })[random(6)]
end

return SQLite
