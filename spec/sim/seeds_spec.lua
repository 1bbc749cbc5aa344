-- SPDX-License-Identifier: MIT
--
-- Seeds of every profile, all checks on. More of them with #full.

local helper = require "spec.helper"
local sim = require "raft.sim"

-- Seeds in the short form and in the long one.
local COUNTS = {
  quiet = { 5, 100 },
  messages = { 30, 1000 },
  crashes = { 40, 2000 },
  partitions = { 100, 3000 },
  disks = { 40, 2000 },
  small = { 15, 1000 },
  contested = { 30, 2000 },
  contested_five = { 30, 2000 },
  reads = { 30, 1000 },
  leases = { 30, 2000 },
  handovers = { 10, 1000 },
  clock_31 = { 3, 100 },
  clock_32 = { 3, 100 },
  clock_52 = { 3, 100 },
  tight = { 10, 1000 },
  bulk = { 10, 1000 },
  members = { 30, 3000 },
  priorities = { 30, 3000 },
  everything = { 30, 3000 },
  swarm = { 30, 3000 },
}

-- What must have happened at least once in all runs of a profile: else the
-- profile says less than its name.
local MUST = {
  quiet = { "acknowledged", "reads_done" },
  messages = { "lost", "duplicated", "reordered", "corrupted", "refused" },
  crashes = { "crashes", "kills", "restarts", "pauses" },
  partitions = { "partitions", "heals", "elections", "truncations" },
  disks = { "disk_failures", "disk_fulls", "slow_syncs", "stops",
    "inspections" },
  small = { "truncations", "reads_done" },
  contested = { "rivals", "truncations", "crashes" },
  contested_five = { "truncations", "crashes" },
  reads = { "rivals", "reads_done", "pauses" },
  leases = { "lease_done", "drifts", "slow_links", "restarts" },
  handovers = { "lease_done", "orders_done", "rivals" },
  clock_31 = { "acknowledged" },
  clock_32 = { "acknowledged" },
  clock_52 = { "acknowledged" },
  bulk = { "window_bytes", "old_entries", "truncations",
    "snapshots_installed" },
  tight = { "slow_syncs", "client_resets", "reads_done" },
  members = { "configurations", "orders_done", "removed", "crashes" },
  priorities = { "configurations", "orders_done", "removed", "crashes" },
  everything = { "snapshots_taken", "snapshots_sent", "snapshots_installed",
    "snapshots_restored", "wipes", "jumps", "machine_failures",
    "memory_failures", "unknowns", "configurations", "orders_done",
    "disk_fulls", "stale_done", "lease_done", "follower_done",
    "bounded_done", "agreements" },
  swarm = { "crashes", "partitions", "disk_fulls", "snapshots_taken",
    "configurations", "lost", "lease_done", "follower_done", "bounded_done",
    "agreements", "snapshots_installed", "orders_done" },
}

local function replay(name, seed)
  return ("replay: sim.run(sim.mix(sim.profiles.%s, { seed = %d }))"):format(
    name, seed)
end

local function run(name, seed)
  return sim.run(sim.mix(sim.profiles[name], { seed = seed }))
end

local function add(sums, result)
  for key, value in pairs(result) do
    if type(value) == "number" then
      sums[key] = (sums[key] or 0) + value
    end
  end
end

local function run_seeds(name, from, count)
  local sums = {}
  for seed = from, from + count - 1 do
    local result = run(name, seed)
    if not result.ok then
      error(("seed=%d %s: %s\n%s"):format(seed, result.violation.name,
        result.violation.text, replay(name, seed)))
    end
    add(sums, result)
    add(sums, result.marks)
  end
  print(("%-15s %5d seeds, %10d events, %7d writes, %7d reads"):format(name,
    count, sums.events, sums.acknowledged, sums.reads_done))
  for _, counter in ipairs(MUST[name]) do
    assert(sums[counter], "no counter " .. counter)
    assert(sums[counter] > 0, counter .. " never happened")
  end
end

describe("sim: seeds", function ()
  local first = helper.seed * 100000 - 99999
  for _, name in ipairs(sim.profiles.names) do
    it(("of %s hold every invariant, and end in peace"):format(name),
    function ()
      local count = COUNTS[name][helper.full and 2 or 1]
      print(("seed=%d … %d"):format(first, first + count - 1))
      run_seeds(name, first, count)
    end)
  end
end)
