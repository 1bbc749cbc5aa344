-- SPDX-License-Identifier: MIT
--
-- scenario.lua - raft.scenario: a cluster, what happens to it, what must hold.
--
--   return raft.scenario {
--     name = "…", nodes = 3, machine = "raft.kv",
--     run = function(cluster) … end,
--   }
--
-- instead of 'run' also 'workload' with 'nemesis', or a recorded 'schedule'
-- (schedule.lua). A workload is an object with
--   client(self, cluster, process)  a coroutine per client, until it returns
--                                   or cluster:is_running() is false; it
--                                   writes to cluster:history()
--   finish(self, cluster)           optional: last reads, after all is well
--   judge(self, history)            optional → true; or nil, message, detail;
--                                   unknown where detail.verdict says so
--   model                           optional: of the history (check.lua)
-- a nemesis one with run(self, cluster), in a coroutine until the duration is
-- over; then cluster:heal_all() ends what it began.
--
-- Holds:     reading of the options, one run, and its verdict.
-- Knows not: how verbs are done (sim_cluster.lua), files (scenario_file.lua).
-- Invariant: a result is decided by the scenario, its machine and the seed.

local blame = require "raft.blame"
local core = require "raft.core"
local options = require "raft.options"
local schedule = require "raft.schedule"
local sim = require "raft.sim"
local wording = require "raft.wording"

local Scenario = {}
Scenario.__index = Scenario

local SCHEMA = {
  name = { "string" },
  nodes = { "whole", min = 1, max = 15, default = 3 },
  machine = { "string", default = "raft.kv" },
  machine_options = { "any" }, -- what its new() gets
  sandbox = { "boolean" },
  memory = { "size" }, -- that a machine may take
  instructions = { "whole", min = 1000, default = 10000000 }, -- of one request
  run = { "function" },
  workload = { "table" },
  nemesis = { "table" },
  duration = { "duration", default = "10s" },
  concurrency = { "whole", min = 1, max = 60, default = 5 },
  schedule = { "table" },
  starts = { "boolean" }, -- schedule: whether all members start at once
  seed = { "whole" }, -- when none is asked for
  options = { "table" }, -- of the simulator: raft.sim.options()
  timeout = { "duration", default = "10min" }, -- of the world's time
  settle = { "boolean", default = true },
  bug = { "string" },
}

local RUN = {
  seed = { "whole" },
  nodes = { "whole", min = 1, max = 15 },
  keep_traces = { "whole", default = 20000 },
  record = { "boolean" },
  bug = { "string" },
}

local NOBODY = 1000000 -- a level beyond every stack: no place is put before

local RUN_INSTRUCTIONS = 10000000 -- of a scenario between two waits

-- ---- reading ---------------------------------------------------------------

local function check_object(name, object, method)
  if object ~= nil and type(object[method]) ~= "function" then
    error(("raft.scenario: option %s: expected an object with the method"
      .. " '%s', got a table without"):format(name, method), 0)
  end
end

local function check_kinds(read)
  local kinds = {}
  for _, name in ipairs { "run", "workload", "schedule" } do
    if read[name] ~= nil then
      kinds[#kinds + 1] = name
    end
  end
  if #kinds ~= 1 then
    error("raft.scenario: expected one of run, workload, schedule, got "
      .. (#kinds == 0 and "none" or table.concat(kinds, " and ")), 0)
  elseif read.nemesis and not read.workload then
    error("raft.scenario: expected a workload beside the nemesis, got "
      .. kinds[1], 0)
  end
end

local function read_scenario(given)
  if type(given) ~= "table" then
    error("raft.scenario: "
      .. select(2, wording.expected("a table of options", given)), 0)
  end
  local read = options.check("raft.scenario", given, SCHEMA, NOBODY)
  check_kinds(read)
  check_object("workload", read.workload, "client")
  check_object("nemesis", read.nemesis, "run")
  sim.read_options(read.options, NOBODY)
  return read
end

-- ---- one run ---------------------------------------------------------------

-- A machine beside the scenario's file is found by its name.
local function find_machine(self, read)
  local machine = require "raft.machine"
  local name, folder = read.machine, self.folder
  if folder and name:find("%.lua$") and name:sub(1, 1) ~= "/" then
    local path = machine.find(folder .. name, package.path)
    return path or machine.find(name, package.path)
  end
  local templates = package.path
  if folder then
    templates = folder .. "?.lua;" .. templates
  end
  local path, message = machine.find(name, templates)
  if path and not name:find("^raft%.") then
    return path
  end
  return path and name, message
end

local function machine_of(self, read)
  if read.machine == "register" then
    return nil
  end
  local name, message = find_machine(self, read)
  if not name then
    error(self.place .. message, 0)
  end
  return { machine = name, options = read.machine_options,
           sandbox = read.sandbox, memory = read.memory,
           instructions = read.instructions }
end

local function new_world(self, read, given)
  local mixed = sim.mix(read.options or {}, {
    members = given.nodes or read.nodes, seed = given.seed or read.seed or 1,
    keep_traces = given.keep_traces, bug = given.bug or read.bug,
    schedule = read.schedule, starts = read.starts == false and 0 or nil,
    record = given.record and 1 or nil,
  })
  local flat = sim.read_options(mixed, NOBODY)
  return core.sim_new(flat, machine_of(self, read)), flat
end

local function initial_network(flat)
  local initial = {}
  for _, row in ipairs(core.sim_options()) do
    initial[row.name] = flat[row.name] or row.value
  end
  return initial
end

local function new_cluster(self, read, handle, flat)
  local history = require "raft.history"
  local workload = read.workload or {}
  return require("raft.sim_cluster").new {
    handle = handle, nodes = flat.members, seed = flat.seed,
    keep_traces = flat.keep_traces or 0, place = self.place,
    bound = handle:now() + read.timeout,
    instructions = RUN_INSTRUCTIONS, options = initial_network(flat),
    history = history.new { model = workload.model,
                            initial = workload.initial },
  }
end

-- Clients beside a nemesis, peace, and last reads.
local function run_workload(cluster, read)
  local workload, nemesis = read.workload, read.nemesis
  local clients, enemy = {}, nil
  if workload.setup then
    workload:setup(cluster)
  end
  for process = 1, read.concurrency do
    clients[process] = cluster:spawn(workload.client, workload, cluster,
      process)
  end
  if nemesis then
    enemy = cluster:spawn(nemesis.run, nemesis, cluster)
  end
  cluster:sleep(("%.0fus"):format(read.duration))
  cluster.is_stopping = true
  if enemy then
    enemy:stop()
  end
  cluster:heal_all()
  for _, client in ipairs(clients) do
    client:stop()
  end
  for _, client in ipairs(clients) do
    client:wait()
  end
  cluster:settle()
  if workload.finish then
    workload:finish(cluster)
  end
end

local function run_processes(cluster, read)
  local handle = cluster.handle
  for id = 1, cluster.nodes do
    handle:start(id)
  end
  local main = read.run or function(own)
    run_workload(own, read)
  end
  cluster.processes:spawn(cluster.place, main, cluster)
  return cluster.processes:run() and (not read.settle or cluster.is_settled
    or handle:settle())
end

-- ---- verdicts --------------------------------------------------------------

local function violation(name, text, time)
  return { name = name, text = text, time = time }
end

local function judge_history(cluster, read, result)
  local history = cluster.recorded
  if #history:events() == 0 then
    return
  end
  result.history = history
  if history.model then
    local check = history:check()
    result.check = check
    if check.verdict == "not" then
      result.violation = violation("linearizable",
        "the history has no order that explains it", result.now)
    elseif check.verdict == "unknown" then
      result.unknown = "the history was not decided within its limits"
    end
  end
  local judge = read.workload and read.workload.judge
  if judge and not result.violation then
    local ok, message, detail = judge(read.workload, history)
    result.detail = detail
    if ok == nil and type(detail) == "table" and detail.verdict == "unknown"
    then
      result.unknown = tostring(message)
    elseif not ok then
      result.violation = violation("workload", tostring(message), result.now)
    end
  end
end

local function judge(cluster, read)
  local result = cluster.handle:result()
  local failure = cluster.processes.failure
  result.verbs, result.notes = cluster.counts, cluster.notes
  if failure and not result.violation then
    local problem = failure.problem
    if type(problem) == "table" and problem.not_applicable then
      result.not_applicable = problem.not_applicable
    else
      result.violation = violation("scenario", failure.text, result.now)
      result.traceback = failure.traceback
    end
  elseif not result.violation then
    judge_history(cluster, read, result)
  end
  result.ok = not (result.violation or result.not_applicable
    or result.unknown)
  return result
end

-- A schedule needs no process of ours: the world does what it says.
local function play(self, read, handle, flat)
  if read.schedule then
    handle:run()
    return handle:result()
  end
  local cluster = new_cluster(self, read, handle, flat)
  run_processes(cluster, read)
  return judge(cluster, read)
end

-- LuaJIT: compiled code calls no count hook.
local function without_jit(fn, ...)
  local jit = rawget(_G, "jit")
  if not jit or not jit.status() then
    return fn(...)
  end
  jit.off()
  jit.flush()
  local ok, result, more = pcall(fn, ...)
  jit.on()
  if not ok then
    error(result, 0)
  end
  return result, more
end

--- One run of a seed, to its end.
-- @param given { seed = 1, nodes = …, keep_traces = 20000, record = true,
-- watch = function of the world's handle and the result, before the world is
-- closed }; with record the result has the schedule
-- @return { ok = true, seed = 1, trace_hash = "…", now = …, events = …, … };
-- else with violation = { name, text, time }, not_applicable or unknown
function Scenario:run(given)
  local watch = given and given.watch
  local read = self.options
  local copy = {}
  for name, value in pairs(given or {}) do
    copy[name] = name ~= "watch" and value or nil
  end
  local asked = options.check("scenario:run", copy, RUN)
  local handle, flat = new_world(self, read, asked)
  local ran, result = pcall(without_jit, play, self, read, handle, flat)
  if ran then
    result.nodes = flat.members
    if asked.record then
      result.schedule = schedule.of(handle, flat)
      result.schedule.name, result.schedule.machine = self.name, read.machine
    end
    if watch then
      watch(handle, result)
    end
  end
  handle:close()
  if not ran then
    error(result, 0)
  end
  return result
end

local scenario = { Scenario = Scenario }

--- The scenario that a schedule of this one is: as the file that
-- schedule.text writes, with the same machine.
function Scenario:of_schedule(given)
  local read = self.options
  local made = scenario.new {
    name = self.name, nodes = given.nodes, machine = read.machine,
    machine_options = read.machine_options, sandbox = read.sandbox,
    seed = given.seed, options = given.options, starts = given.starts,
    schedule = given.schedule, bug = read.bug,
  }
  made.folder = self.folder
  return made
end

--- Whether a value is a scenario.
function scenario.is(value)
  return getmetatable(value) == Scenario
end

function scenario.new(given)
  local place = blame.followed and blame.followed() or blame.place() or ""
  local ok, read = pcall(read_scenario, given)
  if not ok then
    error(place .. read, 0)
  end
  return setmetatable({ options = read, place = place, given = given,
    name = read.name or "a scenario at " .. place:gsub(": $", "") },
    Scenario)
end

return setmetatable(scenario, { __call = function(_, given)
  local made = scenario.new(given) -- no tail call: errors count the levels
  return made
end })
