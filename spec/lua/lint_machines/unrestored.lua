-- SPDX-License-Identifier: MIT
--
-- unrestored.lua - cannot be restored from what it saved.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command)
  self.held[command] = true
end

function Machine:snapshot()
  return { held = self.held }
end

function Machine:restore(image)
  self.held = image.kept.held
end

function Machine.commands(random)
  return "key " .. random(6)
end

return Machine
