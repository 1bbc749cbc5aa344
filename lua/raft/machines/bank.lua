-- SPDX-License-Identifier: MIT
--
-- bank.lua - replicated banks: five accounts of ten each, to begin with.
--
-- Commands:  { "transfer", from, to, amount, bank }   whether there was enough
-- Questions: { "read", bank }                         every balance, in order
-- Invariant: the sum of a bank's balances never changes.
--
-- A bank is a number from 1; without one it is the first.

local Bank = {}
Bank.__index = Bank

local function new_balances()
  return { 10, 10, 10, 10, 10 }
end

function Bank.new()
  return setmetatable({ banks = {} }, Bank)
end

-- Banks are opened in their order.
function Bank:open(bank)
  for number = #self.banks + 1, bank or 1 do
    self.banks[number] = new_balances()
  end
  return self.banks[bank or 1]
end

function Bank:apply(command)
  local from, to, amount = command[2], command[3], command[4]
  local balances = self:open(command[5])
  if balances[from] < amount then
    return false
  end
  balances[from] = balances[from] - amount
  balances[to] = balances[to] + amount
  return true
end

function Bank:query(question)
  return self.banks[question[2] or 1] or new_balances()
end

function Bank:snapshot()
  return self.banks
end

function Bank:restore(image)
  self.banks = image
end

-- For luaraft lint.
function Bank.commands(random)
  return { "transfer", random(5), random(5), random(8) }
end

return Bank
