-- SPDX-License-Identifier: MIT
--
-- held.lua - a machine without a sandbox whose "hold" takes as long as the
-- file is there that its options name.

local Held = {}
Held.__index = Held

function Held.new(path)
  return setmetatable({ path = path, count = 0 }, Held)
end

local function is_there(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

function Held:apply(command)
  while command == "hold" and is_there(self.path) do
    os.execute "sleep 0.02"
  end
  self.count = self.count + 1
  return self.count
end

function Held:query()
  return self.count
end

function Held:snapshot()
  return self.count
end

function Held:restore(count)
  self.count = count
end

return Held
