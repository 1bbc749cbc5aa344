-- SPDX-License-Identifier: MIT
--
-- outside.lua - keeps its count outside of the instance.

local Machine = {}
Machine.__index = Machine

local total = 0

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command) -- luacheck: no self
  total = total + #command
  return total
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
