-- SPDX-License-Identifier: MIT
--
-- busy.lua - a machine that keeps its thread busy: { "spin", seconds },
-- { "grow", mebibytes }, { "collect", times }.

local Busy = {}
Busy.__index = Busy

function Busy.new()
  return setmetatable({ rows = {}, count = 0 }, Busy)
end

local function spin(seconds)
  local ends = os.clock() + seconds
  repeat until os.clock() >= ends
end

-- Many small tables, as a collector dislikes them: some 120 bytes each.
function Busy:grow(mebibytes)
  local goal = collectgarbage "count" / 1024 + mebibytes
  while collectgarbage "count" / 1024 < goal do
    for _ = 1, 10000 do
      self.count = self.count + 1
      self.rows[self.count] = { self.count, { self.count } }
    end
  end
end

function Busy:apply(command)
  local operation, amount = command[1], command[2]
  if operation == "spin" then
    spin(amount)
  elseif operation == "grow" then
    self:grow(amount)
  elseif operation == "collect" then
    for _ = 1, amount do
      collectgarbage()
    end
  end
  return true
end

function Busy.query()
  return math.floor(collectgarbage "count" / 1024)
end

function Busy:snapshot()
  return self.count
end

function Busy:restore(count)
  self.count = count
end

return Busy
