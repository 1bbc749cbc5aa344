-- SPDX-License-Identifier: MIT
--
-- chance.lua - draws its own numbers from the sixth command on.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command)
  self.held[command] = true
  self.count = self.count + 1
  return self.count > 5 and math.random(1000) or 0
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
