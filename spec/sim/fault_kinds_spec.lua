-- SPDX-License-Identifier: MIT
--
-- Single faults of clocks, links and disks: what each does, and that it ends.

local sim = require "raft.sim"
local trace_fault = require "raft.trace_fault"

local MS = 1000

local function new(given)
  local world = sim.new(sim.mix({ seed = 5, members = 3, keep_traces = 200000,
                                  delay_min_us = MS, delay_max_us = MS },
    given))
  world:start_all()
  return world, assert(world:await_leader())
end

-- The longest and the shortest way of a message of that direction.
local function ways(world, from, to, since)
  local sent, shortest, longest = {}, math.huge, 0
  for _, record in ipairs(world:records "^sim%.") do
    local fields = record.fields
    if record.kind == "sim.sent" and record.member == from
       and fields.to == to and record.time >= since then
      sent[fields.message] = record.time
    elseif record.kind == "sim.arrived" and sent[fields.message] then
      local took = record.time - sent[fields.message]
      shortest, longest = math.min(shortest, took), math.max(longest, took)
    end
  end
  return shortest, longest
end

local function bands(world, name)
  local found = {}
  for _, band in ipairs(trace_fault.bands {
    records = world:records(), nodes = 3, now = world:now() }) do
    if band.name == name then
      found[#found + 1] = band
    end
  end
  return found
end

describe("sim: a slow link", function ()
  it("delays one direction of one pair, until it is mended", function ()
    local world, leader = new()
    local other = world:others(leader)
    world:slow_link(leader, other[1], 40 * MS)
    local began = world:now()
    world:run_for(500 * MS)
    assert.equal(41 * MS, (ways(world, leader, other[1], began)))
    assert.equal(MS, select(2, ways(world, other[1], leader, began)))
    assert.equal(MS, select(2, ways(world, leader, other[2], began)))
    world:slow_link(leader, other[1], 0)
    world:run_for(100 * MS)
    began = world:now()
    world:run_for(500 * MS)
    assert.equal(MS, select(2, ways(world, leader, other[1], began)))
    local band = bands(world, "slow link")[1]
    assert.equal(("%d>%d +40 ms"):format(leader, other[1]), band.text)
    assert.equal(600 * MS - 500 * MS, world:now() - band.to - 500 * MS)
    world:close()
  end)

  it("of clients delays their requests", function ()
    local world, leader = new()
    local client = world:client()
    assert(client:propose { "set", "x", 1 })
    assert(client:wait().ok)
    world:slow_link(0, leader, 70 * MS)
    local began = world:now()
    assert(client:propose { "set", "x", 2 })
    assert(client:wait().ok)
    assert.is_true(world:now() - began >= 70 * MS)
    world:close()
  end)
end)

describe("sim: the tail of delays", function ()
  it("is long, in order, and twice as long is half as frequent", function ()
    local counts, shortest = { 0, 0, 0 }, math.huge
    local world = sim.new { seed = 1, members = 3, tail = 1000, clients = 0,
                            tail_us = 1000 * MS, keep_traces = 400000,
                            delay_min_us = 0, delay_max_us = 0 }
    world:begin()
    world:run_for(60 * 1000 * MS)
    local sent, last, lasts = {}, {}, 0
    for _, record in ipairs(world:records "^sim%.") do
      local fields = record.fields
      if record.kind == "sim.sent" then
        sent[fields.message] = record.time
      elseif record.kind == "sim.arrived" then
        local way = fields.from .. ">" .. record.member
        assert.is_true(fields.message > (last[way] or 0))
        last[way], lasts = fields.message, lasts + 1
        local took = record.time - sent[fields.message]
        shortest = math.min(shortest, took)
        for i, least in ipairs { 5, 10, 20 } do
          counts[i] = counts[i] + (took >= least * MS and 1 or 0)
        end
      end
    end
    world:close()
    assert.is_true(lasts > 1000 and shortest >= 1)
    assert.is_true(counts[1] > counts[2] and counts[2] > counts[3])
    assert.is_true(counts[3] > 0)
  end)
end)

describe("sim: a reset of clients' connections", function ()
  it("ends them all, and calls are made again", function ()
    local world, leader = new()
    local client = world:client()
    assert(client:propose { "set", "x", 1 })
    assert(client:wait().ok)
    assert(client:propose { "set", "x", 2 })
    world:reset(0, leader)
    assert(client:wait().ok)
    assert.equal(1, world:result().client_resets)
    assert.same({ leader }, bands(world, "reset")[1].targets)
    world:close()
  end)
end)

describe("sim: drift", function ()
  -- How long a world needs for so many heartbeats of its leader.
  local function beats(ppm)
    local world, leader = new { heartbeat_us = 50 * MS }
    world:run_for(1000 * MS)
    world:drift(leader, ppm)
    local began, count = world:now(), 0
    world:run_for(10 * 1000 * MS)
    for _, record in ipairs(world:records "^sim%.sent") do
      if record.member == leader and record.time >= began then
        count = count + 1
      end
    end
    local band = bands(world, "drift")[1]
    world:close()
    return count, band
  end

  it("makes a member's time-outs shorter or longer, by 5 % at most",
  function ()
    local right, fast, slow = beats(0), beats(50000), beats(-50000)
    assert.is_true(fast > right * 1.03 and fast < right * 1.07)
    assert.is_true(slow < right * 0.97 and slow > right * 0.93)
    assert.equal("-5.0 %", select(2, beats(-50000)).text)
  end)

  it("does not touch the wall clock, and records have the world's time",
  function ()
    local world, leader = new()
    world:drift(leader, 50000)
    world:run_for(20 * 1000 * MS)
    local last = 0
    for _, record in ipairs(world:records()) do
      assert.is_true(record.time >= last and record.time <= world:now())
      last = record.time
    end
    world:close()
  end)

  it("of all members, each its own, ends in peace", function ()
    for seed = 1, 10 do
      local result = sim.run { seed = seed, members = 5, drift = 1,
        fault_us = 200 * MS, fault_length_us = 5000 * MS }
      assert.is_true(result.ok, result.violation and result.violation.text)
      assert.is_true(result.drifts > 5)
    end
  end)
end)

describe("sim: a directory entry that was not synced", function ()
  it("is lost with power, and nothing that was acknowledged with it",
  function ()
    local names = 0
    for seed = 1, 40 do
      local result = sim.run { seed = seed, lost_entry = 1,
        fault_us = 100 * MS, fault_length_us = 200 * MS,
        limits = { segment_bytes = 8192, batch_bytes = 1024 } }
      assert.is_true(result.ok, result.violation and result.violation.text)
      assert.equal(0, result.sectors_lost)
      names = names + result.names_lost
    end
    assert.is_true(names > 10, "lost: " .. names)
  end)
end)

describe("sim: damage at rest", function ()
  -- Sixty writes; meanwhile member 2 loses its power, rots, and is started.
  local function damaged(how, file, place)
    local rows = { { at = "2500ms", "crash", 2 },
                   { at = "2600ms", "rot", 2, how, file = file,
                     place = place },
                   { at = "2700ms", "start", 2 } }
    for i = 1, 60 do
      rows[#rows + 1] = { at = 500 * MS + i * 30 * MS, "invoke", 1, "write",
                          { "set", "x", i } }
    end
    table.sort(rows, function (a, b)
      local function time(row)
        return type(row.at) == "number" and row.at
          or tonumber((row.at:gsub("ms", ""))) * MS
      end
      return time(a) < time(b)
    end)
    return { nodes = 3, seed = 1, schedule = rows, options = {
      duration_us = 3000 * MS, clients = 0, keep_traces = 100000,
      limits = { segment_bytes = 8192, batch_bytes = 1024 } } }
  end

  it("in any segment and of any kind stops the member, by name", function ()
    for how, places in pairs {
      flip = { 0, 777, 4096 * 8 + 5, 3000 * 8, 6000 * 8 },
      short = { 0, 1, 511, 4000, 8191 }, gone = { 0 } } do
      for file = how == "gone" and 1 or 0, 2 do
        for _, place in ipairs(places) do
          local result = sim.replay(damaged(how, file, place))
          assert(result.ok, result.violation and result.violation.text)
          assert.equal(1, result.rots, how .. file)
          assert.equal(1, result.rots_refused, how .. file .. " " .. place)
        end
      end
    end
  end)
end)
