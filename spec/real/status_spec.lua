-- SPDX-License-Identifier: MIT
--
-- What members say of themselves: luaraft status and luaraft metrics, and the
-- same of a node in this process.

local Cluster = require "spec.real.cluster"
local exposition = require "spec.exposition"
local json = require "raft.json"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"
local LIMITS = { snapshot_bytes = "4KiB", entry_bytes = "4KiB" }

-- Every key of every member; docs/inspect.md says what they are.
local KEYS = {}
local page = assert(io.open "docs/inspect.md")
for line in page:read "*a":match "\n## What a.-\n## ":gmatch "[^\n]+" do
  for key in (line:match "^| (`[%w_`, ]+`) |" or ""):gmatch "`([%w_]+)`" do
    KEYS[key] = true
  end
end
page:close()
-- Only when there is something to be said.
local AT_TIMES = { leader_address = true, snapshot_age_ms = true,
  last_error = true, last_error_ms_ago = true, diverged_index = true,
  state_hash = true, state_hash_index = true }

describe("what members say of themselves #once", function ()
  local cluster, leader

  local function luaraft(format, ...)
    return Cluster.sh(LUA .. " scripts/luaraft " .. format:format(...))
  end

  local function to()
    return table.concat(cluster.addresses, ",")
  end

  lazy_setup(function ()
    cluster = Cluster.new { member = { machine = "raft.kv",
      limits = LIMITS } }
    cluster:start_all()
    leader = cluster:leader()
    local client = cluster:client()
    for i = 1, 30 do
      assert(client:propose { "set", "x" .. i % 3, ("v"):rep(500) })
    end
    client:close()
  end)

  lazy_teardown(function ()
    cluster:close()
  end)

  local function rows()
    local code, text = luaraft("status --json --to %s", to())
    assert.equal(0, code)
    local list = {}
    for line in text:gmatch "[^\n]+" do
      local ok, row = json.decode(line)
      assert.is_true(ok)
      list[row.id] = row
    end
    return list
  end

  it("has the keys that docs/inspect.md lists, and no others", function ()
    for _, row in ipairs(rows()) do
      for key in pairs(row) do
        assert.is_true(KEYS[key] or key == "address", key)
      end
      for key in pairs(KEYS) do
        assert.is_true(row[key] ~= nil or AT_TIMES[key] == true, key)
      end
    end
  end)

  it("counts syncs, turns, elections, snapshots", function ()
    local list = rows()
    local row = list[leader]
    assert.equal("leader", row.role)
    assert.is_true(row.leaderships >= 1 and row.elections >= 1
      and row.leader_changes >= 1)
    local syncs = 0
    for _, count in ipairs(row.sync_us) do
      syncs = syncs + count
    end
    assert.equal(row.syncs, syncs)
    assert.is_true(row.sync_total_us >= row.sync_longest_us)
    assert.is_true(row.sync_longest_us > 0)
    assert.is_true(row.turn_total_us >= row.turn_longest_us)
    assert.is_true(row.snapshot_index > 0 and row.snapshots_taken > 0)
    assert.is_true(row.snapshot_bytes > 1000)
    assert.is_true(row.snapshot_age_ms >= 0
      and row.snapshot_age_ms < 120000)
    for _, peer in ipairs(row.members) do
      assert.equal(peer.id ~= leader, peer.lag ~= nil)
    end
  end)

  it("remembers the snapshot's size over a restart", function ()
    local id = leader % 3 + 1
    local before = cluster:status(id)
    cluster:kill(id)
    cluster:start(id)
    cluster:wait("the member is back", function ()
      local row = cluster:status(id)
      return row and row.commit >= before.commit
    end)
    local row = cluster:status(id)
    assert.is_true(row.snapshot_bytes > 1000)
    assert.equal(0, row.leaderships)
  end)

  it("prints a page per member that fits a page", function ()
    local code, text = luaraft("status --long --to %s",
      cluster.addresses[leader])
    assert.equal(0, code)
    assert.truthy(text:find("^" .. cluster.host:gsub("%.", "%%.")
      .. ":%d+  member %d of spec, leader of term %d+\n  log +%d+%-%d+, "),
      text)
    for _, word in ipairs { "snapshot   up to %d+, %d+%.%dKiB, of %S+ ago",
      "sync       p50 %d+%.%d+ms, p99 ", "turn       p50 ", "waiting    0 ",
      "held       %d+ sessions", "elections  %d+ begun, ",
      "trouble    ", "member %d   [%d.:]+, voter, leads",
      "voter, has %d+, lag %d+, %d+ messages %([%w.]+%) in flight, heard" } do
      assert.truthy(text:find("\n  " .. word) or text:find(word), word)
    end
  end)

  it("metrics are what Prometheus reads, of members that answer and not",
    function ()
      local code, text = luaraft("metrics --timeout 2s --to %s,%s:9 2>%s/err",
        to(), cluster.host, cluster.dir)
      assert.equal(0, code)
      local read = exposition.read(text)
      assert.equal(0, exposition.value(read, "raft_up",
        { address = cluster.host .. ":9" }))
      for id = 1, 3 do
        local member = { member = tostring(id) }
        assert.is_true(exposition.value(read, "raft_term", member) >= 2)
        -- One that has started again may have had nothing to write.
        assert.is_true(exposition.value(read,
          "raft_sync_duration_seconds_count", member)
          > (id == leader % 3 + 1 and -1 or 0))
        assert.is_true(exposition.value(read,
          "raft_engine_turn_duration_seconds_count", member) > 0)
      end
      code = luaraft("metrics --timeout 1s --to %s:9", cluster.host)
      assert.equal(1, code)
    end)

  it("metrics go into a file as a whole, again and again", function ()
    local path = cluster.dir .. "/raft.prom"
    -- The first text goes away; the second run of the loop writes it again.
    local code, text = Cluster.sh(([[
      %s scripts/luaraft metrics --to %s --file %s --every 100ms & it=$!
      for i in 1 2; do
        for j in $(seq 600); do
          [ -s %s ] && break
          sleep 0.05
        done
        cp %s %s.$i && rm %s
      done
      kill $it]]):format(LUA, to(), path, path, path, path, path))
    assert.equal(0, code, text)
    for i = 1, 2 do
      local file = assert(io.open(path .. "." .. i))
      assert.truthy(exposition.read(file:read "*a").raft_term)
      file:close()
    end
    code, text = luaraft("metrics --to %s --file /never/there/x", to())
    assert.equal(1, code)
    assert.truthy(text:find("^luaraft metrics: /never/there/x"), text)
  end)

  it("a node in this process says the same", function ()
    local folder = Cluster.folder()
    assert(raft.init { id = 7, dir = folder .. "/7", members = {
      [7] = Cluster.host() .. ":7107" } })
    local node = assert(raft.node { dir = folder .. "/7",
      machine = "raft.kv" })
    local ok, text = node:metrics()
    node:close()
    os.execute("rm -rf " .. folder)
    assert.is_true(ok)
    assert.truthy(exposition.read(text).raft_term)
  end)
end)
