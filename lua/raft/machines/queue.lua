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

return Queue
