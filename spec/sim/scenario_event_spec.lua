-- SPDX-License-Identifier: MIT
--
-- Operators in a scenario, events that it waits for, and notes that it leaves.

local raft = require("raft")
local tell = require("spec.storyteller").tell

describe("scenario: operators", function()
  it("have the leader hand over, to one or to anyone", function()
    tell(function(cluster)
      assert(select(2, cluster:transfer(1)) == "nobody leads")
      local leader = cluster:await_leader()
      local heir = cluster:others(leader)[2]
      assert(cluster:transfer(heir) == true)
      cluster:await("to=leader", heir, "200ms")
      cluster:sleep "100ms"
      cluster:transfer()
      local _, third = cluster:await("to=leader", "200ms")
      assert(third ~= heir)
    end)
  end)

  it("replace members by spares", function()
    local result = tell(function(cluster)
      assert(#cluster:members() == 5)
      cluster:client():propose { "set", "x", 1 }
      cluster:set_members({ 3, 4 }, { 5 })
      cluster:await("raft.configure.*voters=2 outgoing=0 learners=1")
      assert(cluster:wait_until(function()
        return cluster:status(1).state ~= "up"
          and cluster:status(2).state ~= "up"
      end, "10s"))
      assert(cluster:await_leader() > 2)
    end, { options = { spares = 2 } })
    assert.equal(5, result.nodes)
  end)

  it("have one member take a snapshot, whoever leads", function()
    local small = { limits = { retained_entries = 2 } }
    tell(function(cluster)
      local client, leader = cluster:client(), cluster:await_leader()
      for i = 1, 8 do
        client:propose { "set", "x", i }
      end
      local other = cluster:others(leader)[1]
      assert(cluster:wait_until(function()
        return cluster:status(other).applied >= 9
      end))
      assert(cluster:status(other).snapshot_index == 0)
      cluster:snapshot(other)
      cluster:await("raft.snapshot", other, "2s")
      assert(cluster:status(other).snapshot_index >= 9)
      assert(cluster:wait_until(function()
        return cluster:status(other).log_base > 0
      end, "2s"))
      assert(cluster:status(leader).snapshot_index == 0)
    end, { options = small })
  end)

  it("are told of members that cannot be", function()
    for _, call in ipairs {
      function(cluster) cluster:snapshot(4) end,
      function(cluster) cluster:transfer(4) end,
      function(cluster) cluster:set_members { 1, 4 } end,
      function(cluster) cluster:set_members({ 1 }, { "x" }) end,
    } do
      local result = raft.scenario { run = call }:run { seed = 1 }
      assert.matches("_spec.lua:%d+: cluster:[%l_]+: expected a member, 1 to 3",
        result.violation.text)
    end
  end)

  it("are told of arguments that mean nothing", function()
    for most, call in ipairs {
      function(cluster) cluster:snapshot(1, 2) end,
      function(cluster) cluster:cut(1, 2, 3) end,
      function(cluster) cluster:slow_link(1, 2, "1s", 4) end,
    } do
      local result = raft.scenario { run = call }:run { seed = 1 }
      assert.matches(("_spec.lua:%%d+: cluster:[%%l_]+: expected at most %d"
        .. " arguments?, got %d$"):format(most, most + 1),
        result.violation.text)
    end
  end)

  it("are told of a machine that takes no snapshots", function()
    local bare = "spec/real/machines/bare.lua"
    local idle = { client = function() end }
    for _, given in ipairs {
      { run = function(cluster) cluster:snapshot(1) end },
      { workload = idle, nemesis = raft.nemesis.snapshot {} },
    } do
      given.machine = bare
      local result = raft.scenario(given):run { seed = 1 }
      assert.equal("scenario", result.violation.name)
      assert.matches("_spec.lua:%d+: cluster:snapshot: expected a machine with"
        .. " the methods 'snapshot' and 'restore', got " .. bare .. " without",
        result.violation.text)
    end
    assert.is_true(raft.scenario { workload = idle, duration = "2s",
      machine = bare, nemesis = raft.nemesis.everything {
        without = { "snapshot" } } }:run { seed = 1 }.ok)
  end)

  it("are a nemesis that takes snapshots", function()
    local result = raft.scenario {
      workload = raft.workload.register {}, duration = "5s",
      nemesis = raft.nemesis.snapshot { every = "300ms" },
    }:run { seed = 1 }
    assert.is_true(result.ok, result.violation and result.violation.text)
    assert.is_true(result.snapshots_taken > 5)
  end)

  it("are a nemesis too", function()
    local result = raft.scenario {
      workload = raft.workload.register {}, duration = "5s",
      nemesis = raft.nemesis.transfer { every = "300ms" },
    }:run { seed = 1 }
    assert.is_true(result.ok, result.violation and result.violation.text)
    assert.is_true(result.orders_done > 5)
  end)
end)

describe("scenario: events and notes", function()
  it("wait for what comes next, of anyone or of one", function()
    tell(function(cluster)
      local line, leader = cluster:await "raft.role.*to=leader"
      assert(leader == cluster:leader())
      assert(line:find(" ms  " .. leader .. " t2  raft.role", 1, true))
      cluster:kill(leader)
      for _, one in ipairs(cluster:others(leader)) do
        cluster:spawn(function()
          local _, who = cluster:await("raft.role", one)
          assert(who == one)
        end)
      end
      local _, second = cluster:await("to=leader", "10s")
      assert(second ~= leader and cluster:leader() == second)
    end)
  end)

  it("do not find what is past, and say what they waited for", function()
    local result = raft.scenario { run = function(cluster)
      cluster:await("to=leader", cluster:await_leader(), "500ms")
    end }:run { seed = 1 }
    assert.equal("scenario", result.violation.name)
    assert.matches('_spec.lua:%d+: cluster:await: expected "to=leader" within '
      .. "500ms, got none", result.violation.text)
    result = raft.scenario { run = function(cluster)
      cluster:await("to=nobody", "1s")
    end }:run { seed = 1, keep_traces = 0 }
    assert.matches("got a run that keeps no records", result.violation.text,
      1, true)
  end)

  it("are found also when older ones are not kept any more", function()
    assert.is_true(raft.scenario { run = function(cluster)
      local leader = cluster:await_leader()
      cluster:sleep "5s"
      assert(#cluster:events() == 100)
      cluster:kill(leader)
      assert(cluster:await("to=leader"):find "to=leader")
    end }:run { seed = 1, keep_traces = 100 }.ok)
  end)

  it("are refused where they cannot be meant", function()
    for words, call in pairs {
      ["cluster:await: expected a pattern"] = function(cluster)
        cluster:await(1)
      end,
      ["cluster:await: expected a member"] = function(cluster)
        cluster:await("x", 4)
      end,
      ["cluster:await: option bound"] = function(cluster)
        cluster:await("x", "soon")
      end,
      ["cluster:note: expected a string"] = function(cluster)
        cluster:note {}
      end,
    } do
      local result = raft.scenario { run = call }:run { seed = 1 }
      assert.matches("_spec.lua:%d+: " .. words, result.violation.text)
    end
  end)

  it("leave notes with the result, and nothing in the run", function()
    local function run(note)
      return raft.scenario { run = function(cluster)
        cluster:await_leader()
        if note then
          cluster:note(note)
        end
      end }:run { seed = 1 }
    end
    local with, without = run "there is a leader", run(nil)
    assert.equal(1, #with.notes)
    assert.equal("there is a leader", with.notes[1].text)
    assert.is_true(with.notes[1].time > 1000000)
    assert.equal(without.trace_hash, with.trace_hash)
  end)
end)
