-- SPDX-License-Identifier: MIT
--
-- node.lua - a member that runs in this process.
--
-- Holds:     raft.node and raft.init: options, and the host's side of a run.
-- Knows not: how a member works: its threads are core/uv.
-- Rule:      records come to on_log only inside node:step and node:run, on
--            the host's own thread.

local bounds = require "raft.bounds"
local core = require "raft.core"
local options = require "raft.options"

local node = {}

local Node = {}
Node.__index = Node

-- What is logged unless 'log' says otherwise, as sums of levels.
local LEVELS = {
  none = 0, error = 1, warn = 3, info = 7, debug = 15, wire = 31,
}

local NOTHING = "\144" -- an empty array
local HAND_OVER_US = 1000 * 1000
local SNAPSHOT_US = 3600 * 1000 * 1000

local NODE = {
  bug = { "string" },
  check_quorum = bounds.TIMINGS.check_quorum,
  dir = { "path", required = true },
  election_spread = bounds.TIMINGS.election_spread,
  election_timeout = bounds.TIMINGS.election_timeout,
  heartbeat = bounds.TIMINGS.heartbeat,
  hold_unsynced = { "boolean" },
  insecure = { "boolean" },
  is_controlled = { "boolean" }, -- by raft.chaos, on standard input
  instructions = { "whole", min = 1 },
  level = { "one_of", words = { "none", "error", "warn", "info", "debug",
                                "wire" } },
  limits = { "table" },
  listen = { "address" },
  machine = { "string", required = true },
  memory = { "size" },
  mixed_vm = { "boolean" },
  on_log = { "function" },
  options = { "any" },
  sandbox = { "boolean", default = true },
}

local INIT = {
  dir = { "path", required = true },
  id = { "id", required = true },
  limits = { "table" },
  members = { "members", required = true },
  name = { "string", default = "raft" },
}

--- Starts a member and waits until it has recovered and listens.
--
--   local node = assert(raft.node { dir = "data/1", machine = "kv" })
--   node:run()
--
-- @param given { dir = "data/1", machine = a module name or the path of a Lua
-- file, options = a value for its new(), listen = "host:port", insecure =
-- true, sandbox = false, memory = "1GiB", limits = { entry_bytes = "64KiB" },
-- heartbeat = "50ms", election_timeout = "250ms", election_spread = "250ms",
-- check_quorum = "500ms", on_log = function (record), level = "info" }
-- @return the node; or nil, message, code
function node.start(given)
  local o = options.check("raft.node", given, NODE)
  local limits = bounds.limits("raft.node", o.limits, 2)
  bounds.check_timings(o, 1)
  local level = o.level or o.on_log and "info" or "none"
  local handle, message, code = core.node_start {
    bug = o.bug, check_quorum = o.check_quorum, dir = o.dir,
    election_spread = o.election_spread,
    election_timeout = o.election_timeout, heartbeat = o.heartbeat,
    hold_unsynced = o.hold_unsynced, insecure = o.insecure,
    is_controlled = o.is_controlled,
    levels = LEVELS[level], limits = limits,
    listen = o.listen, mixed_vm = o.mixed_vm,
    machine = {
      machine = o.machine, options = o.options, sandbox = o.sandbox,
      memory = o.memory, instructions = o.instructions,
    },
  }
  if not handle then
    return nil, message, code
  end
  return setmetatable({ handle = handle, on_log = o.on_log }, Node)
end

--- Makes a member's directory, once; it must be empty or not there.
-- @param given { id = 1, dir = "data/1", name = "orders", members = { [1] =
-- "127.0.0.1:7101", [2] = "127.0.0.1:7102", [3] = "127.0.0.1:7103" } }; name
-- and members are the same for all of them
-- @return true; or nil, message, code
function node.init(given)
  local o = options.check("raft.init", given, INIT)
  local limits = bounds.limits("raft.init", o.limits, 2)
  return core.node_init {
    dir = o.dir, id = o.id, name = o.name, members = o.members,
    limits = limits,
  }
end

-- ---- the node --------------------------------------------------------------

local function open_handle(self, name)
  if not self.handle then
    error(("node:%s: the node is closed"):format(name), 3)
  end
  return self.handle
end

-- Hands over what has come; returns how many records.
local function take_all(self, handle)
  local count = 0
  local record = handle:take()
  while record do
    count = count + 1
    if self.on_log then
      self.on_log(record)
      if not self.handle then
        return count -- closed by the callback
      end
    end
    record = handle:take()
  end
  return count
end

--- Where it listens, "127.0.0.1:7101".
function Node:address()
  return open_handle(self, "address"):address()
end

--- A file descriptor that is readable when step has work. It belongs to the
-- node: it is polled, never read or closed.
function Node:fd()
  return open_handle(self, "fd"):fd()
end

--- Hands over what the member has told, to on_log.
-- @param timeout how long to wait for something, "100ms"; default: not at all
-- @return true while the member runs; nil, message, code when it has stopped
function Node:step(timeout)
  local handle = open_handle(self, "step")
  if timeout ~= nil then
    local us = options.check("node:step", { timeout = timeout },
      { timeout = { "duration" } }).timeout
    handle:wait(us)
  end
  take_all(self, handle)
  if not self.handle then
    return nil, "the node is closed", "closed"
  end
  local phase, message, code = handle:phase()
  if phase == "open" then
    return true
  end
  return nil, message or "the node has ended", code or "closed"
end

-- Ends the member and hands over what it told last.
-- @return true; or nil, message, code: why it stopped, or what was abandoned
local function finish(self, handle)
  handle:stop()
  repeat
    handle:wait()
    take_all(self, handle)
  until not self.handle or handle:phase() == "ended"
  if not self.handle then
    return true -- closed by on_log
  end
  take_all(self, handle)
  local _, message, code = handle:phase()
  self.handle = nil
  handle:close()
  if message then
    return nil, message, code
  end
  return true
end

-- A leader that ends lets another one begin at once: clients need not wait
-- for an election timeout. Whatever comes of it, this one ends.
local function hand_over(handle)
  handle:order("transfer", NOTHING, HAND_OVER_US)
end

--- Runs until SIGINT, SIGTERM or SIGHUP, or until the member stops by itself;
-- then the node is closed. A second signal ends the process at once. The
-- handlers of these signals are set for this time only, and SIGPIPE is
-- ignored: a member outlives the reader of its log.
-- @return true when it was told to end; or nil, message, code
function Node:run()
  local handle = open_handle(self, "run")
  handle:signals(true)
  local ok
  repeat
    local why = handle:wait()
    ok = self:step()
  until not ok or why == "signal"
  if not self.handle then
    return true -- closed by on_log
  end
  if ok then
    hand_over(handle)
  end
  return finish(self, handle)
end

--- What the member says of itself: { id = 1, role = "leader", term = 7,
-- leader = 1, commit = 12, applied = 12, members = { … }, turn_us = { … }, … }.
-- @param given { state_hash = true } adds the hash of the machine's state
-- @return true, the table; or nil, message, code
function Node:status(given)
  local handle = open_handle(self, "status")
  local o = options.check("node:status", given,
    { state_hash = { "boolean" } })
  local status, message, code = handle:status(o.state_hash)
  if not status then
    return nil, message, code
  end
  return true, status
end

--- Takes a snapshot of the machine, and waits until it is on the disk.
-- @return true, { index = 9 }; or nil, message, code: no_method (the machine
-- takes none), busy (one is under way), exists (there is nothing new)
function Node:snapshot()
  local handle = open_handle(self, "snapshot")
  local made, message, code = handle:order("snapshot", NOTHING, SNAPSHOT_US)
  if not made then
    return nil, message, code
  end
  return true, made
end

--- The same as metrics, in the text format of Prometheus; docs/inspect.md
-- lists them.
-- @return true, the text; or nil, message, code
function Node:metrics()
  local ok, status, code = Node.status(self)
  if not ok then
    return nil, status, code
  end
  return true, require("raft.metrics").text { status }
end

--- Ends the member: who waits is answered, the log is finished, the threads
-- are joined. What it told last goes to on_log. Again: nothing happens.
-- @return true; or nil, message, code: an apply or a sync has not returned
-- within limits.close_us and was abandoned, or the member had stopped before
function Node:close()
  if not self.handle then
    return true
  end
  return finish(self, self.handle)
end

function Node:__tostring()
  return "raft.node (" .. (self.handle and self.handle:address() or "closed")
    .. ")"
end

return node
