-- SPDX-License-Identifier: MIT
--
-- scenario_machine.lua - the machine that a scenario names.
--
-- Holds:     where it is found, what members are told of it, and whether it
--            takes snapshots.
-- Knows not: runs.

local core = require "raft.core"

local scenario_machine = {}

-- A machine beside the scenario's file is found by its name.
local function find(name, folder)
  local machine = require "raft.machine"
  if folder and name:find("%.lua$") and name:sub(1, 1) ~= "/" then
    local path = machine.find(folder .. name, package.path)
    if path then
      return path
    end
    return machine.find(name, package.path)
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

--- What members are told of the machine of a scenario. Raises, at 'place',
-- when there is none of this name.
-- @param read the scenario's options @param folder of its file, or nil
-- @return nil for the simulator's own, and for a service
function scenario_machine.of(read, folder, place)
  if read.driver or read.machine == "register" then
    return nil
  end
  local name, message = find(read.machine, folder)
  if not name then
    error(place .. message, 0)
  end
  return { machine = name, options = read.machine_options,
           sandbox = read.sandbox, memory = read.memory,
           instructions = read.instructions }
end

-- One that cannot be asked outside of a member is taken to have them.
local function has_no_snapshots(machine)
  local handle = core.machine_open(machine)
  if not handle then
    return false
  end
  local _, _, code = handle:snapshot()
  handle:close()
  return code == "no_method"
end

--- @return a function: whether a machine takes snapshots; or nil and a message
function scenario_machine.snapshots_of(machine)
  local is_without
  return function()
    if is_without == nil then
      is_without = machine ~= nil and has_no_snapshots(machine)
    end
    if is_without then
      return nil, ("expected a machine with the methods 'snapshot' and"
        .. " 'restore', got %s without"):format(machine.machine)
    end
    return true
  end
end

return scenario_machine
