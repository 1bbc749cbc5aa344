-- SPDX-License-Identifier: MIT
--
-- cli_sim_shrink.lua - a failure of luaraft sim made smaller, and written.
--
-- Holds:     the three ways in which a schedule can fail like its run, and
--            which of them is taken.
-- Knows not: how a schedule gets smaller: shrink.lua.
-- Rule:      what is written fails with the same name; where the scenario's
--            own code raised, also at the same line.

local processes = require "raft.processes"
local quantity = require "raft.quantity"
local schedule = require "raft.schedule"
local shrink = require "raft.shrink"

local cli_sim_shrink = {}

-- ---- three ways ------------------------------------------------------------

local function copied(given, change)
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = value
  end
  copy.schedule = {}
  for _, row in ipairs(given.schedule) do
    copy.schedule[#copy.schedule + 1] = change(row)
  end
  return copy
end

local Ways = {}

-- A check of the world fails: nobody needs to know what operations were.
Ways[1] = { name = "world", of = function(_, given)
  return copied(given, function(row)
    local plain = {}
    for key, value in pairs(row) do
      plain[key] = key ~= "op" and value or nil
    end
    return plain
  end)
end }

-- What clients saw fails, where the scenario's workload judges it.
Ways[2] = { name = "history", of = function(_, given)
  return given
end }

-- Only the scenario's own code fails: it runs, and chance is as it was.
Ways[3] = { name = "story", of = function(subject, given)
  local made = copied(given, function(row)
    return row.at == nil and row or nil
  end)
  local options = {}
  for name, value in pairs(given.options) do
    options[name] = value
  end
  local own = subject.options or {}
  options.duration_us, options.settle_us = own.duration_us, own.settle_us
  made.options, made.live, made.starts = options, true, nil
  return made
end }

local PLACE = "^[^\n]-:%d+: " -- of a file

local function sign_of(violation)
  return violation and violation.name .. " "
    .. (violation.name == "scenario" and violation.text:match(PLACE) or "")
end

-- A function for shrink.run.
local function runner(subject, way, sign, watch)
  return function(candidate)
    processes.check_interrupt()
    watch(candidate)
    local result = subject.replay(candidate)
    if sign_of(result.violation) == sign then
      local made = way.of(subject, result.schedule)
      made.duration, made.concurrency
        = candidate.duration, candidate.concurrency
      return result.violation.name, made, result.events
    end
    return nil, nil, result.events
  end
end

-- ---- a workload that runs again --------------------------------------------

local SHARES = { 8, 4, 2 }

-- Less time and fewer clients, as long as it fails.
local function shorten(subject, first, run)
  local own = subject.workload
  local best = first
  for _, share in ipairs(own and SHARES or {}) do
    local shorter = copied(best, function(row) return row end)
    shorter.duration = ("%.0fms"):format(own.duration / share / 1000)
    if quantity.duration(shorter.duration) and run(shorter) then
      best = shorter
      break
    end
  end
  for _, count in ipairs(own and { 1, 2 } or {}) do
    local fewer = copied(best, function(row) return row end)
    fewer.concurrency = count
    if count < own.concurrency and run(fewer) then
      return fewer
    end
  end
  return best
end

-- ---- the whole -------------------------------------------------------------

-- @return the way in which a schedule fails, and it
local function find_way(subject, recorded, sign, watch)
  for _, way in ipairs(Ways) do
    local candidate = way.of(subject, recorded)
    local run = runner(subject, way, sign, watch)
    if (way.name ~= "story" or subject.is_scenario) and run(candidate) then
      return way, candidate, run
    end
  end
end

local function write(given, path)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, "cannot write " .. message
  end
  local ok, why = file:write(schedule.text(given))
  file:close()
  return ok, why
end

cli_sim_shrink.write = write

--- A recorded run, as its file has it.
function cli_sim_shrink.plain(subject, recorded)
  local plain = Ways[1].of(subject, recorded)
  plain.of = not subject.is_plain and subject.label or nil
  plain.bug = subject.bug
  return plain
end

--- Makes a failing seed small and writes it.
-- @param failure { name, text, seed }
-- @param path where to
-- @param watch a function of every schedule that is tried
-- @return true and a line for people; or nil and a message
function cli_sim_shrink.run(subject, failure, path, watch)
  local first = subject.run(failure.seed, nil, true).schedule
  local way, candidate, run = find_way(subject, first, sign_of(failure),
    watch)
  if not way then
    return true, "not made smaller: no schedule of it fails alike, replay the"
      .. " seed"
  end
  if way.name == "story" then
    candidate = shorten(subject, candidate, run)
  end
  local small, told = shrink.run(candidate, run)
  small.name = ("%s, seed %.0f: %s"):format(subject.label, failure.seed,
    failure.name)
  if way.name ~= "world" or not subject.is_plain then
    small.of = subject.label
  end
  small.machine, small.bug = first.machine, subject.bug
  local ok, message = write(small, path)
  if not ok then
    return nil, message
  end
  return true, ("made smaller: %s, %d rows of %d, in %d runs%s"):format(path,
    told.rows, #first.schedule, told.runs, way.name == "story"
      and "; what the scenario does stays" or "")
end

return cli_sim_shrink
