-- SPDX-License-Identifier: MIT
--
-- weak.lua - counts what the collector has left.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command)
  self.seen = self.seen or setmetatable({}, { __mode = "k" })
  self.seen[{ command }] = true
  local left = 0
  for _ in pairs(self.seen) do
    left = left + 1
  end
  return left
end

function Machine:query()
  return self.count
end

function Machine:snapshot()
  return { held = self.held, count = self.count }
end

function Machine:restore(image)
  self.held, self.count = image.held, image.count
end

function Machine.commands(random)
  return "key " .. random(6)
end

return Machine
