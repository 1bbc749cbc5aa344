-- SPDX-License-Identifier: MIT
--
-- What specs of real members leave behind: nothing, however late a shell is.

local Cluster = require "spec.real.cluster"

describe("a cluster of a spec #once", function ()
  -- Its shell stands still when the member ends, and goes on later.
  it("is closed when the shells of all its members have told their ends",
  function ()
    local cluster = Cluster.new { count = 2, member = { machine = "raft.kv" } }
    local marker = os.tmpname()
    finally(function () os.remove(marker) end)
    cluster:start_all()
    cluster:leader()
    local _, status = Cluster.sh(("cat /proc/%s/status"):format(
      cluster.pids[2]))
    local shell = status:match "PPid:%s+(%d+)"
    Cluster.sh(("kill -STOP %s; { sleep 0.3; echo late > %s; kill -CONT %s; }"
      .. " > /dev/null 2>&1 < /dev/null &"):format(shell, marker, shell))
    cluster:close()
    assert.equal("late\n", (select(2, Cluster.sh("cat " .. marker))))
    assert.equal(1, (Cluster.sh("test -e " .. cluster.dir)))
  end)

  it("may have started a member twice, and ends both", function ()
    local cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    cluster:start(1)
    cluster:leader()
    local first = cluster.pids[1]
    cluster:start(1) -- the directory is in use
    assert.equal(1, cluster:exit_code(1))
    cluster:close()
    assert.equal(1, (Cluster.sh("kill -0 " .. first)))
  end)
end)
