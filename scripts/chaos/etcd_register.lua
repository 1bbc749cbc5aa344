-- SPDX-License-Identifier: MIT
--
-- etcd keeps its promise: a register that is written, read and compared stays
-- linearizable while members are killed, stand still and are cut off from each
-- other. Needs etcd; luaraft chaos only.

local raft = require "raft"
local nemesis = raft.nemesis

return raft.scenario {
  name = "a register in etcd", nodes = 3, driver = "etcd",
  duration = "15s", concurrency = 4,
  workload = raft.workload.cas_register { keys = 2, pause = "30ms" },
  nemesis = nemesis.during("3s", "14s", nemesis.mix {
    nemesis.kill { target = "random", lasts = "1s" },
    nemesis.pause { target = "random", lasts = "1s" },
    nemesis.partition { kind = "random", lasts = "2s" },
    every = { "500ms", "3s" } }),
}
