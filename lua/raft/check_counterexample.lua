-- SPDX-License-Identifier: MIT
--
-- check_counterexample.lua - why a history has no explanation, made small.
--
-- Holds:     the shortest prefix that cannot be explained, and of it only the
--            operations that matter.
-- Rule:      nothing is left out that could be the explanation. A look that is
--            left out demands nothing any more. A change that is "freed" may
--            take effect at any time, or never: if there is no explanation even
--            so, it does not matter when it took effect, or whether.

local parts = require "raft.check_parts"
local search = require "raft.check_search"

local check_counterexample = {}

local TRY_STATES = 5000 -- for one attempt to leave something out
local ALL_STATES = 200000 -- for all attempts

-- An operation of which only the call is known.
local function weaker(self, operation)
  local known = self.weak[operation]
  if known == nil then
    known = parts.entry(self.model, {
      number = operation.number, process = operation.process,
      f = operation.f, key = operation.key, input = operation.input,
      line = operation.line,
    }, self.ids) or false
    if known then
      known.operation = operation
    end
    self.weak[operation] = known
  end
  return known
end

-- The part up to its event 'last', without the operations that are freed.
local function shortened(self, last, freed)
  local part = { entries = {}, events = {} }
  local at, returned = {}, {}
  for i = 1, last do
    returned[-self.part.events[i]] = true
  end
  local function call(index, entry)
    if entry then
      entry.component = self.part.entries[index].component
      part.entries[#part.entries + 1] = entry
      at[index] = #part.entries
      part.events[#part.events + 1] = at[index]
    end
  end
  for i = 1, last do
    local index = self.part.events[i]
    if freed[index] then
      call(index, weaker(self, self.part.entries[index].operation))
    end
  end
  for i = 1, last do
    local index = self.part.events[i]
    if index < 0 and at[-index] and not freed[-index] then
      part.events[#part.events + 1] = -at[-index]
    elseif index > 0 and not freed[index] then
      local entry = self.part.entries[index]
      call(index, returned[index] and entry
        or weaker(self, entry.operation))
    end
  end
  return part
end

-- Whether it is proven that nothing explains this.
local function fails(self, last, freed)
  if self.spent >= ALL_STATES then
    return false
  end
  local one = search.solve(shortened(self, last, freed), self.model,
    self.setting)
  self.spent = self.spent + one.states
  return one.verdict == "not"
end

-- The first event, from 'low' on, up to which nothing explains. An operation
-- may return later what the search knew before: then a longer prefix is needed
-- than the search came.
local function shortest(self, low)
  local high = #self.part.events
  if fails(self, low, {}) then
    return low
  end
  while low + 1 < high do
    local middle = math.floor((low + high) / 2)
    if fails(self, middle, {}) then
      high = middle
    else
      low = middle
    end
  end
  return high
end

-- Frees as many as possible, large groups first.
local function free(self, last)
  local left, freed = {}, {}
  for i = 1, last do
    local index = self.part.events[i]
    if index > 0 and index ~= -self.part.events[last] then
      left[#left + 1] = index
    end
  end
  local size = #left
  while size >= 1 do
    local rest, from = {}, 1
    while from <= #left do
      local to = math.min(from + size - 1, #left)
      for i = from, to do
        freed[left[i]] = true
      end
      if not fails(self, last, freed) then
        for i = from, to do
          freed[left[i]] = nil
          rest[#rest + 1] = left[i]
        end
      end
      from = to + 1
    end
    left = rest
    size = size > 1 and math.ceil(size / 2) or 0
  end
  return freed
end

local function event_of(part, index)
  for i, event in ipairs(part.events) do
    if event == index then
      return i
    end
  end
  return #part.events
end

local function told(operation, returned)
  local output -- may be false
  if returned then
    output = operation.output
  end
  return {
    number = operation.number, process = operation.process, f = operation.f,
    key = operation.key, input = operation.input,
    output = output,
    outcome = returned and "ok" or "unknown", line = operation.line,
    call = operation.call, finish = returned and operation.finish or nil,
    call_time = operation.call_time,
    end_time = returned and operation.end_time or nil,
  }
end

local function kept(self, last, freed)
  local list, returned, others = {}, {}, 0
  for i = 1, last do
    returned[-self.part.events[i]] = true
  end
  for i = 1, last do
    local index = self.part.events[i]
    if index > 0 and not freed[index] then
      list[#list + 1] = told(self.part.entries[index].operation,
        returned[index])
    elseif index > 0 then
      others = others + 1
    end
  end
  return list, others
end

--- Why a part has no explanation.
-- @param found what the search of the part said, with blocked
-- @return { operations = { { number = 7, process = 1, f = "read", output = 3,
-- outcome = "ok" | "unknown", call = 12, finish = 15, line = 12 }, … },
-- others = 41, blocked = one of operations, order = { { operation = {…},
-- state = 3 }, … }, state = 3 }
function check_counterexample.make(part, model, setting, found)
  local limits = {}
  for name, value in pairs(setting.limits) do
    limits[name] = value
  end
  limits.states = math.min(limits.states, TRY_STATES)
  local self = {
    part = part, model = model, ids = setting.ids, weak = {}, spent = 0,
    setting = { initial = setting.initial, ids = setting.ids,
                limits = limits },
  }
  local index
  for i, entry in ipairs(part.entries) do
    if entry == found.blocked then
      index = i
    end
  end
  if not index then
    return nil -- no memory was left to tell
  end
  local last = shortest(self, event_of(part, -index))
  local freed = free(self, last)
  local small = shortened(self, last, freed)
  limits.exact = true
  local one = search.solve(small, model, self.setting, "not")
  local result = {}
  result.operations, result.others = kept(self, last, freed)
  if one.verdict ~= "not" then
    one = found
  end
  result.order, result.state = {}, model.shown(setting.initial, setting.ids)
  for i, step in ipairs(one.order or {}) do
    result.order[i] = { operation = told(step.operation, true),
                        state = step.state }
    result.state = step.state
  end
  result.blocked = told(part.entries[-part.events[last]].operation, true)
  return result
end

return check_counterexample
