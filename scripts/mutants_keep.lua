-- SPDX-License-Identifier: MIT
--
-- mutants_keep.lua - shrunk schedules kept as fixtures: each one fails with
-- its bug and passes without.
--
-- Holds:  what makes a schedule worth keeping, and its file.
-- Rule:   the code will change by some milliseconds or messages, and a schedule
--         that fails by one hair's breadth does not fail any more then. What is
--         kept fails for several of its seeds, each of which is other election
--         timeouts and, where chance is drawn, other chance; one of them is
--         enough for the spec. Nothing in it is about the how manieth message,
--         if that can be.

local core = require "raft.core"
local quantity = require "raft.quantity"
local schedule = require "raft.schedule"
local sim = require "raft.sim"
local weather = require "raft.weather"

local HEAD = "-- SPDX-License-Identifier: MIT\n--\n-- Recorded by scripts/"
  .. "mutants --keep: fails with its bug, passes without.\n\n"
local ROWS = 25 -- more would show nothing to a reader
local FAILURES = 6 -- of its seeds; one must be left after a change
local SEEDS = 250 -- that are worth the time of the spec

local keep = {}

-- ---- forms of one schedule -------------------------------------------------

local function copied(given, options, rows)
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = value
  end
  copy.options, copy.schedule, copy.weather = {}, rows, nil
  for name, value in pairs(options) do
    copy.options[name] = name ~= "events_max" and value or nil
  end
  return copy
end

local function actions_of(given)
  local rows = {}
  for _, row in ipairs(given.schedule) do
    if row.at then
      rows[#rows + 1] = row
    end
  end
  return rows
end

-- Its actions, in the weather it was recorded in.
local function drawn(given)
  local options = weather.options { options = given.options,
                                    weather = given.weather, redraw = true }
  for _, row in ipairs(core.sim_options()) do
    if options[row.name] == row.value then
      options[row.name] = nil
    end
  end
  return copied(given, options, actions_of(given))
end

-- It may fail later than it did, where it failed before faults ended.
local function lengthened(given)
  local options = given.options
  if options.settle_us ~= 0 or not options.duration_us then
    return given
  end
  local longer = copied(given, options, given.schedule)
  longer.options.duration_us = 2 * options.duration_us + 500000
  return longer
end

-- From the plainest to what is most like the run that was shrunk.
local function forms(best)
  return { lengthened(copied(best, best.options, actions_of(best))),
           lengthened(drawn(best)),
           lengthened(copied(best, best.options, best.schedule)) }
end

-- ---- what is worth keeping -------------------------------------------------

-- Each action up to 8 ms later, by the seed; the order stays.
local function moved(rows, seed)
  local list, last = {}, 0
  for i, row in ipairs(rows) do
    local copy = {}
    for name, value in pairs(row) do
      copy[name] = value
    end
    if row.at then
      local at = type(row.at) == "string" and quantity.duration(row.at)
        or row.at
      copy.at = math.max(last, at + (seed * 7919 + i * i * 3571) % 33 * 250)
      copy.after, last = nil, copy.at
    end
    list[i] = copy
  end
  return list
end

--- A run of a kept schedule. Its seeds stand for other bits of the members,
-- other speeds of networks and disks and, three in four, other moments.
-- @param bug its name, or nil: without
function keep.replay(given, seed, bug)
  if not given.seeds then
    return sim.replay(given, { bug = bug })
  end
  local own = given.options
  local varied = copied(given, own, seed % 4 == 0 and given.schedule
    or moved(given.schedule, seed))
  varied.seed = seed
  varied.options.delay_min_us = (own.delay_min_us or 200) + seed % 5 * 230
  varied.options.sync_min_us = (own.sync_min_us or 100) + seed % 3 * 410
  return sim.replay(varied, { bug = bug })
end

-- How many seeds it takes to fail so often; nil where it is too many, or where
-- one fails without the bug.
local function seeds_of(bug, check, given)
  local failures = 0
  given.seeds = SEEDS
  for seed = 1, SEEDS do
    local with = keep.replay(given, seed, bug)
    if with.violation and with.violation.name == check then
      failures = failures + 1
    end
    if not keep.replay(given, seed).ok then
      return nil
    elseif failures == FAILURES then
      return seed
    end
  end
end

local function write(bug, best)
  local text = schedule.table_text(best, HEAD)
  if #best.schedule > ROWS or text:find(("[^\n]"):rep(81)) then
    return nil
  end
  local path = ("spec/fixture/mutants/%s.lua"):format(bug)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  return assert(file:close())
end

-- What fails by its own seed at least.
local function alone(bug, check, best)
  local with = sim.replay(best, { bug = bug })
  if #best.schedule <= ROWS and with.violation
     and with.violation.name == check and sim.replay(best).ok then
    best.seeds = nil
    return best
  end
end

--- Keeps the form of a shrunk schedule that needs the fewest seeds; else the
-- schedule as it is. The file of before stays where none will do.
-- @return how many seeds; or nil
function keep.run(bug, check, best)
  local chosen, fewest
  for _, form in ipairs(forms(best)) do
    local seeds = #form.schedule <= ROWS and seeds_of(bug, check, form)
    if seeds and (not fewest or seeds < fewest) then
      chosen, fewest = form, seeds
    end
  end
  if chosen then
    chosen.seeds, chosen.seed = fewest, nil
  else
    chosen, fewest = alone(bug, check, forms(best)[3]), 1
  end
  if chosen then
    chosen.bug, chosen.check = bug, check
    return write(bug, chosen) and fewest
  end
end

return keep
