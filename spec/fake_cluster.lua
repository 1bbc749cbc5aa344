-- SPDX-License-Identifier: MIT
--
-- fake_cluster.lua - a cluster that is none: virtual time, coroutines, a list
-- of the verbs that were called, and one machine that never fails.
--
-- Holds:  the face of a cluster as raft.nemesis and raft.workload use it.
-- Rule:   decided by its seed.

local helper = require("spec.helper")
local history = require("raft.history")
local quantity = require("raft.quantity")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Fake = {}
Fake.__index = Fake

local fake_cluster = {}

local function text_of(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for key, inner in pairs(value) do
    local name = type(key) == "number" and "" or key .. "="
    parts[#parts + 1] = name .. text_of(inner)
  end
  return table.concat(parts, " ")
end

-- Verbs that are only noted: "0.250 kill 1".
for _, verb in ipairs { "cut", "mend", "reset", "kill", "crash", "restart",
                        "pause", "resume", "clock", "disk", "network",
                        "wipe", "rot", "transfer", "slow_link",
                        "lose_names", "snapshot" } do
  Fake[verb] = function(self, ...)
    local parts = { ("%.3f"):format(self.time / 1e6), verb }
    for i = 1, select("#", ...) do
      parts[#parts + 1] = text_of((select(i, ...)))
    end
    self.log[#self.log + 1] = table.concat(parts, " ")
    self.time = self.time + self.verb_us
    return not self.refuses[verb]
  end
end

function Fake:members()
  local list = {}
  for id = 1, self.nodes do
    list[id] = id
  end
  return list
end

function Fake:spares()
  local list = {}
  for id = self.nodes - self.spare_count + 1, self.nodes do
    list[#list + 1] = id
  end
  return list
end

function Fake:not_applicable(text)
  self.log[#self.log + 1] = "not applicable: " .. text
  error({ not_applicable = text }, 0)
end

-- "0.250 set_members 1 2 | 3", and nothing where nobody leads.
function Fake:set_members(voters, learners)
  if not self.leading then
    return nil, "nobody leads"
  end
  self.log[#self.log + 1] = ("%.3f set_members %s | %s"):format(
    self.time / 1e6, table.concat(voters, " "),
    table.concat(learners or {}, " "))
  return true
end

function Fake:others(id)
  local list = {}
  for other = 1, self.nodes do
    list[#list + 1] = other ~= id and other or nil
  end
  return list
end

function Fake:leader()
  return self.leading
end

function Fake:now()
  return self.time
end

function Fake:random(n)
  return self.chance:choose(n) + 1
end

function Fake:history()
  return self.record
end

function Fake:is_running()
  return self.time < self.ends
end

-- ---- processes -------------------------------------------------------------

function Fake:sleep(duration)
  local us = assert(quantity.duration(duration))
  self.turn = self.turn + 1
  coroutine.yield(self.time + us)
end

local Process = {}
Process.__index = Process

function Process:wait()
  while coroutine.status(self.thread) ~= "dead" do
    self.cluster:sleep "1ms"
  end
end

function Fake:spawn(fn, ...)
  local process = setmetatable({ cluster = self, wake = self.time,
    arguments = { n = select("#", ...), ... },
    thread = coroutine.create(fn) }, Process)
  self.processes[#self.processes + 1] = process
  return process
end

local function next_of(self)
  local first
  for i, process in ipairs(self.processes) do
    if not first or process.wake < self.processes[first].wake then
      first = i
    end
  end
  return first
end

--- Runs all processes until they have ended.
function Fake:run()
  local at = next_of(self)
  while at do
    local process = table.remove(self.processes, at)
    self.time = math.max(self.time, process.wake)
    local ok, wake = coroutine.resume(process.thread,
      unpack(process.arguments, 1, process.arguments.n))
    process.arguments = { n = 0 }
    if not ok then
      error(wake, 0)
    elseif coroutine.status(process.thread) ~= "dead" then
      process.wake = wake
      self.processes[#self.processes + 1] = process
    end
    at = next_of(self)
  end
end

-- ---- clients ---------------------------------------------------------------

local Client = {}
Client.__index = Client

-- Its way there and back takes time; with a chance nobody hears of it again,
-- done or not.
-- The machine sees how it is asked, which a real one does not.
function Client:try(verb, value, given)
  local cluster = self.cluster
  local function travel()
    cluster:sleep(("%dus"):format(cluster:random(5000)))
  end
  travel()
  local fate = cluster.doubt > 0 and cluster:random(1000) or 1000
  if fate <= cluster.doubt then
    if fate % 2 == 0 and verb == "propose" then
      cluster.machine:apply(value, {})
    end
    cluster:sleep "1s"
    return nil, "the deadline passed, the outcome is unknown", "timeout", {}
  end
  local machine, result = cluster.machine
  if verb == "propose" then
    result = machine:apply(value, {})
  else
    result = machine:query(value, given)
  end
  if type(result) == "table" then
    local copy = {}
    for i, one in ipairs(result) do
      copy[i] = one
    end
    result = copy
  end
  travel()
  return true, result
end

function Fake:client()
  return setmetatable({ cluster = self }, Client)
end

--- @param given { seed = 1, nodes = 5, spares = 0 (of the nodes), leader = 1,
-- lasts = "10s",
-- refuses = { rot = true }, verbs that only end a process,
-- machine = a class, doubt = permille of calls that nobody hears of again,
-- verb_us = how long a verb takes, as on real clocks }
function fake_cluster.new(given)
  return setmetatable({
    nodes = given.nodes or 5, spare_count = given.spares or 0,
    leading = given.leader, time = 0, turn = 0,
    ends = quantity.duration(given.lasts or "10s"), log = {},
    processes = {}, chance = helper.random(given.seed or 1),
    refuses = given.refuses or {},
    machine = given.machine and given.machine.new(), doubt = given.doubt or 0,
    record = history.new(), verb_us = given.verb_us or 0,
  }, Fake)
end

--- Runs one nemesis for as long as the cluster lasts. @return the log
function fake_cluster.attack(nemesis, given)
  local cluster = fake_cluster.new(given)
  cluster:spawn(nemesis.run, nemesis, cluster)
  cluster:run()
  return cluster.log, cluster
end

--- Runs a workload, its end, and its judgement.
function fake_cluster.serve(workload, given)
  local cluster = fake_cluster.new(given)
  for process = 1, workload.concurrency do
    cluster:spawn(workload.client, workload, cluster, process)
  end
  cluster:run()
  cluster.doubt = 0
  cluster:spawn(workload.finish, workload, cluster)
  cluster:run()
  return workload:judge(cluster.record)
end

return fake_cluster
