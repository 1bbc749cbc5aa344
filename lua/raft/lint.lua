-- SPDX-License-Identifier: MIT
--
-- lint.lua - does a machine stay equal on every member?
--
-- Holds:     the order of the trials of one machine, and what they found.
--            Three members, a replay, restored snapshots (lint_drive.lua);
--            then a pretended cluster whose members crash, restart, pause.
-- Invariant: a report is decided by the machine's files, the seed and the
--            number of commands, unless the time ends it early.
-- Rule:      what is found first is told, and the trials end: a state that
--            differs makes differences everywhere.

local Commands = require "raft.lint_commands"
local Drive = require "raft.lint_drive"
local dice = require "raft.dice"
local lint_source = require "raft.lint_source"
local machine = require "raft.machine"
local options = require "raft.options"

local lint = {}

local SCHEMA = {
  machine = { "string", required = true },
  commands = { "whole", min = 1, default = 500 },
  seed = { "whole", min = 0, default = 1 },
  time = { "duration", default = "10s" },
  sandbox = { "boolean", default = true },
}

local CLUSTER_COMMANDS = 60 -- beside the faults of a pretended cluster

-- One fault, taken back before the next: a quorum always lives.
local function trouble(cluster, chance)
  local id = chance:number(3)
  local kind = chance:number(3)
  if kind == 1 then
    cluster:crash(id)
    cluster:sleep(("%dms"):format(chance:number(300)))
    cluster:restart(id)
  elseif kind == 2 then
    cluster:pause(id)
    cluster:sleep(("%dms"):format(chance:number(700)))
    cluster:resume(id)
  else
    for _, every in ipairs(cluster:members()) do
      cluster:crash(every)
    end
    for _, every in ipairs(cluster:members()) do
      cluster:restart(every)
    end
  end
end

local function story(commands, chance, has_time, told)
  return function(cluster)
    local client = cluster:client()
    for _ = 1, CLUSTER_COMMANDS do
      local command, message = commands:next()
      if message or not has_time() then
        break
      end
      client:try("propose", command, { deadline = "5s" })
      told.count = told.count + 1
      if chance:number(6) == 1 then
        trouble(cluster, chance)
      end
    end
  end
end

local function in_cluster(drive, path, given, commands, has_time)
  local told = { count = 0 }
  local made = require("raft.scenario") {
    name = "lint", nodes = 3, machine = path, sandbox = given.sandbox,
    options = { apply_us = 2000 },
    run = story(commands, dice.new(given.seed + 1), has_time, told),
  }
  local result = made:run { seed = given.seed }
  drive.cluster_commands = told.count
  if result.violation then
    return drive:found("diverges", "in a cluster with crashes: "
      .. result.violation.text)
  end
  return true
end

local function trials(drive, path, given, commands)
  local ends = os.clock() + given.time / 1e6
  local function has_time()
    return os.clock() < ends
  end
  return drive:members(commands, given.commands, has_time)
    and drive:judge()
    and drive:replayed()
    and drive:restores()
    and drive:grows()
    and in_cluster(drive, path, given, commands, has_time)
end

local function remarks_of(path, given, drive, commands)
  local remarks = {}
  if not given.sandbox then
    for _, use in ipairs(lint_source.unsteady(commands.text)) do
      remarks[#remarks + 1] = { place = ("%s:%d"):format(path, use.line),
        text = use.name .. ": " .. use.why }
    end
  end
  if drive.stateless then
    remarks[#remarks + 1] = { place = path, text = "neither digest() nor"
      .. " snapshot(): states were not compared" }
  elseif drive.takes_none then
    remarks[#remarks + 1] = { place = path, text = "no snapshot() with"
      .. " restore(): restoring was not tried" }
  end
  if drive.first_error then
    remarks[#remarks + 1] = { place = path, text = ("%d of %d commands fail;"
      .. " the first at entry %d: %s"):format(drive.errors, #drive.entries,
      drive.first_error.index, drive.first_error.text) }
  end
  return remarks
end

--- Tries one machine.
-- @param given { machine = "machines/kv.lua" or a module name,
-- commands = 500, seed = 1, time = "10s", sandbox = true }
-- @return { ok = true, machine = path, commands = 500, errors = 3,
--   instructions = 12000, remarks = { { place, text }, … } }, with
--   finding = { kind = "diverges", text, index, command, shown } when it is
--   not ok; or nil, message when there is no such file
function lint.run(given)
  given = options.check("raft.lint", given, SCHEMA, 2)
  local path, message = machine.find(given.machine, package.path)
  if not path then
    return nil, message
  end
  local drive = Drive.new(path, given)
  local commands = Commands.new(path, given)
  local ran, problem = pcall(trials, drive, path, given, commands)
  local remarks = remarks_of(path, given, drive, commands)
  drive:close()
  commands:close()
  if not ran then
    error(problem, 0)
  end
  local finding = drive.finding
  if finding and finding.index then
    finding.shown = Drive.show(finding.command)
  end
  return {
    ok = finding == nil, machine = path, seed = given.seed,
    commands = #drive.entries, errors = drive.errors,
    cluster_commands = drive.cluster_commands or 0,
    instructions = drive.worst.instructions, finding = finding,
    remarks = remarks,
  }
end

return lint
