-- SPDX-License-Identifier: MIT
--
-- The leader is cut off every second: the others elect one of their own, and
-- what the old one still takes in is never seen as done. Registers with
-- compare-and-swap show any write that was lost or came back.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "the leader is cut off, again and again",
  nodes = 5, machine = "raft.kv", duration = "15s",
  workload = workload.cas_register {},
  nemesis = nemesis.partition {
    kind = "isolate", target = "leader", every = "1500ms",
    lasts = { "200ms", "1200ms" },
  },
}
