-- SPDX-License-Identifier: MIT
--
-- bounds.lua - what the timings and limits of a member may be.
--
-- Holds:     defaults of the timings, as in core/raft/raft.c, how they must
--            stand to each other, and the bounds of each limit.
-- Knows not: what they are for: core/raft/raft.h, core/base/limit.h.
-- Rule:      a mistake names the option, its bound and what came.

local core = require "raft.core"
local options = require "raft.options"
local quantity = require "raft.quantity"

local bounds = {}

local HOUR = quantity.duration "1h"
local TIMING = { "duration", min = quantity.duration "1ms", max = HOUR }

--- The timings among the options of raft.node.
bounds.TIMINGS = {
  check_quorum = TIMING,
  election_spread = TIMING,
  election_timeout = TIMING,
  heartbeat = TIMING,
}

local HEARTBEAT = quantity.duration "50ms"
local ELECTION = quantity.duration "250ms"
local QUORUM = quantity.duration "500ms"

-- 'given' is what the user set; when it is not the one at fault, the other is.
local function refuse(given, name, relation, bound, value, level)
  if given then
    error(("raft.node: option %s: expected %s (%s), got %s"):format(name,
      relation, quantity.duration_text(bound), quantity.duration_text(value)),
      level)
  end
end

--- How they must stand to each other: heartbeat < election_timeout <=
-- check_quorum. Without a check_quorum it is twice the election timeout, and
-- 500ms at least.
-- @param o the options, in microseconds; check_quorum is filled in
-- @param level whom to blame, as for error()
function bounds.check_timings(o, level)
  level = level + 3
  local heartbeat = o.heartbeat or HEARTBEAT
  local election = o.election_timeout or ELECTION
  if heartbeat >= election then
    refuse(o.heartbeat, "heartbeat", "less than election_timeout", election,
      heartbeat, level)
    refuse(true, "election_timeout", "more than heartbeat", heartbeat,
      election, level)
  end
  o.check_quorum = o.check_quorum or math.max(QUORUM, 2 * election)
  if o.check_quorum < election then
    refuse(true, "check_quorum", "at least election_timeout", election,
      o.check_quorum, level)
  end
end

local UNITS = {
  bytes = { "size", min = 1, max = 2 ^ 30 },
  ["bytes/s"] = { "size", min = 1024, max = 2 ^ 30 },
  blocks = { "whole", min = 1, max = 64 },
  microseconds = { "duration", min = 1, max = HOUR },
}
local COUNT = { "whole", min = 1, max = 10 ^ 6 }

-- An entry has an envelope, and commands are to fit as well.
local ENTRY = { "size", min = 1024, max = 2 ^ 30 }

--- Limits as numbers. Sizes and durations may be written for people.
-- @param where "raft.node"
-- @param level whom to blame, as for error()
function bounds.limits(where, given, level)
  if given == nil then
    return nil
  end
  local schema = {}
  for _, limit in ipairs(core.limits) do
    schema[limit.name] = UNITS[limit.unit] or COUNT
  end
  schema.entry_bytes = ENTRY
  local read = options.check(where .. ": limits", given, schema, level)
  return read
end

return bounds
