-- SPDX-License-Identifier: MIT
--
-- A recorded run, replayed from its schedule alone, is the same run to the
-- bit; and a schedule can be written down, read and changed by hand.

local helper = require "spec.helper"
local raft_schedule = require "raft.schedule"
local sim = require "raft.sim"

local COUNT = helper.full and 200 or 2

local function same_run(result, again, what)
  local one, two = result.violation or {}, again.violation or {}
  assert(result.trace_hash == again.trace_hash and one.name == two.name,
    ("%s: hash %s, replayed %s; %s, replayed %s"):format(what,
      result.trace_hash, again.trace_hash, tostring(one.text),
      tostring(two.text)))
end

-- Reads a scenario file without raft.scenario: its table alone.
local function read(text)
  local body = text:gsub("^.-return raft%.scenario ", "return ")
  return assert((rawget(_G, "loadstring") or load)(body))()
end

describe("sim: a schedule replayed", function ()
  for _, name in ipairs(sim.profiles.names) do
    it(("is the same run, for seeds of %s"):format(name), function ()
      for seed = 1, COUNT do
        local options = sim.mix(sim.profiles[name], { seed = seed })
        local plain = sim.run(options)
        local recorded = sim.run(sim.mix(options, { record = 1 }))
        local what = ("%s, seed %d"):format(name, seed)
        same_run(plain, recorded, what .. ", recorded")
        local again = sim.replay(recorded.schedule, { record = 1 })
        same_run(plain, again, what)
        assert.equal(#recorded.schedule.schedule, #again.schedule.schedule)
        recorded.schedule.redraw = true
        again = sim.replay(recorded.schedule, { record = 2 })
        same_run(plain, again, what .. ", drawn again")
        assert.is_nil(again.schedule) -- of a run that fails only
      end
    end)
  end

  it("is another one when chance is drawn by another seed", function ()
    local options = sim.mix(sim.profiles.crashes, { seed = 1, record = 1 })
    local schedule = sim.run(options).schedule
    local runs = {}
    for seed = 1, 2 do
      schedule.redraw, schedule.seed = true, seed
      runs[seed] = sim.replay(schedule)
    end
    assert.not_equal(runs[1].trace_hash, runs[2].trace_hash)
    schedule.weather.loss = 400
    assert.is_true(sim.replay(schedule).lost > 10 * runs[2].lost)
  end)

  it("gives a failure again, where it was", function ()
    local options = sim.mix(sim.profiles.crashes,
      { seed = 2, memory_bytes = 300000, record = 1 })
    local failed = sim.run(options)
    assert.equal("memory", failed.violation.name)
    local again = sim.replay(failed.schedule)
    assert.same(failed.violation, again.violation)
    same_run(failed, again, "a failed run")
  end)

  it("has what a story did from outside", function ()
    local world = sim.new { seed = 3, members = 5, record = 1, loss = 20 }
    world:start_all()
    local leader = assert(world:await_leader())
    local client, other = world:client(), world:client { session = false }
    assert(client:propose { "set", "x", 1 })
    assert(client:wait().ok)
    world:partition({ leader }, world:others(leader))
    assert(other:propose { "set", "x", 2 })
    world:run_for(700 * 1000)
    world:heal()
    world:crash(leader)
    world:fail(leader % 5 + 1, "disk", 3)
    world:set("loss", 0)
    world:run_for(400 * 1000)
    world:start(leader)
    assert(world:settle())
    assert(client:query { "get", "x" })
    assert(client:wait().ok)
    local result, schedule = world:result(), world:schedule()
    world:close()
    same_run(result, sim.replay(schedule), "a story")
  end)

  it("does things between two events of one microsecond", function ()
    local world = sim.new { seed = 3, members = 3, record = 1 }
    world:start_all()
    local other = world:others(assert(world:await_leader()))[1]
    world:pause(other)
    world:run_for(300 * 1000)
    world:resume(other) -- all that has waited comes now
    world:step()
    world:step()
    world:crash(other)
    world:run_for(300 * 1000)
    assert(world:settle())
    local result, schedule = world:result(), world:schedule()
    world:close()
    same_run(result, sim.replay(schedule), "between events")
    assert.equal(2, schedule.schedule[3].after)
  end)

  it("is the same run after it was written as text and read", function ()
    local recorded = sim.run(sim.mix(sim.profiles.everything,
      { seed = 2, duration_us = 2000 * 1000, record = 1 }))
    local given = recorded.schedule
    given.name = "written"
    local text = raft_schedule.text(given)
    assert.equal(text, raft_schedule.text(given))
    same_run(recorded, sim.replay(read(text)), "the text")
  end)

  -- Who changed its role and when, after nobody heard anybody any more.
  local function elections(by_time, writes)
    local world = sim.new { seed = 7, members = 3, bits_by_time = by_time,
      keep_traces = 100000, delay_min_us = 1000, delay_max_us = 1000,
      sync_min_us = 500, sync_max_us = 500 }
    world:start_all()
    local client = world:client()
    for i = 1, writes do
      assert(client:propose { "set", "x", i })
    end
    world:run_for(2000 * 1000 - world:now())
    for id = 1, 3 do
      world:partition({ id }, world:others(id))
    end
    world:run_for(1000 * 1000)
    local list = {}
    for _, record in ipairs(world:records "^raft%.role") do
      if record.time > 2000 * 1000 then
        list[#list + 1] = record.time .. " " .. record.member
      end
    end
    world:close()
    return table.concat(list, ", ")
  end

  it("elects alike whatever was done before, if bits hang on the time",
    function ()
      assert.matches("%d", elections(1, 0))
      assert.equal(elections(1, 0), elections(1, 5))
      assert.not_equal(elections(0, 0), elections(0, 5))
    end)

  it("takes the snapshots that an operator wanted", function ()
    local world = sim.new { seed = 3, members = 3, record = 1 }
    world:start_all()
    local leader, client = assert(world:await_leader()), world:client()
    client:propose { "set", "x", 1 }
    assert(client:wait().ok)
    world:run_for(200 * 1000)
    world:snapshot(world:others(leader)[1])
    world:run_for(500 * 1000)
    local result, schedule = world:result(), world:schedule()
    world:close()
    assert.equal(1, result.snapshots_taken)
    assert.matches('"snapshot", %d', raft_schedule.text(schedule))
    local again = sim.replay(schedule)
    assert.equal(1, again.snapshots_taken)
    assert.equal(result.trace_hash, again.trace_hash)
  end)

  it("is calm where nothing is listed", function ()
    local result = sim.replay { nodes = 3, seed = 1, schedule = {},
      options = { duration_us = 1000 * 1000, clients = 0 } }
    assert.is_true(result.ok)
    assert.equal(0, result.lost + result.crashes + result.reordered)
    assert.equal(1, result.leaders)
  end)

  it("does what a row says, written by hand", function ()
    local function replay(...)
      return sim.replay { nodes = 3, seed = 1, schedule = { ... },
        options = { duration_us = 1000 * 1000, clients = 0 } }
    end
    local function append(row)
      row.from, row.to, row.nth = 1, 2, 2
      local result
      for leader = 1, 3 do -- whoever it is
        row.from, row.to = leader, leader % 3 + 1
        result = replay(row)
        if result.lost + result.reordered + result.duplicated > 0 then
          return result
        end
      end
      return result
    end
    assert.equal(1, append { "drop", "append" }.lost)
    assert.equal(1, append { "late", "append", by = 9000 }.reordered)
    assert.equal(1, append { "twice", "append", by = 9000 }.duplicated)
    assert.equal(1, replay({ at = "500ms", "crash", 2 },
      { at = "600ms", "start", 2 }).crashes)
    assert.equal(1, replay({ at = "500ms", "invoke", 1, "write",
      { "set", "x", 1 } }).acknowledged)
    assert.equal(1, replay({ "failure", "sync", member = 2, nth = 4 })
      .disk_failures)
  end)

  it("refuses what is no row, in one line", function ()
    for text, row in pairs {
      ['expected a row such as { at = "1s", "crash", 1 }, got the number 7']
        = 7,
      ['expected an action or a choice, such as "crash" or "drop", got the'
        .. ' string "drip", did you mean "drop"?'] = { "drip", "append" },
      ["crash: expected a member, 1 to 3, got nothing"]
        = { at = "1s", "crash" },
      ["at: expected a duration"] = { at = "soon", "crash", 1 },
      ["drop append: nth: expected a whole number from 0, got the number -1"]
        = { "drop", "append", nth = -1 },
      ["drop append: from: expected a member, 1 to 3, or 0 for any, got the"
        .. " number 17"] = { "drop", "append", nth = 1, from = 17, to = 1 },
      ["delay sync: by: expected a whole number from 0, got nothing"]
        = { "delay", "sync", nth = 1, member = 1 },
      ["crash: at: expected a whole number from 0, got nothing"]
        = { "crash", 1 },
      ['crash: unknown field the string "aftr", did you mean "after"?']
        = { at = 0, aftr = 1, "crash", 1 },
      ["kill: expected 1 arguments, got one more: the number 2"]
        = { at = 0, "kill", 1, 2 },
      ["set: expected an option of the simulator, got the string"
        .. ' "los", did you mean "loss"?'] = { at = 0, "set", "los", 1 },
    } do
      local _, message = pcall(function ()
        local result = sim.replay { schedule = { row } }
        return result
      end)
      local said = tostring(message):match(
        "^spec/sim/replay_spec.lua:%d+: sim.replay: schedule%[1%]: (.*)")
      assert(said and said:find(text, 1, true),
        ("expected %s, got %s"):format(text, tostring(message)))
    end
    for got, given in pairs { nothing = {}, ["the number 3"] = 3 } do
      local ok, message = pcall(sim.replay, given)
      assert.same({ false, "sim.replay: expected a table with a schedule, got "
        .. got }, { ok, message })
    end
  end)
end)
