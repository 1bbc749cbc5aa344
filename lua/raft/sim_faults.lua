-- SPDX-License-Identifier: MIT
--
-- sim_faults.lua - the verbs of a scenario that break things, in the
-- simulator.
--
-- Holds:  verbs(cluster, check_id, …): what users write as cluster:crash(1).
-- Rule:   only a minority of disks is ever lost in a run, and only of members
--         that all others have met: a quorum can recover.

local blame = require "raft.blame"
local quantity = require "raft.quantity"
local sim_client = require "raft.sim_client"
local wording = require "raft.wording"

local faults = {}
local verbs = {}
faults.verbs = verbs

local CLIENTS = 0 -- all of them, in cuts

-- ---- network ---------------------------------------------------------------

-- A member, "clients", or a list of these.
local function check_side(self, check_id, where, side)
  local list = type(side) == "table" and side or { side }
  local ids = {}
  local length = wording.length(list)
  if length == 0 then
    blame.raise(where .. ": " .. select(2, wording.expected(
      "a member or a list of members", side)))
  end
  for i = 1, length do
    ids[i] = list[i] == "clients" and CLIENTS
      or check_id(self, where, list[i])
  end
  return ids
end

local function each_pair(self, from, to, call)
  for _, a in ipairs(from) do
    for _, b in ipairs(to) do
      if a ~= b then
        call(self.handle, a, b)
      end
    end
  end
end

-- cut(from, to): nothing that 'from' says reaches 'to'. Members, lists of
-- them, or "clients". Cuts add up: each is taken back by one mend, or all of
-- them by heal.
function verbs.cut(self, check_id, from, to)
  each_pair(self, check_side(self, check_id, "cluster:cut", from),
    check_side(self, check_id, "cluster:cut", to), self.handle.cut)
end

-- mend(from, to): takes one such cut back.
function verbs.mend(self, check_id, from, to)
  each_pair(self, check_side(self, check_id, "cluster:mend", from),
    check_side(self, check_id, "cluster:mend", to), self.handle.mend)
end

-- partition(a, b, …): no member of one group hears one of another.
-- join(a, b, …) takes it back.
local function between_groups(self, check_id, where, call, ...)
  local groups = {}
  for i = 1, select("#", ...) do
    groups[i] = check_side(self, check_id, where, (select(i, ...)))
  end
  if #groups < 2 then
    blame.raise(where .. ": expected two or more lists of members, got "
      .. #groups)
  end
  for i = 1, #groups do
    for j = i + 1, #groups do
      each_pair(self, groups[i], groups[j], call)
      each_pair(self, groups[j], groups[i], call)
    end
  end
end

function verbs.partition(self, check_id, ...)
  between_groups(self, check_id, "cluster:partition", self.handle.cut, ...)
end

function verbs.join(self, check_id, ...)
  between_groups(self, check_id, "cluster:join", self.handle.mend, ...)
end

-- reset(from, to): the connection between them ends and is made anew. Of
-- "clients": all their connections to that member.
function verbs.reset(self, check_id, from, to)
  each_pair(self, check_side(self, check_id, "cluster:reset", from),
    check_side(self, check_id, "cluster:reset", to), self.handle.reset)
end

-- slow_link(from, to, "100ms" | false): each message of that direction takes
-- so much longer. Sides as in cut.
function verbs.slow_link(self, check_id, from, to, by)
  local where = "cluster:slow_link"
  local us = by and sim_client.read_duration(where, "by", by) or 0
  each_pair(self, check_side(self, check_id, where, from),
    check_side(self, check_id, where, to), function (handle, a, b)
      handle:slow_link(a, b, us)
    end)
end

local CHANCES = { loss = 1000, duplicate = 1000, reorder = 1000,
                  corrupt = 1000, tail = 1000 }
local NETWORK = { "loss", "duplicate", "reorder", "corrupt", "reorder_by",
                  "delay", "tail", "tail_by" }

local function read_chance(name, value)
  local number = value
  local percent = type(value) == "string" and value:match("^(%d+%.?%d*) ?%%$")
  if percent then
    number = math.floor(tonumber(percent) * 10 + 0.5)
  end
  if type(number) ~= "number" or number % 1 ~= 0 or number < 0
     or number > CHANCES[name] then
    blame.raise(("cluster:network: option %s: %s"):format(name,
      select(2, wording.expected('a share such as "2%", or permille', value))))
  end
  return number
end

local function read_delay(value)
  local where = "cluster:network"
  if type(value) ~= "table" then
    value = { value, value }
  end
  local least = sim_client.read_duration(where, "delay", value[1] or "")
  local most = sim_client.read_duration(where, "delay", value[2] or "")
  if least > most then
    blame.raise(where .. ": option delay: expected the shortest first, got "
      .. tostring(value[1]) .. " before " .. tostring(value[2]))
  end
  return least, most
end

local FIELDS = { reorder_by = { "reorder_us" }, tail_by = { "tail_us" },
                 delay = { "delay_min_us", "delay_max_us" } }

local function restore(self, name)
  for _, field in ipairs(FIELDS[name] or { name }) do
    self.handle:set(field, self.initial[field])
  end
end

-- network { loss = "2%", duplicate = 5, reorder = "1%", reorder_by = "50ms",
-- corrupt = 1, delay = { "1ms", "20ms" }, tail = "1%", tail_by = "500ms" }
-- (the tail: far longer, but in order; twice as long half as often): from now
-- on, for all messages; what is not named stays as it is, and what is false
-- becomes as it was at first. Numbers are permille.
function verbs.network(self, _, given)
  local where = "cluster:network"
  sim_client.check_keys(where, given, NETWORK)
  for _, name in ipairs(NETWORK) do
    local value = given and given[name]
    if value == false then
      restore(self, name)
    elseif value ~= nil and CHANCES[name] then
      self.handle:set(name, read_chance(name, value))
    elseif (name == "reorder_by" or name == "tail_by") and value ~= nil then
      self.handle:set(FIELDS[name][1],
        sim_client.read_duration(where, name, value))
    elseif name == "delay" and value ~= nil then
      local least, most = read_delay(value)
      self.handle:set("delay_min_us", least)
      self.handle:set("delay_max_us", most)
    end
  end
end

-- ---- processes -------------------------------------------------------------

-- crash(id): power is lost; what was not synced may be.
-- kill(id): the process alone ends. restart(id) starts it again.
-- lose_names(id): a crash that keeps what files hold, and of creations,
-- renames and removals that were not synced nothing.
-- pause(id), resume(id): it stands still, and goes on.
local SIMPLE = { crash = "crash", kill = "kill", restart = "start",
                 start = "start", pause = "pause", resume = "resume" }

for name, method in pairs(SIMPLE) do
  verbs[name] = function(self, check_id, id)
    self.handle[method](self.handle, check_id(self, "cluster:" .. name, id))
  end
end

function verbs.lose_names(self, check_id, id)
  self.handle:crash(check_id(self, "cluster:lose_names", id), "contents")
end

-- ---- operators -------------------------------------------------------------

-- Asks who leads. What comes of it is seen from events.
-- @return true; or nil and a message where nobody leads
local function ask_leader(self, verb, ...)
  local leader = self:leader()
  if not leader then
    return nil, "nobody leads"
  end
  self.handle[verb](self.handle, leader, ...)
  return true
end

-- transfer(id): the leader is asked to hand over, to anyone without an id.
function verbs.transfer(self, check_id, id)
  return ask_leader(self, "transfer",
    id ~= nil and check_id(self, "cluster:transfer", id) or nil)
end

-- set_members(voters, learners): the leader is asked for these members. Who
-- can be one beside those of the beginning: the simulator's option 'spares'.
function verbs.set_members(self, check_id, voters, learners)
  local where = "cluster:set_members"
  return ask_leader(self, "set_members",
    check_side(self, check_id, where, voters),
    learners and check_side(self, check_id, where, learners))
end

-- snapshot(id): the member, whoever leads, is asked for a snapshot of its
-- machine, now. What it has is seen from status(id).snapshot_index.
function verbs.snapshot(self, check_id, id)
  check_id(self, "cluster:snapshot", id)
  local ok, message = self.takes_snapshots()
  if not ok then
    blame.raise("cluster:snapshot: " .. message)
  end
  self.handle:snapshot(id)
end

-- ---- clocks, disks, machines -----------------------------------------------

-- "2s" or "-2s".
local function read_step(where, name, value)
  local sign, text = 1, value
  if type(value) == "string" and value:sub(1, 1) == "-" then
    sign, text = -1, value:sub(2)
  end
  local us = quantity.duration(text)
  if not us then
    blame.raise(("%s: option %s: %s"):format(where, name, select(2,
      wording.expected('a duration such as "2s" or "-500ms"', value))))
  end
  return sign * us
end

-- What few runs have: only then there is something to end.
local function is_odd(self, id)
  self.odd = rawget(self, "odd") or {}
  self.odd[id] = true
end

local function read_drift(where, value)
  local text = type(value) == "string" and value:match("^(%-?%d+%.?%d*) ?%%$")
  local ppm = text and math.floor(tonumber(text) * 10000 + 0.5)
  if not ppm or ppm < -50000 or ppm > 50000 then
    blame.raise(("%s: option drift: %s"):format(where, select(2,
      wording.expected('a share from "-5%" to "5%"', value))))
  end
  return ppm
end

-- clock(id, { jump = "2s" }): its wall clock jumps, forth or back.
-- clock(id, { skew = "-500ms" }): from now on so far from the true time.
-- clock(id, { drift = "-3%" | false }): the monotonic clock, on which time-outs
-- are, is so much too slow or too fast, by 5 % at most.
function verbs.clock(self, check_id, id, given)
  local where = "cluster:clock"
  check_id(self, where, id)
  given = sim_client.check_keys(where, given, { "jump", "skew", "drift" })
  self.skews = rawget(self, "skews") or {}
  if given.skew ~= nil then
    local skew = read_step(where, "skew", given.skew)
    self.handle:jump(id, skew - (self.skews[id] or 0))
    self.skews[id] = skew
  end
  if given.drift ~= nil then
    is_odd(self, id)
    self.handle:drift(id, given.drift and read_drift(where, given.drift) or 0)
  end
  if given.jump ~= nil then
    local jump = read_step(where, "jump", given.jump)
    self.handle:jump(id, jump)
    self.skews[id] = (self.skews[id] or 0) + jump
  end
end

local function read_count(where, name, value)
  if value == true then
    return 1
  elseif type(value) ~= "number" or value % 1 ~= 0 or value < 1
         or value > 2 ^ 30 then
    blame.raise(("%s: option %s: %s"):format(where, name, select(2,
      wording.expected("which one fails, a whole number from 1", value))))
  end
  return value
end

-- disk(id, { slow = "100ms" | true | false, full = true | false | "4KiB",
-- fail = n, lies = true | false }): each sync takes so much longer; so much is
-- left on it; the Nth write or sync from now on fails, and the member stops:
-- restart it; syncs do nothing, which no disk may do, and data will be lost.
function verbs.disk(self, check_id, id, given)
  local where = "cluster:disk"
  check_id(self, where, id)
  given = sim_client.check_keys(where, given, { "slow", "full", "fail",
                                                "lies" })
  if given.slow ~= nil then
    local slow = given.slow == true and "100ms" or given.slow
    self.handle:slow(id, slow and sim_client.read_duration(where, "slow",
      slow) or 0)
  end
  if given.full ~= nil then
    local left = given.full == true and 0 or given.full
    if left then
      local bytes, message = quantity.size(left)
      if not bytes then
        blame.raise(("%s: option full: %s"):format(where, message))
      end
      left = bytes
    end
    self.handle:fill(id, left or nil)
  end
  if given.fail ~= nil then
    self.handle:fail(id, "disk",
      given.fail and read_count(where, "fail", given.fail) or 0)
  end
  if given.lies ~= nil then
    is_odd(self, id)
    self.handle:lie(id, given.lies and "on" or "off")
  end
end

-- machine(id, { fail = n }): the Nth request of its machine runs out of
-- memory, and the member stops: restart it.
function verbs.machine(self, check_id, id, given)
  local where = "cluster:machine"
  check_id(self, where, id)
  given = sim_client.check_keys(where, given, { "fail" })
  if given.fail ~= nil then
    self.handle:fail(id, "machine", read_count(where, "fail", given.fail))
  end
end

-- ---- losses ----------------------------------------------------------------

-- wipe(id): its disk is replaced by an empty one. rot(id): an old segment of
-- its log is damaged at rest. Both cut its power; restart it.
-- @return true; or nil and a message where a quorum could not recover
function verbs.wipe(self, check_id, id)
  check_id(self, "cluster:wipe", id)
  if not self.handle:may_lose(id) then
    return nil, "a quorum might not recover"
  end
  self.handle:crash(id)
  self.handle:lose(id)
  self.handle:wipe(id)
  return true
end

function verbs.rot(self, check_id, id)
  check_id(self, "cluster:rot", id)
  if not self.handle:may_lose(id) then
    return nil, "a quorum might not recover"
  end
  self.handle:crash(id)
  if not self.handle:rot(id) then
    return nil, "there is nothing old enough to be damaged"
  end
  self.handle:lose(id)
  return true
end

-- ---- peace -----------------------------------------------------------------

--- Ends every fault; members that are down start.
function faults.end_all(self)
  self.handle:heal()
  for _, name in ipairs(NETWORK) do
    restore(self, name)
  end
  for id = 1, self.nodes do
    self.handle:resume(id)
    self.handle:slow(id, 0)
    self.handle:fill(id)
    if (rawget(self, "odd") or {})[id] then
      self.handle:drift(id, 0)
      self.handle:lie(id)
    end
    self.handle:start(id)
  end
end

return faults
