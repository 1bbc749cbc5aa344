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
--            cannot be read, 3 unknown or not applicable.

local core = require "raft.core"
local json = require "raft.json"
local scenario = require "raft.scenario"
local scenario_file = require "raft.scenario_file"
local sim = require "raft.sim"
local wording = require "raft.wording"

local cli_sim = {}

local TRACES = 200000 -- records kept of a run that is shown

local OK, FAILED, USAGE, UNKNOWN = 0, 1, 2, 3
local GRAVITY = { [OK] = 0, [UNKNOWN] = 1, [FAILED] = 2, [USAGE] = 3 }

--- A word as a shell takes it.
local function quoted(word)
  return word:find("^[%w%./_%-=]+$") and word
    or "'" .. word:gsub("'", "'\\''") .. "'"
end

cli_sim.quoted = quoted

-- ---- subjects --------------------------------------------------------------

-- What is run: { label = "file.lua", arguments = "file.lua",
-- run = function(seed, watch) → result }
local START = 1000000 -- where clocks begin, when the options do not say

local function of_scenario(path, loaded, given)
  local own = loaded.options
  return {
    label = path, words = quoted(path), seed = own.seed, title = own.name,
    start = own.options and own.options.start_us or START,
    run = function(seed, watch, record)
      return loaded:run { seed = seed, nodes = given.nodes, bug = given.bug,
                          keep_traces = watch and TRACES or nil,
                          watch = watch, record = record }
    end,
    replay = function(given_schedule)
      return loaded:of_schedule(given_schedule):run { record = true,
        keep_traces = 0, bug = given.bug }
    end,
  }
end

local function of_options(label, words, options, given)
  local function run(seed, watch, record)
    local mixed = sim.mix(options, { seed = seed, members = given.nodes,
      keep_traces = watch and TRACES or nil, record = record and 1 or nil,
      bug = given.bug })
    if not watch then
      return sim.run(mixed)
    end
    local world = sim.new(mixed)
    world:run()
    local result = world:result()
    result.nodes = world.members
    watch(world.handle, result)
    world:close()
    return result
  end
  local function replay(given_schedule)
    return sim.replay(given_schedule, { record = 1,
      bug = given.bug or options.bug })
  end
  return { label = label, words = words, run = run, replay = replay,
           seed = options.seed, start = options.start_us or START }
end

local function profile_subject(name, given)
  if not sim.profiles[name] or name == "names" then
    local near = wording.nearest(name, sim.profiles.names)
    return nil, ('--profile: there is no "%s", %s'):format(name,
      near and ('did you mean "%s"?'):format(near)
        or "there are " .. table.concat(sim.profiles.names, ", "))
  end
  return of_options("profile " .. name, "--profile " .. name,
    sim.profiles[name], given)
end

local function file_subject(path, given)
  local loaded, message = scenario_file.load(path)
  if not loaded then
    return nil, message
  elseif scenario.is(loaded) then
    return of_scenario(path, loaded, given)
  end
  local ok, problem = pcall(sim.read_options, loaded, 1000000)
  if not ok then
    return nil, path .. ": " .. tostring(problem)
  end
  return of_options(path, quoted(path), loaded, given)
end

-- A bug exists in the build with bugs alone.
local function check_bug(name)
  local names = {}
  for i, row in ipairs(core.bugs) do
    names[i] = row.name
    if row.name == name then
      return true
    end
  end
  if #names == 0 then
    return nil, "--bug: expected a build with bugs (cmake"
      .. " -DRAFT_WITH_BUGS=ON), got one without"
  end
  return nil, ('--bug: there is no "%s", did you mean "%s"?'):format(name,
    wording.nearest(name, names) or names[1])
end

local function subjects_of(given)
  local subjects = {}
  if given.bug then
    local ok, message = check_bug(given.bug)
    if not ok then
      return nil, message
    end
  end
  if given.profile then
    local one, message = profile_subject(given.profile, given)
    if not one then
      return nil, message
    end
    subjects[1] = one
  end
  for _, path in ipairs(given.files) do
    local one, message = file_subject(path, given)
    if not one then
      return nil, message
    end
    subjects[#subjects + 1] = one
  end
  if #subjects == 0 then
    return nil, "expected a file or --profile NAME, got neither"
  end
  return subjects
end

-- ---- totals ----------------------------------------------------------------

-- Faults that are counted by the world, in the order in which they are shown.
local KINDS = { "crashes", "kills", "pauses", "partitions", "resets", "wipes",
  "rots", "jumps", "disk_failures", "disk_fulls", "machine_failures",
  "memory_failures", "lost", "duplicated", "reordered", "corrupted" }

local function new_total()
  return { seeds = 0, events = 0, simulated = 0, faults = {} }
end

local function add(total, result, start)
  total.seeds = total.seeds + 1
  total.events = total.events + result.events
  total.simulated = total.simulated + result.now - start
  for _, kind in ipairs(KINDS) do
    local count = result[kind] or 0
    if kind == "partitions" and result.verbs then
      count = count + (result.verbs.partition or 0)
        + (result.verbs.cut or 0)
    end
    total.faults[kind] = (total.faults[kind] or 0) + count
  end
end

--- Adds what another process has counted.
function cli_sim.merge(total, other)
  total.seeds = total.seeds + other.seeds
  total.events = total.events + other.events
  total.simulated = total.simulated + other.simulated
  for _, kind in ipairs(KINDS) do
    total.faults[kind] = (total.faults[kind] or 0)
      + (other.faults[kind] or 0)
  end
end

local function span(us)
  local seconds = us / 1e6
  if seconds < 120 then
    return ("%.1f s"):format(seconds)
  elseif seconds < 7200 then
    return ("%.1f min"):format(seconds / 60)
  end
  return ("%.1f h"):format(seconds / 3600)
end

local function faults_text(total)
  local parts = {}
  for _, kind in ipairs(KINDS) do
    if (total.faults[kind] or 0) > 0 then
      parts[#parts + 1] = ("%s %d"):format((kind:gsub("_", " ")),
        total.faults[kind])
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

local function summary(say, subject, total, real_us)
  say(("%s: %d seed%s, %d events, %s simulated in %s, %.0f times as"
    .. " fast\n  faults: %s\n"):format(subject.label, total.seeds,
    total.seeds == 1 and "" or "s", total.events, span(total.simulated),
    span(real_us), total.simulated / math.max(real_us, 1),
    faults_text(total)))
end

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
  say(("luaraft sim %s --seed %.0f%s%s\n"):format(subject.words, failure.seed,
    given.nodes and " --nodes " .. given.nodes or "",
    given.bug and " --bug " .. given.bug or ""))
  if given.traceback and failure.traceback then
    say(failure.traceback .. "\n")
  end
end

-- ---- running ---------------------------------------------------------------

-- Seeds first … last of one subject, until one fails or 'ends' (real time).
-- @return the failure or nil, the next seed
function cli_sim.sweep(subject, seeds, total, ends, progress)
  local seed = seeds.first
  while seed <= seeds.last and not (ends and core.now() >= ends) do
    local result = subject.run(seed)
    add(total, result, subject.start)
    local failure = failure_of(result, seed)
    if failure then
      return failure, seed + 1
    end
    seed = seed + 1
    if progress then
      progress(total, seed)
    end
  end
  return nil, seed
end

local function show_progress(world, subject)
  local shown = 0
  if not world.progress then
    return nil
  end
  return function(total, seed)
    local now = core.now()
    if now - shown > 200000 then
      shown = now
      world.progress(("%s: seed %.0f, %d events"):format(subject.label, seed,
        total.events))
    end
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
  local ends = given.time and core.now() + given.time
  local progress = show_progress(world, subject)
  local failure
  if given.jobs and given.jobs > 1 and seeds.last > seeds.first then
    failure = require("raft.cli_sim_jobs").sweep(subject, seeds, total, ends,
      given, progress)
  else
    failure = cli_sim.sweep(subject, seeds, total, ends, progress)
  end
  if world.progress then
    world.progress(nil)
  end
  return failure
end

local function wants_views(given, failure)
  return given.trace or given.view or given.record
    or failure and failure.code == FAILED and not given.no_shrink
end

local function run_one(world, subject, given)
  local total, began = new_total(), core.now()
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
    say_failure(say, subject, failure, given)
  end
  summary(say, subject, total, core.now() - began)
  if wants_views(given, failure) then
    local ok, message = require("raft.cli_sim_views").show(
      { world = world, say = say }, subject,
      failure and failure.seed or seeds.first, given, failure)
    if not ok then
      world.err("luaraft sim: " .. message .. "\n")
      code = code == OK and FAILED or code
    end
  end
  return code
end

local function run_all(world, subjects, given)
  local code = OK
  for _, subject in ipairs(subjects) do
    local one = run_one(world, subject, given)
    code = GRAVITY[one] > GRAVITY[code] and one or code
  end
  return code
end

-- The interpreter raises this when it gets SIGINT.
local INTERRUPTED = "interrupted!"

local function explain(problem)
  if tostring(problem):sub(-#INTERRUPTED) == INTERRUPTED then
    return INTERRUPTED
  end
  return debug.traceback(tostring(problem))
end

--- Runs what the command line asks for. @return the exit code
function cli_sim.run(world, given)
  local subjects, message = subjects_of(given)
  if not subjects then
    world.err("luaraft sim: " .. message .. "\n")
    return USAGE
  end
  local ok, code = xpcall(function()
    return run_all(world, subjects, given)
  end, explain)
  if not ok and code == INTERRUPTED then
    world.err("luaraft sim: interrupted\n")
    return UNKNOWN
  elseif not ok then
    error(code, 0)
  end
  return code
end

return cli_sim
