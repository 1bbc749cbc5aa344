-- SPDX-License-Identifier: MIT
--
-- scenario_options.lua - what raft.scenario is given.
--
-- Holds:     the options, and which of them go together.
-- Knows not: what they do (scenario.lua).
-- Rule:      messages carry no place: the caller knows the user's line.

local check = require "raft.check"
local options = require "raft.options"
local schedule = require "raft.schedule"
local sim = require "raft.sim"
local wording = require "raft.wording"

local scenario_options = {}

-- A level beyond every stack: no place is put before a message.
scenario_options.NOBODY = 1000000

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
  of = { "string" }, -- schedule: the file of the scenario it is of
  live = { "boolean" }, -- schedule: that scenario runs, by its chance
  seed = { "whole" }, -- when none is asked for
  driver = { "any" }, -- a service that is not ours: driver.lua
  options = { "table" }, -- of the simulator: raft.sim.options()
  timeout = { "duration", default = "10min" }, -- of the world's time
  settle = { "boolean", default = true },
  bug = { "string" },
}

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
  elseif read.of and not read.schedule then
    error("raft.scenario: expected a schedule beside of, got " .. kinds[1], 0)
  elseif read.live and not read.of then
    error("raft.scenario: expected of beside live, got none", 0)
  end
end

-- Else it would be told when the history is judged, after all of the run.
local function check_model(workload)
  if not workload or workload.model == nil then
    return
  end
  local ok, message = check.is_model(workload.model, workload.initial)
  if not ok then
    error("raft.scenario: option workload: model: "
      .. message:gsub("^model: ", ""), 0)
  end
end

local MEMBERS = 15 -- of a world, with spares

--- Raises when a world of these options would have too many members.
-- @param flat options of the simulator
function scenario_options.check_members(flat)
  local spares = tonumber(flat.spares) or 0
  if sim.members_of(flat) > MEMBERS then
    error(("raft.scenario: expected at most %d members with spares, got %.0f"
      .. " and %.0f spares"):format(MEMBERS, sim.members_of(flat) - spares,
      spares), 0)
  end
end

-- What only a run tells otherwise. With 'of' the other file may say how many
-- members there are.
local function check_schedule(read, flat)
  local ok, message = true, nil
  if read.schedule and not read.of then
    ok, message = schedule.read(read.schedule, sim.members_of(flat))
  end
  if not ok then
    error("raft.scenario: " .. message, 0)
  end
end

--- Options as people write them, checked; raises for a mistake.
function scenario_options.read(given)
  if type(given) ~= "table" then
    error("raft.scenario: "
      .. select(2, wording.expected("a table of options", given)), 0)
  end
  local read = options.check("raft.scenario", given, SCHEMA,
    scenario_options.NOBODY)
  check_kinds(read)
  check_object("workload", read.workload, "client")
  check_model(read.workload)
  check_object("nemesis", read.nemesis, "run")
  local flat = sim.read_options(sim.mix(read.options or {},
    { members = read.nodes }), scenario_options.NOBODY)
  scenario_options.check_members(flat)
  check_schedule(read, flat)
  return read
end

return scenario_options
