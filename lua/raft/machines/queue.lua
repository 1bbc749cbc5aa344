-- SPDX-License-Identifier: MIT
--
-- queue.lua - replicated queues, first in, first out.
--
-- Commands:  { "enqueue", name, value }   true
--            { "dequeue", name }          the oldest value, or nil

local Queue = {}
Queue.__index = Queue

function Queue.new()
  return setmetatable({ queues = {} }, Queue)
end

function Queue:apply(command)
  local name = command[2]
  if type(name) ~= "string" then
    error("expected the name of a queue, got a " .. type(name), 0)
  end
  local list = self.queues[name] or {}
  self.queues[name] = list
  if command[1] == "dequeue" then
    return table.remove(list, 1)
  end
  list[#list + 1] = command[3]
  return true
end

function Queue:query(question)
  return self.queues[question[2]] or {}
end

function Queue:snapshot()
  return self.queues
end

function Queue:restore(image)
  self.queues = image
end

-- For luaraft lint.
function Queue.commands(random)
  local name = "queue " .. random(3)
  if random(2) == 1 then
    return { "dequeue", name }
  end
  return { "enqueue", name, random(100) }
end

return Queue
