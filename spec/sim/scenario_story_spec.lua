-- SPDX-License-Identifier: MIT
--
-- Stories in the simulator, told with the verbs of a scenario.

local raft = require("raft")
local tell = require("spec.storyteller").tell

describe("scenario: a story", function()
  it("of the majority that serves while the leader is cut off", function()
    local story = raft.scenario {
      name = "the majority serves while the leader is cut off",
      nodes = 5, machine = "raft.kv",
      run = function(cluster)
        local leader, client = cluster:await_leader(), cluster:client()
        client:propose { "set", "x", 1 }
        cluster:partition({ leader }, cluster:others(leader))
        client:propose { "set", "x", 2 }
        cluster:heal()
        cluster:settle()
        assert(cluster:client(leader):query { "get", "x" } == 2)
      end,
    }
    for seed = 1, 20 do
      local result = story:run { seed = seed }
      assert.is_true(result.ok, result.violation and result.violation.text)
    end
  end)

  it("of a machine in Lua whose state comes back after a crash", function()
    tell(function(cluster)
      local client = cluster:client()
      for i = 1, 20 do
        client:propose { "append", "x", ("%d,"):format(i) }
      end
      for _, id in ipairs(cluster:members()) do
        cluster:crash(id)
      end
      for _, id in ipairs(cluster:members()) do
        assert(cluster:status(id).state == "down")
        cluster:restart(id)
      end
      assert(#client:query { "get", "x" } == 51)
    end)
  end)

  it("of the register that is built in", function()
    tell(function(cluster)
      local client = cluster:client()
      client:propose { "set", "x", 7 }
      assert(client:query { "get", "x" }[1] == 7)
    end, { machine = "register" })
  end)
end)

describe("scenario: clients", function()
  it("give the four values on try", function()
    tell(function(cluster)
      local client = cluster:client { deadline = "200ms" }
      cluster:await_leader()
      local ok, old = client:try("propose", { "set", "x", 1 })
      assert(ok == true and old == nil)
      cluster:cut("clients", cluster:members())
      local none, message, code, detail
        = client:try("propose", { "set", "x", 2 })
      assert(none == nil and type(message) == "string" and code == "timeout"
        and type(detail) == "table")
    end)
  end)

  it("have calls under way during faults", function()
    tell(function(cluster)
      local client, leader = cluster:client(), cluster:await_leader()
      client:propose { "set", "x", 1 }
      cluster:cut("clients", leader)
      local call = client:start("propose", { "add", "x", 1 })
      assert(not call:is_done())
      cluster:kill(leader)
      assert(call:wait() == 2 and call:is_done())
      local ok, number = call:try()
      assert(ok and number == 2)
    end)
  end)

  it("of one member ask it first, and pinned no other", function()
    tell(function(cluster)
      local leader = cluster:await_leader()
      local other = cluster:others(leader)[1]
      cluster:client():propose { "set", "x", 1 }
      cluster:settle()
      assert(cluster:client(other):query { "get", "x" } == 1)
      local pinned = cluster:client(other, { only = true,
                                             deadline = "300ms" })
      assert(not pinned:try("query", { "get", "x" }))
      assert(pinned:query({ "get", "x" }, { read = "stale" }) == 1)
    end)
  end)

  it("may be told of an old state, and want one that is no older", function()
    tell(function(cluster)
      local leader, client = cluster:await_leader(), cluster:client()
      client:propose { "set", "x", 1 }
      cluster:sleep "200ms"
      local one = cluster:others(leader)[1]
      local only = cluster:client(one, { only = true, deadline = "1s" })
      local get, bound = { "get", "x" }, { read = "stale", max_age = "3s" }
      assert(only:query(get, bound) == 1) -- it asks the leader
      cluster:partition({ one }, cluster:others(one))
      client:propose { "set", "x", 2 }
      cluster:sleep "1s"
      assert(only:query(get, { read = "stale" }) == 1)
      assert(only:query(get, bound) == 1)
      bound.max_age = "900ms"
      local ok, _, code = only:try("query", get, bound)
      assert(not ok and code == "too_stale", code)
      cluster:heal()
      cluster:settle()
      assert(only:query(get, bound) == 2)
      assert(only:query(get, { read = "follower" }) == 2)
    end)
  end)

  it("want no bound of what is never old", function()
    for _, row in ipairs {
      { { read = "linear", max_age = "1s" },
        'option max_age: expected read = "stale" with it' },
      { { max_age = "1s" }, 'option max_age: expected read = "stale" with' },
      { { read = "stale", max_age = "0s" },
        "option max_age: expected a time above 0" },
    } do
      local result = raft.scenario { run = function(cluster)
        cluster:client():query({ "get", "x" }, row[1])
      end }:run { seed = 1 }
      assert.is_false(result.ok)
      assert.truthy(result.violation.text:find(row[2], 1, true),
        result.violation.text)
    end
  end)

  it("without a session may be told apart", function()
    tell(function(cluster)
      cluster:client { session = false }:propose { "set", "x", 1 }
      cluster:settle()
    end)
  end)
end)

describe("scenario: members", function()
  it("are killed, paused, and come back", function()
    tell(function(cluster)
      local leader = cluster:await_leader()
      cluster:kill(leader)
      assert(cluster:status(leader).state == "down")
      assert(cluster:wait_until(function()
        return cluster:leader() ~= nil and cluster:leader() ~= leader
      end, "10s"))
      cluster:restart(leader)
      local second = cluster:leader()
      cluster:pause(second)
      assert(cluster:status(second).paused)
      cluster:sleep "2s"
      cluster:resume(second)
      assert(not cluster:status(second).paused)
      assert(cluster:leader() ~= second)
    end)
  end)

  it("lose a disk only where a quorum recovers", function()
    tell(function(cluster)
      local leader = cluster:await_leader()
      cluster:client():propose { "set", "x", 1 }
      assert(cluster:wipe(leader) == true) -- all others have met it
      cluster:restart(leader)
      local ok, message = cluster:wipe(cluster:await_leader())
      assert(ok == nil and message == "a quorum might not recover")
      assert(cluster:rot(leader) == nil)
    end)
  end)

  it("show no private state", function()
    tell(function(cluster)
      cluster:await_leader()
      for name in pairs(cluster:status(1)) do
        assert(name ~= "memory" and name ~= "stable" and name ~= "vote", name)
      end
    end)
  end)
end)

describe("scenario: the network", function()
  it("is cut one way, and mended", function()
    tell(function(cluster)
      local leader = cluster:await_leader()
      local others = cluster:others(leader)
      cluster:cut(leader, others)
      assert(cluster:wait_until(function()
        return cluster:leader() and cluster:leader() ~= leader
      end, "10s"))
      cluster:mend(leader, others)
      cluster:partition({ 1 }, { 2 }, { 3 })
      cluster:sleep "3s"
      assert(cluster:leader() == nil)
      cluster:join({ 1 }, { 2 }, { 3 })
      cluster:await_leader "5s"
      cluster:reset(1, 2)
    end)
  end)

  it("loses, delays, doubles, and is calm again", function()
    local result = tell(function(cluster)
      cluster:network { loss = "5%", duplicate = "5%", reorder = 50,
        corrupt = "0.5%", reorder_by = "20ms", delay = { "1ms", "4ms" } }
      local client = cluster:client()
      for i = 1, 20 do
        client:propose { "set", "x", i }
      end
      cluster:network { loss = false, duplicate = false, reorder = false,
        corrupt = false, delay = "2ms" }
      local before = #cluster:events "sim.lost"
      cluster:await_leader()
      cluster:sleep "5s"
      assert(before > 0 and #cluster:events "sim.lost" == before)
    end)
    for _, name in ipairs { "lost", "duplicated", "reordered", "corrupted" } do
      assert.is_true(result[name] > 0, name)
    end
  end)
end)

describe("scenario: disks and clocks", function()
  it("are slow, full, fail and jump", function()
    local result = tell(function(cluster)
      local leader, client = cluster:await_leader(), cluster:client()
      client:propose { "set", "x", 1 }
      local before = cluster:now()
      cluster:disk(1, { slow = "300ms" })
      cluster:disk(2, { slow = "300ms" })
      cluster:disk(3, { slow = "300ms" })
      client:propose { "set", "x", 2 }
      assert(cluster:now() - before > 300000)
      for id = 1, 3 do
        cluster:disk(id, { slow = false })
      end
      cluster:disk(leader, { fail = true })
      client:propose { "set", "x", 3 }
      cluster:sleep "1s"
      assert(cluster:status(leader).state ~= "up")
      cluster:restart(leader)
      cluster:clock(1, { jump = "-2s" })
      cluster:clock(2, { skew = "1h" })
      cluster:disk(1, { full = "1KiB" })
      cluster:sleep "1s"
      cluster:disk(1, { full = false })
      cluster:machine(2, { fail = 1 })
      client:propose { "set", "x", 4 }
      cluster:sleep "1s"
    end)
    assert.equal(2, result.jumps)
    assert.equal(1, result.disk_fulls)
    assert.is_true(result.disk_failures > 0)
    assert.is_true(result.machine_failures > 0)
  end)
end)

describe("scenario: processes", function()
  it("run beside each other in the order of their times", function()
    local said = {}
    tell(function(cluster)
      local function say(name, pause)
        for _ = 1, 3 do
          cluster:sleep(pause)
          said[#said + 1] = name
        end
      end
      local one = cluster:spawn(say, "a", "20ms")
      cluster:spawn(say, "b", "30ms")
      one:wait()
      said[#said + 1] = "one"
    end)
    -- Both are due at 60 ms; b fell asleep first.
    assert.equal("a b a b a one b", table.concat(said, " "))
  end)

  it("stop where they wait next", function()
    local turns = 0
    tell(function(cluster)
      local one = cluster:spawn(function()
        while true do
          turns = turns + 1
          cluster:sleep "10ms"
        end
      end)
      cluster:sleep "35ms"
      one:stop()
      assert(one:is_done())
    end)
    assert.equal(4, turns)
  end)

  it("finish the call that is under way when they are stopped", function()
    local ended, began = 0, 0
    tell(function(cluster)
      local client = cluster:client()
      local one = cluster:spawn(function()
        while true do
          began = began + 1
          client:propose { "add", "x", 1 }
          ended = ended + 1
        end
      end)
      cluster:sleep "10ms" -- nobody leads yet
      one:stop()
      assert(not one:is_done())
      one:wait()
    end)
    assert.same({ 1, 2 }, { ended, began }) -- the second is not sent
  end)

  it("tell what happened", function()
    tell(function(cluster)
      local leader = cluster:await_leader()
      local lines = cluster:events "to=leader"
      assert(#lines == 1)
      assert(lines[1]:find(" ms  " .. leader .. " t2  ", 1, true))
      assert(#cluster:events() > 10)
    end)
  end)
end)

describe("scenario: after the faults", function()
  it("all must be well, without being asked for", function()
    local result = raft.scenario { run = function(cluster)
      cluster:partition({ 1 }, { 2 }, { 3 })
      cluster:crash(1)
    end }:run { seed = 1 }
    assert.is_true(result.ok)
    assert.is_true(result.committed > 1)
  end)

  it("a violation of the engine's checks goes before any word", function()
    local result = raft.scenario { options = { settle_us = 1 },
      run = function() end }:run { seed = 1 }
    assert.equal("liveness", result.violation.name)
  end)
end)
