-- SPDX-License-Identifier: MIT
--
-- forgetful.lua - leaves a part of its state out of the snapshot.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply()
  self.count = self.count + 1
  return self.count
end

function Machine:snapshot()
  return { held = self.held }
end

function Machine:restore(image)
  self.held = image.held
end

function Machine.commands(random)
  return "key " .. random(6)
end

return Machine
