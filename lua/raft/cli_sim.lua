-- SPDX-License-Identifier: MIT
--
-- cli_sim.lua - the subcommand luaraft sim.
--
-- Holds:     files and seeds run one after the other, and what is said of
--            them: on failure the first two lines are what failed with its
--            seed, and the command that replays it.
-- Knows not: how a run is done (scenario.lua, sim.lua), processes
--            (cli_sim_jobs.lua), pictures (report.lua).
-- Rule:      exit codes: 0 all hold, 1 one does not, 2 used wrongly or a file
--            cannot be read, 3 unknown, not applicable or interrupted.

local core = require "raft.core"
local json = require "raft.json"
local processes = require "raft.processes"
local subjects = require "raft.cli_sim_subjects"
local totals = require "raft.cli_sim_total"

local cli_sim = {}

local OK, FAILED, USAGE, UNKNOWN = 0, 1, 2, 3
local GRAVITY = { [OK] = 0, [UNKNOWN] = 1, [FAILED] = 2, [USAGE] = 3 }

-- ---- failures --------------------------------------------------------------

-- { code = 1, name = "durability", text = "…", seed = 7, time = us }; nil: it
-- holds.
local function failure_of(result, seed)
  if result.violation then
    return { code = FAILED, seed = seed, name = result.violation.name,
             text = result.violation.text, time = result.violation.time,
             traceback = result.traceback }
  elseif result.not_applicable then
    return { code = UNKNOWN, seed = seed, name = "not applicable",
             text = result.not_applicable, time = result.now }
  elseif result.unknown then
    return { code = UNKNOWN, seed = seed, name = "unknown",
             text = result.unknown, time = result.now }
  end
end

local function say_failure(say, subject, failure, given)
  say(("%s: seed %.0f: %s: %s (at %.3f s)\n"):format(subject.label,
    failure.seed, failure.name, failure.text, failure.time / 1e6))
  say(("luaraft sim %s --seed %.0f%s%s\n"):format(subject.words,
    failure.seed, subjects.flags(given), failure.is_twice and " --twice"
      or ""))
  if given.traceback and failure.traceback then
    say(failure.traceback .. "\n")
  end
end

-- ---- running ---------------------------------------------------------------

-- Two runs of a seed, compared.
local function run_twice(subject, seed)
  local twice = require "raft.cli_sim_twice"
  local result, difference = twice.run(subject, seed)
  local failure = failure_of(result, seed)
  if difference then
    failure = { code = FAILED, seed = seed, name = "determinism",
                text = difference, time = result.now, is_twice = true }
  end
  return result, failure
end

local function run_seed(subject, seed, given)
  if given.twice then
    return run_twice(subject, seed)
  end
  local result = subject.run(seed)
  return result, failure_of(result, seed)
end

-- Seeds first … last of one subject, until one fails or 'ends' (real time).
-- @return the failure or nil
local function sweep_here(subject, seeds, total, given, progress)
  local seed = seeds.first
  while seed <= seeds.last and not (given.ends and core.now() >= given.ends)
  do
    local result, failure = run_seed(subject, seed, given)
    totals.add(total, result, subject.start)
    if failure then
      return failure
    end
    seed = seed + 1
    processes.check_interrupt()
    progress(total)
  end
end

local function seeds_of(subject, given)
  if given.seeds then
    return given.seeds
  elseif given.seed then
    return given.seed
  elseif given.time then
    return { first = 1, last = 2 ^ 53 - 1 }
  end
  return { first = subject.seed or 1, last = subject.seed or 1 }
end

local function sweep(world, subject, seeds, total, given)
  local progress = totals.progress(world, subject, seeds, given.all)
  local failure
  given.ends = given.time and core.now() + given.time
  if given.jobs and given.jobs > 1 and seeds.last > seeds.first then
    failure = require("raft.cli_sim_jobs").sweep(subject, seeds, total, given,
      progress)
  else
    failure = sweep_here(subject, seeds, total, given, progress)
  end
  world.progress(nil)
  return failure
end

local function wants_views(given, failure)
  return given.trace or given.view or given.record or given.history
    or failure and failure.code == FAILED
end

local function run_one(world, subject, given)
  local total, began = totals.new(), core.now()
  local seeds = seeds_of(subject, given)
  local failure = sweep(world, subject, seeds, total, given)
  local code = failure and failure.code or OK
  if given.lines then
    world.out(json.encode { total = total, failure = failure } .. "\n")
    return code
  end
  -- Records as JSON stand alone on stdout.
  local say = given.trace == "json" and world.err or world.out
  if failure then
    given.all.failures = given.all.failures + 1
    say_failure(say, subject, failure, given)
  end
  say(totals.summary(total, subject, core.now() - began))
  if wants_views(given, failure) then
    local ok, message = require("raft.cli_sim_views").show(
      { world = world, say = say, progress = world.progress }, subject,
      failure and failure.seed or seeds.first, given, failure)
    if not ok then
      world.err("luaraft sim: " .. message .. "\n")
      code = code == OK and FAILED or code
    end
  end
  return code
end

local function run_all(world, list, given)
  local code = OK
  given.all = { failures = 0 }
  for _, subject in ipairs(list) do
    local one = run_one(world, subject, given)
    code = GRAVITY[one] > GRAVITY[code] and one or code
  end
  return code
end

local function explain(problem)
  if problem == processes.INTERRUPTED then
    return problem
  end
  return debug.traceback(tostring(problem))
end

--- Runs what the command line asks for. @return the exit code
function cli_sim.run(world, given)
  local list, message = subjects.of(given)
  if not list then
    world.err("luaraft sim: " .. message .. "\n")
    return USAGE
  end
  local quiet = { out = world.out, err = world.err,
                  progress = world.progress or function() end }
  core.sim_interrupt(true)
  local ok, code = xpcall(function()
    return run_all(quiet, list, given)
  end, explain)
  core.sim_interrupt(false)
  quiet.progress(nil)
  if not ok and code == processes.INTERRUPTED then
    world.err("luaraft sim: interrupted\n")
    return UNKNOWN
  elseif not ok then
    error(code, 0)
  end
  return code
end

return cli_sim
