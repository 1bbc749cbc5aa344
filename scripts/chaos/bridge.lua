-- SPDX-License-Identifier: MIT
--
-- Two halves that only one member joins, then a ring in which each hears its
-- neighbours alone: somebody always hears of a leader that others do not.
-- Lists to which is appended show every order in which that was not hidden.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "one member bridges two halves",
  nodes = 5, machine = "raft.kv", duration = "15s",
  workload = workload.append {},
  nemesis = nemesis.sequence {
    nemesis.partition { kind = "bridge", target = "leader", lasts = "2s" },
    nemesis.partition { kind = "ring", lasts = "2s" },
    nemesis.partition { kind = "bridge", target = "follower", lasts = "1s" },
  },
}
