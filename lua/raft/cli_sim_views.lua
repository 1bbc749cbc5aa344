-- SPDX-License-Identifier: MIT
--
-- cli_sim_views.lua - what luaraft sim shows of one run, which is run again
-- for it: its trace, its page, its schedule, and a failure made smaller.
--
-- Knows not: how any of these is made: report.lua, schedule.lua, shrink.lua.

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
    run = trace.of(world, { title = ("%s, seed %.0f"):format(subject.label,
      seed) })
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

--- @param say where lines for people go
-- @return true; or nil, message
function views.show(world, say, subject, seed, given)
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
  return ok, message
end

return views
