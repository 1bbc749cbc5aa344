-- SPDX-License-Identifier: MIT
--
-- set.lua - replicated sets that only grow.
--
-- Commands:  { "add", name, element }   whether it is new
-- Questions: { "read", name }           every element, in order

local Set = {}
Set.__index = Set

function Set.new()
  return setmetatable({ sets = {} }, Set)
end

function Set:apply(command)
  local name, element = command[2], command[3]
  if type(name) ~= "string" or type(element) ~= "string"
     and (type(element) ~= "number" or element % 1 ~= 0) then
    error("expected the name of a set, and a string or a whole number", 0)
  end
  local set = self.sets[name] or {}
  local is_new = not set[element]
  self.sets[name], set[element] = set, true
  return is_new
end

function Set:query(question)
  local list = {}
  for element in pairs(self.sets[question[2]] or {}) do
    list[#list + 1] = element
  end
  return list
end

function Set:snapshot()
  return self.sets
end

function Set:restore(image)
  self.sets = image
end

-- For luaraft lint.
function Set.commands(random)
  return { "add", "set " .. random(3), random(50) }
end

return Set
