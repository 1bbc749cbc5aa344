-- SPDX-License-Identifier: MIT
--
-- shrink.lua - a failing run made small, so that what is left is the reason.
--
-- Holds:     the order of reductions, and a budget of runs and events.
-- Knows not: how a schedule is run, what an option means; what is done about
--            chance (shrink_chance.lua).
-- Invariant: what is kept has failed with the same name as the first run.
-- Rule:      no clock and no chance: the same schedule and the same answers
--            give the same result.
-- Rule:      a choice is about the how manieth message, so one that is taken
--            away moves what all later ones are about. While there are many,
--            they are not taken away one by one: less is done, in less time,
--            and chance is drawn anew by a few seeds, in the same weather or
--            in a calmer one. Only what fails then is a list again.
-- Source:    Zeller & Hildebrandt 2002, ddmin, on complements only: what is
--            taken away is a chunk, and chunks get smaller.

local chance = require "raft.shrink_chance"
local cut = require "raft.shrink_cut"
local rows = require "raft.shrink_rows"

local count_of, is_action, is_choice = rows.count_of, rows.is_action,
  rows.is_choice

local shrink = {}

local Shrinker = {}
Shrinker.__index = Shrinker

for name, method in pairs(chance) do
  Shrinker[name] = method
end

-- A failure that came before faults ended may come later when less happens.
local function with_room(candidate)
  local options = candidate.options
  if options.settle_us == 0 and options.duration_us then
    local room = math.floor(options.duration_us / 4) + 300000
    candidate = cut.copy(candidate)
    candidate.options.duration_us = options.duration_us + room
  end
  return candidate
end

function Shrinker:is_spent()
  return self.runs >= self.budget or self.events >= self.events_budget
end

-- Runs a candidate; keeps it when it fails alike, and is smaller if that is
-- asked. What comes back is the run as it was recorded then: without rows that
-- had no part in it, and with what it drew or did by itself.
function Shrinker:try(candidate, is_smaller)
  if self:is_spent() then
    return false
  end
  self.runs = self.runs + 1
  local name, recorded, events = self.run(with_room(candidate))
  self.events = self.events + (events or 0)
  if name ~= self.name
     or is_smaller and not is_smaller(recorded or candidate, self.best) then
    return false
  end
  self.best = recorded or candidate
  self.best.weather, self.cost = candidate.weather, events or 0
  return true
end

-- How often a candidate is worth another try: more when it is cheap.
local WORTH = 20000 -- events

function Shrinker:seeds()
  return math.max(4, math.min(40, math.floor(WORTH / (self.cost + 1))))
end

-- The same with other bits for the members, and where chance is drawn, other
-- chance.
function Shrinker:try_seeds(candidate, seeds, is_smaller)
  if self:try(candidate, is_smaller) then
    return true
  end
  for seed = 1, seeds do
    local other = cut.shallow(candidate)
    other.seed = seed
    if self:try(other, is_smaller) then
      return true
    end
  end
  return false
end

-- ---- rows -----------------------------------------------------------------

local function has_fewer_rows(made, best)
  return #made.schedule < #best.schedule
end

local function has_fewer_actions(made, best)
  return count_of(made, is_action) < count_of(best, is_action)
end

function Shrinker:try_without(is_dropped)
  local candidate = cut.without(self.best, is_dropped)
  if self.is_drawing then
    return self:try_seeds(chance.drawn(candidate), self:seeds(),
      has_fewer_actions)
  end
  return self:try(candidate, has_fewer_rows)
end

-- All rows of which a key says the same, at once.
function Shrinker:drop_classes(key_of)
  local seen, keys = {}, {}
  for _, row in ipairs(self.best.schedule) do
    local key = key_of(row)
    if key and not seen[key] then
      seen[key] = true
      keys[#keys + 1] = key
    end
  end
  for _, key in ipairs(keys) do
    if self:is_spent() then
      return
    end
    self:try_without(function (row)
      return key_of(row) == key
    end)
  end
end

-- Chunks of what a filter names, from halves down to single rows.
function Shrinker:drop_chunks(is_meant)
  local size = math.ceil(count_of(self.best, is_meant) / 2)
  while size >= 1 do
    local first = 1
    while first <= count_of(self.best, is_meant) and not self:is_spent() do
      local last = first + size - 1
      if not self:try_without(rows.nth_of(is_meant, first, last)) then
        first = first + size
      end
    end
    size = size == 1 and 0 or math.ceil(size / 2)
  end
end

-- ---- the rest -------------------------------------------------------------

function Shrinker:try_each(candidates)
  for _, make in ipairs(candidates(self.best)) do
    if self:is_spent() then
      return
    end
    local candidate = make(self.best)
    if candidate then
      self:try(candidate)
    end
  end
end

local function size_of(schedule)
  return #schedule.schedule * 1000 + schedule.nodes * 10
    + cut.clients(schedule)
end

function Shrinker:round()
  self:try_each(cut.sooner_snapshots)
  self:drop_classes(rows.action_of)
  self:drop_chunks(is_action)
  self:drop_chunks(is_choice)
  self:try_each(cut.fewer_members)
  self:try_each(cut.fewer_clients)
end

function Shrinker:rounds()
  local size
  repeat
    size = size_of(self.best)
    self:round()
  until size_of(self.best) >= size or self:is_spent()
end

function Shrinker:polish()
  self:try_each(cut.plainer_options)
  for _ = 1, 3 do
    self:try_each(cut.shorter_times)
  end
  self:try_each(cut.smaller_values)
end

local LONG = 25 -- rows that are worth another look at parts of the time

function Shrinker:all()
  self:calm_down(3)
  if self:has_many_choices() then
    self:narrow(chance.WINDOW)
    self:calm_down(3)
  end
  if self.best.weather and self:has_many_choices() then
    self:thin_out()
    self:calm_down(8)
  end
  self:drop_classes(rows.kind_of)
  self:drop_classes(rows.kind_and_matter)
  self:rounds()
  if #self.best.schedule > LONG then
    self:narrow(chance.WINDOW / 4)
    self:rounds()
  end
  self:polish()
  self:round()
end

--- Makes a failing schedule small.
-- @param schedule as in lua/raft/schedule.lua
-- @param run a function: run(schedule) gives the name of what failed, or nil;
-- and, if it can, the schedule as recorded in that run; and how many events it
-- had
-- @param given { runs = 20000, events = 8000000 }, the most of them
-- @return the smallest schedule found and { name = "liveness", runs = 312,
-- rows = 17, before = 15805 }; or nil and a message when the first run does
-- not fail
function shrink.run(schedule, run, given)
  local self = setmetatable({ run = run, runs = 1, best = schedule,
                              budget = given and given.runs or 20000,
                              events_budget = given and given.events
                                or 8000000 },
    Shrinker)
  local before = #schedule.schedule
  local name, recorded, events = run(schedule)
  if not name then
    return nil, "expected a schedule that fails, got one that passes"
  end
  self.name, self.best, self.events = name, recorded or schedule, events or 0
  self.best.weather, self.cost = schedule.weather, self.events
  self:all()
  return self.best, { name = name, runs = self.runs, before = before,
                      rows = #self.best.schedule }
end

return shrink
