-- SPDX-License-Identifier: MIT
--
-- Real members are killed while a snapshot is written, sent, received and
-- installed, and a file of one is damaged.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"
local MIB = 6

describe("real snapshots #once", function ()
  local cluster

  local function new(count, limits)
    limits.snapshot_bytes = "1GiB"
    cluster = Cluster.new { count = count, member = {
      machine = "scripts/machines/pieces.lua", limits = limits } }
    finally(function () cluster:close() end)
    cluster:start_all()
    return cluster:leader()
  end

  local function fill(count)
    local client = cluster:client { deadline = "30s" }
    for _ = 1, count do
      assert(client:propose { "fill", 16 })
    end
    client:close()
  end

  local function begin(id)
    Cluster.sh(("%s scripts/luaraft snapshot %s > /dev/null 2>&1 &"):format(
      LUA, cluster:dir_of(id)))
  end

  local function take(id)
    local code, out = Cluster.sh(("%s scripts/luaraft snapshot %s"):format(
      LUA, cluster:dir_of(id)))
    assert.equal(0, code, out)
  end

  local function has(id, pattern)
    local _, names = Cluster.sh("ls " .. cluster:dir_of(id))
    return names:match(pattern)
  end

  local function await(id, pattern)
    return cluster:wait(pattern, function () return has(id, pattern) end)
  end

  local function kill(id)
    cluster:kill(id)
    cluster:wait_end(id)
  end

  it("one that is broken off by a kill leaves no trace", function ()
    new(1, { retained_entries = 2, snapshot_rate = "8MiB" })
    fill(MIB)
    local before = cluster:settle()[1].state_hash
    begin(1)
    await(1, "snapshot%-new")
    kill(1)
    assert.truthy(has(1, "snapshot%-new"))
    cluster:start(1)
    cluster:leader()
    assert.equal(before, cluster:settle()[1].state_hash)
    cluster:wait("the leftover to go", function ()
      return not has(1, "snapshot%-")
    end)
    take(1)
    assert.equal(1, cluster:status(1).snapshots_taken)
  end)

  it("reach a member whatever is killed on the way", function ()
    local leader = new(3, { retained_entries = 2, snapshot_rate = "8MiB" })
    local away = leader % 3 + 1
    kill(away)
    fill(MIB)
    for id = 1, 3 do
      if id ~= away then
        take(id)
      end
    end
    -- While it receives; then its sender; then while it installs.
    cluster:start(away)
    await(away, "snapshot%-new")
    kill(away)
    cluster:start(away)
    await(away, "snapshot%-new")
    kill(leader)
    cluster:start(leader)
    await(away, "snapshot%-%d+")
    kill(away)
    cluster:start(away)
    local rows = cluster:settle()
    assert.equal(rows[1].state_hash, rows[2].state_hash)
    assert.equal(rows[1].state_hash, rows[3].state_hash)
    assert.is_true(rows[away].log_base > 2)
    assert.is_nil(has(away, "snapshot%-new"))
  end)

  it("that are damaged are refused with file and offset", function ()
    new(1, { retained_entries = 1000 })
    fill(2)
    take(1)
    fill(2)
    take(1)
    local before = cluster:settle()[1]
    local name = ("snapshot-%016d"):format(before.snapshot_index)
    local function restart()
      kill(1)
      Cluster.sh(("printf X | dd of=%s/%s bs=1 seek=70000 conv=notrunc")
        :format(cluster:dir_of(1), name))
      cluster:start(1)
    end
    restart()
    cluster:leader()
    local after = cluster:settle()[1]
    assert.equal(before.state_hash, after.state_hash)
    assert.is_true(after.snapshot_index < before.snapshot_index)
    local text = name:gsub("%-", "%%-")
      .. ": the block at offset 66056 is damaged"
    assert.matches(text, cluster:log_of(1))
  end)

  it("that are damaged and all that there is end the member", function ()
    new(1, { retained_entries = 2, segment_bytes = "4KiB" })
    fill(30)
    take(1)
    local name = ("snapshot-%016d"):format(cluster:status(1).snapshot_index)
    kill(1)
    Cluster.sh(("printf X | dd of=%s/%s bs=1 seek=70000 conv=notrunc")
      :format(cluster:dir_of(1), name))
    cluster:start(1)
    assert.not_equal(0, cluster:exit_code(1))
    assert.matches(name:gsub("%-", "%%-") .. ": the block at offset 66056 is "
      .. "damaged: the state is lost: remove this member, add a new one "
      .. "%(what is whole: term, vote, entries %d+ to %d+%) %(corrupt%)\n",
      cluster:log_of(1))
  end)

  -- The cure that the message names.
  it("that are damaged cost a member, and another takes its place",
    function ()
      new(3, { retained_entries = 2, segment_bytes = "4KiB" })
      fill(30)
      local leader = cluster:leader()
      local broken = leader % 3 + 1
      take(broken)
      kill(broken)
      Cluster.sh(("for name in %s/snapshot-*; do printf X | dd of=$name bs=1 "
        .. "seek=600 conv=notrunc; done"):format(cluster:dir_of(broken)))
      cluster:start(broken)
      assert.equal(1, cluster:exit_code(broken))
      cluster.pids[broken] = nil
      local at = cluster.host .. ":7104"
      assert(raft.join { id = 4, dir = cluster:dir_of(4),
        to = { cluster.addresses[leader] } })
      cluster.count = 4
      cluster:start(4, nil, { listen = at })
      local others = { { 4, at } }
      for id = 1, 3 do
        others[#others + 1] = id ~= broken and id or nil
      end
      assert(raft.admin(cluster:dir_of(leader)):set { voters = others })
      local client = assert(raft.client { at })
      local ok, status
      cluster:wait("the new member to have it all", function ()
        ok, status = client:status(at, { state_hash = true })
        local other = cluster:status(leader, { state_hash = true })
        return ok and other and status.state_hash == other.state_hash
      end)
      client:close()
    end)
end)
