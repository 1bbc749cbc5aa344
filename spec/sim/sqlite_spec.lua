-- SPDX-License-Identifier: MIT
--
-- A replicated SQL database in the pretended world: its members lose power,
-- start from snapshots, and compare every answer. Each life has a database of
-- its own, in a file without a name.

local raft = require "raft"

local FIRST = { { "CREATE TABLE IF NOT EXISTS count (n)" },
  { "INSERT INTO count SELECT 0 WHERE NOT EXISTS (SELECT * FROM count)" },
  { "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, r)" } }

local function scenario(given)
  given.machine, given.sandbox = "scripts/machines/sqlite.lua", false
  given.options = { limits = { snapshot_bytes = 4096, retained_entries = 4 } }
  return raft.scenario(given)
end

local function add(client)
  return client:try("propose", { { "UPDATE count SET n = n + 1" },
    { "INSERT INTO t (r) VALUES (:random)" } })
end

local function count_of(client)
  local row = client:query "SELECT n, (SELECT count(*) FROM t) m FROM count"[1]
  assert(row.n == row.m)
  return row.n
end

describe("sqlite: simulated members", function ()
  it("that lose power one after the other count each command once",
    function ()
      local story = scenario { nodes = 3, run = function (cluster)
        local client = cluster:client { deadline = "60s" }
        client:propose(FIRST)
        for round = 1, 6 do
          local id = (round - 1) % 3 + 1
          cluster:crash(id)
          for _ = 1, 10 do
            assert(add(client))
          end
          cluster:restart(id)
          for _ = 1, 10 do
            assert(add(client))
          end
        end
        cluster:settle()
        assert(count_of(client) == 120)
        assert(#cluster:events "raft%.snapshot" > 0)
      end }
      for seed = 1, os.getenv "RAFT_FULL" and 20 or 2 do
        local result = story:run { seed = seed }
        assert.is_nil(result.violation and result.violation.text)
        assert.is_true(result.ok)
      end
    end)

  it("among mixed faults count what was acknowledged, and no more than was"
    .. " asked", function ()
    local asked, done = 0, 0
    local workload = {}
    function workload.setup(_, cluster)
      asked, done = 0, 0
      cluster:client { deadline = "60s" }:propose(FIRST)
    end
    function workload.client(_, cluster)
      local client = cluster:client()
      while cluster:is_running() do
        asked = asked + 1
        if add(client) then
          done = done + 1
        end
        cluster:sleep "50ms"
      end
    end
    function workload.finish(_, cluster)
      local n = count_of(cluster:client { deadline = "60s" })
      assert(n >= done and n <= asked and done > 20, n)
    end
    local story = scenario { nodes = 3, workload = workload, duration = "4s",
      nemesis = raft.nemesis.mix { raft.nemesis.crash(),
        raft.nemesis.partition(), raft.nemesis.pause() } }
    for seed = 1, os.getenv "RAFT_FULL" and 20 or 1 do
      local result = story:run { seed = seed }
      assert.is_nil(result.violation and result.violation.text)
      assert.is_true(result.ok)
    end
  end)
end)
