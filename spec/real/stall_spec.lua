-- SPDX-License-Identifier: MIT
--
-- A leader whose machine does not come back hands over to one whose does.

local Cluster = require "spec.real.cluster"

describe("a leader whose machine is stalled", function ()
  local cluster

  -- The machine of each of these members stops at the next "hold".
  local function hold(ids)
    for _, id in ipairs(ids) do
      assert(io.open(cluster.dir .. "/held" .. id, "w")):close()
    end
  end

  local function let_go()
    for id = 1, 3 do
      os.remove(cluster.dir .. "/held" .. id)
    end
  end

  local function new()
    cluster = Cluster.new { member = { sandbox = false,
      machine = "spec/real/machines/held.lua",
      limits = { apply_stall_us = "1s" } } }
    finally(function ()
      let_go()
      cluster:close()
    end)
    for id = 1, 3 do
      cluster:start(id, nil, { options = cluster.dir .. "/held" .. id })
    end
    return cluster:leader()
  end

  it("hands over, and clients go on, once each", function ()
    local leader, before = new()
    hold { leader }
    local client = cluster:client { deadline = "30s" }
    assert.same({ true, 1 }, { client:propose "hold" })
    assert.same({ true, 2 }, { client:propose "go" })
    client:close()
    local heir, after = cluster:leader()
    assert.not_equal(leader, heir)
    assert.is_true(after.term > before.term)
    assert.matches('raft.transfer to=%d reason="its disk or machine is '
      .. 'stalled"', cluster:log_of(leader))
    assert.is_true(cluster:status(leader).apply_stalled)
    let_go()
    local rows = cluster:settle()
    assert.is_false(rows[leader].apply_stalled)
    assert.equal(rows[heir].state_hash, rows[leader].state_hash)
  end)

  it("stays and says so when every other one is, too", function ()
    local leader, before = new()
    hold { 1, 2, 3 }
    local client = cluster:client { deadline = "30s" }
    local call = client:send_propose "hold"
    cluster:wait("the leader to say that it stays", function ()
      return cluster:log_of(leader):find(
        'raft.stays reason="its disk or machine is stalled"', 1, true)
    end, client)
    local now = cluster:status(leader)
    assert.same({ "leader", before.term }, { now.role, now.term })
    let_go()
    assert.same({ true, 1 }, { call:wait() })
    client:close()
  end)
end)
