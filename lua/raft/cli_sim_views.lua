-- SPDX-License-Identifier: MIT
--
-- cli_sim_views.lua - what luaraft sim shows of one run, which is run again
-- for it: its trace, its page, its schedule, and a failure made smaller.
--
-- Knows not: how any of these is made: report.lua, schedule.lua, shrink.lua.

local schedule = require "raft.schedule"
local sim = require "raft.sim"

local views = {}

-- "scripts/chaos/bank.lua" and 7 -> "bank-7"
local function stem(subject, seed)
  local name = subject.label:gsub("^.*/", ""):gsub("%.lua$", "")
    :gsub("[^%w_%-]", "_")
  return ("%s-%.0f"):format(name, seed)
end

local function trace_of(subject, seed)
  local trace, run = require "raft.trace", nil
  local result = subject.run(seed, function(handle, result)
    local world = sim.of(handle, result.nodes)
    run = trace.of(world, { notes = result.notes, title =
      ("%s, seed %.0f"):format(subject.title or subject.label, seed) })
    run.violation = result.violation
  end)
  return run, result
end

local function show_trace(world, run, given)
  local report = require "raft.report"
  if given.trace == "text" then
    world.out(report.text(run))
    return true
  end
  local ok, text = report.jsonl(run)
  if ok then
    world.out(text)
  end
  return ok, text
end

local function show_page(say, run, subject, seed, given)
  local path = type(given.view) == "table" and given.view[1]
    or type(given.view) == "string" and given.view
    or stem(subject, seed) .. ".html"
  local ok, message = require("raft.report").html(run, path)
  if ok then
    say("  page: " .. path .. "\n")
  end
  return ok, message
end

local function write_schedule(given, path)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, "cannot write " .. message
  end
  local ok, why = file:write(schedule.text(given))
  file:close()
  return ok, why
end

-- The run as a file that replays it without the scenario's code.
local function record(say, subject, seed, path)
  local recorded = subject.run(seed, nil, true).schedule
  local ok, message = write_schedule(recorded, path)
  if ok then
    say("  schedule: " .. path .. "\n")
  end
  return ok, message
end

-- What a replay fails with: what only the scenario's own code, its judge or a
-- history sees fails in no schedule.
local function shrink(say, subject, seed, failure)
  local first = subject.run(seed, nil, true).schedule
  local small, told = require("raft.shrink").run(first, function(candidate)
    local result = subject.replay(candidate)
    local violation = result.violation
    return violation and violation.name == failure.name and violation.name
      or nil, result.schedule
  end)
  if not small then
    say("  not made smaller: " .. failure.name .. " is no check of the world"
      .. " itself, replay the seed\n")
    return true
  end
  local path = stem(subject, seed) .. "-small.lua"
  small.name = ("%s, seed %.0f: %s"):format(subject.label, seed,
    failure.name)
  small.machine = first.machine
  local ok, message = write_schedule(small, path)
  if ok then
    say(("  made smaller: %s, %d rows of %d, in %d runs\n"):format(path,
      told.rows, told.before, told.runs))
  end
  return ok, message
end

--- @param door { world = …, say = where lines for people go }
-- @return true; or nil, message
function views.show(door, subject, seed, given, failure)
  local world, say = door.world, door.say
  local ok, message = true, nil
  if given.trace or given.view then
    local run = trace_of(subject, seed)
    if given.trace then
      ok, message = show_trace(world, run, given)
    end
    if ok and given.view then
      ok, message = show_page(say, run, subject, seed, given)
    end
  end
  if ok and given.record then
    ok, message = record(say, subject, seed, given.record)
  end
  if ok and failure and failure.code == 1 and not given.no_shrink then
    ok, message = shrink(say, subject, seed, failure)
  end
  return ok, message
end

return views
