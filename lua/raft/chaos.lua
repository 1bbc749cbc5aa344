-- SPDX-License-Identifier: MIT
--
-- chaos.lua - a scenario on real processes of this computer.
--
--   local result = chaos.run(scenario, { seed = 1, dir = "/tmp/x" })
--
-- Holds:     a folder, addresses, and what of a scenario's options means
--            something here.
-- Knows not: how a scenario runs (scenario.lua), verbs, processes
--            (chaos_world.lua), what is kept of a failure (chaos_folder.lua).
-- Rule:      what this world has not ends the run as not applicable, and is
--            never left out in silence.

local chaos_hosts = require "raft.chaos_hosts"
local chaos_world = require "raft.chaos_world"
local core = require "raft.core"
local driver = require "raft.driver"
local options = require "raft.options"
local service_world = require "raft.service_world"

local chaos = {}

local FIRST_PORT = 7100

-- Small segments, so that a log has more than one in a minute.
local SEGMENT_BYTES = 512 * 1024

local RUN = {
  bug = { "string" },
  dir = { "path", required = true },
  duration = { "duration" },
  keep_traces = { "whole", default = 200000 },
  level = { "one_of", words = { "info", "debug", "wire" },
            default = "info" },
  namespaces = { "boolean" },
  modules = { "string" }, -- the package.cpath of members of another build
  nodes = { "whole", min = 1, max = 15 },
  port = { "whole", min = 1, max = 65000 },
  seed = { "whole" },
  watch = { "function" },
}

-- ---- options of a scenario -------------------------------------------------

-- Of the simulator's options: what a member calls them.
local OF_MEMBER = { heartbeat_us = "heartbeat",
  election_us = "election_timeout",
  election_spread_us = "election_spread",
  check_quorum_us = "check_quorum" }

local OF_NETWORK = { "loss", "duplicate", "reorder", "reorder_us", "corrupt",
  "delay_min_us", "delay_max_us", "tail", "tail_us" }

-- What only says how a simulation is done, or how long it takes.
local IGNORED = { apply_us = true, bug = true, calm_us = true, checks = true,
  clients = true, deadline_us = true, duration_us = true, events_max = true,
  hash_interval = true, inspect_disk = true, keep_traces = true,
  limits = true, link_messages = true, memory_bytes = true, members = true,
  operation_us = true, backlog_messages = true, record = true,
  redial_us = true, schedule = true, seed = true, settle_us = true,
  silent_us = true, start_us = true, starts = true, sync_max_us = true,
  sync_min_us = true, write_us = true }

local REORDER_US, TAIL_US = 50000, 500000 -- as the simulator has them

local function not_applicable(text)
  error({ not_applicable = text }, 0)
end

local function known_options()
  local known = {}
  for name in pairs(OF_MEMBER) do
    known[name] = true
  end
  for _, name in ipairs(OF_NETWORK) do
    known[name] = true
  end
  return known
end

local function check_options(given)
  local known = known_options()
  for _, row in ipairs(core.sim_options()) do
    local value = given[row.name]
    if value ~= nil and value ~= row.value and not known[row.name]
       and not IGNORED[row.name] then
      not_applicable(("real members have no option %s (%s)"):format(row.name,
        row.meaning))
    end
  end
end

local function limits_of(given)
  local limits = { segment_bytes = SEGMENT_BYTES }
  for name, value in pairs(given.limits or {}) do
    limits[name] = value
  end
  return limits
end

local function member_of(given, machine, asked)
  local member = { limits = limits_of(given), bug = asked.bug,
    insecure = asked.namespaces,
    level = asked.level, machine = machine.machine,
    options = machine.options, sandbox = machine.sandbox,
    memory = machine.memory, instructions = machine.instructions }
  for name, own in pairs(OF_MEMBER) do
    if given[name] and given[name] > 0 then
      member[own] = ("%.0fus"):format(given[name])
    end
  end
  return member
end

local function network_of(given)
  local initial = {}
  for _, name in ipairs(OF_NETWORK) do
    initial[name] = given[name] or 0
  end
  initial.reorder_us = given.reorder_us or REORDER_US
  initial.tail_us = given.tail_us or TAIL_US
  return initial
end

-- ---- places ----------------------------------------------------------------

-- An address of this computer that nobody else is likely to use.
local function draw_host()
  local file = io.open("/dev/urandom", "rb")
  local a, b, c = (file and file:read(3) or "abc"):byte(1, 3)
  if file then
    file:close()
  end
  return ("127.%d.%d.%d"):format(a % 250 + 2, b, c % 250 + 2)
end

local function addresses_of(count, port, hosts)
  local host, list = port and "127.0.0.1" or draw_host(), {}
  for id = 1, count do
    list[id] = ("%s:%d"):format(hosts and hosts:address(id) or host,
      (port or FIRST_PORT) + id)
  end
  return list
end

-- ---- the whole -------------------------------------------------------------

local function new_service(asked, given, hosts)
  local nodes = given.flat.members
  local host = addresses_of(nodes, asked.port)[1]:match("^(.*):")
  return service_world.new {
    driver = driver.load(given.read.driver, given.folder), dir = asked.dir,
    nodes = nodes, seed = given.flat.seed, host = host,
    port = asked.port or FIRST_PORT, keep_traces = asked.keep_traces,
    hosts = hosts,
  }
end

-- What scenario.lua makes a world with.
local function maker(asked, own)
  return function(given)
    local flat, machine = given.flat, given.machine
    if asked.namespaces then
      own.hosts = chaos_hosts.new { nodes = flat.members, dir = asked.dir }
    end
    if given.read.driver then
      return new_service(asked, given, own.hosts), {}
    end
    if not machine then
      not_applicable('the machine "register" is the simulator\'s own')
    end
    check_options(flat)
    local nodes = flat.members
    local handle = chaos_world.new {
      dir = asked.dir, nodes = nodes, seed = flat.seed,
      addresses = addresses_of(nodes, asked.port, own.hosts),
      hosts = own.hosts,
      member = member_of(flat, machine, asked), modules = asked.modules,
      keep_traces = asked.keep_traces,
    }
    local initial = network_of(flat)
    for _, name in ipairs(OF_NETWORK) do
      handle:set(name, initial[name])
    end
    return handle, initial
  end
end

--- One run of a scenario.
-- @param given { seed = 1, nodes = 5, dir = a folder that is there and empty,
-- duration = "15s", bug = "skip_sync", level = "wire", port = 7100,
-- keep_traces = 200000, namespaces = true: each member has a network of its
-- own, as root, watch = as of scenario:run }
-- @return as scenario:run
function chaos.run(scenario, given)
  local asked = options.check("chaos.run", given, RUN)
  local own = {}
  local ok, result = pcall(scenario.run, scenario, {
    seed = asked.seed, nodes = asked.nodes, bug = asked.bug,
    duration = asked.duration and ("%.0fus"):format(asked.duration),
    keep_traces = asked.keep_traces, watch = asked.watch,
    world = maker(asked, own),
  })
  if own.hosts then
    own.hosts:close()
  end
  if ok then
    return result
  elseif type(result) == "table" and result.not_applicable then
    return { not_applicable = result.not_applicable, now = 0, events = 0,
             seed = asked.seed or 1 }
  end
  error(result, 0)
end

return chaos
