-- SPDX-License-Identifier: MIT
--
-- rooms.lua - several machines in one, each in a room of its own.
--
-- Commands, questions: { "bank", what the machine of that room is told }

local MACHINES = {
  bank = require "bank", kv = require "raft.kv", queue = require "queue",
  set = require "set",
}

local Rooms = {}
Rooms.__index = Rooms

function Rooms.new()
  local self = setmetatable({}, Rooms)
  for name, machine in pairs(MACHINES) do
    self[name] = machine.new()
  end
  return self
end

function Rooms:apply(command, entry)
  return self[command[1]]:apply(command[2], entry)
end

function Rooms:query(question)
  return self[question[1]]:query(question[2])
end

function Rooms:snapshot()
  local image = {}
  for name in pairs(MACHINES) do
    image[name] = self[name]:snapshot()
  end
  return image
end

function Rooms:restore(image)
  for name in pairs(MACHINES) do
    self[name]:restore(image[name])
  end
end

-- For luaraft lint.
function Rooms.commands(random)
  local names = { "bank", "kv", "queue", "set" }
  local name = names[random(4)]
  return { name, MACHINES[name].commands(random) }
end

return Rooms
