-- SPDX-License-Identifier: MIT
--
-- endless.lua - never comes back from its third key.

local Machine = {}
Machine.__index = Machine

function Machine.new()
  return setmetatable({ held = {}, count = 0 }, Machine)
end

function Machine:apply(command) -- luacheck: no self
  local turns = 0
  while command == "key 3" do
    turns = turns + 1
  end
  return turns
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
