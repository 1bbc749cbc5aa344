-- SPDX-License-Identifier: MIT
--
-- memory.lua - keeps how much memory it took, and answers nothing.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command)
  self.held[command] = collectgarbage("count")
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
