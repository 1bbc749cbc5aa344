-- SPDX-License-Identifier: MIT
--
-- history.lua - what clients did and saw, in the order in which it happened.
--
-- Holds:     recording of operations while they run; reading and writing.
-- Knows not: models, or whether a history is right: check.lua.
-- Rule:      the order of the calls of this module is the order of events;
--            times are carried along and decide nothing.
--
--   local h = history.new { model = "kv" }
--   local op = h:invoke(1, "put", "x", "a", 1000)      -- process 1, at 1 ms
--   h:ok(op, nil, 2500)                                -- or h:fail, h:info
--   h:check().verdict                                  -- "linearizable"
--
-- One event is a table, and a line of a file of JSON lines:
--   { process = 1, type = "invoke", f = "put", key = "x", value = "a",
--     time = 1000 }
-- type: invoke; then at most one of ok (it took effect, and 'value' is what
-- was seen), fail (it took no effect), info (nobody knows: it may take effect
-- at any later time, or never). An operation without an end is as with info.

local options = require "raft.options"
local wording = require "raft.wording"

local History = {}
History.__index = History

local history = { History = History }

local SCHEMA = {
  model = { "any" }, -- a name, a path, or a table: check.lua
  initial = { "any" }, -- what the state is at the beginning; nil: the model's
}

--- An empty history.
-- @param given { model = "kv", initial = nil }: what check() goes by
function history.new(given)
  local o = options.check("history.new", given, SCHEMA)
  return setmetatable({
    model = o.model, initial = o.initial, list = {}, operations = {},
    running = {},
  }, History)
end

-- ---- recording -----------------------------------------------------------

local function check_time(where, time, level)
  if time ~= nil and (type(time) ~= "number" or time < 0) then
    error(where .. ": expected a time in microseconds, got "
      .. wording.describe(time), level + 1)
  end
end

-- Both take a checked event and fill in what it does not have; it is kept.
local function begin(self, process, event, line)
  local number, call = #self.operations + 1, #self.list + 1
  event.process, event.type, event.operation = process, "invoke", number
  self.list[call] = event
  self.operations[number] = { -- with room for what comes: nothing moves then
    number = number, process = process, f = event.f, key = event.key,
    input = event.value, call = call, call_time = event.time, line = line,
    finish = nil, outcome = nil, output = nil, end_time = nil, reason = nil,
    age = event.age,
  }
  self.has_ages = self.has_ages or event.age ~= nil
  self.running[process] = number
  return number
end

local function conclude(self, operation, event)
  local finish = #self.list + 1
  event.process, event.f, event.key = operation.process, operation.f,
    operation.key
  event.operation = operation.number
  if event.type ~= "ok" then
    event.value = nil
  end
  self.list[finish] = event
  operation.outcome, operation.output = event.type, event.value
  operation.end_time, operation.reason = event.time, event.reason
  operation.finish = finish
  self.running[operation.process] = nil
end

-- For who has checked what it read: history_file.lua.
history.begin, history.conclude = begin, conclude

--- A process begins an operation.
-- @param process a number or a string; it does one operation at a time
-- @param f what it does, a word of the model
-- @param key which part of the state it is about; nil: there are no parts
-- @param value what it does it with
-- @param time_us for people, in microseconds
-- @return the number of the operation, from 1
function History:invoke(process, f, key, value, time_us)
  if type(process) ~= "number" and type(process) ~= "string" then
    error("history:invoke: expected a process, a number or a string, got "
      .. wording.describe(process), 2)
  elseif type(f) ~= "string" then
    error("history:invoke: expected what it does, a string, got "
      .. wording.describe(f), 2)
  elseif self.running[process] then
    error(("history:invoke: expected process %s to be idle, got an operation"
      .. " that has not ended: %s"):format(tostring(process),
      self.operations[self.running[process]].f), 2)
  end
  check_time("history:invoke", time_us, 2)
  return begin(self, process, { f = f, key = key, value = value,
                                time = time_us })
end

-- 'what' is { type, value, reason }.
local function finish(self, number, time_us, what)
  local where = "history:" .. what.type
  local operation = self.operations[number]
  if not operation then
    error(where .. ": expected the number of an operation, got "
      .. wording.describe(number), 3)
  elseif operation.outcome then
    error(("%s: expected an operation that has not ended, got %d, which ended"
      .. " with %s"):format(where, number, operation.outcome), 3)
  end
  check_time(where, time_us, 3)
  what.time = time_us
  conclude(self, operation, what)
end

--- What a stale read sees may be so old: any moment from so long before its
-- call explains it. All calls of such a history have times.
-- @param age_us microseconds
function History:allow_age(number, age_us)
  local operation = self.operations[number]
  if not operation then
    error("history:allow_age: expected the number of an operation, got "
      .. wording.describe(number), 2)
  elseif type(age_us) ~= "number" or age_us < 0 then
    error("history:allow_age: expected a time in microseconds, got "
      .. wording.describe(age_us), 2)
  elseif not operation.call_time then
    error(("history:allow_age: expected an operation that has a time, got %d"
      .. " without one"):format(number), 2)
  end
  operation.age, self.list[operation.call].age = age_us, age_us
  self.has_ages = true
end

--- The operation took effect; 'value' is what was seen (nil: nothing, or the
-- answer nil).
function History:ok(number, value, time_us)
  finish(self, number, time_us, { type = "ok", value = value })
end

--- The operation took no effect, and taught nothing.
function History:fail(number, time_us, reason)
  finish(self, number, time_us, { type = "fail", reason = reason })
end

--- Nobody knows whether it took or takes effect. The process may go on, but
-- as in Jepsen it is clearer to give what follows another process number.
function History:info(number, time_us, reason)
  finish(self, number, time_us, { type = "info", reason = reason })
end

--- All events, in order: { { process = 1, type = "invoke", f = "read",
-- key = "x", value = nil, time = 1000, operation = 1 }, … }.
function History:events()
  return self.list
end

-- ---- judging, reading, writing -------------------------------------------

--- Whether some order explains it. See check.lua for options and result.
-- @return { verdict = "linearizable" | "not" | "unknown", states = 120, … }
function History:check(given)
  local result = require("raft.check").run(self, given, 2)
  return result -- no tail call: a mistake is told at the caller's line
end

--- Reads a file: JSON lines, EDN (Jepsen), or Jepsen's text log.
-- @return a history; or nil, "FILE:LINE: expected …, got …", "malformed"
function history.read(path)
  return require("raft.history_file").read(path)
end

--- Writes all events.
-- @param form "jsonl" (default) or "edn"
-- @param bands faults, { { name = "kill", targets = { 2 }, from = 1200000,
-- to = 1700000 }, … }: written as Jepsen writes its nemesis
-- @return true; or nil, message, "io"
function History:write(path, form, bands)
  return require("raft.history_file").write(self, path, form or "jsonl",
    bands)
end

return history
