-- SPDX-License-Identifier: MIT
--
-- Messages are lost, late, twice, out of order and damaged, several of it at
-- a time, and connections end. Queues show what came out twice or never.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

local function flaky(kind, amount)
  return nemesis.stagger("1s", nemesis.network {
    kind = kind, amount = amount, lasts = { "500ms", "3s" },
  })
end

return raft.scenario {
  name = "a network that cannot be relied on",
  nodes = 3, machine = "raft.machines.queue", duration = "15s",
  workload = workload.queue {},
  nemesis = nemesis.all {
    flaky("loss", "10%"), flaky("duplicate", "20%"), flaky("reorder", "30%"),
    flaky("delay", "80ms"), flaky("corrupt", "2%"),
    nemesis.reset { every = "500ms" },
  },
}
