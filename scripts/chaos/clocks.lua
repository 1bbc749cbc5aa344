-- SPDX-License-Identifier: MIT
--
-- Wall clocks jump, stand apart and flicker, and processes stand still. No
-- promise of the cluster rests on a wall clock: registers stay linearizable,
-- and time as entries have it never goes back.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "clocks go wrong",
  nodes = 3, machine = "raft.kv", duration = "15s",
  workload = workload.register {},
  nemesis = nemesis.all {
    nemesis.mix {
      nemesis.clock { kind = "jump", by = "1h" },
      nemesis.clock { kind = "skew", by = "20s" },
      nemesis.clock { kind = "strobe", by = "500ms", lasts = "1s" },
      every = "400ms",
    },
    nemesis.pause { target = "leader", every = "3s", lasts = "1s" },
  },
}
