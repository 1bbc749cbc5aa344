-- SPDX-License-Identifier: MIT
--
-- Disks take their time, are full, or fail a sync, mostly under the leader.
-- A counter shows additions that were lost or done twice. A member whose sync
-- failed has stopped, as it must: nothing is known of its disk any more.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "disks are slow, full, and fail",
  nodes = 3, machine = "raft.kv", duration = "15s",
  workload = workload.counter {},
  nemesis = nemesis.mix {
    nemesis.disk { kind = "slow", by = "150ms", lasts = { "1s", "2s" } },
    nemesis.disk { kind = "full", left = "2KiB" },
    nemesis.disk { kind = "fail_sync" },
    weights = { 3, 1, 1 }, every = { "300ms", "1500ms" },
  },
}
