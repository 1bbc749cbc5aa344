-- SPDX-License-Identifier: MIT
--
-- order.lua - answers in the order of a hash table.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command)
  self.held[command] = true
  local list = {}
  for key in pairs(self.held) do
    list[#list + 1] = key
  end
  return table.concat(list, " ")
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
