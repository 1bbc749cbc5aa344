-- SPDX-License-Identifier: MIT
--
-- service_calls.lua - clients of a service that is not ours, by number, with
-- the methods of chaos_calls.lua.
--
-- Holds:     one connection per client, one request at a time on it; tries
--            that certainly did nothing are made again, elsewhere.
-- Knows not: the protocol: a driver says what bytes are (driver.lua).
-- Invariant: a call whose request was sent, and whose answer did not come, has
--            the code "timeout" or "unknown": nobody knows.

local core = require "raft.core"
local wire = require "raft.service_wire"

local Calls = {}
Calls.__index = Calls

local service_calls = {}

local DEADLINE_US = 3 * 1000 * 1000
local RETRY_US = 20 * 1000

--- @param given { driver = …, nodes = 3, now = function, place = function of
-- an id → as driver.start has it, target = function of an id → who is asked
-- (nil: nobody), is_cut = function of an id }
function service_calls.new(given)
  local self = setmetatable({ clients = {}, kept = {}, last = 0,
    outstanding = 0, counts = {}, longest = 0 }, Calls)
  for name, value in pairs(given) do
    self[name] = value
  end
  return self
end

--- A client. @return its number
function Calls:client(_, home, only)
  local number = #self.clients + 1
  self.clients[number] = { number = number, queue = {}, done = {}, first = 1,
    at = home or (number - 1) % self.nodes + 1, only = only and home }
  return number
end

-- ---- ends ------------------------------------------------------------------

local function disconnect(client)
  if client.wire then
    client.wire:close()
  end
  client.wire, client.input, client.is_sent = nil, nil, false
end

local function finish(self, client, ok, result, code)
  local call = table.remove(client.queue, 1)
  self.outstanding = self.outstanding - 1
  call.to, call.code = self.now(), ok and "ok" or code
  local done = { number = call.number, ok = ok, code = call.code,
    bytes = "", message = not ok and tostring(result) or nil }
  if ok then
    call.result = result
    if call.kind == "write" then
      self.longest = math.max(self.longest, call.to
        - (self.written or call.to))
      self.written = call.to
    end
    done.bytes = result ~= nil and select(2, assert(core.encode(result)))
      or ""
  end
  self.counts[done.code] = (self.counts[done.code] or 0) + 1
  client.done[#client.done + 1] = done
  client.is_sent = false
  self.any = true
end

-- Nothing was done: another one is asked, in a while.
local function again(self, client, why)
  disconnect(client)
  client.why, client.pause = why, self.now() + RETRY_US
  if not client.only then
    client.at = client.at % self.nodes + 1
  end
end

local function broken(self, client)
  local was_sent = client.is_sent
  disconnect(client)
  if was_sent and client.queue[1].kind == "write" then
    finish(self, client, false, "the connection ended", "unknown")
  else
    again(self, client, "unreachable")
  end
end

-- ---- one client ------------------------------------------------------------

local function connect(self, client)
  local id = self.target(client.at)
  local place = self.place(id or client.at)
  local made = id and not self.is_cut(id)
    and (self.driver.connect and self.driver.connect(place)
      or wire.connect(place.host, place.port))
  if not made then
    again(self, client, "unreachable")
    return false
  end
  client.wire, client.input, client.member = made, "", id
  return true
end

local function send(self, client)
  client.is_sent = true
  if not client.wire:send(self.driver.encode(client.queue[1].value)) then
    broken(self, client)
  end
end

local function receive(self, client)
  local bytes = client.wire:receive()
  if not bytes then
    broken(self, client)
    return
  elseif bytes == "" then
    return
  end
  client.input = client.input .. bytes
  local what, result, rest = self.driver.decode(client.input,
    client.queue[1].value)
  if what == "ok" then
    client.input = rest
    finish(self, client, true, result)
  elseif what == "refused" then
    again(self, client, "not_leader")
  elseif what == "failed" then
    disconnect(client)
    finish(self, client, false, result, "unknown")
  end
end

local function step(self, client)
  local call = client.queue[1]
  if not call then
    return
  elseif self.now() >= call.deadline then
    local was_sent = client.is_sent
    disconnect(client)
    finish(self, client, false, "no answer in time",
      was_sent and "timeout" or client.why or "unreachable")
  elseif client.pause and self.now() < client.pause then
    return
  elseif client.wire and self.is_cut(client.member) then
    return -- neither request nor answer goes through
  elseif not client.wire and not connect(self, client) then
    return
  elseif not client.is_sent then
    send(self, client)
  else
    receive(self, client)
  end
end

-- ---- the face --------------------------------------------------------------

function Calls:invoke(number, kind, bytes, deadline_us)
  local client = self.clients[number]
  local _, value = assert(core.decode(bytes))
  self.last = self.last + 1
  local call = { number = self.last, client = number, kind = kind,
    from = self.now(), value = value,
    deadline = self.now() + (deadline_us or DEADLINE_US) }
  self.kept[self.last] = call
  client.queue[#client.queue + 1] = call
  client.why, client.pause = nil, nil
  self.outstanding = self.outstanding + 1
  return call.number
end

function Calls:take(number)
  local client = self.clients[number]
  local done = client.done[client.first]
  if done then
    client.done[client.first] = false
    client.first = client.first + 1
  else
    client.done, client.first = {}, 1
  end
  return done
end

--- The descriptors on which answers may come.
function Calls:descriptors(list)
  for _, client in ipairs(self.clients) do
    if client.wire and client.is_sent then
      list[#list + 1] = client.wire.fd
    end
  end
end

--- Goes on with every call. @return whether some have ended
function Calls:turn()
  self.any = false
  for _, client in ipairs(self.clients) do
    step(self, client)
    if client.queue[1] and client.wire and not client.is_sent then
      step(self, client) -- it has just been connected
    end
  end
  return self.any
end

--- The connections of all clients to a member end.
function Calls:reset(id)
  for _, client in ipairs(self.clients) do
    if client.wire and client.member == id then
      if client.queue[1] then
        broken(self, client)
      else
        disconnect(client)
      end
    end
  end
end

function Calls:operations()
  return self.kept
end

function Calls:close()
  for _, client in ipairs(self.clients) do
    disconnect(client)
  end
end

return service_calls
