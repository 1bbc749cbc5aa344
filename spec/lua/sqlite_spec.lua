-- SPDX-License-Identifier: MIT
--
-- scripts/machines/sqlite.lua: what a statement gives, what is refused, and
-- what a member still has when it comes back.

local probe = require("raft.probe")
local raft = require("raft")

local MACHINE = "scripts/machines/sqlite.lua"
local NEVER = "() is not the same on every member"
local TEMPORARY = "what is temporary is gone after a restart"
local VIRTUAL = "virtual tables may do anything"
local PARAMETER = "expected a number, a string, a boolean, raft.null or a"
  .. " { blob = bytes } as a parameter, got "

-- Statement after statement, each in a database of its own with the tables t
-- (k, n) and day (d, checked to be a date).
local REFUSED = {
  { "INSERT INTO t VALUES (1, random())", "random" .. NEVER },
  { "INSERT INTO t SELECT 1, randomblob(4)", "randomblob" .. NEVER },
  { "DELETE FROM t WHERE k > (SELECT abs(random()))", "random" .. NEVER },
  { "SELECT k FROM t ORDER BY random()", "random" .. NEVER },
  { "CREATE TABLE x AS SELECT random() r", "random" .. NEVER },
  { "INSERT INTO t VALUES (1, date('now'))", "date" .. NEVER },
  { "INSERT INTO t VALUES (1, datetime('n' || 'ow'))", "datetime" .. NEVER },
  { "INSERT INTO t VALUES (1, julianday())", "julianday" .. NEVER },
  { "UPDATE t SET n = strftime('%s', 'NOW')", "strftime" .. NEVER },
  { "UPDATE t SET n = unixepoch(n)", "unixepoch" .. NEVER },
  { "INSERT INTO t VALUES (1, CURRENT_TIME)", "current_time" .. NEVER },
  { "INSERT INTO t VALUES (1, last_insert_rowid())",
    "last_insert_rowid" .. NEVER },
  { "INSERT INTO t VALUES (1, changes() + 1)", "changes" .. NEVER },
  { "CREATE TABLE x (a, b DEFAULT CURRENT_TIMESTAMP)",
    "x: current_timestamp" .. NEVER },
  { "CREATE TABLE x (a, b DEFAULT (random()))", "x: random" .. NEVER },
  { "CREATE TABLE x (a, b DEFAULT (time('now')))", "x: time" .. NEVER },
  { "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t WHERE k ="
    .. " random(); END", "t: random" .. NEVER },
  { "CREATE TABLE x (a CHECK (a < random()))", "x: random" .. NEVER },
  { "CREATE TABLE x (a, b AS (random()))", "non-deterministic functions"
    .. " prohibited in generated columns" },
  { "INSERT INTO day VALUES ('now')",
    "non-deterministic use of date() in a CHECK constraint" },
  { "CREATE TEMP TABLE x (a)", TEMPORARY },
  { "CREATE TABLE temp.x (a)", TEMPORARY },
  { "CREATE VIRTUAL TABLE x USING fts5 (a)", VIRTUAL },
  { "INSERT INTO t SELECT 1, page_count FROM pragma_page_count", VIRTUAL },
  { "INSERT OR ROLLBACK INTO t VALUES (1, 2)",
    "ROLLBACK would undo more than this statement" },
  { "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT RAISE(ABORT,"
    .. " 'disk I/O error'); END", "t: 'disk I/O error' is what a disk says" },
  { "INSERT INTO t VALUES (1, 1) RETURNING k",
    "expected no RETURNING: read in a statement of its own" },
  { "INSERT INTO t VALUES (1, 1); DELETE FROM t",
    "expected one statement, got several: send them as a list" },
  { "UPDATE raft_applied SET at = 0",
    "the name 'raft_applied' is not for commands" },
  { 'DELETE FROM "sqlite_sequence"',
    "the name 'sqlite_sequence' is not for commands" },
  { "SELECT @a", "expected ?, :time or :random as parameters" },
  { "SELECT ?2", "expected ?, :time or :random as parameters" },
  { "SELECT :name", PARAMETER .. "nil" },
  { "SELECT ?", PARAMETER .. "nil" },
  { { "SELECT ?", { 1 } }, PARAMETER .. "table" },
  { { "SELECT ?", "a\0b" }, PARAMETER .. "string" },
  { { "SELECT ?", 1, 2 }, "expected 1 parameters, got more" },
  { 7, "expected SQL, a string without zero bytes, got a number" },
  { "INSERT INTO x VALUES (1)", "no such table: x" },
}
for _, word in ipairs { "PRAGMA x = 3", "ATTACH 'x' AS y", "VACUUM",
  "BEGIN", "COMMIT", "SAVEPOINT x", "ANALYZE", "EXPLAIN SELECT 1", "" } do
  REFUSED[#REFUSED + 1] = { word, "expected a statement that reads or changes"
    .. " tables, got '" .. word:lower() .. "'" }
end

local function folder()
  local pipe = assert(io.popen("mktemp -d ${TMPDIR:-/tmp}/luaraft.XXXXXX"))
  local name = pipe:read "*l"
  pipe:close()
  finally(function () os.execute("rm -rf " .. name) end)
  return name
end

-- A machine, and a function that gives it a command and returns the answer;
-- or nil and the error's text.
local function opened(path)
  local machine = assert(probe.machine_open { machine = MACHINE,
    sandbox = false, options = path and { path = path } or nil })
  local index = machine:status().held_index
  return machine, function (command)
    index = index + 1
    local results, message, code = machine:apply { { index = index,
      time = 1000 + index, random = "0123456789abcdef", command = command } }
    if not results then
      return nil, message, code
    elseif results[1].status ~= "ok" then
      return nil, results[1].value, results[1].status
    end
    return results[1].value
  end
end

local function rows(machine, sql, ...)
  local status, value = machine:query { sql, ... }
  assert.equal("ok", status, value)
  return value
end

local function pulled(machine)
  local pieces = {}
  assert(machine:snapshot())
  repeat
    pieces[#pieces + 1] = assert(machine:pull())
  until pieces[#pieces] == ""
  return pieces
end

describe("sqlite: a command", function ()
  it("changes tables, reads them, and says how many rows", function ()
    local machine, apply = opened()
    assert.equal(0, apply "CREATE TABLE t (k INTEGER PRIMARY KEY, n)")
    assert.equal(2, apply "INSERT INTO t VALUES (1, 10), (2, NULL)")
    assert.same({ { k = 1, n = 10 }, { k = 2 } }, apply "SELECT * FROM t")
    assert.equal(1, apply { "UPDATE t SET n = ? WHERE k = ?", 5, 2 })
    assert.equal(0, apply "ALTER TABLE t RENAME COLUMN n TO m")
    assert.same({ { m = 5 } }, rows(machine, "SELECT m FROM t WHERE k = ?", 2))
    assert.equal(1, apply [[
      WITH x (a) AS (SELECT 9) INSERT INTO t SELECT a, a FROM x]])
    machine:close()
  end)

  it("takes parameters as what they are", function ()
    local machine, apply = opened()
    apply "CREATE TABLE t (a, b, c, d, e, f, g)"
    assert.equal(1, apply { "INSERT INTO t VALUES (?, 5-?, ?, ?, ?, ?, '?')",
      "it's; --", -3, 2.5, true, raft.null, { blob = "\0\255" } })
    assert.same({ { a = "it's; --", b = 8, c = 2.5, d = 1, f = "\0\255",
      g = "?", x = "blob" } }, rows(machine, "SELECT *, typeof(f) x FROM t"))
    assert.same({ { x = 1003, y = 1 } },
      apply "SELECT :time x, :random = :random y /* ? */ -- ;")
    machine:close()
  end)

  it("of several statements is done as a whole or not at all", function ()
    local machine, apply = opened()
    apply "CREATE TABLE t (k INTEGER PRIMARY KEY)"
    assert.same({ 1, { { n = 1 } } }, apply { { "INSERT INTO t VALUES (?)", 1 },
      { "SELECT count(*) n FROM t" } })
    assert.same({ nil, "UNIQUE constraint failed: t.k", "apply_failed" },
      { apply { { "DELETE FROM t" }, { "INSERT INTO t VALUES (7)" },
        { "INSERT INTO t VALUES (7)" } } })
    assert.same({ { k = 1 } }, rows(machine, "SELECT k FROM t"))
    machine:close()
  end)

  for _, case in ipairs(REFUSED) do
    local command = type(case[1]) == "table" and case[1] or { case[1] }
    it("is refused: " .. tostring(command[1]), function ()
      local machine, apply = opened()
      apply "CREATE TABLE t (k INTEGER PRIMARY KEY, n)"
      apply "CREATE TABLE day (d CHECK (date(d) = d))"
      assert.equal(1, apply "INSERT INTO day VALUES ('2020-02-29')")
      local before = machine:digest()
      local answer, why = apply(case[1])
      assert.is_nil(answer)
      assert.equal(case[2], why)
      apply "SELECT 1" -- the index goes on; the tables are as they were
      local schema = "SELECT sql FROM sqlite_schema WHERE name = 'x'"
      assert.same({}, rows(machine, schema))
      assert.same({ { n = 0 } }, rows(machine, "SELECT count(*) n FROM t"))
      assert.not_equal(before, machine:digest())
      machine:close()
    end)
  end

  it("that comes by a view with chance in it is refused", function ()
    local machine, apply = opened()
    apply "CREATE TABLE t (k)"
    assert.equal(0, apply "CREATE VIEW v AS SELECT random() AS k")
    assert.same({ nil, "random" .. NEVER, "apply_failed" },
      { apply "INSERT INTO t SELECT k FROM v" })
    machine:close()
  end)
end)

describe("sqlite: a question", function ()
  it("may ask for the time, and changes nothing", function ()
    local machine, apply = opened()
    apply "CREATE TABLE t (k)"
    assert.same({ { x = 1 } }, rows(machine,
      "SELECT datetime('now') > '2020-01-01' x"))
    for sql, why in pairs {
      ["INSERT INTO t VALUES (1)"] = "expected SELECT, VALUES or WITH as a"
        .. " question, got 'INSERT'",
      ["PRAGMA query_only = OFF"] = "expected SELECT, VALUES or WITH as a"
        .. " question, got 'PRAGMA'",
      ["WITH x (a) AS (SELECT 1) INSERT INTO t SELECT a FROM x"] =
        "attempt to write a readonly database",
    } do
      assert.same({ "apply_failed", why }, { machine:query(sql) })
    end
    assert.same({}, rows(machine, "SELECT * FROM t"))
    assert.equal(1, apply "INSERT INTO t VALUES (1)")
    machine:close()
  end)

  it("with too much of an answer is told to say LIMIT", function ()
    local machine = opened()
    assert.same({ "apply_failed",
      "expected at most 1048576 bytes of rows: say LIMIT" },
      { machine:query("WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT"
        .. " a + 1 FROM x) SELECT a, hex(zeroblob(5000)) h FROM x") })
    assert(machine:snapshot()) -- no statement is left open
    machine:close()
  end)
end)

describe("sqlite: the file", function ()
  it("has the index of the last command, one that failed, too", function ()
    local path = folder() .. "/a.db"
    local machine, apply = opened(path)
    assert.equal(0, machine:status().held_index)
    apply "CREATE TABLE t (k)"
    apply "INSERT INTO t VALUES (1)"
    apply "INSERT INTO nowhere VALUES (1)"
    machine:close()
    machine = opened(path)
    assert.equal(3, machine:status().held_index)
    assert.same({ { k = 1 } }, rows(machine, "SELECT k FROM t"))
    machine:close()
  end)

  it("as a snapshot is the state of its moment, rowids and all", function ()
    local dir = folder()
    local machine, apply = opened(dir .. "/a.db")
    apply "CREATE TABLE t (n)"
    apply "CREATE TABLE auto (k INTEGER PRIMARY KEY AUTOINCREMENT, n)"
    apply "INSERT INTO t VALUES (1), (2), (3)"
    apply "INSERT INTO auto (n) VALUES (1), (2), (3)"
    apply "DELETE FROM t WHERE n = 1"
    apply "DELETE FROM auto WHERE k = 3"
    local before = machine:digest()
    assert(machine:snapshot())
    apply "DELETE FROM t"
    local pieces = {}
    repeat
      pieces[#pieces + 1] = assert(machine:pull())
    until pieces[#pieces] == ""
    machine:close()
    local other, more = opened(dir .. "/b.db")
    more "CREATE TABLE old (k)"
    assert(other:restore(pieces))
    assert.equal(before, other:digest())
    other:close()
    other, more = opened(dir .. "/b.db")
    assert.equal(6, other:status().held_index)
    assert.same({ { rowid = 2, n = 2 }, { rowid = 3, n = 3 } },
      rows(other, "SELECT rowid, n FROM t"))
    more "INSERT INTO auto (n) VALUES (4)"
    assert.same({ { k = 4 } }, rows(other, "SELECT max(k) k FROM auto"))
    other:close()
    local pipe = assert(io.popen("ls " .. dir))
    assert.equal("a.db\nb.db\n", pipe:read "*a") -- nothing else is left
    pipe:close()
  end)

  it("in memory only is restored, and used on", function ()
    local machine, apply = opened()
    local other, more = opened()
    apply "CREATE TABLE t (n)"
    apply "INSERT INTO t VALUES (1)"
    for _ = 1, 2 do
      assert(other:restore(pulled(machine)))
      assert.equal(machine:digest(), other:digest())
    end
    assert.equal(1, more "INSERT INTO t VALUES (2)")
    machine:close()
    other:close()
  end)

  it("that another process has locked ends the member, and no command is"
    .. " counted", function ()
    local path = folder() .. "/a.db"
    local machine, apply = opened(path)
    apply "CREATE TABLE t (k)"
    local thief = require("luasql.sqlite3").sqlite3():connect(path)
    assert(thief:execute "BEGIN IMMEDIATE")
    assert.same({ nil, path .. ": database is locked", "machine" },
      { apply "INSERT INTO t VALUES (1)" })
    thief:close()
    machine:close()
    machine = opened(path)
    assert.equal(1, machine:status().held_index)
    machine:close()
  end)

  it("is not told from a lack of memory: that ends the member", function ()
    local machine = assert(probe.machine_open { machine = MACHINE,
      sandbox = false, memory = 16 * 2 ^ 20 })
    assert.same({ nil, "sqlite: not enough memory", "machine" },
      { machine:apply { { index = 1, time = 1, random = "0123456789abcdef",
        command = "SELECT hex(zeroblob(20000000)) h" } } })
    machine:close()
  end)

  it("that cannot grow ends the member, and no command is counted", function ()
    local dir = folder()
    local script = dir .. "/full.lua"
    local file = assert(io.open(script, "w"))
    file:write(([[
      local machine = assert(require("raft.probe").machine_open {
        machine = %q, sandbox = false, options = { path = %q } })
      local i = 0
      while true do
        i = i + 1
        local ok, message, code = machine:apply { { index = i, time = i,
          random = "0123456789abcdef", command = i == 1
            and "CREATE TABLE t (k INTEGER PRIMARY KEY, b)"
            or { "INSERT INTO t VALUES (?, zeroblob(50000))", i } } }
        if not ok or ok[1].status ~= "ok" then
          print(i, message or ok[1].value, code)
          return
        end
      end]]):format(MACHINE, dir .. "/a.db"))
    file:close()
    local lua = rawget(_G, "jit") and "luajit" or "lua"
      .. _VERSION:match "%d.%d"
    local pipe = assert(io.popen(("trap '' XFSZ; ulimit -f 1000; %s %s 2>&1")
      :format(lua, script)))
    local index, message, code = pipe:read("*a"):match(
      "^(%d+)\t([^\t]+)\t(.*)\n$")
    pipe:close()
    assert.equal("machine", code)
    assert.matches(dir .. "/a.db: ", message, 1, true)
    local machine = opened(dir .. "/a.db")
    assert.equal(index - 1, machine:status().held_index)
    assert.same({ { n = index - 2 } }, rows(machine,
      "SELECT count(*) n FROM t"))
    machine:close()
  end)
end)
