-- SPDX-License-Identifier: MIT
--
-- The shrinker against failures that are made up: a schedule fails when it
-- has certain rows, and the smallest one that does is known.

local helper = require "spec.helper"
local shrink = require "raft.shrink"

-- 'count' rows by chance, those of 'needed' at random places among them.
local function schedule_of(random, count, needed)
  local rows = {}
  for i = 1, count do
    rows[i] = { "delay", "append", from = 1, to = 2, nth = i,
                by = random:integer(1, 3000) }
  end
  for _, row in ipairs(needed) do
    table.insert(rows, random:integer(1, #rows + 1), row)
  end
  return { nodes = 5, seed = 9, schedule = rows,
           options = { duration_us = 1000000, settle_us = 0, clients = 3,
                       election_us = 777, limits = { apply_entries = 2 } } }
end

local function has(schedule, wanted)
  for _, row in ipairs(schedule.schedule) do
    if row == wanted or (row[1] == wanted[1] and row[2] == wanted[2]
       and row.nth == wanted.nth) then
      return true
    end
  end
  return false
end

describe("shrink", function ()
  it("leaves what a failure needs and no more, wherever it stands", function ()
    helper.check(40, function (random)
      local needed = {}
      for i = 1, random:integer(1, 6) do
        needed[i] = { "drop", "vote", from = 1, to = 2, nth = 1000 + i }
      end
      local best, info = shrink.run(schedule_of(random, 200, needed),
        function (schedule)
          for _, row in ipairs(needed) do
            if not has(schedule, row) then
              return nil
            end
          end
          return "twin"
        end)
      assert.equal(#needed, #best.schedule)
      assert.equal(#needed, info.rows)
      assert.equal(0, best.options.clients)
      assert.is_nil(best.options.election_us)
      assert.equal(1, best.seed)
      assert.is_true(info.runs < 600)
    end)
  end)

  it("keeps the name of the failure", function ()
    local a = { "drop", "vote", nth = 1 }
    local b = { "drop", "vote", nth = 2 }
    local function run(schedule)
      return has(schedule, a) and has(schedule, b) and "one"
        or (has(schedule, a) or has(schedule, b)) and "other" or nil
    end
    local best = shrink.run({ nodes = 1, seed = 1, options = {},
      schedule = { a, { "drop", "vote", nth = 3 }, b } }, run)
    assert.equal(2, #best.schedule)
  end)

  it("drops members and renumbers what is left", function ()
    local crash = { at = 5000, "crash", 4 }
    local best = shrink.run({ nodes = 5, seed = 1,
      options = { duration_us = 9000 },
      schedule = { crash, { "drop", "append", from = 4, to = 5, nth = 3 } } },
      function (schedule)
        local row, choice = schedule.schedule[1], schedule.schedule[2]
        return row and row[1] == "crash" and choice
          and choice.from == row[2] and schedule.nodes >= 2 and "twin" or nil
      end)
    assert.equal(2, best.nodes)
    assert.equal(1, best.schedule[1][2])
    assert.equal(1, best.schedule[2].from)
    assert.equal(2, best.schedule[2].to)
    assert.equal(4, crash[2]) -- the first one is as it was
  end)

  it("renumbers them in every action that names some", function ()
    local best = shrink.run({ nodes = 4, seed = 1, options = {
      duration_us = 1000000, settle_us = 0, clients = 0 }, schedule = {
        { at = 1000, "slow_link", { 1, 4 }, { 3 }, 900 },
        { at = 2000, "transfer", 4, 3 },
        { at = 3000, "set_members", 3, { 2, 3, 4 }, { 1 } },
        { at = 4000, "transfer", 3 },
      } }, function (schedule)
        return #schedule.schedule == 4 and "all four" or nil
      end)
    assert.equal(2, best.nodes)
    local list = {}
    for i, row in ipairs(best.schedule) do
      list[i] = { row[1], row[2], row[3], row[4] }
    end
    assert.same({ { "slow_link", { 2 }, { 1 }, 900 }, { "transfer", 2, 1 },
      { "set_members", 1, { 1, 2 } }, { "transfer", 1 } }, list)
  end)

  it("gives the work of all clients to one", function ()
    local function invoke(at, client)
      return { at = at, "invoke", client, "write", { "set", "x", at, "xx" } }
    end
    local best = shrink.run({ nodes = 1, seed = 1,
      options = { clients = 3, duration_us = 900 },
      schedule = { invoke(1, 1), invoke(2, 2), invoke(3, 3) } },
      function (schedule)
        return #schedule.schedule == 3 and "twin" or nil
      end)
    for _, row in ipairs(best.schedule) do
      assert.equal(1, row[2])
      assert.equal(3, #row[4])
    end
  end)

  it("shortens times and delays as far as they may", function ()
    local best = shrink.run({ nodes = 1, seed = 1,
      options = { duration_us = 9000000, settle_us = 0 },
      schedule = { { at = 1000000, "kill", 1 }, { at = 5000000, "start", 1 },
                   { "delay", "sync", member = 1, nth = 1, by = 64321 } } },
      function (schedule)
        local kill, start, delay = schedule.schedule[1], schedule.schedule[2],
          schedule.schedule[3]
        return delay and start.at - kill.at >= 250000 and delay.by >= 7000
          and "twin" or nil
      end)
    assert.equal(0, best.schedule[1].at)
    assert.is_true(best.schedule[2].at < 600000)
    assert.is_true(best.schedule[3].by < 20000)
  end)

  it("takes what a run recorded for the run", function ()
    local recorded
    local best = shrink.run({ nodes = 1, seed = 1, options = {},
      schedule = { { "drop", "vote", nth = 1 }, { "drop", "vote", nth = 2 } } },
      function (schedule)
        if recorded then
          return nil
        end
        recorded = { nodes = 1, seed = 1, options = {},
                     schedule = { schedule.schedule[1] } }
        return "twin", recorded
      end)
    assert.equal(recorded, best)
  end)

  it("ends when its runs are used up, with what it has", function ()
    local runs = 0
    local schedule = schedule_of(helper.random(1), 300, {})
    local best, info = shrink.run(schedule, function (candidate)
      runs = runs + 1
      return #candidate.schedule >= 150 and "twin" or nil
    end, { runs = 20 })
    assert.equal(20, runs)
    assert.equal(20, info.runs)
    assert.is_true(#best.schedule >= 150)
  end)

  -- As where one message less makes another run of it: a list of thousands of
  -- choices fails as it is, or when chance is drawn anew, by some seeds, as
  -- long as two actions are there.
  local function chaotic(kill_at)
    local whole = schedule_of(helper.random(1), 2000, {
      { at = kill_at or 900000, "kill", 1 }, { at = 950000, "start", 1 } })
    for i = 1, 40 do
      table.insert(whole.schedule, { at = i * 20000, "invoke", 1, "read", "x" })
    end
    whole.weather = { delay_max_us = 3000, loss = 10 }
    return whole
  end

  local function draw(candidate)
    if #candidate.schedule >= 2042 then
      return "twin", candidate, 2000
    end
    local made = { nodes = 5, seed = candidate.seed, schedule = {},
                   options = { duration_us = 1000, settle_us = 0 } }
    local found = 0
    for _, row in ipairs(candidate.schedule) do
      made.schedule[#made.schedule + 1] = row
      found = found + ((row[1] == "kill" or row[1] == "start") and 1 or 0)
    end
    if candidate.redraw then
      for i = 1, 70 do
        made.schedule[#made.schedule + 1] = { "drop", "vote", nth = i }
      end
    end
    local is_met = not candidate.redraw and has(made, { "drop", "vote",
      nth = 1 }) or candidate.redraw and candidate.seed % 5 == 2
      and candidate.weather.loss > 0
    return found == 2 and is_met and "twin" or nil, made,
      #candidate.schedule
  end

  it("draws chance anew in a part of the time", function ()
    local by_time
    local best, info = shrink.run(chaotic(), function (candidate)
      local name, made, count = draw(candidate)
      by_time = by_time or candidate.redraw and candidate.options.bits_by_time
      local is_long = candidate.redraw
        and candidate.options.duration_us > 700000
      return not is_long and name or nil, made, count
    end)
    assert.equal(3, #best.schedule)
    assert.is_true(info.runs < 1000)
    assert.equal(1, by_time) -- what members draw does not hang on their past
  end)

  it("looks at parts of the time again when much is left", function ()
    local rows = {}
    for i = 1, 40 do
      rows[i] = { at = i * 20000, "invoke", 1, "write", { "set", "x", i } }
    end
    local best = shrink.run({ nodes = 1, seed = 1, schedule = rows,
      options = { duration_us = 900000 } }, function (candidate)
        local count, length = #candidate.schedule,
          candidate.options.duration_us
        return (count == 40 and length == 900000
                or count >= 3 and length < 700000) and "twin"
          or nil
      end)
    assert.equal(3, #best.schedule)
  end)

  it("draws chance anew with fewer actions, where no part will do",
    function ()
      local best, info = shrink.run(chaotic(10), function (candidate)
        local name, made, count = draw(candidate)
        made.options.duration_us = 1000000
        return name, made, count
      end)
      assert.equal(3, #best.schedule)
      assert.is_true(info.runs < 10000)
    end)

  it("clears the weather up, one chance after the other, while it may",
    function ()
      local seen = {}
      local best = shrink.run(chaotic(10), function (candidate)
        local name, made, count = draw(candidate)
        made.options.duration_us = 1000000
        if name and candidate.redraw then
          seen[candidate.weather.delay_max_us] = true
        end
        return name, made, count
      end)
      assert.is_true(seen[3000] and seen[200]) -- 200: the least delay
      assert.equal(200, best.weather.delay_max_us)
      assert.equal(10, best.weather.loss) -- without it nothing failed
    end)

  it("takes no run that fails alike and has become longer", function ()
    local rows = { { "drop", "vote", nth = 1 }, { "drop", "vote", nth = 2 } }
    local function longer()
      return { nodes = 1, seed = 1, options = {}, schedule = { rows[1],
        rows[2], { "drop", "vote", nth = 3 } } }
    end
    local best = shrink.run({ nodes = 1, seed = 1, options = {},
      schedule = rows }, function (candidate)
        if #candidate.schedule < 2 then
          return "twin", longer()
        end
        return "twin", candidate
      end)
    assert.equal(2, #best.schedule)
  end)

  it("has snapshots and full segments sooner, so that less has to be written",
    function ()
      for limit, least in pairs { snapshot_bytes = 128,
                                  segment_bytes = 2048 } do
        local rows = {}
        for i = 1, 16 do
          rows[i] = { at = i * 1000, "invoke", 1, "write", { "set", "x", i } }
        end
        local best = shrink.run({ nodes = 1, seed = 1, schedule = rows,
          options = { duration_us = 90000, limits = { [limit] = 16384 } } },
          function (candidate)
            local bytes = (candidate.options.limits or {})[limit] or 2 ^ 24
            return #candidate.schedule * 1024 >= bytes and "twin" or nil
          end)
        assert.equal(math.ceil(least / 1024), #best.schedule, limit)
        assert.equal(least, best.options.limits[limit])
      end
    end)

  it("ends when its events are used up", function ()
    local events = 0
    local best = shrink.run(chaotic(), function (candidate)
      local name, made, count = draw(candidate)
      events = events + count
      return name, made, count
    end, { events = 3000 })
    assert.is_true(events < 6000)
    assert.is_true(#best.schedule > 3)
  end)

  it("gives the same for the same", function ()
    local function once()
      local order = {}
      shrink.run(schedule_of(helper.random(4), 60, {}), function (candidate)
        order[#order + 1] = #candidate.schedule
        return #candidate.schedule % 7 ~= 3 and "twin" or nil
      end)
      return order
    end
    assert.same(once(), once())
  end)

  it("refuses a schedule that passes", function ()
    local best, message = shrink.run({ nodes = 1, options = {},
      schedule = {} }, function () end)
    assert.is_nil(best)
    assert.equal("expected a schedule that fails, got one that passes",
      message)
  end)
end)
