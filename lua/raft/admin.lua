-- SPDX-License-Identifier: MIT
--
-- admin.lua - what operators ask of a member that runs on this computer.
--
-- Holds:     raft.admin and raft.join.
-- Knows not: how a change is driven: that is the leader's (core/replica).
-- Rule:      a member is reached through its directory; who may not enter
--            that, may not administer it.

local core = require "raft.core"
local options = require "raft.options"

local admin = {}

local Admin = {}
Admin.__index = Admin

local ANSWER_US = 10 * 1000 * 1000
local SNAPSHOT_US = 3600 * 1000 * 1000
local CHANGE_US = 600 * 1000 * 1000 -- the leader gives up before that

local SET = {
  expected = { "whole", min = 1 },
  learners = { "table" },
  lease = { "duration", min = 0 },
  drift = { "whole", min = 1 },
  priorities = { "table" },
  timeout = { "duration" },
  voters = { "table" },
}

local JOIN = {
  dir = { "path", required = true },
  id = { "id", required = true },
  to = { "table", required = true },
}

local function encode(value)
  return select(2, assert(core.encode(value)))
end

local function ask(target, method, params, us)
  local value, message, code, detail = core.ask(target, method,
    encode(params), us)
  if value == nil and message then
    return nil, message, code, detail
  end
  return true, value
end

--- The member whose directory this is.
--
--   local members = raft.admin "data/1"
--   local ok, now = members:members()
--   assert(members:set { voters = { 1, 2, { 4, "127.0.0.1:7104" } },
--                        expected = now.index })
--
-- @param dir the directory, as raft.init made it
function admin.open(dir)
  local o = options.check("raft.admin", { dir = dir },
    { dir = { "path", required = true } })
  return setmetatable({ dir = o.dir:find("/", 1, true) and o.dir
    or "./" .. o.dir }, Admin)
end

--- Who the members are: { index = 7, committed = true, joint = false, used =
-- 5, leader = 1, members = { { id = 1, address = "…", voter = true, learner =
-- false, outgoing = false, match = 12, lag = 0, … }, … }, changing = true,
-- catching_up = { { id = 4, round = 2, match = 5, target = 9 } } }; what is
-- said of progress is the leader's.
-- @return true, the table; or nil, message, code
function Admin:members()
  return ask(self.dir, "members", {}, ANSWER_US)
end

--- Asks the leader for these members, and waits until they are. Again, it
-- goes on from what there is.
-- @param given { voters = { 1, 2, { 4, "host:port" } }, learners = { … },
-- expected = the index of the configuration that is to be changed,
-- lease = "200ms", how long a leader may answer reads without asking ("0ms":
-- not at all), drift = 50000, how wrong clocks are at most, in parts per
-- million, priorities = { { 1, 200 }, { 3, 0 } }: who should lead, and who
-- should not (others keep theirs, 100 at first) }; without voters and learners
-- these stay as they are
-- @return true, { index = 9 }; or nil, message, code, detail
function Admin:set(given)
  local o = options.check("admin:set", given, SET)
  local other = o.lease or o.drift or o.priorities
  if not o.voters and (o.learners or not other) then
    error("admin:set: option voters: expected a table, got nothing", 2)
  end
  return ask(self.dir, "set_members", { { voters = o.voters,
    learners = o.learners or o.voters and {}, expected = o.expected,
    lease_us = o.lease, drift_ppm = o.drift, priorities = o.priorities } },
    o.timeout or CHANGE_US)
end

--- Asks the leader to hand over.
-- @param id to whom; default: whom it likes
-- @return true, { leader = 2 }; or nil, message, code, detail
function Admin:transfer(id)
  return ask(self.dir, "transfer", { id }, ANSWER_US)
end

--- Asks the leader to lead no more.
-- @return true; or nil, message, code, detail
function Admin:step_down()
  return ask(self.dir, "step_down", {}, ANSWER_US)
end

--- Asks the member, whoever leads, for a snapshot of its machine, and waits
-- until it is on its disk.
-- @return true, { index = 9 }; or nil, message, code: no_method (the machine
-- takes none), busy (one is under way), exists (there is nothing new)
function Admin:snapshot()
  return ask(self.dir, "snapshot", {}, SNAPSHOT_US)
end

-- Ids are never used again; who is asked may not know the latest ones, and
-- then it is the leader that refuses.
local function is_new(at, id)
  local ok, status, code = ask(at, "status", {}, ANSWER_US)
  if not ok then
    return nil, status, code
  elseif id <= status.used then
    return nil, ("ids are never used again: expected one above %s, got %s"):
      format(status.used, id), "invalid"
  end
  return true
end

--- Makes the directory of a member that is to be added: it gets the first
-- entry from the cluster, and all else when it is served and added.
-- @param given { id = 4, dir = "data/4", to = { "127.0.0.1:7101", … } }
-- @return true; or nil, message, code
function admin.join(given)
  local o = options.check("raft.join", given, JOIN)
  local message, code = "expected an address to ask, got none", "invalid"
  for _, at in ipairs(o.to) do
    local ok, first, why = ask(at, "first_entry", {}, ANSWER_US)
    if ok then
      local new, old, refused = is_new(at, o.id)
      if new then
        return core.node_join { dir = o.dir, id = o.id, first = first }
      end
      first, why = old, refused
    end
    message, code = first, why
    if code == "invalid" then
      break
    end
  end
  return nil, message, code
end

return admin
