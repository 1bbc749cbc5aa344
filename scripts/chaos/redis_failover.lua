-- SPDX-License-Identifier: MIT
--
-- Redis loses what it acknowledged: its primary, cut off from its replicas,
-- goes on to acknowledge writes; then it ends, and an operator makes a replica
-- the primary. Needs redis-server; luaraft chaos only. It must fail.

local raft = require "raft"

local failover = {}

function failover:run(cluster) -- luacheck: no self
  cluster:sleep "1s"
  local primary = cluster:leader()
  local rest = cluster:others(primary)
  cluster:partition({ primary }, rest)
  cluster:sleep "1s"
  cluster:kill(primary)
  cluster:transfer(rest[1])
  cluster:sleep "500ms"
  cluster:heal()
  cluster:restart(primary)
end

return raft.scenario {
  name = "a primary of Redis fails over", nodes = 3, driver = "redis",
  duration = "4s", concurrency = 3,
  -- So many keys that not all are written again before they are read.
  workload = raft.workload.register { keys = 40, pause = "20ms" },
  nemesis = failover,
}
