-- SPDX-License-Identifier: MIT
--
-- Power goes, of one member or of all at once, and keeps any part of what was
-- not synced. A set of which every acknowledged element must be there at the
-- end shows a member that spoke before its disk did.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "power is lost, here and everywhere",
  nodes = 3, machine = "raft.machines.set", duration = "15s",
  workload = workload.set { pause = "30ms" },
  nemesis = nemesis.mix {
    nemesis.crash { lasts = { "50ms", "800ms" } },
    nemesis.crash_all { lasts = "300ms" },
    weights = { 4, 1 }, every = { "200ms", "1500ms" },
  },
}
