-- SPDX-License-Identifier: MIT
--
-- slow.lua - counts to half a million for an answer.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command) -- luacheck: no self
  local sum = 0
  for i = 1, 500000 do
    sum = (sum + i) % 7
  end
  return { command, sum }
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
