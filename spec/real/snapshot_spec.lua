-- SPDX-License-Identifier: MIT
--
-- Snapshots of real members, asked for through the command: started from,
-- sent, joined with.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local VALUE = ("v"):rep(32 * 1024)

describe("luaraft snapshot #once", function ()
  local cluster

  local function luaraft(...)
    return cluster:luaraft(...)
  end

  local function new(count, limits, machine)
    limits = limits or {}
    limits.retained_entries = limits.retained_entries or 2
    limits.snapshot_bytes = limits.snapshot_bytes or "1GiB"
    cluster = Cluster.new { count = count, member = {
      machine = machine or "raft.kv", limits = limits } }
    cluster:start_all()
    finally(function () cluster:close() end)
    return cluster:leader()
  end

  local function fill(count, word)
    local client = cluster:client { deadline = "20s" }
    for i = 1, count do
      assert(client:propose { "set", (word or "key") .. i, VALUE .. i })
    end
    client:close()
  end

  local function snapshot(id)
    return luaraft("snapshot %s", cluster:dir_of(id))
  end

  -- Asks for one; its index.
  local function taken(id)
    local code, out, err = snapshot(id)
    assert.same({ 0, "" }, { code, err })
    return tonumber(out:match '^{"index":(%d+)}\n$')
  end

  it("is taken once for a state, and a member starts from it", function ()
    new(1)
    fill(20)
    local index = taken(1)
    assert.same({ 1, "", ("luaraft snapshot: nothing was applied since the "
      .. "snapshot of entry %d (exists)\n"):format(index) }, { snapshot(1) })
    local before = cluster:settle()[1]
    assert.equal(index, before.snapshot_index)
    assert.equal(index - 2, before.log_base)
    cluster:kill(1)
    cluster:wait_end(1)
    assert.same({ 1, "", ("luaraft snapshot: no member runs in %s "
      .. "(unreachable)\n"):format(cluster:dir_of(1)) }, { snapshot(1) })
    cluster:start(1)
    cluster:leader()
    local after = cluster:settle()[1]
    assert.equal(before.state_hash, after.state_hash)
    assert.equal(index, after.snapshot_index)
    local ok, node = raft.admin(cluster:dir_of(1)):snapshot()
    assert.is_true(ok, node)
    assert.is_true(node.index > index)
  end)

  it("is refused by a machine that takes none", function ()
    new(1, nil, "spec/real/machines/bare.lua")
    fill(1)
    assert.same({ 1, "", "luaraft snapshot: the machine takes no snapshots: "
      .. "expected the methods 'snapshot' and 'restore' (no_method)\n" },
      { snapshot(1) })
    assert.same({ "the machine takes no snapshots: expected the methods "
      .. "'snapshot' and 'restore'", "no_method" },
      { select(2, raft.admin(cluster:dir_of(1)):snapshot()) })
    assert.equal(0, cluster:status(1).snapshot_index)
    assert.is_false(cluster:status(1).takes_snapshots)
  end)

  it("is what one who joins late is made with", function ()
    local leader = new(3)
    fill(20)
    for id = 1, 3 do
      taken(id)
      assert.is_true(cluster:status(id).log_base > 10)
    end
    local dir = cluster:dir_of(4)
    local at = cluster.host .. ":7104"
    assert.same({ 0, ('{"dir":"%s","id":4}\n'):format(dir), "" },
      { luaraft("join --id 4 --dir %s --to %s", dir,
        table.concat(cluster.addresses, ",")) })
    cluster.count = 4
    cluster.addresses[4] = at
    cluster:start(4, nil, { listen = at })
    local code, _, err = luaraft("members --dir %s --voters 1,2,3,4=%s",
      cluster:dir_of(leader), at)
    assert.same({ 0, "" }, { code, err })
    cluster.watcher:close()
    cluster.watcher = cluster:client { deadline = "1s", session = false }
    local rows = cluster:settle()
    assert.equal(rows[leader].state_hash, rows[4].state_hash)
    assert.equal(1, rows[4].snapshots_installed)
    assert.is_true(rows[4].log_base > 10)
    assert.equal(1, cluster:status(leader).bulk_links_up)
    -- Who came that way can bring others.
    assert.equal(0, (luaraft("join --id 5 --dir %s --to %s",
      cluster:dir_of(5), at)))
  end)
end)
