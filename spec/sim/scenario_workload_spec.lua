-- SPDX-License-Identifier: MIT
--
-- Scenarios of a workload and a nemesis: what runs when, and who judges.

local raft = require("raft")

-- One key, written and read; 'lies' is what a read makes of an answer.
local function register(lies)
  local workload = { model = "register", finished = 0, clients = 0 }
  function workload:client(cluster, process)
    local client, history = cluster:client { deadline = "2s" },
      cluster:history()
    self.clients = self.clients + 1
    local value = process * 1000
    while cluster:is_running() do
      local op, ok, result
      if cluster:random(2) == 1 then
        value = value + 1
        op = history:invoke(process, "write", "x", value, cluster:now())
        ok = client:try("propose", { "set", "x", value })
      else
        op = history:invoke(process, "read", "x", nil, cluster:now())
        ok, result = client:try("query", { "get", "x" })
      end
      if ok then
        history:ok(op, lies and lies(cluster, result) or result,
          cluster:now())
      else
        history:info(op, cluster:now())
        return
      end
      cluster:sleep "20ms"
    end
  end
  function workload:finish(cluster)
    self.finished = self.finished + 1
    self.last = cluster:client():query { "get", "x" }
  end
  return workload
end

local function crashes(seen)
  return { run = function(_, cluster)
    while true do
      cluster:sleep "300ms"
      local id = cluster:random(cluster:members())
      seen.count = (seen.count or 0) + 1
      cluster:crash(id)
      cluster:sleep "300ms"
      cluster:restart(id)
    end
  end }
end

describe("scenario: workload and nemesis", function()
  it("run beside each other until the duration is over", function()
    for seed = 1, 5 do
      local workload, seen = register(), {}
      local result = raft.scenario { nodes = 3, concurrency = 4,
        duration = "3s", workload = workload, nemesis = crashes(seen),
      }:run { seed = seed }
      assert.is_nil(result.violation and result.violation.text)
      assert.is_true(result.ok)
      assert.equal(4, workload.clients)
      assert.equal(1, workload.finished)
      assert.is_not_nil(workload.last)
      assert.is_true(seen.count >= 4)
      assert.equal(seen.count, result.crashes)
      assert.equal("linearizable", result.check.verdict)
      assert.is_true(#result.history:events() > 50)
    end
  end)

  it("fail when the history has no order that explains it", function()
    local reads = 0
    local result = raft.scenario { duration = "2s",
      workload = register(function(_, value)
        reads = reads + 1
        return reads > 20 and 77 or value
      end) }:run { seed = 1 }
    assert.equal("linearizable", result.violation.name)
    assert.is_false(result.ok)
  end)

  it("are unknown where the search for an order gave up", function()
    local workload = register()
    local client = workload.client
    function workload.client(self, cluster, process)
      cluster:history().check = function()
        return { verdict = "unknown", reason = "states" }
      end
      client(self, cluster, process)
    end
    local result = raft.scenario { duration = "1s", workload = workload }
      :run { seed = 1 }
    assert.equal("the history was not decided within its limits",
      result.unknown)
    assert.is_false(result.ok)
    assert.is_nil(result.violation)
  end)

  it("fail when the workload's own judge says so", function()
    local workload = register()
    function workload.judge(_, history)
      return nil, "too many: " .. (#history:events() > 10 and "yes" or "no"),
        { 1 }
    end
    local result = raft.scenario { duration = "1s", workload = workload }
      :run { seed = 1 }
    assert.same({ "workload", "too many: yes" },
      { result.violation.name, result.violation.text })
    assert.same({ 1 }, result.detail)
  end)

  it("are not applicable where the nemesis needs what is missing", function()
    local result = raft.scenario { duration = "1s", workload = register(),
      nemesis = { run = function(_, cluster)
        cluster:sleep "100ms"
        cluster:upgrade(1)
      end } }:run { seed = 1 }
    assert.matches("the simulator has no upgrade", result.not_applicable)
    assert.is_false(result.ok)
  end)

  it("are not applicable where the cluster has too few members", function()
    local result = raft.scenario { nodes = 2, workload = register(),
      nemesis = raft.nemesis.wipe {} }:run { seed = 1 }
    assert.matches("scenario_workload_spec.lua:%d+: nemesis.wipe {} needs at"
      .. " least 3 members, got 2$", result.not_applicable)
    assert.is_false(result.ok)
    assert.is_nil(result.violation)
  end)

  it("end the faults first, so that what is under way can end well",
  function()
    local workload = register()
    local result = raft.scenario { duration = "2s", workload = workload,
      nemesis = { run = function(_, cluster)
        cluster:await_leader()
        cluster:sleep "500ms"
        cluster:cut("clients", cluster:members())
      end } }:run { seed = 1 }
    assert.is_true(result.ok)
    for _, event in ipairs(result.history:events()) do
      assert.are_not.equal("info", event.type)
    end
  end)

  it("heal what a nemesis left broken", function()
    local result = raft.scenario { duration = "1s", workload = register(),
      nemesis = { run = function(_, cluster)
        cluster:network { loss = "100%" }
        cluster:crash(1)
        cluster:pause(2)
        cluster:partition({ 1 }, { 2 }, { 3 })
        cluster:disk(3, { slow = "10s", full = true })
      end } }:run { seed = 1 }
    assert.is_true(result.ok, result.violation and result.violation.text)
  end)
end)

describe("scenario: determinism", function()
  local function everything(seed)
    return raft.scenario { nodes = 3, duration = "2s",
      workload = register(), nemesis = crashes {} }:run { seed = seed }
  end

  it("gives one seed one run, and another another", function()
    local one, two = everything(1), everything(1)
    assert.equal(one.trace_hash, two.trace_hash)
    assert.same(one.history:events(), two.history:events())
    assert.are_not.equal(one.trace_hash, everything(2).trace_hash)
  end)

  it("does not depend on what is kept to look at", function()
    local function story(keep)
      return raft.scenario { run = function(cluster)
        cluster:client():propose { "set", "x", 1 }
      end }:run { seed = 3, keep_traces = keep }.trace_hash
    end
    assert.equal(story(0), story(1000))
  end)

  it("gives every VM and compiler the same trace #recorded", function()
    local recorded = require("spec.fixture.scenario_hashes")
    local hashes = {}
    for seed = 1, 3 do
      hashes[seed] = everything(seed).trace_hash
    end
    if os.getenv("RAFT_RECORD") == "1" then
      local file = assert(io.open("spec/fixture/scenario_hashes.lua"))
      local head = file:read("*a"):match("^(.-\nreturn {\n)")
      file:close()
      file = assert(io.open("spec/fixture/scenario_hashes.lua", "w"))
      file:write(head)
      for _, hash in ipairs(hashes) do
        file:write(("  %q,\n"):format(hash))
      end
      file:write("}\n")
      file:close()
      recorded = hashes
    end
    assert.same(recorded, hashes)
  end)
end)

describe("scenario: a schedule", function()
  it("replays a story without its code", function()
    local story = raft.scenario { run = function(cluster)
      local client, leader = cluster:client(), cluster:await_leader()
      client:propose { "set", "x", 1 }
      cluster:crash(leader)
      client:propose { "set", "x", 2 }
      cluster:restart(leader)
    end }
    local first = story:run { seed = 5, record = true }
    assert.is_true(first.ok)
    local again = story:of_schedule(first.schedule):run {}
    assert.same({ first.trace_hash, first.events, first.crashes },
      { again.trace_hash, again.events, again.crashes })
    assert.equal(1, again.crashes)
  end)
end)
