-- SPDX-License-Identifier: MIT
--
-- cli_sim_subjects.lua - what luaraft sim runs: scenarios, options, profiles.
--
-- Holds:  reading of files, and one face for all of them:
--           { label = "file.lua", words = "file.lua" (for a shell),
--             seed, start = where its clock begins,
--             run = function(seed, watch, record) → result,
--             replay = function(schedule) → result }
--         title where the file has a name for it; of scenarios also
--         is_scenario, is_plain, options, workload.
-- Rule:   watch(handle, result, cluster) is called before the world is closed;
--         a run that is not watched keeps nothing to look at.

local core = require "raft.core"
local scenario = require "raft.scenario"
local scenario_file = require "raft.scenario_file"
local sim = require "raft.sim"
local wording = require "raft.wording"

local subjects = {}

local TRACES = 200000 -- the last records, of a run that is shown
local START = 1000000 -- where clocks begin, when the options do not say

--- What of the command line belongs to a run, as a shell takes it.
function subjects.flags(given)
  return (given.nodes and " --nodes " .. given.nodes or "")
    .. (given.bug and " --bug " .. given.bug or "")
end

local function of_scenario(path, loaded, given)
  local own = loaded.options
  return {
    label = path, words = wording.quoted(path), seed = own.seed,
    title = own.name, bug = given.bug or own.bug,
    start = own.options and own.options.start_us or START,
    is_scenario = true, scenario = loaded, is_plain = loaded:is_plain(),
    options = own.options, workload = own.workload and own,
    run = function(seed, watch, record)
      return loaded:run { seed = seed, nodes = given.nodes, bug = given.bug,
                          keep_traces = watch and TRACES or nil,
                          watch = watch, record = record }
    end,
    replay = function(given_schedule)
      return loaded:of_schedule(given_schedule):run { record = true,
                                                      bug = given.bug }
    end,
  }
end

local function of_options(label, words, options, given)
  local bug = given.bug or options.bug
  local function run(seed, watch, record)
    local mixed = sim.mix(options, { seed = seed, members = given.nodes,
      keep_traces = watch and TRACES or nil, record = record and 1 or nil,
      bug = bug })
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
    return sim.replay(given_schedule, { record = 1, bug = bug })
  end
  return { label = label, words = words, run = run, replay = replay,
           seed = options.seed, start = options.start_us or START,
           is_plain = true, bug = bug }
end

local function of_profile(name, given)
  if not sim.profiles[name] or name == "names" then
    local near = wording.nearest(name, sim.profiles.names)
    return nil, ('--profile: there is no "%s", %s'):format(name,
      near and ('did you mean "%s"?'):format(near)
        or "there are " .. table.concat(sim.profiles.names, ", "))
  end
  return of_options("profile " .. name, "--profile " .. name,
    sim.profiles[name], given)
end

local function of_file(path, given)
  local loaded, message = scenario_file.load(path)
  if not loaded then
    return nil, message
  elseif scenario.is(loaded) then
    local ok, problem = pcall(loaded.check, loaded, given.nodes)
    if not ok then
      return nil, (tostring(problem):gsub("[\r\n]+", " "))
    end
    return of_scenario(path, loaded, given)
  end
  local ok, problem = pcall(sim.read_options,
    sim.mix(loaded, { members = given.nodes }), 1000000)
  if not ok then
    return nil, path .. ": " .. tostring(problem)
  end
  return of_options(path, wording.quoted(path), loaded, given)
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

--- All that a command line names. @return a list; or nil and one line
function subjects.of(given)
  local list = {}
  if given.seed and given.seeds then
    return nil, "expected one of --seed and --seeds, got both"
  end
  if given.bug then
    local ok, message = check_bug(given.bug)
    if not ok then
      return nil, message
    end
  end
  if given.profile then
    local one, message = of_profile(given.profile, given)
    if not one then
      return nil, message
    end
    list[1] = one
  end
  for _, path in ipairs(given.files) do
    local one, message = of_file(path, given)
    if not one then
      return nil, message
    end
    list[#list + 1] = one
  end
  if #list == 0 then
    return nil, "expected a file or --profile NAME, got neither"
  end
  return list
end

return subjects
