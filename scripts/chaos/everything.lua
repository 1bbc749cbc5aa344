-- SPDX-License-Identifier: MIT
--
-- All faults, mixed, up to three at a time, on five members with several
-- workloads at once. What this does not find in many seeds, no user will
-- find soon.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

return raft.scenario {
  name = "everything at once",
  nodes = 5, machine = "raft.machines.rooms", duration = "30s",
  concurrency = 10,
  workload = workload.all {
    workload.register {}, workload.cas_register {}, workload.append {},
    workload.bank {}, workload.queue {}, workload.set {},
    workload.counter {},
  },
  nemesis = nemesis.everything {},
}
