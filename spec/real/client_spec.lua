-- SPDX-License-Identifier: MIT
--
-- raft.client with three real members: three faces, exactly once through
-- killed leaders, status, and what an outcome is called.

local cluster_of = require("spec.real.cluster").new

describe("a client of three real members", function()
  local cluster, client

  before_each(function()
    cluster = cluster_of { member = { machine = "raft.kv" } }
    cluster:start_all()
    cluster:leader()
    client = cluster:client()
  end)

  after_each(function()
    client:close()
    cluster:close()
  end)

  it("has three faces, which give the same", function()
    assert.same({ true }, { client:propose { "set", "x", 1 } })
    assert.same({ true, 1 }, { client:propose { "set", "x", 2 } })
    local seen = {}
    client:query({ "get", "x" }, { read = "linear" }, function(...)
      seen[1] = { ... }
    end)
    client:go(function()
      seen[2] = { client:query { "get", "x" } }
      seen[3] = { client:propose { "set", "x", 3 } }
      seen[4] = { client:propose { "dance" } }
    end)
    local call = client:send_propose { "append", "y", "ab" }
    client:run()
    assert.same({ true, 2 }, { call:wait() })
    assert.same({ true, 2 }, seen[1])
    assert.same({ true, 2 }, seen[2])
    assert.same({ true, 2 }, seen[3])
    assert.is_nil(seen[4][1])
    assert.equal("unknown command 'dance'", seen[4][2])
    assert.equal("apply_failed", seen[4][3])
  end)

  it("keeps 256 calls under way, and each is answered", function()
    local sum = 0
    for i = 1, 2000 do
      client:propose({ "add", "n", 1 }, function(ok, now)
        assert(ok, now)
        sum = sum + 1
      end)
      while client:outstanding() >= 256 do
        client:step "5ms"
      end
      assert.is_true(i > 0)
    end
    client:run()
    assert.equal(2000, sum)
    assert.same({ true, 2000 }, { client:query { "get", "n" } })
  end)

  it("applies each proposal once, though leaders die under it", function()
    local answered, total, killed = 0, 3000, {}
    for i = 1, total do
      client:propose({ "add", "n", 1 }, { deadline = "30s" }, function(ok, why)
        assert(ok, why)
        answered = answered + 1
      end)
      if i % 1000 == 500 then
        local id = cluster:leader()
        assert.is_true(client:outstanding() > 0)
        cluster:kill(id)
        killed[#killed + 1] = id
        cluster:wait_end(id)
        cluster:start(id)
      end
      while client:outstanding() >= 100 do
        client:step "5ms"
      end
    end
    client:run()
    assert.equal(3, #killed)
    assert.equal(total, answered)
    assert.same({ true, total }, { client:query { "get", "n" } })
    local rows = cluster:settle()
    assert.equal(rows[1].state_hash, rows[2].state_hash)
    assert.equal(rows[1].state_hash, rows[3].state_hash)
  end)

  it("without a majority the outcome is unknown, and may come true",
    function()
      assert.is_true((client:propose { "set", "t", 1 }))
      local leader = cluster:leader()
      for id = 1, 3 do
        if id ~= leader then
          cluster:kill(id)
          cluster:wait_end(id)
        end
      end
      local ok, message, code = client:propose({ "set", "u", 1 },
        { deadline = "300ms" })
      assert.is_nil(ok)
      assert.equal("timeout", code)
      assert.truthy(message:find("unknown", 1, true))
      assert.same({ true }, { client:query({ "get", "u" },
        { read = "stale" }) })
      for id = 1, 3 do
        if id ~= leader then
          cluster:start(id)
        end
      end
      cluster:leader()
      assert.is_true((client:propose { "set", "v", 1 }))
    end)

  it("asks a member for its status by place or address", function()
    local ok, status = client:status(2)
    assert.is_true(ok)
    assert.equal(2, status.id)
    assert.equal("spec", status.name)
    ok, status = client:status(cluster.addresses[3], { state_hash = true })
    assert.is_true(ok)
    assert.equal(3, status.id)
    assert.equal(16, #status.state_hash)
  end)

  it("a value too large for an entry is refused, and nothing is lost",
    function()
      for _, mebibytes in ipairs { 1, 2, 7, 9 } do
        local ok, message, code = client:propose { "set", "big",
          ("x"):rep(mebibytes * 1024 * 1024) }
        assert.is_nil(ok)
        assert.equal("too_large", code, message)
      end
      assert.same({ true }, { client:propose { "set", "small", 1 } })
    end)
end)

describe("a client of a member at its limit", function()
  it("is told when to come again", function()
    local cluster = cluster_of { count = 1, member = { machine = "raft.kv",
      limits = { connection_requests = 1 } } }
    finally(function()
      cluster:close()
    end)
    cluster:start_all()
    cluster:leader()
    local client = cluster:client()
    local calls = {}
    for i = 1, 5 do
      calls[i] = client:send_status(1, { state_hash = true })
    end
    client:run()
    local ok, message, code, detail = calls[5]:wait()
    assert.same({ "overloaded" }, { code, ok }, message)
    assert.is_true(detail.retry_ms >= 1)
    assert.is_nil(detail.leader)
    client:close()
  end)
end)

describe("a client inside a machine", function()
  it("is refused: apply would wait for itself", function()
    local cluster = cluster_of { count = 1, member = {
      machine = "spec/real/machines/caller.lua", sandbox = false } }
    finally(function()
      cluster:close()
    end)
    cluster:start(1)
    cluster:leader()
    local client = cluster:client()
    local ok, message = client:propose(cluster.addresses[1])
    client:close()
    assert.is_true(ok)
    assert.truthy(tostring(message):find("apply and query cannot call",
      1, true), tostring(message))
  end)
end)
