-- SPDX-License-Identifier: MIT
--
-- sim_history.lua - which operation of a history each call of a client was,
-- so that a run that is replayed from its calls alone has a history too.
--
-- Holds:     ties between operations and calls, while a run is recorded; rows
--            of a schedule with what they were; the history of a replay.
-- Knows not: models, judges, how a schedule is run.
-- Invariant: the calls of one client are the rows "invoke" of that client, in
--            order: also those that were refused at once.
-- Rule:      what failed without a certain reason is unknown.
--
--   { at = "1.6s", "invoke", 1, "write", { "set", "register/3", 8 },
--     op = { f = "write", key = 3, value = 8, saw = "nothing" } }
--
-- op: f, key and value as in the history; process, where it is a word; saw:
-- what the history took of the answer: "nothing", the "value" itself, else
-- the result. A workload with observe(self, f, result) decides that itself.

local core = require "raft.core"
local history = require "raft.history"

local sim_history = {}

local Ties = {}
Ties.__index = Ties

--- Of a run that begins. @param recorded its history
function sim_history.new(recorded)
  return setmetatable({ history = recorded, calls = {}, last = 0 }, Ties)
end

--- A client has made a call: it is for the operation that began last, when
-- that has none.
function Ties:made(client, call)
  local list = self.calls[client] or {}
  self.calls[client] = list
  local operations = self.history.operations
  local operation = operations[#operations]
  local tie = false
  if operation and not operation.outcome and operation.number > self.last then
    self.last = operation.number
    tie = { operation = operation, call = call }
  end
  list[#list + 1] = tie
end

-- ---- what a history takes of an answer -------------------------------------

local function is_same(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then
    return one == other
  end
  local ok, bytes = core.encode(one)
  local again, others = core.encode(other)
  return ok and again and bytes == others
end

-- By word: the first of these that fits every answer.
local WAYS = { "result", "nothing", "value" }

local function fits(way, operation, result)
  local expected = result
  if way ~= "result" then
    expected = way == "value" and operation.input or nil
  end
  return is_same(operation.output, expected)
end

local function ways_of(calls)
  local broken, ways = {}, {}
  for _, list in ipairs(calls) do
    for _, tie in ipairs(list) do
      local results = tie and tie.call.results
      if results and results[1] and tie.operation.outcome == "ok" then
        local f = tie.operation.f
        broken[f] = broken[f] or {}
        for _, way in ipairs(WAYS) do
          broken[f][way] = broken[f][way]
            or not fits(way, tie.operation, results[2])
        end
      end
    end
  end
  for f, ways_broken in pairs(broken) do
    for i = #WAYS, 1, -1 do
      ways[f] = not ways_broken[WAYS[i]] and WAYS[i] or ways[f]
    end
  end
  return ways
end

-- ---- rows ------------------------------------------------------------------

-- Calls a function with each row "invoke", its client and its place there.
local function each_invoke(rows, call)
  local counts = {}
  for _, row in ipairs(rows) do
    if row.at and row[1] == "invoke" then
      local client = row[2]
      counts[client] = (counts[client] or 0) + 1
      call(row, client, counts[client])
    end
  end
end

--- Says in each recorded row which operation it was.
function Ties:mark(rows)
  local calls = {} -- a list without holes
  for client = 1, 64 do
    calls[client] = self.calls[client] or {}
  end
  local ways = ways_of(calls)
  each_invoke(rows, function(row, client, at)
    local tie = calls[client][at]
    if tie then
      local operation = tie.operation
      local way, process = ways[operation.f], operation.process
      row.op = { f = operation.f, key = operation.key,
                 value = operation.input,
                 process = type(process) == "string" and process or nil,
                 saw = way ~= "result" and way or nil }
    end
  end)
end

--- What the rows of one run say is true of those that its replay recorded.
function sim_history.carry(rows, recorded)
  local ops = {}
  each_invoke(rows, function(row, client, at)
    ops[client .. " " .. at] = row.op
  end)
  each_invoke(recorded, function(row, client, at)
    row.op = ops[client .. " " .. at]
  end)
end

--- Whether a schedule has operations to be judged.
function sim_history.has_operations(rows)
  for _, row in ipairs(rows) do
    if type(row) == "table" and row.op ~= nil then
      return true
    end
  end
  return false
end

-- ---- the history of a replay -----------------------------------------------

-- Failures that say: nothing was done.
local REFUSED = { closed = true, not_leader = true, overloaded = true,
                  too_large = true, unreachable = true }

-- Begins and ends in their order: an end comes after the youngest operation
-- that had begun by then.
local function moments(rows, operations)
  local ops, counts, list = {}, {}, {}
  each_invoke(rows, function(row, client, at)
    ops[client .. " " .. at] = row.op
  end)
  for _, operation in ipairs(operations) do
    local client = operation.client
    counts[client] = (counts[client] or 0) + 1
    operation.op = ops[client .. " " .. counts[client]]
    if operation.op then
      list[#list + 1] = { at = operation.number, rank = 0, order = #list,
                          time = operation.from, operation = operation }
      list[#list + 1] = operation.to and { at = operation.youngest,
        rank = operation.to, order = #list, time = operation.to,
        is_end = true, operation = operation } or nil
    end
  end
  table.sort(list, function(a, b)
    if a.at ~= b.at then
      return a.at < b.at
    elseif a.rank ~= b.rank then
      return a.rank < b.rank
    end
    return a.order < b.order
  end)
  return list
end

local function seen_of(operation, workload)
  local op, result = operation.op, nil
  if #operation.result_bytes > 0 then
    result = select(2, core.decode(operation.result_bytes))
  end
  if workload.observe then
    return workload:observe(op.f, result)
  elseif op.saw then
    return op.saw == "value" and op.value or nil
  end
  return result
end

local function finish(record, moment, workload)
  local operation = moment.operation
  local number, code = operation.recorded, operation.code
  if code == "ok" then
    record:ok(number, seen_of(operation, workload), moment.time)
  elseif operation.kind ~= "write" or REFUSED[code] then
    record:fail(number, moment.time, code)
  else
    record:info(number, moment.time, code)
  end
end

local GENERATION = 100 -- as in workload.lua

--- What clients did and saw in a replay.
-- @param rows its schedule, with 'op' in them
-- @param operations of the world
-- @param workload whose model, initial and observe count
function sim_history.of(rows, operations, workload)
  local record = history.new { model = workload.model,
                               initial = workload.initial }
  for _, moment in ipairs(moments(rows, operations)) do
    local operation = moment.operation
    if not moment.is_end then
      local op = operation.op
      local process = op.process or operation.client
      while record.running[process] do
        process = op.process and process .. "'" or process + GENERATION
      end
      operation.recorded = record:invoke(process, op.f, op.key, op.value,
        moment.time)
    else
      finish(record, moment, workload)
    end
  end
  return record
end

return sim_history
