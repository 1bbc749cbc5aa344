-- SPDX-License-Identifier: MIT
--
-- cli_sim_views.lua - what luaraft sim shows of one run, which is run again
-- for it: its history and why nothing explains it, its trace, its page, its
-- schedule; and where a failure made smaller is written.
--
-- Knows not: how any of these is made: check_report.lua, report.lua,
--            cli_sim_shrink.lua.

local cli_sim_shrink = require "raft.cli_sim_shrink"
local sim = require "raft.sim"

local views = {}

-- "scripts/chaos/bank.lua" and 7 -> "bank-7"
local function stem(subject, seed)
  local name = subject.label:gsub("^.*/", ""):gsub("%.lua$", "")
    :gsub("[^%w_%-]", "_")
  return ("%s-%.0f"):format(name, seed)
end

-- What a search has found, of a history or of a workload's.
function views.of(result)
  for _, one in ipairs { result.check or false, result.detail or false } do
    if type(one) == "table" and one.counterexample then
      return one.counterexample, one
    end
  end
end

-- The calls that the operations of a counterexample were: they began at the
-- same moment.
function views.mark(run, counterexample)
  local moments = {}
  for _, operation in ipairs(counterexample.operations) do
    moments[operation.call_time or false] = operation
  end
  for _, operation in ipairs(run.operations) do
    local meant = moments[operation.from]
    if meant and (not meant.end_time or meant.end_time == operation.to) then
      operation.marked = true
    end
  end
end

-- One more run. @return it, as trace.lua has it; and its result
local function run_again(subject, seed)
  local run
  local result = subject.run(seed, function(handle, result, cluster)
    local bands = cluster and require("raft.nemesis").bands(cluster) or {}
    run = require("raft.trace").of(sim.of(handle, result.nodes), {
      title = ("%s, seed %.0f"):format(subject.title or subject.label, seed),
      notes = result.notes,
      faults = bands[1] and bands or nil })
    run.violation = result.violation
  end)
  local counterexample = views.of(result)
  if counterexample then
    views.mark(run, counterexample)
  end
  return run, result
end

-- ---- each of them ----------------------------------------------------------

local function say_counterexample(say, result)
  local counterexample, check = views.of(result)
  if counterexample then
    say("\n" .. require("raft.check_report").text(check)
      :gsub("[^\n]+", "  %0") .. "\n\n")
  end
end

local function write_history(say, result, path)
  local form = path:match("%.(%w+)$")
  if form ~= "jsonl" and form ~= "edn" then
    return nil, "--history: expected a name that ends in .jsonl or .edn, got "
      .. path
  elseif not result.history then
    return nil, "--history: the run has none"
  end
  local ok, message = result.history:write(path, form)
  if ok then
    say("  history: " .. path .. "\n")
  end
  return ok, message
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

-- The run as a file that replays it without the scenario's code.
local function record(say, subject, seed, path)
  local recorded = cli_sim_shrink.plain(subject,
    subject.run(seed, nil, true).schedule)
  local ok, message = cli_sim_shrink.write(recorded, path)
  if ok then
    say("  schedule: " .. path .. "\n")
  end
  return ok, message
end

local function shrink(door, subject, seed, failure)
  local runs = 0
  local ok, message = cli_sim_shrink.run(subject, failure,
    stem(subject, seed) .. "-small.lua", function(candidate)
      runs = runs + 1
      door.progress(("%s: making it smaller: %d rows, run %d"):format(
        subject.label, #candidate.schedule, runs))
    end)
  door.progress(nil)
  if ok then
    door.say("  " .. message .. "\n")
  end
  return ok, message
end

-- ---- all -------------------------------------------------------------------

local function show_run(door, subject, seed, given)
  local run, result = run_again(subject, seed)
  say_counterexample(door.say, result)
  local ok, message = true, nil
  if given.history then
    ok, message = write_history(door.say, result, given.history)
  end
  if ok and given.trace then
    ok, message = show_trace(door.world, run, given)
  end
  if ok and given.view then
    ok, message = show_page(door.say, run, subject, seed, given)
  end
  return ok, message
end

--- @param door { world = …, say = where lines for people go, progress = … }
-- @return true; or nil, message
function views.show(door, subject, seed, given, failure)
  local ok, message = true, nil
  local has_failed = failure and failure.code == 1
    and failure.name ~= "determinism"
  if has_failed or given.trace or given.view or given.history then
    ok, message = show_run(door, subject, seed, given)
  end
  if ok and given.record then
    ok, message = record(door.say, subject, seed, given.record)
  end
  if ok and has_failed and not given.no_shrink then
    ok, message = shrink(door, subject, seed, failure)
  end
  return ok, message
end

return views
