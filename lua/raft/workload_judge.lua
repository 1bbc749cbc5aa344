-- SPDX-License-Identifier: MIT
--
-- workload_judge.lua - what must hold of a history, beside some order that
-- explains it.
--
-- Holds:  one invariant per workload: its own words say sooner what is wrong
--         than a search for an order can.
-- Rule:   what nobody knows the outcome of may have happened, or not.

local judge = {}

-- The process that reads at the end, when all else has ended.
judge.FINAL = "final"

local function at(operation)
  return ("operation %d, %s of process %s at %.3f s"):format(
    operation.number, operation.f, tostring(operation.process),
    (operation.call_time or 0) / 1e6)
end

local function shown(value)
  return type(value) == "number" and ("%.0f"):format(value)
    or tostring(value)
end

local function name_of(operation, value)
  return ("%s of %s"):format(shown(value), shown(operation.key))
end

--- The sum of all balances is the same in every read.
function judge.bank(operations, kind)
  for _, operation in ipairs(operations) do
    if operation.f == "read" and operation.outcome == "ok" then
      local sum, parts = 0, {}
      for i, balance in ipairs(operation.output) do
        sum, parts[i] = sum + balance, shown(balance)
      end
      if sum ~= kind.total then
        return false, ("the total is lost: expected %d, got %s (%s), %s")
          :format(kind.total, shown(sum), table.concat(parts, " "),
            at(operation))
      end
    end
  end
  return true
end

-- { [name of element] = operation }: what was to be added, and of that what
-- was acknowledged, in order.
local function additions(operations, word)
  local tried, acknowledged = {}, {}
  for _, operation in ipairs(operations) do
    if operation.f == word and operation.outcome ~= "fail" then
      tried[name_of(operation, operation.input)] = operation
      if operation.outcome == "ok" then
        acknowledged[#acknowledged + 1] = operation
      end
    end
  end
  return tried, acknowledged
end

-- What was added is there at the end, once, and nothing else is.
local function collection(word)
  return function (operations)
    local tried, acknowledged = additions(operations, word)
    local seen = {}
    for _, operation in ipairs(operations) do
      if operation.process == judge.FINAL and operation.f == "read" then
        for _, value in ipairs(operation.output or {}) do
          local name = name_of(operation, value)
          if not tried[name] then
            return false, ("nobody added %s: %s"):format(name, at(operation))
          elseif seen[name] then
            return false, ("%s is there twice: %s"):format(name,
              at(operation))
          end
          seen[name] = true
        end
      end
    end
    for _, operation in ipairs(acknowledged) do
      local name = name_of(operation, operation.input)
      if not seen[name] then
        return false, ("%s is lost: acknowledged to %s"):format(name,
          at(operation))
      end
    end
    return true
  end
end

judge.set = collection "add"
judge.append = collection "append"

--- The end is between what was acknowledged and what was tried.
function judge.counter(operations)
  local least, most = {}, {}
  for _, operation in ipairs(operations) do
    local key = operation.key
    if operation.f == "add" and operation.outcome ~= "fail" then
      most[key] = (most[key] or 0) + operation.input
      if operation.outcome == "ok" then
        least[key] = (least[key] or 0) + operation.input
      end
    elseif operation.process == judge.FINAL and operation.outcome == "ok"
           and (operation.output < (least[key] or 0)
                or operation.output > (most[key] or 0)) then
      return false, ("counter %s: expected from %s to %s at the end, got %s")
        :format(shown(key), shown(least[key] or 0), shown(most[key] or 0),
          shown(operation.output))
    end
  end
  return true
end

--- What was put in comes out once. A dequeue that nobody knows the outcome of
-- may have taken one element along.
function judge.queue(operations)
  local tried, acknowledged = additions(operations, "enqueue")
  local taken, unknown = {}, 0
  for _, operation in ipairs(operations) do
    if operation.f == "dequeue" and operation.outcome == "ok" then
      if operation.output ~= nil then
        local name = name_of(operation, operation.output)
        if not tried[name] then
          return false, ("nobody enqueued %s: %s"):format(name,
            at(operation))
        elseif taken[name] then
          return false, ("%s came out twice: %s, and %s"):format(name,
            at(taken[name]), at(operation))
        end
        taken[name] = operation
      end
    elseif operation.f == "dequeue" and operation.outcome ~= "fail" then
      unknown = unknown + 1
    end
  end
  for _, operation in ipairs(acknowledged) do
    local name = name_of(operation, operation.input)
    if not taken[name] then
      unknown = unknown - 1
      if unknown < 0 then
        return false, ("%s is lost: acknowledged to %s"):format(name,
          at(operation))
      end
    end
  end
  return true
end

return judge
