-- SPDX-License-Identifier: MIT
--
-- A replicated SQL database on real members: killed, restarted, joined. Each
-- has its database in a file, where the index of the last command is; what is
-- counted there must be what was acknowledged.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"
local FIRST = { { "CREATE TABLE count (n)" },
  { "INSERT INTO count VALUES (0)" },
  { "CREATE TABLE t (k INTEGER PRIMARY KEY, text)" } }

describe("sqlite: real members", function ()
  local cluster

  local function new(limits)
    cluster = Cluster.new { member = {
      machine = "scripts/machines/sqlite.lua", sandbox = false,
      limits = limits } }
    finally(function () cluster:close() end)
  end

  local function file_of(id)
    return ("%s/%d.db"):format(cluster.dir, id)
  end

  local function start(id, more)
    local options = { options = { path = file_of(id) } }
    for key, value in pairs(more or {}) do
      options[key] = value
    end
    cluster:start(id, nil, options)
  end

  local function start_all()
    for id = 1, 3 do
      start(id)
    end
  end

  -- What Debian's sqlite3 finds in the file of a member that has ended.
  local function dump(id)
    local env = require("luasql.sqlite3").sqlite3()
    local connection = assert(env:connect(file_of(id)))
    local lines = {}
    local function add(sql)
      local cursor = assert(connection:execute(sql))
      local row = cursor:fetch({}, "n")
      while row do
        lines[#lines + 1] = table.concat(row, "|")
        row = cursor:fetch({}, "n")
      end
    end
    add "SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name"
    add "SELECT n FROM count"
    add "SELECT k, text FROM t ORDER BY k"
    add "SELECT at FROM raft_applied"
    connection:close()
    return table.concat(lines, "\n")
  end

  local function end_all()
    for id = 1, cluster.count do
      cluster:kill(id, "TERM")
    end
    for id = 1, cluster.count do
      cluster:wait_end(id)
    end
  end

  -- Adds to the count and to the table, in one transaction; again, it would
  -- add again.
  local function add(client, first, last)
    for k = first, last do
      local ok, message = client:propose { { "UPDATE count SET n = n + 1" },
        { "INSERT INTO t (text) VALUES (?)", ("x"):rep(k % 50) } }
      assert(ok, message)
    end
  end

  local function count_of(client)
    local ok, rows = client:query("SELECT n FROM count")
    return assert(ok and rows[1].n, rows)
  end

  it("killed one after the other and at once apply nothing twice", function ()
    new()
    start_all()
    local client = cluster:client { deadline = "60s" }
    assert(client:propose(FIRST))
    for round = 1, 3 do
      add(client, round * 20 - 19, round * 20 - 10)
      cluster:kill(round)
      add(client, round * 20 - 9, round * 20)
      cluster:wait_end(round)
      start(round)
    end
    local pending = client:send_propose { { "UPDATE count SET n = n + 1" },
      { "INSERT INTO t (text) VALUES ('last')" } }
    client:step "5ms"
    for id = 1, 3 do
      cluster:kill(id)
    end
    for id = 1, 3 do
      cluster:wait_end(id)
    end
    start_all()
    local ok, message, code = pending:wait()
    -- Where the database is ahead of who remembers results, none is known.
    assert(ok or code == "result_lost", message)
    assert.equal(61, count_of(client))
    client:close()
    local rows = cluster:settle()
    assert.equal(rows[1].state_hash, rows[2].state_hash)
    assert.equal(rows[1].state_hash, rows[3].state_hash)
    end_all()
    assert.matches("\n61\n", dump(1), 1, true)
    assert.equal(dump(1), dump(2))
    assert.equal(dump(1), dump(3))
  end)

  it("one whose database is older than its log gets the rest again",
    function ()
      new()
      start_all()
      local client = cluster:client { deadline = "60s" }
      assert(client:propose(FIRST))
      add(client, 1, 10)
      cluster:settle()
      local id = cluster:leader()
      cluster:kill(id, "TERM")
      cluster:wait_end(id)
      Cluster.sh(("cp %s %s.old"):format(file_of(id), file_of(id)))
      start(id)
      add(client, 11, 30)
      cluster:settle()
      cluster:kill(id)
      cluster:wait_end(id)
      Cluster.sh(("rm -f %s-wal %s-shm; mv %s.old %s"):format(file_of(id),
        file_of(id), file_of(id), file_of(id)))
      start(id)
      cluster:settle()
      assert.equal(30, count_of(client))
      client:close()
      end_all()
      assert.equal(dump(1), dump(2))
      assert.equal(dump(1), dump(3))
    end)

  it("one whose database is ahead of its log is refused", function ()
    new()
    start_all()
    local client = cluster:client { deadline = "60s" }
    assert(client:propose(FIRST))
    cluster:settle()
    client:close()
    cluster:kill(1, "TERM")
    cluster:wait_end(1)
    local env = require("luasql.sqlite3").sqlite3()
    local thief = assert(env:connect(file_of(1)))
    assert(thief:execute "UPDATE raft_applied SET at = 1000")
    thief:close()
    start(1)
    assert.equal(1, cluster:exit_code(1))
    assert.matches("the machine holds index 1000, the log ends at %d+",
      cluster:log_of(1))
  end)

  it("a new member gets the database as a snapshot, through the command",
    function ()
      new { snapshot_bytes = 8192, retained_entries = 8 }
      start_all()
      local client = cluster:client { deadline = "60s" }
      assert(client:propose(FIRST))
      local dir = cluster:dir_of(4)
      local function luaraft(format, ...)
        local code, text = Cluster.sh(LUA .. " scripts/luaraft "
          .. format:format(...))
        assert.equal(0, code, text)
      end
      luaraft("join --id 4 --dir %s --to %s", dir, cluster.addresses[1])
      add(client, 1, 150)
      local id, status = cluster:leader()
      assert.is_true(status.log_base > 1, "the log was not compacted")
      cluster.count = 4
      local at = cluster.host .. ":7104"
      start(4, { listen = at })
      luaraft("members --dir %s --voters 1,2,3,4=%s", cluster:dir_of(id), at)
      add(client, 151, 170)
      client:close()
      local newest = assert(raft.client { at })
      cluster:wait("member 4 to have all", function ()
        local ok, rows = newest:query("SELECT count(*) n FROM t",
          { read = "stale" })
        return ok and rows[1].n == 170
      end)
      local _, seen = assert(newest:status(at))
      assert.is_true(seen.snapshot_index > 0)
      newest:close()
      end_all()
      for other = 1, 3 do
        assert.equal(dump(4), dump(other))
      end
    end)
end)

describe("sqlite #once", function ()
  it("is served by the command, with options", function ()
    local dir, host = Cluster.folder(), Cluster.host()
    local at = host .. ":7101"
    finally(function ()
      Cluster.sh(("kill $(cat %s/pid); rm -rf %s"):format(dir, dir))
    end)
    assert.equal(0, (Cluster.sh(([=[
      set -e
      luaraft="%s scripts/luaraft"
      $luaraft init --id 1 --dir %s/1 --members 1=%s
      $luaraft serve scripts/machines/sqlite.lua --no-sandbox --dir %s/1 \
        --options '{"path": "%s/1.db"}' > %s/log 2>&1 < /dev/null &
      echo $! > %s/pid
      $luaraft propose --to %s --timeout 20s \
        '[["CREATE TABLE t (k)"], ["INSERT INTO t VALUES (?)", 7]]'
      test "$($luaraft query --to %s '"SELECT k FROM t"')" = '[{"k":7}]'
    ]=]):format(LUA, dir, at, dir, dir, dir, dir, at, at))))
    local file = assert(io.open(dir .. "/1.db"))
    file:close()
  end)
end)
