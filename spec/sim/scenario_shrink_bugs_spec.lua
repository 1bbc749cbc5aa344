-- SPDX-License-Identifier: MIT
--
-- Stale reads of a leader that asks nobody, seen by a workload's history only:
-- found, and made smaller.

local probe = require("raft.probe")
local sim_command = require("spec.sim_command")

local STALE = [[
local raft = require "raft"
local workload = { model = "register" }
function workload:client(cluster, process)
  local home = (process - 1) % #cluster:members() + 1
  local client, history = cluster:client(home, { only = true }),
    cluster:history()
  local value, soon = process * 1000, { deadline = "200ms" }
  while cluster:is_running() do
    local is_write, ok, result, op = cluster:random(3) == 1, nil, nil, nil
    value = value + 1
    op = history:invoke(process, is_write and "write" or "read", "x",
      is_write and value or nil, cluster:now())
    if is_write then
      ok = client:try("propose", { "set", "x", value }, soon)
    else
      ok, result = client:try("query", { "get", "x" }, soon)
    end
    if ok then
      history:ok(op, result, cluster:now())
    else
      history:info(op, cluster:now())
      process = process + 100
    end
    cluster:sleep "10ms"
  end
end
return raft.scenario { duration = "3s", concurrency = 3,
  workload = workload,
  options = { heartbeat_us = 40000, election_us = 80000,
    election_spread_us = 60000, check_quorum_us = 400000 },
  nemesis = raft.nemesis.partition { target = "leader", kind = "isolate",
    lasts = "600ms", every = "200ms" } }
]]

if probe.with_bugs then
  describe("luaraft sim: stale reads in a history #once", function()
    it("are made smaller, and fail with the bug only", function()
      local command = sim_command.open()
      command:write("stale.lua", STALE)
      local code, out = command:sim
        "stale.lua --seeds 1..40 --bug read_without_round"
      assert.equal(1, code, out)
      assert.matches("^stale.lua: seed %d+: linearizable: ", out)
      local small, rows = out:match("made smaller: (%S+), (%d+) rows")
      assert.is_true(tonumber(rows) <= 25, rows)
      code, out = command:sim(small .. " --no-shrink")
      assert.equal(1, code, out)
      assert.matches("seed %d+: linearizable: ", out)
      local text = command:read(small)
      command:write(small, (text:gsub('  bug = [^\n]*\n', "")))
      code, out = command:sim(small .. " --no-shrink")
      assert.equal(0, code, out)
      command:close()
    end)
  end)
end
