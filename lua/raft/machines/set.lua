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

return Set
