-- SPDX-License-Identifier: MIT
--
-- Money moves between five accounts while the cluster falls into halves of
-- every shape. The sum of all accounts, read at any moment, never changes.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "a bank under partitions",
  nodes = 5, machine = "raft.machines.bank", duration = "15s",
  workload = workload.bank { pause = "40ms" },
  nemesis = nemesis.mix {
    nemesis.partition { kind = "halves" },
    nemesis.partition { kind = "majority", target = "leader" },
    nemesis.partition { kind = "one_way", target = "leader" },
    nemesis.partition { kind = "deaf", target = "leader" },
    nemesis.partition { kind = "random" },
    every = { "300ms", "2s" },
  },
}
