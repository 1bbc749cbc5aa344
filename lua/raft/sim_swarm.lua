-- SPDX-License-Identifier: MIT
--
-- sim_swarm.lua - for each seed another subset of what can go wrong.
--
-- Holds:  the options of the profile "swarm": which faults, how strong, which
--         limits, times and clients, drawn from the seed; and the uses, such
--         as leases, that "everything" draws as well.
-- Rule:   a fault that is always there hides what another one would show: it
--         resets what that one needs. Half of each kind is left out, by
--         chance (Groce et al., "Swarm Testing", ISSTA 2012).

local dice = require "raft.dice"

local MS = 1000

local swarm = {}

-- Chances in permille, and weights of faults: the most that is drawn.
local CHANCES = {
  { "loss", 40 }, { "duplicate", 60 }, { "reorder", 100 }, { "corrupt", 4 },
  { "tail", 20 }, { "slow_sync", 10 }, { "slow_apply", 10 },
  { "sessionless", 300 }, { "stale_reads", 300 },
}
local FAULTS = {
  { "crash", 6 }, { "crash_all", 2 }, { "kill", 4 }, { "split", 4 },
  { "isolate", 5 }, { "bridge", 2 }, { "ring", 2 }, { "one_way", 3 },
  { "deaf", 2 }, { "client_cut", 2 }, { "pause", 5 }, { "reset", 3 },
  { "client_reset", 2 }, { "slow_link", 4 }, { "disk_failure", 2 },
  { "disk_slow", 3 }, { "disk_full", 2 }, { "machine_death", 1 },
  { "memory_death", 1 }, { "wipe", 1 }, { "rot", 1 }, { "jump", 1 },
  { "drift", 2 }, { "lost_entry", 2 }, { "transfer", 4 },
}
local LIMITS = {
  { "append_entries", 1, 4 }, { "inflight_messages", 1, 4 },
  { "cached_bytes", 512, 4096 }, { "apply_entries", 1, 4 },
  { "snapshot_bytes", 2048, 16384 }, { "retained_entries", 1, 16 },
}

local function draw_some(random, rows, options)
  for _, row in ipairs(rows) do
    if random:number(2) == 1 then
      options[row[1]] = random:number(row[2])
    end
  end
end

local function draw_limits(random)
  local limits = {}
  for _, row in ipairs(LIMITS) do
    if random:number(2) == 1 then
      limits[row[1]] = row[2] - 1 + random:number(row[3] - row[2] + 1)
    end
  end
  if random:number(2) == 1 then
    limits.segment_bytes, limits.batch_bytes = 8192, 1024
  end
  return limits
end

-- Elections as short as the delays of messages, and faults as often.
local CONTESTED = {
  operation_us = 3 * MS, heartbeat_us = 8 * MS, election_us = 25 * MS,
  election_spread_us = 30 * MS, check_quorum_us = 50 * MS,
  delay_max_us = 4 * MS, reorder_us = 150 * MS, redial_us = 5 * MS,
  silent_us = 200 * MS, sync_max_us = 1 * MS, deadline_us = 400 * MS,
  slow_sync_us = 50 * MS, slow_apply_us = 50 * MS, tail_us = 100 * MS,
  retry_us = 1 * MS, duration_us = 4000 * MS,
}

local function draw_times(random, options)
  if random:number(3) == 1 then
    for name, value in pairs(CONTESTED) do
      options[name] = value
    end
    options.fault_us = 20 * MS * random:number(6)
    options.fault_length_us = 40 * MS * random:number(6)
  else
    options.operation_us = 5 * MS * random:number(6)
    options.fault_us = 50 * MS * random:number(10)
    options.fault_length_us = 200 * MS * random:number(8)
    options.duration_us = 1000 * MS * (4 + random:number(6))
  end
end

-- Members that come and go in half of the runs, from a cluster of one on.
local function draw_members(random, options)
  options.members = 1 + random:number(4)
  if random:number(2) == 1 then
    options.members = random:number(5)
    options.spares = random:number(4)
    options.change = random:number(6)
    options.limits.catch_up_us = 2000 * MS
  end
end

-- What some clusters use and some do not: reads of other kinds, leases, who
-- should lead, windows and messages full by bytes, builds of different age.
local function draw_uses(random, options)
  if random:number(2) == 1 then
    options.follower_reads = 50 * random:number(6)
    options.bounded_reads = 50 * random:number(6)
    options.max_age_us = 50 * MS * random:number(8)
  end
  if random:number(3) == 1 then
    options.lease_us = 100 * MS * random:number(15)
    options.lease_reads = 50 * random:number(6)
    options.check_quorum_us = 2 * options.lease_us + 1000 * MS
  end
  local is_priority = random:number(4) == 1
  if is_priority and (options.heal == nil or options.heal == "some") then
    options.priorities, options.obey, options.heal = 1, nil, nil
    options.limits.priority_settle_us = 500 * MS
  end
  if random:number(3) == 1 then
    options.padding_bytes = 100 * random:number(9)
    options.limits.inflight_bytes = 512 * random:number(8)
    options.limits.append_bytes = 256 * random:number(8)
  end
  if random:number(4) == 1 then
    options.features, options.older = 32, 2 * (random:number(511) - 1)
  end
end

local function laid_over(under, over)
  local mixed = {}
  for _, options in ipairs { under, over } do
    for name, value in pairs(options or {}) do
      mixed[name] = value
    end
  end
  return mixed
end

--- Options and, by chance, what some clusters use and some do not: leases,
-- reads of other kinds, priorities, … What is given by name wins.
-- @param given flat; limits is a table
function swarm.add_uses(given, seed)
  local drawn = { limits = {}, heal = given.heal, obey = given.obey }
  draw_uses(dice.new(seed), drawn)
  local mixed = laid_over(drawn, given)
  mixed.limits = laid_over(drawn.limits, given.limits)
  -- Who should lead does not obey for long, and comes back when it can.
  if mixed.priorities == 1 then
    mixed.heal, mixed.obey = drawn.heal, drawn.obey
  end
  return mixed
end

--- The options of one seed.
-- @return { members = 3, clients = 5, crash = 4, limits = { … }, … }
function swarm.draw(seed)
  local random = dice.new(seed)
  local options = {
    clients = random:number(8), burst = random:number(4),
    keys = random:number(4), reads = 100 * random:number(8),
    heal = "some", obey = 1, inspect_disk = 500,
  }
  options.limits = draw_limits(random)
  draw_members(random, options)
  draw_times(random, options)
  draw_some(random, CHANCES, options)
  draw_some(random, FAULTS, options)
  if random:number(4) == 1 then
    options.padding_bytes = 300
  end
  draw_uses(random, options)
  return options
end

return swarm
