-- SPDX-License-Identifier: MIT
--
-- What a run leaves behind: which message became of which send, which fault
-- lasted how long, what clients asked and got.

local raft = require "raft"
local trace = require "raft.trace"
local trace_fault = require "raft.trace_fault"

local sim = raft.sim

local function cluster(options)
  local world = sim.new(sim.mix({ seed = 4, members = 3 }, options or {}))
  world:start_all()
  return world, assert(world:await_leader())
end

local function count(list, wanted)
  local found = 0
  for _, item in ipairs(list) do
    found = found + (wanted(item) and 1 or 0)
  end
  return found
end

local function lost_as(run, why)
  return count(trace.messages(run), function(message)
    return message.lost == why
  end)
end

describe("trace: messages", function()
  it("are one for each send, and each receive is of one", function()
    local world = cluster()
    world:run_for(200 * 1000)
    local run, sends, receives = trace.of(world), 0, 0
    for _, message in ipairs(trace.messages(run)) do
      if message.kind ~= "message" then
        local sent = run.records[message.record]
        assert.same({ "raft.send", message.from, message.to, message.sent },
          { sent.kind, sent.member, sent.fields.to, sent.time })
        sends = sends + 1
        for _, arrival in ipairs(message.arrivals) do
          local got = run.records[arrival.record]
          assert.same({ "raft.receive", message.to, message.from,
            arrival.time, message.kind }, { got.kind, got.member,
            got.fields.from, got.time, got.fields.kind })
          assert.is_true(arrival.time > message.sent)
          receives = receives + 1
        end
      end
    end
    assert.equal(#world:records "^raft%.send$", sends)
    assert.equal(#world:records "^raft%.receive$", receives)
    assert.is_true(receives > 20)
  end)

  it("that chance dropped are as many as were counted", function()
    local world = cluster { loss = 200 }
    world:run_for(3000 * 1000)
    local lost = world:result().lost
    assert.is_true(lost > 10)
    assert.equal(lost, lost_as(trace.of(world), "lost"))
  end)

  it("of a duplicating network arrive twice", function()
    local world = cluster { duplicate = 500 }
    world:run_for(300 * 1000)
    assert.is_true(count(trace.messages(trace.of(world)), function(message)
      return #message.arrivals == 2
    end) > 5)
  end)

  it("that a cut or a dead member took away say so", function()
    local world, leader = cluster()
    world:partition({ leader }, world:others(leader))
    world:run_for(60 * 1000)
    local run = trace.of(world)
    local cut = count(trace.messages(run), function(message)
      return message.from == leader and message.lost == "the way is cut"
        and #message.arrivals == 0
    end)
    assert.is_true(cut >= 2)
    world:heal()
    world:run_for(2000 * 1000)
    world:crash(world:others(world:leader())[1])
    world:run_for(60 * 1000)
    run = trace.of(world)
    assert.is_true(lost_as(run, "nobody listens")
      + lost_as(run, "there is no connection") > 0)
  end)

  it("of real members are paired by what they say, oldest first", function()
    local function record(number, kind, member, other, a)
      local peer = kind == "raft.send" and "to" or "from"
      return { number = number, time = number * 10, member = member,
        term = 2, kind = kind, level = "wire",
        fields = { kind = "append", [peer] = other, term = 2, a = a, b = 0,
          c = 0 } }
    end
    local messages = trace.messages { nodes = 2, records = {
      record(1, "raft.send", 1, 2, 5), record(2, "raft.send", 1, 2, 5),
      record(3, "raft.send", 1, 2, 6), record(4, "raft.receive", 2, 1, 6),
      record(5, "raft.receive", 2, 1, 5), record(6, "raft.receive", 2, 1, 5),
      record(7, "raft.send", 1, 2, 6) } }
    assert.same({ { { time = 50, record = 5 } }, { { time = 60, record = 6 } },
      { { time = 40, record = 4 } } }, { messages[1].arrivals,
      messages[2].arrivals, messages[3].arrivals })
    assert.same({}, messages[4].arrivals)
    assert.equal("previous=5 entries=0 commit=0", messages[1].text)
  end)
end)

describe("trace: operations", function()
  it("hold what was asked, what came, and whether it counts", function()
    local world, leader = cluster()
    local client = world:client()
    client:propose { "set", "x", 1 }
    client:wait()
    world:partition({ leader }, world:others(leader))
    client:propose({ "set", "x", 2 }, 5000)
    world:run_for(50 * 1000)
    client:query({ "get", "x" }, false, 5000)
    world:run_for(50 * 1000)
    client:query({ "get", "x" }, false, 60 * 1000 * 1000)
    local list = trace.of(world).operations
    assert.equal(4, #list)
    assert.same({ "set", "x", 1, "ok", 1 }, { list[1].f, list[1].key,
      list[1].value, list[1].outcome, list[1].client })
    assert.is_true(list[1].to > list[1].from and list[1].result > 0)
    assert.same({ "unknown", "timeout" }, { list[2].outcome, list[2].code })
    assert.same({ "get", "fail" }, { list[3].f, list[3].outcome })
    assert.same({ "unknown" }, { list[4].outcome, list[4].to })
  end)
end)

describe("trace: faults", function()
  local function bands(records)
    for i, record in ipairs(records) do
      record.number, record.time = i, i * 100
      record.kind = "sim." .. record[1]
      record.member = record[2] or 0
      record.fields = record[3] or {}
    end
    local said = {}
    for i, band in ipairs(trace_fault.bands { nodes = 4,
      records = records }) do
      said[i] = ("%s %s %d-%d"):format(band.name,
        band.text or table.concat(band.targets, " "), band.from, band.to)
    end
    return said
  end

  it("last from their beginning to their end, or to the run's", function()
    assert.same({ "crash 2 100-300", "pause 1 200-500", "slow disk 3 400-900",
      "kill 1 500-900", "bit rot 1 600-600", "full disk 2 700-800" },
      bands { { "crash", 2 }, { "pause", 1 }, { "start", 2 },
        { "disk_slow", 3, { on = true } }, { "kill", 1 }, { "rot", 1 },
        { "disk_full", 2, { on = true } },
        { "disk_full", 2, { on = false } }, { "heal" } })
  end)

  it("of disks end when the world settles", function()
    assert.same({ "slow disk 1 100-300", "full disk 4 200-300" },
      bands { { "disk_slow", 1, { on = true } },
        { "disk_full", 4, { on = true } }, { "settle" }, { "heal" } })
  end)

  it("of the network end when it heals", function()
    assert.same({ "one way cut 1>2 100-200", "pause 1 300-400" }, bands {
      { "cut", 0, { from = 1, to = 2 } }, { "heal" }, { "pause", 1 },
      { "resume", 1 } })
  end)

  it("name the sides of a partition, and the ways of other cuts", function()
    local world = sim.new { seed = 1, members = 4 }
    local function told(act)
      world:heal()
      world:run_for(1000)
      act()
      world:run_for(1000)
      local faults = trace.of(world).faults
      local band = faults[#faults]
      return band.name .. " " .. band.text
    end
    assert.equal("partition 1 3 | 2 4", told(function()
      world:partition({ 1, 3 }, { 2, 4 })
    end))
    assert.equal("one way cut 1>2", told(function()
      world:cut(1, 2)
    end))
    assert.equal("one way cut 1>2 3>2 4>2", told(function()
      for _, id in ipairs { 1, 3, 4 } do
        world:cut(id, 2)
      end
    end))
    assert.equal("cut 1-3 2-4", told(function()
      world:partition({ 1 }, { 3 })
      world:partition({ 2 }, { 4 })
    end))
    assert.equal("clients cut off 2", told(function()
      world:cut(0, 2)
    end))
  end)

  it("of whole runs are those that the run counted", function()
    local world = sim.new { seed = 7, members = 3, crash = 1, pause = 1,
      disk_slow = 2, fault_us = 200000, duration_us = 5000000,
      keep_traces = 200000 }
    world:run()
    local result, found = world:result(), {}
    local settle = world:records "^sim%.settle$"
    assert.equal(1, #settle)
    for _, band in ipairs(trace.of(world).faults) do
      found[band.name] = (found[band.name] or 0) + 1
      assert.is_true(band.to >= band.from)
      assert.is_true(band.name ~= "slow disk" or band.to <= settle[1].time)
    end
    assert.is_true(result.crashes > 2 and result.pauses > 2)
    assert.same({ result.crashes, result.pauses },
      { found.crash, found.pause })
    assert.is_true(found["slow disk"] > 2)
  end)
end)

describe("trace: notes of the world", function()
  it("decide nothing: a run has one hash whether they are kept", function()
    local options = sim.mix(sim.profiles.everything, { seed = 11,
      duration_us = 3000000 })
    local hashes = {}
    for i, kept in ipairs { 0, 10, 100000 } do
      hashes[i] = sim.run(sim.mix(options, { keep_traces = kept })).trace_hash
    end
    assert.equal(hashes[1], hashes[2])
    assert.equal(hashes[1], hashes[3])
  end)

  it("are records by kind, by number, and by pattern", function()
    local world = cluster()
    local all = world:records()
    assert.same({ all[5], all[6] }, world:records(nil, 5, 6))
    local starts = world:records "^sim%.start$"
    assert.equal(3, #starts)
    assert.same({ number = 1, time = 1000000, member = 1, term = 0,
      kind = "sim.start", level = "info", fields = { life = 1 } },
      starts[1])
    assert.same({}, world:records(nil, #all + 1))
  end)
end)
