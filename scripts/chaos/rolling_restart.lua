-- SPDX-License-Identifier: MIT
--
-- One member after the other is stopped and started, as for an upgrade, and
-- the round begins again. Somebody always serves, and nothing is lost.

local raft = require "raft"
local nemesis, workload = raft.nemesis, raft.workload

local function stop(id)
  return nemesis.kill { target = id, every = "700ms", lasts = "400ms" }
end

return raft.scenario {
  name = "one restart after the other",
  nodes = 3, machine = "raft.kv", duration = "15s",
  workload = workload.cas_register { pause = "20ms" },
  nemesis = nemesis.sequence { stop(1), stop(2), stop(3) },
}
