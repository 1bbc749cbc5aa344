-- SPDX-License-Identifier: MIT
--
-- shrink.lua - a failing run made small, so that what is left is the reason.
--
-- Holds:     the order of reductions, and a budget of runs.
-- Knows not: how a schedule is run, what an option means.
-- Invariant: what is kept has failed with the same name as the first run.
-- Rule:      no clock and no chance: the same schedule and the same answers
--            give the same result.
-- Source:    Zeller & Hildebrandt 2002, ddmin, on complements only: what is
--            taken away is a chunk, and chunks get smaller.

local cut = require "raft.shrink_cut"

local shrink = {}

local Shrinker = {}
Shrinker.__index = Shrinker

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

-- Runs a candidate; keeps it when it fails alike. What comes back is the run
-- as it was recorded then: without rows that had no part in it.
function Shrinker:try(candidate)
  if self.runs >= self.budget then
    return false
  end
  self.runs = self.runs + 1
  local name, recorded = self.run(with_room(candidate))
  if name ~= self.name then
    return false
  end
  self.best = recorded or candidate
  return true
end

-- ---- rows -----------------------------------------------------------------

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
    self:try(cut.without(self.best, function (row)
      return key_of(row) == key
    end))
  end
end

-- Chunks of what a filter names, from halves down to single rows.
function Shrinker:drop_chunks(is_meant)
  local size = #self.best.schedule
  while size >= 1 do
    local first = 1
    while self.runs < self.budget do
      local count, total = 0, 0
      local candidate = cut.without(self.best, function (row)
        if not is_meant(row) then
          return false
        end
        total = total + 1
        if total >= first and total < first + size then
          count = count + 1
          return true
        end
        return false
      end)
      if count == 0 then
        break
      elseif not self:try(candidate) then
        first = first + size
      end
    end
    size = size == 1 and 0 or math.ceil(size / 2)
  end
end

local function is_choice(row)
  return row.at == nil
end

local function is_action(row)
  return row.at ~= nil
end

local function kind_of(row)
  return is_choice(row) and row[1]
end

local function kind_and_matter(row)
  return is_choice(row) and row[1] .. " " .. tostring(row[2])
end

local function action_of(row)
  return is_action(row) and row[1]
end

-- Without any choice, in a few kinds of weather: everything fast, everything
-- slow, messages slow, disks slow; and other bits for the members.
local WEATHERS = {
  {}, { delay_min_us = 1600 }, { sync_min_us = 1500 },
  { delay_min_us = 1600, sync_min_us = 1500 },
  { delay_min_us = 5000 }, { sync_min_us = 10000 },
}
local SEEDS = 3

function Shrinker:calm_down()
  for _, is_dropped in ipairs { is_choice, function (row)
    return row[1] == "delay"
  end } do
    for seed = 0, SEEDS do
      for _, weather in ipairs(WEATHERS) do
        local candidate = cut.without(self.best, is_dropped)
        candidate.seed = seed > 0 and seed or candidate.seed
        for name, value in pairs(weather) do
          candidate.options[name] = value
        end
        if self:try(candidate) then
          return
        end
      end
    end
  end
end

-- ---- the rest -------------------------------------------------------------

function Shrinker:try_each(candidates)
  for _, make in ipairs(candidates(self.best)) do
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
  self:drop_classes(action_of)
  self:drop_chunks(is_action)
  self:drop_chunks(is_choice)
  self:try_each(cut.fewer_members)
  self:try_each(cut.fewer_clients)
end

function Shrinker:polish()
  self:try_each(cut.plainer_options)
  for _ = 1, 3 do
    self:try_each(cut.shorter_times)
  end
  self:try_each(cut.smaller_values)
end

--- Makes a failing schedule small.
-- @param schedule as in lua/raft/schedule.lua
-- @param run a function: run(schedule) gives the name of what failed, or nil;
-- and, if it can, the schedule as recorded in that run
-- @param given { runs = 1000 }, the most runs
-- @return the smallest schedule found and { name = "liveness", runs = 312,
-- rows = 17, before = 15805 }; or nil and a message when the first run does
-- not fail
function shrink.run(schedule, run, given)
  local self = setmetatable({ run = run, runs = 0, best = schedule,
                              budget = given and given.runs or 1000 },
    Shrinker)
  local before = #schedule.schedule
  local name, recorded = run(schedule)
  if not name then
    return nil, "expected a schedule that fails, got one that passes"
  end
  self.name, self.best, self.runs = name, recorded or schedule, 1
  self:calm_down()
  self:drop_classes(kind_of)
  self:drop_classes(kind_and_matter)
  local size
  repeat
    size = size_of(self.best)
    self:round()
  until size_of(self.best) >= size or self.runs >= self.budget
  self:polish()
  self:round()
  return self.best, { name = name, runs = self.runs, before = before,
                      rows = #self.best.schedule }
end

return shrink
