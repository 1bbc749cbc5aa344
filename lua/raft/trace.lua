-- SPDX-License-Identifier: MIT
--
-- trace.lua - what a run leaves behind, for people: records, messages,
-- operations, faults.
--
-- Holds:     collecting a run from a simulated world; pairing sends with
--            what became of them; the words of a message's numbers.
-- Knows not: how it is shown: report.lua.
-- Invariant: each raft.send is one message, and each arrival is of one.
--
-- A run, as trace.of gives it and report takes it; times in microseconds:
--
--   {
--     title = "split, seed 7", nodes = 3, seed = 7, now = 2500000,
--     records = { { number = 1, time = 1259791, member = 1, term = 2,
--       kind = "raft.role", level = "info", fields = { to = "leader" } } },
--     operations = { { client = 1, f = "set", key = "x", value = 1,
--       result = 4, from = 1300000, to = 1304100, outcome = "ok" } },
--     faults = { { name = "crash", targets = { 2 }, from = 7, to = 9 } },
--     notes = { { time = 5, text = "what a story says of itself" } },
--     violation = { name = "liveness", text = "…", time = 2500000 },
--   }
--
-- dropped: how many records before these were not kept. An operation that is
-- marked is of the counterexample of a history.
--
-- An outcome is "ok", "fail" (it took no effect) or "unknown"; an operation
-- without 'to' never came back, and is unknown.

local trace_fault = require "raft.trace_fault"

local trace = {}

-- ---- operations ------------------------------------------------------------

-- What a failed proposal may still do.
local DOUBTFUL = { unknown = true, timeout = true, cancelled = true }

local function outcome_of(operation)
  local code = operation.code
  if code == "ok" or code == "result_lost" then
    return "ok"
  elseif operation.kind == "write" and (not code or DOUBTFUL[code]) then
    return "unknown"
  end
  return code and "fail" or "unknown"
end

-- A command { "set", "x", 1 } is f, key and value; others stay whole.
local function told(operation)
  local value = operation.value
  local line = { client = operation.client, from = operation.from,
    to = operation.to, result = operation.result, code = operation.code,
    f = operation.kind, value = value, outcome = outcome_of(operation) }
  if type(value) == "table" and type(value[1]) == "string" then
    line.f, line.key, line.value = value[1], value[2], value[3]
    if type(line.key) == "table" then
      line.key, line.value = nil, line.key
    elseif #value > 3 then
      line.value = {}
      for i = 3, #value do
        line.value[i - 2] = value[i]
      end
    end
  end
  return line
end

-- ---- runs ------------------------------------------------------------------

-- Members with a lane: spares that spoke have one, too.
local function highest(members, records)
  for _, record in ipairs(records) do
    members = math.max(members, record.member)
    if record.kind == "raft.send" or record.kind == "raft.receive" then
      members = math.max(members, record.fields.from or record.fields.to)
    end
  end
  return members
end

--- What a simulated world has recorded so far.
-- @param world of sim.new, with keep_traces
-- @param given { title = "…", operations = …, faults = …, notes = … }: what
--   the caller knows better; nil: taken from the world
function trace.of(world, given)
  given = given or {}
  local result, first = world:result(), world.handle:trace_span()
  local records = world:records()
  local run = {
    title = given.title or ("seed %d"):format(result.seed),
    seed = result.seed, now = result.now,
    nodes = highest(world.members, records), records = records,
    violation = result.violation,
    dropped = first - 1,
    operations = given.operations, faults = given.faults,
    notes = given.notes,
  }
  if not run.operations then
    run.operations = {}
    for i, operation in ipairs(world:operations()) do
      run.operations[i] = told(operation)
    end
  end
  run.faults = run.faults or trace_fault.bands(run)
  return run
end

--- When a run began and ended: what it holds of any kind lies between.
function trace.span(run)
  local first, last = math.huge, run.now or 0
  local function see(time)
    if time then
      first, last = math.min(first, time), math.max(last, time)
    end
  end
  for _, record in ipairs(run.records) do
    see(record.time)
  end
  for _, list in ipairs { run.operations or {}, run.faults or {} } do
    for _, item in ipairs(list) do
      see(item.from)
      see(item.to)
    end
  end
  see(run.violation and run.violation.time)
  return math.min(first, last), last
end

-- ---- messages --------------------------------------------------------------

-- What the numbers of a message mean, by its kind.
local NUMBERS = {
  pre_vote = { "last", "last_term" }, vote = { "last", "last_term" },
  pre_vote_result = { "granted" }, vote_result = { "granted" },
  append = { "previous", "entries", "commit" },
  append_result = { "rejected", "match", "round" },
  read_result = { "index" },
}
local YES_NO = { granted = true, rejected = true }

--- The numbers of a raft.send or raft.receive in words: "previous=1
-- entries=2 commit=0".
function trace.numbers(fields)
  local parts = {}
  for i, name in ipairs(NUMBERS[fields.kind] or {}) do
    local value = fields[("abc"):sub(i, i)]
    if YES_NO[name] then
      value = value == 1 and "yes" or "no"
    elseif name == "match" and fields.a == 1 then
      name = "at"
    end
    parts[i] = name .. "=" .. tostring(value)
  end
  return table.concat(parts, " ")
end

local Pairing = {}
Pairing.__index = Pairing

function Pairing:add(record, to)
  local message = { from = record.member, to = to, sent = record.time,
    arrivals = {} }
  self.messages[#self.messages + 1] = message
  return message
end

local function fill(message, record)
  local fields = record.fields
  message.kind, message.term = fields.kind, fields.term
  message.record = record.number
  message.text = trace.numbers(fields)
end

local function way(from, to)
  return from .. ">" .. to
end

-- In a world that notes the way of each message by number.
Pairing["sim.sent"] = function(self, record)
  local message = self:add(record, record.fields.to)
  message.kind, message.term = "message", record.term
  message.record = record.number
  self.by_number[record.fields.message] = message
  self.latest[way(record.member, message.to)] = message
end

Pairing["sim.lost"] = function(self, record)
  local message = self.by_number[record.fields.message]
  if message then
    message.lost, message.lost_at = record.fields.why, record.time
    message.lost_record = record.number
  end
end

Pairing["sim.arrived"] = function(self, record)
  local message = self.by_number[record.fields.message]
  if message then
    table.insert(message.arrivals,
      { time = record.time, record = record.number })
    self.arrived = message
  end
end

-- Members of the real world say only what they sent and got: the oldest equal
-- one that has not arrived is the one.
local function content(from, to, fields)
  return table.concat({ from, to, tostring(fields.kind),
    tostring(fields.term), tostring(fields.a), tostring(fields.b),
    tostring(fields.c) }, " ")
end

Pairing["raft.send"] = function(self, record)
  local to = record.fields.to
  local noted = self.latest[way(record.member, to)]
  if noted then
    self.latest[way(record.member, to)] = nil
    fill(noted, record)
  elseif not next(self.by_number) then
    local message = self:add(record, to)
    local key = content(record.member, to, record.fields)
    fill(message, record)
    self.open[key] = self.open[key] or { first = 1 }
    table.insert(self.open[key], message)
  end
end

Pairing["raft.receive"] = function(self, record)
  if self.arrived then
    local arrivals = self.arrived.arrivals
    arrivals[#arrivals].record = record.number
    self.arrived = nil
    return
  end
  local open = self.open[content(record.fields.from, record.member,
    record.fields)]
  if open and open[open.first] then
    table.insert(open[open.first].arrivals,
      { time = record.time, record = record.number })
    open.first = open.first + 1
  end
end

--- The messages between members, in the order in which they were sent.
-- @return { { from = 1, to = 2, kind = "append", term = 2, text = "…",
--   sent = 1264034, record = 7, arrivals = { { time = 1264627, record = 9 } },
--   lost = "the way is cut", lost_at = 1264034 }, … }: kind "message" is one
--   that is not the engine's; without arrivals and lost: still under way
function trace.messages(run)
  local pairing = setmetatable({ messages = {}, by_number = {}, latest = {},
    open = {} }, Pairing)
  for _, record in ipairs(run.records) do
    local handle = Pairing[record.kind]
    if handle then
      handle(pairing, record)
    end
  end
  return pairing.messages
end

return trace
