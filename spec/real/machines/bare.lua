-- SPDX-License-Identifier: MIT
--
-- bare.lua - a machine that takes no snapshots.

local Bare = {}
Bare.__index = Bare

function Bare.new()
  return setmetatable({ count = 0 }, Bare)
end

function Bare:apply()
  self.count = self.count + 1
  return self.count
end

function Bare:query()
  return self.count
end

return Bare
