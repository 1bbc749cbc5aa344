-- SPDX-License-Identifier: MIT
--
-- How a process that runs a member ends: asked to, asked twice, and with a
-- machine that never returns.

local Cluster = require "spec.real.cluster"

describe("a process that runs a member", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  local function start(member, pipe)
    cluster = Cluster.new { count = 1, member = member }
    cluster:start(1, pipe)
    cluster:leader()
  end

  -- From now on the machine is in a call that does not return.
  local function hang(close_us)
    start { machine = "spec/real/machines/busy.lua", sandbox = false,
      limits = { close_us = close_us } }
    local client = cluster:client { session = false, deadline = "1s" }
    client:propose({ "spin", 3600 }, function () end)
    local index = cluster:wait("the command to be committed", function ()
      local status = cluster:status(1)
      return status and status.commit > status.applied and status.commit
    end, client)
    client:close()
    return index
  end

  it("ends with 0 when SIGTERM, SIGINT or SIGHUP asks it to", function ()
    start { machine = "raft.kv" }
    for i, signal in ipairs { "TERM", "INT", "HUP" } do
      if i > 1 then
        cluster:start(1)
        cluster:leader()
      end
      local client = cluster:client()
      assert(client:propose { "set", "a", i })
      client:close()
      cluster:kill(1, signal)
      assert.equal(0, cluster:exit_code(1))
    end
  end)

  it("goes on without the reader of its log", function ()
    start({ machine = "raft.kv" }, "| head -n 1 > /dev/null")
    local client = cluster:client()
    assert(client:propose { "set", "a", 1 })
    client:close()
    -- Every start of a term is told: a pipe without a reader is written to.
    assert.is_true(cluster:is_running(1))
    cluster:kill(1, "TERM")
    assert.equal(0, cluster:exit_code(1))
  end)

  it("abandons an apply that does not return, says so and ends with 1",
    function ()
      local index = hang "300ms"
      local began = Cluster.now()
      cluster:kill(1, "TERM")
      assert.equal(1, cluster:exit_code(1))
      assert.is_true(Cluster.now() - began < 5)
      local found, ms = cluster:log_of(1):match(
        "member: apply of index (%d+) has not returned for (%d+) ms: "
          .. "abandoned %(timeout%)\n")
      assert.is_true(tonumber(found) >= index, cluster:log_of(1))
      assert.is_true(tonumber(ms) >= 300)
    end)

  it("ends at once when it is asked twice", function ()
    hang "60s"
    cluster:kill(1, "TERM")
    cluster:wait("the member to be deaf", function ()
      return not cluster:status(1)
    end)
    assert.is_true(cluster:is_running(1))
    cluster:kill(1, "INT")
    assert.equal(128 + 2, cluster:exit_code(1))
  end)
end)
