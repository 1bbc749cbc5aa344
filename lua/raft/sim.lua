-- SPDX-License-Identifier: MIT
--
-- sim.lua - the simulator from Lua: whole runs, or worlds step by step.
--
-- Holds:  sim.run for seeds by the thousand, without Lua in the loop; and
--         worlds for stories: members, cuts, clients, one event at a time.
-- Rule:   nothing here draws or waits: a world is decided by its options and
--         the calls made.

local core = require "raft.core"
local options = require "raft.options"
local profiles = require "raft.sim_profiles"
local swarm = require "raft.sim_swarm"
local quantity = require "raft.quantity"
local schedule = require "raft.schedule"
local weather = require "raft.weather"
local wording = require "raft.wording"

local sim = { profiles = profiles }

-- ---- options --------------------------------------------------------------

local ROWS, SCHEMA = {}, { bug = { "string" }, limits = { "table" },
                           schedule = { "table" }, swarm = { "number" },
                           uses = { "number" } }
for _, row in ipairs(core.sim_options()) do
  ROWS[row.name] = row
  SCHEMA[row.name] = SCHEMA[row.name] or { "any" }
end
local GROUPS = { "network", "disk", "machine", "faults", "workload",
                 "checks" }

local READERS = { us = quantity.duration, bytes = quantity.size }

local function heal_of(word, level)
  for i, known in ipairs(core.sim_heals) do
    if known == word then
      return i - 1
    end
  end
  error(("option heal: expected %s, got %s"):format(
    table.concat(core.sim_heals, ", "), word), level + 2)
end

local function value_of(name, value, level)
  if name == "heal" and type(value) == "string" then
    return heal_of(value, level + 1)
  end
  local read = ROWS[name] and READERS[ROWS[name].unit]
  if type(value) ~= "string" or not read then
    return value
  end
  local number, message = read(value)
  if not number then
    error(("option %s: %s"):format(name, message), level + 2)
  end
  return number
end

local function is_group(name)
  for _, group in ipairs(GROUPS) do
    if group == name then
      return true
    end
  end
  return false
end

-- Options may stand in groups, { faults = { crash = 3 } }, or alone.
local function flatten(given)
  local flat = {}
  for name, value in pairs(given or {}) do
    if is_group(name) and type(value) == "table" then
      for inner, inner_value in pairs(value) do
        flat[inner] = inner_value
      end
    else
      flat[name] = value
    end
  end
  return flat
end

-- What is given by name wins over what a swarm draws.
local function draw(given)
  local seed = tonumber(given.seed) or 1
  if given.swarm == 1 then
    given = sim.mix(swarm.draw(seed), given)
  elseif given.uses == 1 then
    given = swarm.add_uses(given, seed)
  end
  given.swarm, given.uses = nil, nil
  return given
end

--- How many members a world of these options has, with its spares.
function sim.members_of(read)
  return (tonumber(read.members) or ROWS.members.value)
    + (tonumber(read.spares) or 0)
end

local function read_options(where, given, level)
  if type(given) == "table" then
    given = draw(flatten(given))
  end
  local result = options.check(where, given, SCHEMA, level + 1)
  for name, value in pairs(result) do
    result[name] = value_of(name, value, level + 1)
  end
  if result.schedule then
    local rows, message = schedule.read(result.schedule,
      sim.members_of(result))
    result.schedule = rows or error(where .. ": " .. message, level + 2)
  end
  return result
end

--- Options as people write them, flat and as numbers. Raises for a mistake.
function sim.read_options(given, level)
  return read_options("options", given, level)
end

--- The options of a world: { { name = "loss", value = 0, unit = "permille",
-- meaning = "messages that vanish" }, … }.
sim.options = core.sim_options

--- Options laid over each other: the later ones win.
function sim.mix(...)
  local mixed = {}
  for _, given in ipairs { ... } do
    for name, value in pairs(flatten(given)) do
      mixed[name] = value
    end
  end
  return mixed
end

local function run(read)
  local world = core.sim_new(read)
  world:run()
  local result = world:result()
  if read.record == 1 or read.record == 2 and not result.ok then
    result.schedule = schedule.of(world, read)
  end
  world:close()
  return result
end

--- One whole run: members, workload, faults, peace.
-- @return { ok = true, trace_hash = "…", events = 61804, elections = 9, … },
-- with violation = { name, text, time } when a check failed, and with the
-- schedule when record = 1
function sim.run(given)
  return run(read_options("sim.run", given, 1))
end

--- A recorded run again, from its schedule alone.
-- @param given a schedule, see lua/raft/schedule.lua
-- @param more options beside it, such as { bug = "stale_vote" }
-- @return as sim.run
function sim.replay(given, more)
  local rows = given
  if type(given) == "table" then
    rows = given.schedule
  end
  if type(rows) ~= "table" then
    local _, message = wording.expected("a table with a schedule", rows)
    error("sim.replay: " .. message, 2)
  end
  return run(read_options("sim.replay", sim.mix(weather.options(given), {
    members = given.nodes, seed = given.seed, schedule = given.schedule,
    starts = given.starts == false and 0 or nil,
  }, more), 1))
end

-- ---- clients ---------------------------------------------------------------

local Client = {}
Client.__index = Client

local function invoke(client, kind, value, deadline_us)
  local _, bytes = assert(core.encode(value))
  return client.world.handle:invoke(client.number, kind, bytes, deadline_us)
end

--- Starts a proposal. @return its number, or nil, message, code
function Client:propose(value, deadline_us)
  return invoke(self, "write", value, deadline_us)
end

--- Starts a read. @param kind "read" is linear and the default; "stale",
-- "lease", "follower", "bounded": as said of the options
function Client:query(value, kind, deadline_us)
  return invoke(self, kind or "read", value, deadline_us)
end

--- The oldest completion, { number = 3, ok = true, code = "ok", result = 7 },
-- or nil.
function Client:take()
  local done = self.world.handle:take(self.number)
  if done and #done.bytes > 0 then
    local _, result = core.decode(done.bytes)
    done.result = result
  end
  return done
end

--- Runs the world until one call is done. @return its completion, or nil and
-- a message when the run has ended or a virtual minute has passed
function Client:wait(number)
  for _ = 1, 60000 do
    local done = self:take()
    if done then
      assert(number == nil or done.number == number,
        "another call is done first")
      return done
    end
    if not self.world:run_for(1000) then
      return nil, "the run has ended"
    end
  end
  return nil, "not done within a minute"
end

-- ---- worlds ----------------------------------------------------------------

local World = {}
World.__index = World

for _, name in ipairs {
  "begin", "close", "crash", "cut", "drift", "fail", "fail_memory", "fill",
  "heal", "join", "jump", "kill", "leader", "lie", "mend", "now",
  "partition", "pause", "reset", "result", "resume", "rot", "run", "run_for",
  "set_members", "settle", "slow", "slow_link", "snapshot", "start",
  "status", "step", "transfer", "wipe",
} do
  World[name] = function (self, ...)
    return self.handle[name](self.handle, ...)
  end
end

--- A world whose members have a directory each and are down.
function sim.new(given)
  local read = read_options("sim.new", given, 1)
  if not read.keep_traces then
    read.keep_traces = 100000
  end
  return setmetatable({ handle = core.sim_new(read),
                        members = read.members or 3, read = read }, World)
end

--- What was done so far and what chance did, for a world with record = 1: a
-- schedule, see lua/raft/schedule.lua.
function World:schedule()
  return schedule.of(self.handle, self.read)
end

--- The face of a world that raft.core has made.
function sim.of(handle, members)
  return setmetatable({ handle = handle, members = members }, World)
end

--- Sets an option of a running world, such as "loss".
function World:set(name, value)
  self.handle:set(name, value_of(name, value, 1))
end

function World:start_all()
  for id = 1, self.members do
    self:start(id)
  end
end

--- Every member but these.
function World:others(...)
  local without, rest = {}, {}
  for _, id in ipairs { ... } do
    without[id] = true
  end
  for id = 1, self.members do
    if not without[id] then
      rest[#rest + 1] = id
    end
  end
  return rest
end

--- A client of the cluster; { session = false } for one without session.
function World:client(given)
  local has_session = not (given and given.session == false)
  return setmetatable({ world = self,
                        number = self.handle:client(has_session) }, Client)
end

--- Runs until a condition holds. @return true, or false after 'bound_us'
function World:run_until(condition, bound_us)
  local bound = self:now() + (bound_us or 60 * 1000 * 1000)
  while not condition() do
    if self:now() >= bound or not self:run_for(1000) then
      return false
    end
  end
  return true
end

--- Runs until a member leads. @return its id, or nil
function World:await_leader(bound_us)
  self:run_until(function ()
    return self:leader() ~= nil
  end, bound_us)
  return self:leader()
end

--- What happened, as records: of members ("raft.role") and of the world
-- ("sim.crash"); those of the kinds that match the pattern.
-- @return { { number = 7, time = 1259791, member = 1, term = 2,
--   kind = "raft.role", level = "info", fields = { to = "leader", … } }, … }
function World:records(pattern, first, last)
  local records = self.handle:records(first or 1, last or 2 ^ 32 - 1)
  if not pattern then
    return records
  end
  local found = {}
  for _, record in ipairs(records) do
    if record.kind:find(pattern) then
      found[#found + 1] = record
    end
  end
  return found
end

--- The operations of all clients, oldest first.
-- @return { { number = 1, client = 1, kind = "write",
--   value = { "set", "x", 1 }, from = 1300000, to = 1304100, code = "ok",
--   result = 2 }, … }; without to, code and result where nothing came back
function World:operations()
  local list = self.handle:operations()
  for _, operation in ipairs(list) do
    operation.value = select(2, core.decode(operation.bytes))
    if operation.result_bytes and #operation.result_bytes > 0 then
      operation.result = select(2, core.decode(operation.result_bytes))
    end
    operation.bytes, operation.result_bytes = nil, nil
  end
  return list
end

--- The trace as lines, "     1.250 ms  2 t3  raft.role from=…", of the rooms
-- and names that match the pattern.
function World:conversation(pattern)
  local lines, at = {}, (self.handle:trace_span())
  while true do
    local text, time, member, term = self.handle:trace(at)
    if not text then
      return lines
    end
    if not pattern or text:find(pattern) then
      lines[#lines + 1] = ("%12.3f ms  %d t%d  %s"):format(time / 1000,
        member, term, text)
    end
    at = at + 1
  end
end

return sim
