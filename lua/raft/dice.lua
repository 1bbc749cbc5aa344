-- SPDX-License-Identifier: MIT
--
-- dice.lua - chance from a seed, the same numbers on every Lua.
--
-- Source: two multiplicative generators combined (L'Ecuyer 1988). All
--         products stay below 2^53: doubles and integers give the same.

local Dice = {}
Dice.__index = Dice

local FIRST = { factor = 40014, modulus = 2147483563 }
local SECOND = { factor = 40692, modulus = 2147483399 }

local dice = { MAX = 2 ^ 31 - 1000 } -- of a bound

function dice.new(seed)
  local self = setmetatable({
    a = math.floor(seed % (FIRST.modulus - 1) + 1),
    b = math.floor(math.floor(seed / 7919) % (SECOND.modulus - 1) + 1),
  }, Dice)
  for _ = 1, 8 do -- near seeds begin alike
    self:draw()
  end
  return self
end

--- 0 … 2^31 - 86
function Dice:draw()
  self.a = self.a * FIRST.factor % FIRST.modulus
  self.b = self.b * SECOND.factor % SECOND.modulus
  return (self.a - self.b) % (FIRST.modulus - 1)
end

--- 1 … bound; the larger numbers are not rarer: what lies past the last whole
-- multiple is drawn again.
function Dice:number(bound)
  if not (bound >= 1 and bound <= dice.MAX) then
    error(("dice: expected a bound of 1 to %.0f, got %s"):format(dice.MAX,
      tostring(bound)), 2)
  end
  local range = FIRST.modulus - 1
  local limit = range - range % bound
  local drawn
  repeat
    drawn = self:draw()
  until drawn < limit
  return math.floor(drawn % bound) + 1
end

return dice
