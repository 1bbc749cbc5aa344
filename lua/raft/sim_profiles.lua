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
}

local profiles = {}

--- No faults at all.
profiles.quiet = {}

--- Messages are lost, late, twice, out of order and damaged.
profiles.messages = {
  loss = 30, duplicate = 30, reorder = 60, corrupt = 5,
}

--- Power and processes come and go.
profiles.crashes = {
  loss = 5, duplicate = 5, reorder = 20,
  fault_us = 400 * MS, fault_length_us = 800 * MS,
  crash = 6, kill = 2, crash_all = 1, pause = 1,
}

--- Members hear some others and not the rest.
profiles.partitions = {
  loss = 5, duplicate = 10, reorder = 40,
  fault_us = 500 * MS, fault_length_us = 1500 * MS,
  split = 4, isolate = 4, bridge = 2, ring = 1, one_way = 3, deaf = 2,
  client_cut = 1, pause = 3, reset = 1,
}

--- Disks are slow, fail, and are full.
profiles.disks = {
  fault_us = 400 * MS, fault_length_us = 1000 * MS,
  slow_sync = 20, crash = 3, kill = 1, crash_all = 1,
  disk_failure = 3, disk_slow = 3, disk_full = 1, pause = 1,
  isolate = 1, inspect_disk = 2000,
}

--- Small limits, five members, much to do.
profiles.small = {
  members = 5, clients = 6, burst = 4, operation_us = 10 * MS,
  loss = 10, duplicate = 10, reorder = 50, slow_apply = 10,
  fault_us = 500 * MS, fault_length_us = 1000 * MS,
  crash = 3, kill = 1, split = 3, isolate = 2, one_way = 2, pause = 2,
  limits = SMALL,
}

--- Everything at once.
profiles.everything = {
  members = 5, clients = 5, burst = 3, stale_reads = 100,
  sessionless = 200, padding_bytes = 300,
  loss = 10, duplicate = 10, reorder = 30, corrupt = 2,
  slow_sync = 5, slow_apply = 5, skew_us = 2000 * MS,
  fault_us = 300 * MS, fault_length_us = 1200 * MS,
  crash = 4, crash_all = 1, kill = 2, split = 3, isolate = 3, bridge = 1,
  ring = 1, one_way = 2, deaf = 1, client_cut = 1, pause = 3, reset = 2,
  disk_failure = 1, disk_slow = 1, disk_full = 1, machine_death = 1,
  memory_death = 1, wipe = 1, jump = 1, inspect_disk = 500,
  limits = SMALL,
}

--- The order in which they are shown and run.
profiles.names = {
  "quiet", "messages", "crashes", "partitions", "disks", "small",
  "everything",
}

return profiles
