-- SPDX-License-Identifier: MIT
--
-- sim_cluster.lua - a simulated cluster, as a scenario sees it.
--
-- Holds:     the verbs of a scenario: members, faults, time, clients, chance.
-- Knows not: the engine's private state: a scenario sees what clients, status
--            and logs show.
-- Rule:      a mistake raises at the user's line, in one line. A verb that
--            this world lacks ends the run as not applicable.

local blame = require "raft.blame"
local dice = require "raft.dice"
local faults = require "raft.sim_faults"
local processes = require "raft.processes"
local quantity = require "raft.quantity"
local sim_client = require "raft.sim_client"
local wording = require "raft.wording"

local Cluster = {}

local LOOK = 1000 -- microseconds between two looks at a condition

-- ---- who is there ----------------------------------------------------------

local function check_id(self, where, id)
  if type(id) ~= "number" or id % 1 ~= 0 or id < 1 or id > self.nodes then
    blame.raise(("%s: %s"):format(where, select(2, wording.expected(
      ("a member, 1 to %d"):format(self.nodes), id))))
  end
  return id
end

--- The ids of all members.
function Cluster:members()
  local list = {}
  for id = 1, self.nodes do
    list[id] = id
  end
  return list
end

--- Those of them that were no members at first, and can become some.
function Cluster:spares()
  local list = {}
  for id = self.nodes - self.spare_count + 1, self.nodes do
    list[#list + 1] = id
  end
  return list
end

--- Who leads now; nil: nobody.
function Cluster:leader()
  return self.handle:leader()
end

--- Waits for a leader. @param bound how long at most, "30s"
-- @return its id; raises when there is none by then
function Cluster:await_leader(bound)
  local where = "cluster:await_leader"
  local us = sim_client.read_duration(where, "bound", bound or "30s")
  if not self:wait_until(function() return self:leader() ~= nil end,
                         bound or "30s") then
    blame.raise(("%s: expected a leader within %s, got none"):format(where,
      bound or ("%.0fs"):format(us / 1e6)))
  end
  return self:leader()
end

--- All members but these: others(1), others(1, 2), others { 1, 2 }.
function Cluster:others(...)
  local without, rest = {}, {}
  local given = type((...)) == "table" and (...) or { ... }
  if select("#", ...) == 0 or #given == 0 and type((...)) ~= "table" then
    check_id(self, "cluster:others", (...))
  end
  for _, id in ipairs(given) do
    without[check_id(self, "cluster:others", id)] = true
  end
  for id = 1, self.nodes do
    if not without[id] then
      rest[#rest + 1] = id
    end
  end
  return rest
end

local SHOWN = { "id", "state", "paused", "role", "term", "leader", "last",
                "commit", "applied", "snapshot_index", "log_base",
                "result_hash", "code", "detail" }

--- What a member says of itself.
-- @return { id = 1, state = "up", role = "leader", term = 2, leader = 1,
-- commit = 7, … }; of one that is down { id = 1, state = "down" }
function Cluster:status(id)
  local all = self.handle:status(check_id(self, "cluster:status", id))
  local shown = {}
  for _, name in ipairs(SHOWN) do
    shown[name] = all[name]
  end
  return shown
end

local function event_line(text, time, member, term)
  return ("%12.3f ms  %d t%d  %s"):format(time / 1000, member, term, text)
end

local function check_pattern(where, pattern)
  if type(pattern) ~= "string" then
    blame.raise(where .. ": "
      .. select(2, wording.expected("a pattern, a string", pattern)))
  end
end

--- What happened so far, as lines "   1.250 ms  2 t3  raft.role to=leader";
-- those whose text matches the pattern.
function Cluster:events(pattern)
  if pattern ~= nil then
    check_pattern("cluster:events", pattern)
  end
  local lines, at = {}, (self.handle:trace_span())
  while true do
    local text, time, member, term = self.handle:trace(at)
    if not text then
      return lines
    elseif not pattern or text:find(pattern) then
      lines[#lines + 1] = event_line(text, time, member, term)
    end
    at = at + 1
  end
end

-- The first record from a place on that matches.
-- @return the place after it, its line, whose it is; or the place after all
local function next_event(self, at, pattern, wanted)
  at = math.max(at, (self.handle:trace_span())) -- what is kept
  while true do
    local text, time, member, term = self.handle:trace(at)
    if not text then
      return at
    end
    at = at + 1
    if (not wanted or member == wanted) and text:find(pattern) then
      return at, event_line(text, time, member, term), member
    end
  end
end

--- Waits for the next event whose text matches; what is past does not count.
-- @param member whose, nil: anyone's
-- @param bound how long at most, "30s"
-- @return its line and whose it is; raises when there was none by then
function Cluster:await(pattern, member, bound)
  local where, line = "cluster:await", nil
  if type(member) == "string" and bound == nil then
    member, bound = nil, member
  end
  check_pattern(where, pattern)
  local wanted = member ~= nil and check_id(self, where, member) or nil
  bound = bound or "30s"
  sim_client.read_duration(where, "bound", bound)
  local _, last = self.handle:trace_span()
  local at = last + 1
  self:wait_until(function()
    at, line, member = next_event(self, at, pattern, wanted)
    return line ~= nil
  end, bound)
  if not line then
    blame.raise(('%s: expected "%s" within %s, got %s'):format(where, pattern,
      bound, self.keep_traces == 0 and "a run that keeps no records"
        or "none"))
  end
  return line, member
end

--- Says something at this moment: it stands in the conversation and above the
-- picture.
function Cluster:note(text)
  if type(text) ~= "string" then
    blame.raise("cluster:note: "
      .. select(2, wording.expected("a string", text)))
  end
  self.notes[#self.notes + 1] = { time = self:now(), text = text }
end

-- ---- time and chance -------------------------------------------------------

--- The world's clock, in microseconds.
function Cluster:now()
  return self.handle:now()
end

--- Waits. @param duration "150ms"
function Cluster:sleep(duration)
  local us, message = quantity.duration(duration)
  if not us then
    blame.raise("cluster:sleep: " .. message)
  end
  self.processes:sleep_until(self:now() + us, "cluster:sleep")
end

--- Waits until a function returns true. @return whether it did within 'bound'
function Cluster:wait_until(condition, bound)
  local where = "cluster:wait_until"
  processes.check_function(where, condition)
  local us = sim_client.read_duration(where, "bound", bound or "60s")
  local ends = self:now() + us
  while not condition() do
    if self:now() >= ends then
      return false
    end
    self.processes:sleep_until(math.min(self:now() + LOOK, ends), where)
  end
  return true
end

--- Chance from the seed: random(6) is 1 to 6, random { "a", "b" } one of it.
function Cluster:random(bound)
  if type(bound) == "table" and #bound > 0 then
    return bound[self.dice:number(#bound)]
  elseif type(bound) ~= "number" or bound % 1 ~= 0 or bound < 1
         or bound > dice.MAX then
    blame.raise("cluster:random: " .. select(2, wording.expected(
      "a whole number from 1 or a list that is not empty", bound)))
  end
  return self.dice:number(bound)
end

-- ---- processes, clients ----------------------------------------------------

--- Starts fn(...) beside this one. A scenario is over when all have ended.
-- @return a process: process:wait(), process:stop(), process:is_done()
function Cluster:spawn(fn, ...)
  processes.check_function("cluster:spawn", fn)
  return self.processes:spawn(blame.place() or self.place, fn, ...)
end

--- A client. With a member: one that asks it first, and with { only = true }
-- no other. @param given { session = true, deadline = "3s", only = false }
function Cluster:client(member, given)
  if type(member) == "table" and given == nil then
    member, given = nil, member
  end
  if member ~= nil then
    check_id(self, "cluster:client", member)
  end
  return sim_client.new(self, member, given)
end

--- What the clients of a workload did: raft.history, to be written to.
function Cluster:history()
  return self.recorded
end

--- Whether a workload should go on: false once the duration is over.
function Cluster:is_running()
  return not self.is_stopping
end

-- ---- peace -----------------------------------------------------------------

--- Takes back every cut.
function Cluster:heal()
  self.handle:heal()
end

--- Ends every fault: cuts, pauses, slow and full disks, a lossy network;
-- members that are down start.
function Cluster:heal_all()
  faults.end_all(self)
end

--- Ends every fault and waits until all members agree, a leader stays, and
-- every call has ended; the run has failed (liveness) when they do not.
function Cluster:settle()
  self.processes:current("cluster:settle")
  self.is_settled = true
  local goes_on = self.handle:settle()
  sim_client.collect(self.clients)
  if not goes_on then
    coroutine.yield() -- the run has ended: nobody comes back
  end
end

-- ---- verbs by name ---------------------------------------------------------

-- How many arguments each takes at most; groups of members: any number.
local MOST = { clock = 2, crash = 1, cut = 2, disk = 2, kill = 1,
  lose_names = 1, machine = 2, mend = 2, network = 1, pause = 1, reset = 2,
  restart = 1, resume = 1, rot = 1, set_members = 2, slow_link = 3,
  snapshot = 1, start = 1, transfer = 1, wipe = 1 }

local function check_count(name, count)
  local most = MOST[name] or count
  if count > most then
    blame.raise(("cluster:%s: expected at most %d argument%s, got %d"):format(
      name, most, most == 1 and "" or "s", count))
  end
end

for name, verb in pairs(faults.verbs) do
  Cluster[name] = function(self, ...)
    check_count(name, select("#", ...))
    self.counts[name] = (self.counts[name] or 0) + 1
    return verb(self, check_id, ...)
  end
end

-- What other worlds have, or this one will have.
local MISSING = { "upgrade" }

for _, name in ipairs(MISSING) do
  Cluster[name] = function(self)
    self:not_applicable("the simulator has no " .. name:gsub("_", " "))
  end
end

--- Ends the run as not applicable: this world lacks what it needs.
function Cluster:not_applicable(text)
  error({ not_applicable = (blame.place() or self.place or "")
          .. tostring(text) }, 0)
end

local strict = blame.strict("cluster", Cluster)
local FIELDS = { is_stopping = true, is_settled = true, recorded = true }

local meta = { __index = function(_, key)
  local verb = Cluster[key]
  if verb ~= nil or FIELDS[key] then
    return verb
  end
  return strict(nil, key)
end }

local sim_cluster = {}

--- @param given { handle = a world of raft.core, nodes = 3, spares = 0 (of
-- them), seed = 1,
-- bound = time, instructions = n, place = "file:1: ", history = …,
-- ties = of sim_history or nil, takes_snapshots = function: whether its machine
-- does; or nil and a message }
function sim_cluster.new(given)
  local cluster = {
    handle = given.handle, nodes = given.nodes, place = given.place,
    spare_count = given.spares or 0,
    dice = dice.new(given.seed), clients = {}, recorded = given.history,
    counts = {}, initial = given.options, notes = {},
    keep_traces = given.keep_traces, ties = given.ties or false,
    takes_snapshots = given.takes_snapshots or function()
      return true
    end,
  }
  cluster.processes = processes.new({
    now = function()
      return cluster.handle:now()
    end,
    advance = function(time)
      local goes_on = cluster.handle:advance(time)
      sim_client.collect(cluster.clients)
      return goes_on
    end,
  }, { instructions = given.instructions, bound = given.bound })
  return setmetatable(cluster, meta)
end

return sim_cluster
