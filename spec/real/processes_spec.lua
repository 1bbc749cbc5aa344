-- SPDX-License-Identifier: MIT
--
-- Three processes: an election, writes, a restart, the data.

local cluster_of = require("spec.real.cluster").new

describe("three real members", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  it("elect a leader, apply writes alike, and keep them over a restart",
    function ()
      cluster = cluster_of { member = { machine = "raft.kv" } }
      cluster:start_all()
      cluster:leader()
      local client = cluster:client()
      for i = 1, 50 do
        assert.same({ true }, { client:propose { "set", "k" .. i, i } })
      end
      client:close()
      local rows = cluster:settle()
      assert.equal(rows[1].state_hash, rows[2].state_hash)
      assert.equal(rows[1].state_hash, rows[3].state_hash)

      for id = 1, 3 do
        cluster:kill(id, "TERM")
      end
      for id = 1, 3 do
        cluster:wait_end(id)
      end
      cluster:start_all()
      local _, status = cluster:leader()
      assert.is_true(status.term > rows[1].term)
      client = cluster:client()
      for i = 1, 50 do
        assert.same({ true, i }, { client:query { "get", "k" .. i } })
      end
      client:close()
    end)

  it("go on with one of them dead, which catches up when it is back",
    function ()
      cluster = cluster_of { member = { machine = "raft.kv" } }
      cluster:start_all()
      local dead = cluster:leader()
      local client = cluster:client()
      assert(client:propose { "set", "a", 1 })
      cluster:kill(dead)
      cluster:wait_end(dead)
      assert(client:propose { "set", "a", 2 })
      assert.same({ true, 2 }, { client:query { "get", "a" } })
      cluster:start(dead)
      local rows = cluster:settle()
      assert.equal(rows[1].state_hash, rows[dead].state_hash)
      client:close()
    end)
end)
