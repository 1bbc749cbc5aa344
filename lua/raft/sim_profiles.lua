-- SPDX-License-Identifier: MIT
--
-- sim_profiles.lua - what can go wrong, in portions: options for sim.run.
--
-- Rule:   a profile is general. None of them is written for one bug.

local MS = 1000

-- Small limits, so that every ring wraps and every window closes.
local SMALL = {
  append_entries = 3,
  inflight_messages = 3,
  cached_bytes = 2048,
  apply_entries = 2,
  segment_bytes = 8192,
  batch_bytes = 1024,
  snapshot_bytes = 8192,
  retained_entries = 8,
}

local profiles = {}

--- No faults at all.
profiles.quiet = {}

--- Messages are lost, late, twice, out of order and damaged.
profiles.messages = {
  loss = 30, duplicate = 30, reorder = 60, corrupt = 5, tail = 20,
}

--- Power and processes come and go.
profiles.crashes = {
  loss = 5, duplicate = 5, reorder = 20,
  fault_us = 400 * MS, fault_length_us = 800 * MS,
  crash = 6, kill = 2, crash_all = 1, pause = 1, lost_entry = 2,
}

--- Members hear some others and not the rest.
profiles.partitions = {
  loss = 5, duplicate = 10, reorder = 40,
  fault_us = 500 * MS, fault_length_us = 1500 * MS,
  split = 4, isolate = 4, bridge = 2, ring = 1, one_way = 3, deaf = 2,
  client_cut = 1, pause = 3, reset = 1, client_reset = 1, slow_link = 3,
  heal = "some",
}

--- Disks are slow, fail, and are full.
profiles.disks = {
  fault_us = 400 * MS, fault_length_us = 1000 * MS,
  slow_sync = 20, crash = 3, kill = 1, crash_all = 1,
  disk_failure = 3, disk_slow = 3, disk_full = 1, pause = 1,
  isolate = 1, rot = 1, inspect_disk = 2000,
  limits = { segment_bytes = 8192, batch_bytes = 1024 },
}

-- Elections as short as the delays of messages: leaders follow each other,
-- and what is late comes from two terms ago.
local function contested(more)
  local profile = {
    clients = 6, burst = 3, reads = 300, operation_us = 3 * MS,
    heartbeat_us = 8 * MS, election_us = 25 * MS,
    election_spread_us = 30 * MS, check_quorum_us = 50 * MS,
    delay_max_us = 4 * MS, loss = 50, duplicate = 50,
    reorder = 100, reorder_us = 150 * MS, redial_us = 5 * MS,
    silent_us = 200 * MS, sync_max_us = 1 * MS,
    deadline_us = 400 * MS, retry_us = 1 * MS, duration_us = 5000 * MS,
    fault_us = 60 * MS, fault_length_us = 120 * MS,
    crash = 2, kill = 1, isolate = 3, split = 2, pause = 2, one_way = 2,
  }
  for name, value in pairs(more) do
    profile[name] = value
  end
  return profile
end

--- Three members, contested.
profiles.contested = contested {}

--- Five, with small limits and power cuts.
profiles.contested_five = contested {
  members = 5, crash = 3, crash_all = 1, fault_us = 30 * MS,
  limits = SMALL,
}

--- Reads from leaders that others have left.
profiles.reads = {
  members = 5, clients = 10, burst = 3, reads = 600, keys = 1,
  operation_us = 20 * MS, heartbeat_us = 40 * MS, election_us = 80 * MS,
  election_spread_us = 60 * MS, check_quorum_us = 400 * MS,
  deadline_us = 1000 * MS, fault_us = 80 * MS, fault_length_us = 600 * MS,
  isolate = 5, pause = 5,
}

-- All kinds of reads, and leases that last longer than elections.
local function leased(more)
  local profile = {
    members = 3, clients = 8, burst = 2, reads = 600, keys = 1,
    lease_reads = 500, follower_reads = 150, bounded_reads = 150,
    max_age_us = 100 * MS, lease_us = 600 * MS,
    operation_us = 3 * MS, heartbeat_us = 40 * MS, election_us = 80 * MS,
    election_spread_us = 60 * MS, check_quorum_us = 1500 * MS,
    deadline_us = 1500 * MS, sync_max_us = 1 * MS, isolate = 6, pause = 3,
    duration_us = 6000 * MS,
  }
  for name, value in pairs(more) do
    profile[name] = value
  end
  return profile
end

--- Leases outlive elections and are outlived by leaders; clocks are as wrong
-- as declared; voters end and start within a lease, or are slow to sync.
profiles.leases = leased {
  lease_us = 1500 * MS, check_quorum_us = 4000 * MS, duration_us = 12000 * MS,
  slow_sync = 20, slow_sync_us = 400 * MS,
  slow_apply = 20, slow_apply_us = 60 * MS, loss = 5, reorder = 30,
  fault_us = 250 * MS, fault_length_us = 2500 * MS, isolate = 8, kill = 4,
  crash = 1, drift = 16, transfer = 8, reset = 1, disk_slow = 1,
  slow_link = 6, slow_link_us = 100 * MS,
}

--- Leaders hand over while they are cut off.
profiles.handovers = leased {
  operation_us = 2 * MS, delay_max_us = 6 * MS, fault_us = 25 * MS,
  fault_length_us = 60 * MS, transfer = 20, isolate = 10, one_way = 8,
  slow_link = 10, slow_link_us = 60 * MS,
}

--- Clocks that stand just below 2^31 and 2^32 milliseconds, and 2^52
-- microseconds, when a run begins.
profiles.clock_31 = { start_us = 2 ^ 31 * MS - 3000 * MS }
profiles.clock_32 = { start_us = 2 ^ 32 * MS - 3000 * MS }
profiles.clock_52 = { start_us = 2 ^ 52 - 3000 * MS }

--- Small limits, five members, much to do.
profiles.small = {
  members = 5, clients = 6, burst = 4, operation_us = 10 * MS,
  loss = 10, duplicate = 10, reorder = 50, slow_apply = 10,
  fault_us = 500 * MS, fault_length_us = 1000 * MS,
  crash = 3, kill = 1, split = 3, isolate = 2, one_way = 2, pause = 2,
  limits = SMALL,
}

--- Big entries and small windows: bytes are what closes them, long before the
-- messages do, and entries are read back from the log to be sent.
profiles.bulk = {
  members = 5, clients = 6, burst = 4, padding_bytes = 3000,
  operation_us = 10 * MS, loss = 10, duplicate = 10, reorder = 30, tail = 3,
  slow_sync = 5, fault_us = 300 * MS, fault_length_us = 600 * MS,
  crash = 2, kill = 1, split = 2, isolate = 2, pause = 2, slow_link = 2,
  limits = { inflight_bytes = 6000, append_bytes = 4096, cached_bytes = 16384,
    apply_bytes = 8192, segment_bytes = 32768, batch_bytes = 8192,
    snapshot_bytes = 65536, retained_entries = 16 },
}

--- Less room than there are clients: sessions are evicted, and expire soon by
-- clocks that differ; requests are refused, and who is slow is called stalled.
-- Nobody can be sure to be served.
profiles.tight = {
  members = 3, clients = 6, burst = 4, operation_us = 5 * MS, calm_us = 0,
  slow_sync = 30, slow_sync_us = 200 * MS, slow_apply = 30,
  slow_apply_us = 200 * MS, loss = 20, reorder = 20, skew_us = 2000 * MS,
  fault_us = 400 * MS, fault_length_us = 600 * MS,
  crash = 2, isolate = 2, disk_slow = 2, client_reset = 2,
  limits = { sessions = 3, session_bytes = 2048, reads = 2,
    session_expire_us = 300 * MS,
    unapplied_bytes = 2048, connection_requests = 2, cached_bytes = 2048,
    apply_entries = 2, apply_stall_us = 60 * MS, sync_stall_us = 60 * MS },
}

--- Every fault at once; of what a cluster may use and need not, leases, reads
-- of each kind, priorities, builds of different age, each seed draws its own.
profiles.everything = {
  members = 5, spares = 2, clients = 5, burst = 3, stale_reads = 100,
  sessionless = 200, padding_bytes = 300,
  loss = 10, duplicate = 10, reorder = 30, corrupt = 2,
  slow_sync = 5, slow_apply = 5, skew_us = 2000 * MS, tail = 3,
  fault_us = 300 * MS, fault_length_us = 1200 * MS,
  crash = 4, crash_all = 1, kill = 2, split = 3, isolate = 3, bridge = 1,
  ring = 1, one_way = 2, deaf = 1, client_cut = 1, pause = 3, reset = 2,
  disk_failure = 1, disk_slow = 1, disk_full = 1, machine_death = 1,
  memory_death = 1, wipe = 1, rot = 1, jump = 1, drift = 1,
  client_reset = 1, slow_link = 2, lost_entry = 1, inspect_disk = 500,
  change = 1, transfer = 2, obey = 1, heal = "some", uses = 1,
  limits = SMALL,
}

-- Members come and go, leaders hand over, and all else goes on.
local function changing(more)
  local profile = {
    members = 3, spares = 6, clients = 4, burst = 2, sessionless = 100,
    loss = 10, duplicate = 10, reorder = 30, slow_sync = 5, slow_apply = 5,
    fault_us = 150 * MS, fault_length_us = 800 * MS,
    change = 8, transfer = 4,
    crash = 3, kill = 1, crash_all = 1, split = 2, isolate = 2, one_way = 1,
    pause = 2, reset = 1, disk_slow = 1, memory_death = 1, drift = 1,
    slow_link = 1, client_reset = 1, lost_entry = 1, tail = 3,
    inspect_disk = 500,
    limits = { append_entries = 3, inflight_messages = 3,
      cached_bytes = 2048, apply_entries = 2, segment_bytes = 8192,
      batch_bytes = 1024, snapshot_bytes = 4096, retained_entries = 4,
      catch_up_us = 2000 * MS, priority_settle_us = 500 * MS },
  }
  for name, value in pairs(more) do
    profile[name] = value
  end
  return profile
end

--- Members come and go, and leaders hand over to whom they are told.
profiles.members = changing { obey = 1, heal = "some" }

--- Likewise, but some should lead and some should not.
profiles.priorities = changing { priorities = 1 }

--- Other faults, limits and times for each seed (sim_swarm.lua).
profiles.swarm = { swarm = 1 }

--- The order in which they are shown and run.
profiles.names = {
  "quiet", "messages", "crashes", "partitions", "disks", "small",
  "contested", "contested_five", "reads", "leases", "handovers",
  "clock_31", "clock_32", "clock_52",
  "tight", "bulk", "members", "priorities", "everything", "swarm",
}

return profiles
