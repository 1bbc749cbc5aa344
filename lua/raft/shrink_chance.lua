-- SPDX-License-Identifier: MIT
--
-- shrink_chance.lua - how a shrinker gets along with chance: without it, with
-- chance drawn anew in parts of the time, and in calmer weather.
--
-- Holds:     methods of the shrinker (shrink.lua).
-- Knows not: how a schedule is run; the other reductions.
-- Rule:      a run of thousands of choices is chaotic: what is taken away moves
--            all that comes later. So what members draw hangs on the time, not
--            on how much they drew before, and a failure is looked for in calm
--            first: what is found there has no choices that could move.

local cut = require "raft.shrink_cut"
local rows = require "raft.shrink_rows"
local weather = require "raft.weather"

local count_of, is_action, is_choice = rows.count_of, rows.is_action,
  rows.is_choice

local Chance = {}

--- A candidate with chance drawn anew.
function Chance.drawn(candidate)
  local other = cut.without(candidate, is_choice)
  other.redraw = true
  return other
end

-- ---- calm -----------------------------------------------------------------

-- Without any choice, in a few kinds of weather: everything fast, everything
-- slow, messages slow, disks slow; and other bits for the members.
local CALM = {
  {}, { delay_min_us = 1600 }, { sync_min_us = 1500 },
  { delay_min_us = 1600, sync_min_us = 1500 },
  { delay_min_us = 5000 }, { sync_min_us = 10000 },
}

local MANY = 60 -- choices

--- Whether one that is taken away would move too many others.
function Chance:has_many_choices()
  return count_of(self.best, is_choice) > MANY
end

local function set_options(candidate, values)
  for name, value in pairs(values) do
    candidate.options[name] = value
  end
end

function Chance:calm_down(seeds)
  for _, is_dropped in ipairs { is_choice, function (row)
    return row[1] == "delay"
  end } do
    for _, calm in ipairs(CALM) do
      local candidate = cut.without(self.best, is_dropped)
      set_options(candidate, calm)
      candidate.options.bits_by_time = 1
      if #candidate.schedule < #self.best.schedule
         and self:try_seeds(candidate, seeds) then
        return
      end
    end
  end
end

-- ---- parts of the time ----------------------------------------------------

local SHORTEST = 100000 -- microseconds that are still worth a window
local PARTS = { 16, 8, 4, 2 }
local PLACES = 8
local MOST_SEEDS = 2000
Chance.WINDOW = 1000000 -- events that a length of windows is worth

local function is_shorter(made, best)
  return made.options.duration_us * 4 < best.options.duration_us * 3
    and #made.schedule <= #best.schedule
end

-- Chance is drawn anew, or calm: where all messages take the same time a
-- failure is often not rarer.
local function set_chance(candidate, number)
  candidate.options.bits_by_time = 1
  candidate.redraw = candidate.weather and number % 2 == 0 or nil
  if not candidate.redraw then
    set_options(candidate, CALM[math.floor(number / 2) % #CALM + 1])
  end
end

-- What was done in some part of the time, alone: every other time in the last
-- part, where the reason is most often, else in another one; snapshots sooner
-- in some, because less is written in less time.
function Chance:try_windows(part, events)
  local whole = self.best.options.duration_us
  local length = math.floor(whole / part)
  local ends = self.events + events
  local windows = {}
  for place = 0, PLACES - 1 do
    windows[place] = cut.without(cut.window(self.best,
      math.floor((whole - length) * (PLACES - 1 - place) / (PLACES - 1)),
      length), is_choice)
  end
  for number = 1, MOST_SEEDS do
    local turn = math.floor(number / 2)
    local place = turn % 2 == 0 and 0 or math.floor(turn / 2) % PLACES
    local candidate = cut.copy(windows[place])
    local limits = candidate.options.limits
    if limits and limits.snapshot_bytes and number % 3 == 0 then
      limits.snapshot_bytes = math.ceil(limits.snapshot_bytes / 8)
    end
    set_chance(candidate, number)
    candidate.seed = number
    if self:try(candidate, is_shorter) then
      return true
    elseif self.events >= ends or self:is_spent() then
      return false
    end
  end
  return false
end

function Chance:narrow(events)
  local is_narrower
  repeat
    is_narrower = false
    for _, part in ipairs(PARTS) do
      if not is_narrower and not self:is_spent()
         and (self.best.options.duration_us or 0) / part >= SHORTEST then
        is_narrower = self:try_windows(part, events)
      end
    end
  until not is_narrower or not self:has_many_choices()
end

-- ---- the weather ----------------------------------------------------------

-- One chance after the other as calm as it can be.
function Chance:clear_up()
  for _, name in ipairs(weather.names) do
    local best = self.best
    local calm = weather.calmest(name, best.options)
    if calm and (best.weather[name] or 0) > calm then
      local candidate = Chance.drawn(best)
      candidate.weather = cut.shallow(best.weather)
      candidate.weather[name] = calm
      self:try_seeds(candidate, self:seeds())
    end
  end
end

-- Less is done while chance is drawn anew, again and again.
function Chance:thin_out()
  self.is_drawing = true
  self:drop_classes(rows.client_of)
  self:drop_classes(rows.action_of)
  self:clear_up()
  self:drop_chunks(is_action)
  self:clear_up()
  self.is_drawing = false
end

return Chance
