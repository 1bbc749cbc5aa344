-- SPDX-License-Identifier: MIT
--
-- check_report.lua - why a history has no explanation, as text.
--
-- Holds:     a timeline of the operations that matter, and how far an
--            explanation comes.
-- Knows not: how it was found: check_counterexample.lua.
--
--   key "x": no order of these 2 operations explains what they saw:
--
--     process  operation      time ->
--     1        write 1        |--|
--     2        read -> 0           |==|    line 4

local json = require "raft.json"

local check_report = {}

local WIDTH = 48 -- columns of the time line
local VALUE = 36 -- of a value
local STEPS = 12 -- of an order, from its end

local function shown(value)
  local text = value == nil and "nil" or json.encode(value)
  if #text <= VALUE then
    return text
  end
  local half = math.floor(VALUE / 2)
  return text:sub(1, half) .. "…" .. text:sub(half - VALUE + 1)
end

-- "read -> 3", "write 3", "cas [1,2] -> false", "write 3 -> unknown".
local function words(operation)
  local text = operation.f
  if operation.input ~= nil then
    text = text .. " " .. shown(operation.input)
  end
  if operation.age then
    text = ("%s (up to %.3f s old)"):format(text, operation.age / 1e6)
  end
  if operation.outcome ~= "ok" then
    return text .. " -> ?"
  elseif operation.input == nil or operation.output == false then
    return text .. " -> " .. shown(operation.output)
  end
  return text
end

-- Positions of events, moved together so that no gap is left.
local function columns(operations)
  local events, column = {}, {}
  for _, operation in ipairs(operations) do
    events[#events + 1] = operation.call
    events[#events + 1] = operation.finish
  end
  table.sort(events)
  local wide = math.max(1, math.min(3, math.floor(WIDTH / (#events + 1))))
  for i, event in ipairs(events) do
    column[event] = (i - 1) * wide
  end
  return column, #events * wide
end

local function bar(operation, column, last, blocked)
  local from = column[operation.call]
  local to = operation.finish and column[operation.finish] or last
  local fill = (blocked and "=" or "-"):rep(to - from - 1)
  return (" "):rep(from) .. "|" .. fill .. (operation.finish and "|" or ">")
end

local function timeline(lines, counterexample)
  local operations = counterexample.operations
  local column, last = columns(operations)
  local rows, wide = {}, #"operation"
  for i, operation in ipairs(operations) do
    rows[i] = words(operation)
    wide = math.max(wide, #rows[i])
  end
  local row = "  %-8s %-" .. wide .. "s  %s"
  lines[#lines + 1] = row:format("process", "operation", "time ->")
  for i, operation in ipairs(operations) do
    local blocked = operation.number == counterexample.blocked.number
    local line = row:format(tostring(operation.process), rows[i],
      bar(operation, column, last, blocked))
    lines[#lines + 1] = line .. (operation.line
      and "  line " .. operation.line or "")
  end
end

local function furthest(lines, counterexample)
  local order = counterexample.order
  lines[#lines + 1] = ""
  lines[#lines + 1] = "One order that comes furthest:"
  if #order > STEPS then
    lines[#lines + 1] = ("  … %d before"):format(#order - STEPS)
  end
  for i = math.max(1, #order - STEPS + 1), #order do
    local step = order[i]
    lines[#lines + 1] = ("  process %s: %s, then the state is %s"):format(
      tostring(step.operation.process), words(step.operation),
      shown(step.state))
  end
  lines[#lines + 1] = ("  process %s: %s: cannot come next%s"):format(
    tostring(counterexample.blocked.process), words(counterexample.blocked),
    #order == 0 and "" or ", nor after any other order")
end

--- The text of what history:check() found, ending without a newline.
-- @param result a result whose verdict is "not", with its counterexample
function check_report.text(result)
  local counterexample, lines = result.counterexample, {}
  lines[1] = ("%sno order of %d operation%s explains what was seen:"):format(
    result.key ~= nil and "key " .. shown(result.key) .. ": " or "",
    #counterexample.operations,
    #counterexample.operations == 1 and "" or "s")
  lines[2] = ""
  timeline(lines, counterexample)
  if counterexample.others > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = ("%d more until then: it does not matter when they "
      .. "take effect, or whether."):format(counterexample.others)
  end
  furthest(lines, counterexample)
  return table.concat(lines, "\n")
end

return check_report
