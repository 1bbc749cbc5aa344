-- SPDX-License-Identifier: MIT
--
-- chaos_calls.lua - clients of members that are processes, by number, as a
-- simulated world has them.
--
-- Holds:     clients in this process, their calls, what became of them.
-- Knows not: coroutines (sim_client.lua), members.
-- Invariant: every call that was accepted is taken once, by its deadline.

local core = require "raft.core"

local Calls = {}
Calls.__index = Calls

local chaos_calls = {}

local DEADLINE_US = 3 * 1000 * 1000 -- as the simulator has it
local RETRY_US = 10 * 1000

--- @param given { addresses = { "host:port", … }, now = function,
-- keep = how many operations are kept }
function chaos_calls.new(given)
  return setmetatable({
    addresses = given.addresses, now = given.now, keep = given.keep,
    clients = {}, fds = {}, ready = {}, kept = {}, last = 0,
    outstanding = 0, counts = {}, longest = 0,
  }, Calls)
end

-- The addresses in the order in which they are asked.
local function addresses_for(self, home, only)
  if only then
    return { self.addresses[home] }
  elseif not home then
    return self.addresses
  end
  local list = { self.addresses[home] }
  for id, at in ipairs(self.addresses) do
    if id ~= home then
      list[#list + 1] = at
    end
  end
  return list
end

--- A client. @return its number
function Calls:client(has_session, home, only)
  local handle, message = core.client(addresses_for(self, home, only),
    DEADLINE_US, RETRY_US, has_session, home ~= nil)
  if not handle then
    error("a client cannot be made: " .. tostring(message), 0)
  end
  local number = #self.clients + 1
  self.clients[number] = { handle = handle, calls = {}, done = {},
                           first = 1 }
  self.fds[number] = handle:fd()
  return number
end

-- ---- calls -----------------------------------------------------------------

-- As the client has them; "bounded" is stale, and no older than said.
local READS = { read = "linear", stale = "stale", bounded = "stale",
                lease = "lease", follower = "follower" }

local function begin(client, kind, value, deadline, max_age_us)
  if kind == "write" then
    return client.handle:propose(value, deadline)
  end
  return client.handle:query(value, READS[kind], deadline, max_age_us)
end

--- Begins a call. @param kind "write", "read", "stale", "bounded", "lease" or
-- "follower" @param max_age_us of "bounded"
-- @return its number; or nil, message, code
function Calls:invoke(number, kind, bytes, deadline_us, max_age_us)
  local client = self.clients[number]
  local _, value = assert(core.decode(bytes))
  local call, message, code = begin(client, kind, value,
    deadline_us or DEADLINE_US, max_age_us)
  if not call then
    return nil, message, code
  end
  self.last = self.last + 1
  local kept = { number = self.last, client = number, kind = kind,
    from = self.now(), value = value }
  if self.last <= self.keep then
    self.kept[self.last] = kept
  end
  client.calls[call] = kept
  self.outstanding = self.outstanding + 1
  return kept.number
end

local function finish(self, client, call, ok, ...)
  local kept = client.calls[call]
  client.calls[call] = nil
  self.outstanding = self.outstanding - 1
  local done = { number = kept.number, ok = ok == true, bytes = "" }
  kept.to = self.now()
  if ok then
    if kept.kind == "write" then
      self.longest = math.max(self.longest, kept.to - (self.written
        or kept.to))
      self.written = kept.to
    end
    kept.code, kept.result = "ok", (...)
    done.code = "ok"
    done.bytes = kept.result ~= nil
      and select(2, assert(core.encode(kept.result))) or ""
  else
    done.message, done.code, done.leader = ...
    kept.code = done.code
    if done.code == "apply_failed" then
      done.bytes = select(2, assert(core.encode(done.message)))
    end
  end
  self.counts[done.code] = (self.counts[done.code] or 0) + 1
  client.done[#client.done + 1] = done
end

local function collect(self, client)
  local function take(call, ...)
    if call then
      finish(self, client, call, ...)
      return true
    end
  end
  local any = false
  while take(client.handle:take()) do
    any = true
  end
  return any
end

--- The oldest that has ended and was not taken, or nil.
function Calls:take(number)
  local client = self.clients[number]
  local done = client.done[client.first]
  if not done then
    client.done, client.first = {}, 1
    return nil
  end
  client.done[client.first] = false
  client.first = client.first + 1
  return done
end

-- ---- turns -----------------------------------------------------------------

local function wait_of(self, wait_us)
  for _, client in ipairs(self.clients) do
    wait_us = math.min(wait_us, client.handle:wait() or wait_us)
  end
  return math.max(wait_us, 0)
end

--- Waits for something to happen, and handles it. @return whether calls ended
function Calls:turn(wait_us)
  local count = core.poll(self.fds, self.ready, wait_of(self, wait_us))
  local is_ready, any = {}, false
  for i = 1, count do
    is_ready[self.ready[i]] = true
  end
  for number, client in ipairs(self.clients) do
    if is_ready[number] or client.handle:wait() == 0 then
      client.handle:turn(0)
    end
    any = collect(self, client) or any
  end
  return any
end

--- What clients asked, oldest first, as sim.lua has operations.
function Calls:operations()
  local list = {}
  for i, kept in ipairs(self.kept) do
    list[i] = kept
  end
  return list
end

function Calls:close()
  for _, client in ipairs(self.clients) do
    client.handle:close()
  end
  self.clients, self.fds = {}, {}
end

return chaos_calls
