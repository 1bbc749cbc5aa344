-- SPDX-License-Identifier: MIT
--
-- bank.lua - a replicated bank: five accounts of ten each, to begin with.
--
-- Commands:  { "transfer", from, to, amount }   whether there was enough
-- Questions: { "read" }                         every balance, in order
-- Invariant: the sum of all balances never changes.

local Bank = {}
Bank.__index = Bank

function Bank.new()
  return setmetatable({ balances = { 10, 10, 10, 10, 10 } }, Bank)
end

function Bank:apply(command)
  local balances, from, to = self.balances, command[2], command[3]
  local amount = command[4]
  if balances[from] < amount then
    return false
  end
  balances[from] = balances[from] - amount
  balances[to] = balances[to] + amount
  return true
end

function Bank:query()
  return self.balances
end

function Bank:snapshot()
  return self.balances
end

function Bank:restore(image)
  self.balances = image
end

-- For luaraft lint.
function Bank.commands(random)
  return { "transfer", random(5), random(5), random(8) }
end

return Bank
