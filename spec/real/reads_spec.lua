-- SPDX-License-Identifier: MIT
--
-- Each kind of read, of real members through the command; leases turned on and
-- off; bounds that cannot be kept; and how soon a dead leader is followed.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

describe("luaraft query --read #once", function ()
  local cluster

  local function luaraft(...)
    return cluster:luaraft(...)
  end

  local function new()
    cluster = Cluster.new { count = 3, member = { machine = "raft.kv" } }
    cluster:start_all()
    finally(function () cluster:close() end)
    return cluster:leader()
  end

  local function query(to, more)
    return luaraft("query --to %s --timeout 10s %s '[\"get\",\"x\"]'",
      table.concat(to, ","), more)
  end

  local function status(id)
    local client = assert(raft.client { cluster.addresses[id] })
    local ok, row = client:status(1, { deadline = "5s" })
    client:close()
    assert(ok, row)
    return row
  end

  it("serves every kind, and counts them", function ()
    local leader = new()
    local follower = leader % 3 + 1
    local other = { cluster.addresses[follower] }
    assert.equal(0, (luaraft("propose --to %s '[\"set\",\"x\",7]'",
      table.concat(cluster.addresses, ","))))
    for _, kind in ipairs { "linear", "lease", "follower", "stale" } do
      assert.same({ 0, "7\n", "" },
        { query(cluster.addresses, "--read " .. kind) })
    end
    -- Leases are off: it was answered, by asking.
    local row = status(leader)
    assert.same({ 1, 0, false, 0 }, { row.reads_lease_missed,
      row.reads_lease, row.has_lease, row.lease_us })
    -- A follower alone serves what followers may.
    local before = status(follower).reads_follower
    assert.same({ 0, "7\n", "" }, { query(other, "--read follower") })
    assert.equal(before + 1, status(follower).reads_follower)
    assert.same({ 0, "7\n", "" },
      { query(other, "--read stale --max-age 100ms") })
    local applied = status(follower).applied
    assert.same({ 0, "7\n", "" },
      { query(other, "--read stale --index " .. ("%d"):format(applied)) })
  end)

  it("reads by lease once the configuration allows it", function ()
    local leader = new()
    local dir = cluster:dir_of(leader)
    assert.equal(0, (luaraft("propose --to %s '[\"set\",\"x\",7]'",
      table.concat(cluster.addresses, ","))))
    local code, out, err = luaraft("members --dir %s --lease 300ms"
      .. " --drift 1000", dir)
    assert.same({ 0, "" }, { code, err })
    assert.matches('^{"index":%d+}\n$', out)
    assert.matches("leases of 300 ms", select(2, luaraft("members --dir %s",
      dir)))
    cluster:wait("a lease", function ()
      return status(leader).has_lease
    end)
    assert.same({ 0, "7\n", "" },
      { query(cluster.addresses, "--read lease") })
    assert.is_true(status(leader).reads_lease
      + status(leader).reads_lease_missed >= 1)
    assert.equal(0, (luaraft("members --dir %s --lease off", dir)))
    local row = status(leader)
    assert.same({ 0, false }, { row.lease_us, row.has_lease })
  end)

  it("refuses what cannot be, and changes nothing", function ()
    local leader = new()
    local follower = leader % 3 + 1
    for _, row in ipairs {
      { "--read leased", 2,
        "expected one of linear, lease, follower, stale, got leased" },
      { "--max-age 1s", 2, "--max-age needs --read stale" },
      { "--index 1", 2, "--index needs --read stale" },
      { "--read stale --index 99999", 1, "expected index 99999 to be applied, "
        .. "this member has " },
    } do
      local code, out, err = query(cluster.addresses, row[1])
      assert.same({ row[2], "" }, { code, out })
      assert.truthy(err:find(row[3], 1, true), err)
    end
    local code, _, err = luaraft("members --dir %s --lease 5min",
      cluster:dir_of(leader))
    assert.equal(1, code)
    assert.matches("lease_us: expected a number from 0, which is off, to "
      .. "60000000", err, 1, true)
    code, _, err = luaraft("members --dir %s --lease on",
      cluster:dir_of(follower))
    assert.equal(1, code)
    assert.matches("not_leader", err, 1, true)
    -- A member that is alone knows no leader soon, and no bound then.
    for id = 1, 3 do
      if id ~= follower then
        cluster:kill(id)
      end
    end
    cluster:wait("a bound that is not kept", function ()
      local _, _, text = query({ cluster.addresses[follower] },
        "--read stale --max-age 1ms")
      return text:find("expected a state of at most 1 ms ago", 1, true)
        and text:find("too_stale", 1, true)
    end)
    assert.same({ 0, "null\n", "" }, { query({ cluster.addresses[follower] },
      "--read stale") })
    local alone = assert(raft.client { cluster.addresses[follower],
      session = false, deadline = "1s" })
    local _, text, why = alone:query({ "get", "x" }, { read = "stale",
      max_age = "1ms" })
    assert.same({ "expected a state of at most 1 ms ago; this member knows no"
      .. " leader that could say how old its own is", "too_stale" },
      { text, why })
    assert.is_true(alone:query({ "get", "x" }, { read = "stale" }))
    alone:close()
  end)

  it("a leader that is killed is followed before a timeout ends", function ()
    new()
    local client = cluster:client()
    local best = 60
    for _ = 1, 4 do
      local leader = cluster:leader()
      assert(client:propose { "set", "x", 1 })
      cluster:kill(leader)
      local from = Cluster.now()
      assert(client:propose { "set", "x", 2 })
      best = math.min(best, Cluster.now() - from)
      cluster:start(leader)
      cluster:wait("member " .. leader, function ()
        return cluster:status(leader)
      end)
    end
    client:close()
    assert.is_true(best < 0.24, ("the best of four took %.3f s"):format(best))
  end)
end)
