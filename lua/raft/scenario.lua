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
-- (schedule.lua); with a schedule 'of' names the file of the scenario that it
-- was recorded of: its machine is used, and its workload judges what the
-- operations of the schedule saw; with live = true its story or workload runs
-- again, and the schedule says what chance does. A workload is an object with
--   client(self, cluster, process)  a coroutine per client, until it returns
--                                   or cluster:is_running() is false; it
--                                   writes to cluster:history()
--   finish(self, cluster)           optional: last reads, after all is well
--   judge(self, history)            optional → true; or nil, message, detail;
--                                   unknown where detail.verdict says so
--   observe(self, f, result)        optional: what the history takes of an
--                                   answer (sim_history.lua)
--   model                           optional: of the history (check.lua)
-- a nemesis one with run(self, cluster), in a coroutine until the duration is
-- over; then cluster:heal_all() ends what it began.
--
-- Holds:     one run.
-- Knows not: its options (scenario_options.lua), files (scenario_file.lua), its
--            machine (scenario_machine.lua), how verbs are done
--            (sim_cluster.lua), verdicts (scenario_verdict.lua).
-- Invariant: a result is decided by the scenario, its machine and the seed.

local blame = require "raft.blame"
local core = require "raft.core"
local history = require "raft.history"
local options = require "raft.options"
local scenario_machine = require "raft.scenario_machine"
local scenario_options = require "raft.scenario_options"
local schedule = require "raft.schedule"
local sim = require "raft.sim"
local sim_history = require "raft.sim_history"
local verdict = require "raft.scenario_verdict"
local weather = require "raft.weather"

local Scenario = {}
Scenario.__index = Scenario

local RUN = {
  seed = { "whole" },
  nodes = { "whole", min = 1, max = 15 },
  keep_traces = { "whole", default = 20000 },
  record = { "boolean" },
  bug = { "string" },
  duration = { "duration", min = 1 },
}

local RUN_INSTRUCTIONS = 10000000 -- of a scenario between two waits

local START_US = 1000000 -- where a world's clock begins

local LAST_CALLS = 10000000 -- microseconds for calls that end after a replay

-- ---- of another file -------------------------------------------------------

local function base_of(self)
  local path = self.options.of
  if path and not self.base then
    local beside = (self.folder or "") .. path
    local file = io.open(beside, "rb")
    if file then
      file:close()
    end
    local loaded, message = require("raft.scenario_file").load(
      file and beside or path)
    if not loaded then
      error(self.place .. "raft.scenario: option of: " .. message, 0)
    elseif getmetatable(loaded) ~= Scenario then
      error(self.place .. "raft.scenario: option of: expected a scenario, got"
        .. " options of a simulation: " .. path, 0)
    end
    self.base = loaded
  end
  return self.base
end

local OWN = { "nodes", "seed", "options", "schedule", "starts", "live",
              "duration", "concurrency", "bug" }

-- The options that count; and the scenario whose folder has the machine.
local function whole(self)
  local base = base_of(self)
  if not base then
    return self.options, self
  end
  local inherited, source = whole(base)
  local read = {}
  for name, value in pairs(inherited) do
    read[name] = value
  end
  for _, name in ipairs(OWN) do
    if self.given[name] ~= nil then
      read[name] = self.options[name]
    end
  end
  return read, source
end

-- ---- one run ---------------------------------------------------------------

local function initial_network(flat)
  local initial = {}
  for _, row in ipairs(core.sim_options()) do
    initial[row.name] = flat[row.name] or row.value
  end
  return initial
end

-- Options of the world of a run; raises what they lack at the user's line.
local function flat_of(self, read, given)
  local mixed = sim.mix(read.options or {}, {
    members = given.nodes or read.nodes, seed = given.seed or read.seed or 1,
    keep_traces = given.keep_traces, bug = given.bug or read.bug,
    schedule = read.schedule, starts = read.starts == false and 0 or nil,
    record = given.record and 1 or nil,
  })
  local ok, flat = pcall(sim.read_options, mixed, scenario_options.NOBODY)
  local problem = flat
  if ok then
    ok, problem = pcall(scenario_options.check_members, flat)
  end
  if not ok then
    error(self.place .. tostring(problem), 0)
  end
  return flat
end

-- @param make what makes another world than the simulated one
-- @return { handle = the world, flat = its options, initial = how its network
-- is at first, machine = what runs there }
local function new_world(source, read, flat, make)
  local world = { flat = flat,
    machine = scenario_machine.of(read, source.folder, source.place) }
  local machine = world.machine
  if make then
    flat.members = flat.members or 3
    world.handle, world.initial = make { flat = flat, machine = machine,
                                         read = read, folder = source.folder }
  else
    world.handle, world.initial = core.sim_new(flat, machine),
      initial_network(flat)
  end
  return world
end

-- All processes: members, and spares that may become some.
local function count_of(flat)
  return flat.members + (flat.spares or 0)
end

local function new_cluster(self, read, world)
  local handle, flat, workload = world.handle, world.flat, read.workload or {}
  local recorded = history.new { model = workload.model,
                                 initial = workload.initial }
  return require("raft.sim_cluster").new {
    handle = handle, nodes = count_of(flat), spares = flat.spares,
    seed = flat.seed,
    keep_traces = flat.keep_traces or 0,
    place = self.place, bound = handle:now() + read.timeout,
    instructions = RUN_INSTRUCTIONS, options = world.initial,
    history = recorded, ties = sim_history.new(recorded),
    takes_snapshots = scenario_machine.snapshots_of(world.machine),
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

local function has_open(handle)
  for _, operation in ipairs(handle:operations()) do
    if not operation.to then
      return true
    end
  end
  return false
end

-- A schedule needs no process of ours: the world does what it says. What is
-- judged ends when the last call has.
local function replay(read, handle)
  handle:run()
  if sim_history.has_operations(read.schedule) then
    local ends = handle:now() + LAST_CALLS
    while handle:now() < ends and has_open(handle)
          and handle:run_for(LAST_CALLS / 100) do -- luacheck: ignore
    end
  end
  return verdict.of_replay(handle, read)
end

-- @return the result; and the cluster, where there was one
local function play(self, read, world)
  if read.schedule and not read.live then
    return replay(read, world.handle)
  end
  local cluster = new_cluster(self, read, world)
  run_processes(cluster, read)
  return verdict.of_cluster(cluster, read), cluster
end

-- The schedule of a run, with what its calls were.
local function schedule_of(self, read, world, cluster)
  local made = schedule.of(world.handle, world.flat)
  made.name, made.machine = self.name, read.machine
  if cluster then
    cluster.ties:mark(made.schedule)
  else
    sim_history.carry(read.schedule, made.schedule)
  end
  return made
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

-- A run may be shorter or longer than its file says.
local function lasting(read, duration)
  if not duration then
    return read
  end
  local copy = {}
  for name, value in pairs(read) do
    copy[name] = value
  end
  copy.duration, copy.timeout = duration, read.timeout + duration
  return copy
end

--- One run of a seed, to its end.
-- @param given { seed = 1, nodes = …, keep_traces = 20000, record = true,
-- duration = "5s", of a workload, instead of its own, watch = function of the
-- world's handle, the result and the cluster (nil: of a schedule), before the
-- world is closed, world = what makes another world (chaos.lua) }; with
-- record the result has the schedule
-- @return { ok = true, seed = 1, trace_hash = "…", now = …, events = …, … };
-- else with violation = { name, text, time }, not_applicable or unknown
function Scenario:run(given)
  local watch = given and given.watch
  local whole_read, source = whole(self)
  local copy = {}
  for name, value in pairs(given or {}) do
    copy[name] = name ~= "watch" and name ~= "world" and value or nil
  end
  local asked = options.check("scenario:run", copy, RUN)
  local read = lasting(whole_read, asked.duration)
  if read.driver and not (given and given.world) then
    return { ok = false, now = START_US, events = 0, seed = asked.seed or 1,
      not_applicable = "the simulator has no services but ours: luaraft chaos"
        .. " has" }
  end
  local world = new_world(source, read, flat_of(self, read, asked),
    given and given.world)
  local ran, result, cluster = pcall(without_jit, play, self, read, world)
  if ran then
    result.nodes = count_of(world.flat)
    if asked.record then
      result.schedule = schedule_of(self, read, world, cluster)
    end
    if watch then
      watch(world.handle, result, cluster)
    end
  end
  world.handle:close()
  if not ran then
    error(result, 0)
  end
  return result
end

local scenario = { Scenario = Scenario }

--- The scenario that a schedule of this one is.
function Scenario:of_schedule(given)
  local made = scenario.new {
    name = self.name, of = self.path or self.name, nodes = given.nodes,
    seed = given.seed, options = weather.options(given), starts = given.starts,
    schedule = given.schedule, live = given.live,
    duration = given.duration, concurrency = given.concurrency,
  }
  made.base, made.folder = self, self.folder
  return made
end

--- Whether a schedule of it stands alone: its machine is one of the toolkit's
-- and has no options.
function Scenario:is_plain()
  local read = whole(self)
  return read.machine_options == nil and read.sandbox ~= false
    and read.memory == nil
    and (read.machine == "register" or read.machine:find("^raft%.") ~= nil)
end

--- Raises, in one line, what a run would need and not find.
-- @param nodes members, instead of its own
function Scenario:check(nodes)
  local read, source = whole(self)
  flat_of(self, read, { nodes = nodes })
  scenario_machine.of(read, source.folder, source.place)
end

--- Whether a value is a scenario.
function scenario.is(value)
  return getmetatable(value) == Scenario
end

function scenario.new(given)
  local place = blame.followed and blame.followed() or blame.place() or ""
  local ok, read = pcall(scenario_options.read, given)
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
