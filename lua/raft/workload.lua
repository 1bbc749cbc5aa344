-- SPDX-License-Identifier: MIT
--
-- workload.lua - clients that do something for as long as a scenario lasts,
-- and a judgement of what they saw.
--
--   workload = raft.workload.register { keys = 3, pause = "20ms" }
--   workload = raft.workload.all { raft.workload.bank {},
--                                  raft.workload.queue {} }
--
-- Holds:  clients (client), reads at the end (finish), the verdict (judge);
--         what the operations are stands in workload_kinds.lua.
-- Rule:   an operation that nobody knows the outcome of stays so, and its
--         process does nothing any more: the client goes on under another
--         number, as in Jepsen. A workload holds nothing of a run.

local blame = require "raft.blame"
local history = require "raft.history"
local judges = require "raft.workload_judge"
local kinds = require "raft.workload_kinds"
local options = require "raft.options"
local wording = require "raft.wording"

local Workload = {}
Workload.__index = Workload

local workload = {}

local GENERATION = 100 -- from a process to the one that takes its place; more
                       -- than there are clients

-- ---- what a run holds ------------------------------------------------------

local Run = {}
Run.__index = Run

-- Cluster -> { [name of the workload there] = run }.
local runs = setmetatable({}, { __mode = "k" })

-- 'as' is what a workload is called beside others, { name = "bank",
-- room = "bank" }; nil when it is alone.
local function run_of(self, cluster, as)
  local name = as and as.name or self.name
  runs[cluster] = runs[cluster] or {}
  local run = runs[cluster][name]
  if not run then
    run = setmetatable({ called = name, last = 0, keys = {}, known = {},
                         writes = {} }, Run)
    runs[cluster][name] = run
  end
  return run
end

--- The name of a key in the machine, which other workloads may share.
function Run:name(key)
  return ("%s/%.0f"):format(self.called, key)
end

--- Remembers a key for the reads at the end.
function Run:note_key(key)
  if not self.known[key] then
    self.known[key], self.keys[#self.keys + 1] = true, key
  end
end

-- ---- operations ------------------------------------------------------------

-- Ages are measured by the clocks of members, and judged by another one.
local CLOCKS, MILLISECOND = 17 / 16, 1000

-- Failures that say: nothing was done. After all others nobody knows.
local REFUSED = { closed = true, not_leader = true, overloaded = true,
                  too_large = true, unreachable = true }

-- How old what is read may be; nil: as old as the kind of read allows.
local function max_age_of(self, process, operation)
  return operation.question and process ~= judges.FINAL
    and self.options.max_age or nil
end

-- At the end all is read that was ever acknowledged.
local function read_options(self, process)
  local o = self.options
  if o.max_age and process == judges.FINAL then
    return { read = "linear" }
  end
  return { read = o.read,
           max_age = o.max_age and ("%.0fus"):format(o.max_age) }
end

local function call(self, client, process, operation, as)
  local verb = operation.question and "query" or "propose"
  local value = operation.question or operation.command
  return client:try(verb, as and { as.room, value } or value,
    operation.question and read_options(self, process) or nil)
end

local function raised(self, operation, message)
  error(("workload %s: expected an answer to %s, got an error of the"
    .. " machine: %s"):format(self.name, operation.f, tostring(message)), 0)
end

--- What the history takes of the answer to an operation.
function Workload:observe(f, result)
  local see = self.kind.seen[f]
  return see and see(result)
end

-- One operation, recorded. @return true and what was seen; false (it was not
-- done) or nil (nobody knows), and the code
local function perform(self, cluster, client, process, operation, as)
  local record = cluster:history()
  local number = record:invoke(process,
    as and as.name .. "." .. operation.f or operation.f, operation.key,
    operation.value, cluster:now())
  local age = max_age_of(self, process, operation)
  if age then
    record:allow_age(number, age * CLOCKS + MILLISECOND)
  end
  local ok, result, code = call(self, client, process, operation, as)
  if ok then
    local seen = self:observe(operation.f, result)
    record:ok(number, seen, cluster:now())
    return true, seen
  elseif code == "apply_failed" then
    raised(self, operation, result)
  elseif operation.question or REFUSED[code] then
    record:fail(number, cluster:now(), code)
    return false, code
  end
  record:info(number, cluster:now(), code)
  return nil, code
end

local function choose(self, cluster)
  local at = cluster:random(self.total)
  for _, word in ipairs(self.kind.words) do
    at = at - self.weights[word]
    if at <= 0 then
      return word
    end
  end
end

local function new_client(self, cluster)
  return cluster:client { session = self.options.session,
    deadline = ("%.0fus"):format(self.options.deadline) }
end

--- What one client does, in a coroutine of the cluster, until the duration is
-- over.
-- @param process its number in the history, from 1
function Workload:client(cluster, process, as)
  local run, client = run_of(self, cluster, as), new_client(self, cluster)
  local function draw(n)
    return cluster:random(n)
  end
  while cluster:is_running() do
    local operation = self.kind[choose(self, cluster)](draw, run,
      self.options)
    if perform(self, cluster, client, process, operation, as) == nil then
      process = process + GENERATION
    end
    cluster:sleep(("%.0fus"):format(draw(2 * self.options.pause)))
  end
end

--- Reads what there is, when faults and clients have ended.
function Workload:finish(cluster, as)
  local run = run_of(self, cluster, as)
  local client = cluster:client { deadline = "10s" }
  for _, operation in ipairs(self.kind.final(run)) do
    repeat
      local ok, seen = perform(self, cluster, client, judges.FINAL,
        operation, as)
      if not ok then
        error(("workload %s: expected an answer to %s at the end, got %s")
          :format(self.name, operation.f, seen), 0)
      end
    until not self.kind.drains or seen == nil
  end
end

-- ---- judgement -------------------------------------------------------------

-- The part of a history that belongs to a workload with others beside it.
local function part_of(whole, as)
  local head, part = as.name .. ".", history.new()
  local numbers = {}
  for _, event in ipairs(whole:events()) do
    local number = numbers[event.operation]
    if event.type == "invoke" and event.f:sub(1, #head) == head then
      numbers[event.operation] = part:invoke(event.process,
        event.f:sub(#head + 1), event.key, event.value, event.time)
      if event.age then
        part:allow_age(numbers[event.operation], event.age)
      end
    elseif event.type == "ok" and number then
      part:ok(number, event.value, event.time)
    elseif number then
      part[event.type](part, number, event.time, event.reason)
    end
  end
  return part
end

--- Whether a history is right: the workload's invariant, and linearizability.
-- @return true; false, message, detail; or nil, message, detail when that is
-- unknown within the limits. detail is what history:check() gave, if it did
function Workload:judge(whole, as)
  local record = as and part_of(whole, as) or whole
  local name = as and as.name or self.name
  if not record.operations[1] then
    return false, name .. ": expected operations to judge, got none"
  end
  local invariant = judges[self.name]
  if invariant then
    local ok, message = invariant(record.operations, self.kind)
    if not ok then
      return false, name .. ": " .. message
    end
  end
  local result = record:check { model = self.kind.model,
    states = self.options.states }
  if result.verdict == "not" then
    return false, name .. ": not linearizable", result
  elseif result.verdict ~= "linearizable" then
    return nil, ("%s: unknown within %.0f states"):format(name,
      self.options.states), result
  end
  return true
end

-- ---- making ----------------------------------------------------------------

local SCHEMA = {
  concurrency = { "whole", min = 1, max = 50, default = 5 },
  deadline = { "duration", min = 1, default = "1s" },
  keys = { "whole", min = 1, max = 1000, default = 3 },
  max_age = { "duration", min = 1 }, -- of what stale reads see
  mix = { "table" },
  pause = { "duration", min = 1, default = "50ms" },
  read = { "one_of", words = { "linear", "lease", "follower", "stale" },
           default = "linear" },
  session = { "boolean", default = true },
  states = { "whole", min = 1, default = 2000000 },
}

-- Weights by word: { read = 3 } alone is a workload that only reads.
local function read_mix(where, kind, given, level)
  local schema, total = {}, 0
  for _, word in ipairs(kind.words) do
    schema[word] = { "whole", default = 0 }
  end
  local weights = options.check(where .. " mix", given or kind.mix, schema,
    level + 1)
  for _, word in ipairs(kind.words) do
    total = total + weights[word]
  end
  if total == 0 then
    error(where .. ": option mix: expected one of "
      .. table.concat(kind.words, ", ") .. " above 0, got none", level + 2)
  end
  return weights, total
end

local function new(name, kind, given, level)
  local where = "workload." .. name
  local o = options.check(where, given, SCHEMA, level + 1)
  if o.max_age and o.read ~= "stale" then
    error(where .. ': option max_age: expected read = "stale" beside it',
      level + 2)
  end
  local weights, total = read_mix(where, kind, o.mix, level + 1)
  o.per_key = kind.per_key
  return setmetatable({
    name = name, kind = kind, machine = kind.machine,
    concurrency = o.concurrency, options = o, weights = weights,
    total = total,
  }, Workload)
end

for name, kind in pairs(kinds) do
  workload[name] = function (given)
    local made = new(name, kind, given, 1)
    return made
  end
end

-- ---- several at once -------------------------------------------------------

local All = {}
All.__index = All

-- Clients take the parts in turn.
function All:client(cluster, process)
  local part = self.parts[(process - 1) % #self.parts + 1]
  part.workload:client(cluster, process, part)
end

function All:finish(cluster)
  for _, part in ipairs(self.parts) do
    part.workload:finish(cluster, part)
  end
end

function All:observe(f, result)
  local name, word = f:match("^(.-)%.(.*)$")
  for _, part in ipairs(self.parts) do
    if part.name == name then
      return (part.workload:observe(word, result))
    end
  end
end

function All:judge(whole)
  local unknown
  for _, part in ipairs(self.parts) do
    local ok, message, detail = part.workload:judge(whole, part)
    if ok == false then
      return ok, message, detail
    elseif not ok then
      unknown = unknown or { message, detail }
    end
  end
  if unknown then
    return nil, unknown[1], unknown[2]
  end
  return true
end

--- Several workloads on one cluster, whose machine is "raft.machines.rooms".
-- In the history their words begin with their names: "bank.transfer".
function workload.all(given)
  local parts, concurrency = {}, 0
  for i, one in ipairs(given) do
    if getmetatable(one) ~= Workload then
      local _, message = wording.expected(
        "a workload, such as workload.bank {}", one)
      error("workload.all: " .. message, 2)
    end
    local name = one.name
    for _, part in ipairs(parts) do
      if part.workload.name == one.name then
        name = one.name .. i
        if one.kind.is_single then
          error(("workload.all: expected one %s, got two of them on one"
            .. " machine"):format(one.name), 2)
        end
      end
    end
    parts[i] = { name = name, room = one.kind.room, workload = one }
    concurrency = concurrency + one.concurrency
  end
  if not parts[1] then
    error("workload.all: expected a table of workloads, got an empty one", 2)
  end
  return setmetatable({ name = "all", machine = "raft.machines.rooms",
    parts = parts, concurrency = concurrency }, All)
end

--- A name that is not there is told at the user's line.
return setmetatable(workload,
  { __index = blame.strict("raft.workload", workload) })
