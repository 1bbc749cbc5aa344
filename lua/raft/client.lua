-- SPDX-License-Identifier: MIT
--
-- client.lua - raft.client: commands and questions to a cluster.
--
--   local client = raft.client { "127.0.0.1:7101", "127.0.0.1:7102" }
--   local ok, old = client:propose { "set", "x", 1 }
--   local ok, x = client:query({ "get", "x" }, { read = "linear" })
--   client:close()
--
-- Holds:     three faces over one callback: a callback, a coroutine of
--            client:go, and blocking. Success is true, result; an expected
--            failure is nil, message, code, detail; misuse raises.
-- Knows not: sockets, retries, sessions: core/client does.
-- Invariant: each call that was accepted ends exactly once, by its deadline.
-- Rule:      a client has no thread: its loop runs in step, run, wait and in
--            blocking calls. PUC Lua 5.1 cannot yield across pcall: there a
--            coroutine must not call its client inside a pcall.

local core = require("raft.core")
local options = require("raft.options")
local address = require("raft.address")
local loop = require("raft.client_loop")
local wording = require("raft.wording")

local Client = {}
Client.__index = Client

local OPTIONS = {
  deadline = { "duration", default = "5s", min = 1 },
  retry = { "duration", default = "10ms", min = 1 },
  session = { "boolean", default = true },
}

local CALL = { deadline = { "duration", min = 1 } }

local QUERY = {
  deadline = { "duration", min = 1 },
  read = { "one_of", words = { "linear", "lease", "follower", "stale" },
           default = "linear" },
  max_age = { "duration", min = 1 },
  index = { "whole", min = 1 },
}

local STATUS = {
  deadline = { "duration", min = 1 },
  state_hash = { "boolean" },
}

-- ---- the loop -------------------------------------------------------------

--- One turn of the client's loop: what came is handled, callbacks are called.
-- @param wait how long to wait for something to happen: "10ms"; nothing: not
-- at all
function Client:step(wait)
  loop.check_self(self, Client, "step", "client")
  if wait ~= nil then
    wait = options.check("client:step", { wait = wait },
      { wait = { "duration" } }).wait
  end
  loop.turn(self, wait or 0)
end

--- Runs until every call has ended and every coroutine is over.
function Client:run()
  loop.check_self(self, Client, "run", "client")
  while self.count > 0 or self.task_count > 0 do
    if self.count == 0 and #self.ready == 0 then
      error("client:run: a coroutine waits for something that is not a call"
        .. " of this client", 2)
    end
    loop.turn(self, loop.TURN)
  end
end

--- Starts a coroutine: inside it, calls of this client without a callback let
-- others go on until they end. It begins at once.
-- @return the coroutine
function Client:go(fn, ...)
  loop.check_self(self, Client, "go", "client")
  if type(fn) ~= "function" then
    error("client:go: " .. select(2, wording.expected("a function", fn)), 2)
  end
  local task = coroutine.create(fn)
  self.task_count = self.task_count + 1
  loop.resume(self, task, ...)
  return task
end

--- A descriptor that is readable when step has work; but for time, see
-- timeout. For a loop of the host's own.
function Client:fd()
  loop.check_self(self, Client, "fd", "client")
  return self.handle:fd()
end

--- In how many seconds step must be called though nothing came; nil: never.
function Client:timeout()
  loop.check_self(self, Client, "timeout", "client")
  if #self.refused > 0 or #self.ready > 0 then
    return 0
  end
  local wait = self.handle:wait()
  return wait and wait / 1e6
end

--- Calls that have not ended.
function Client:outstanding()
  loop.check_self(self, Client, "outstanding", "client")
  return self.count
end

-- ---- commands and questions -----------------------------------------------

local function check_callback(where, callback)
  if callback ~= nil and type(callback) ~= "function" then
    error(where .. ": callback: "
      .. select(2, wording.expected("a function", callback)), 5)
  end
end

-- Reads (given, callback), of which the first may be left out.
local function read_options(client, where, schema, given, callback)
  if type(given) == "function" and callback == nil then
    given, callback = nil, given
  end
  check_callback(where, callback)
  if client.handle:is_closed() then
    error(where .. ": expected an open client, got a closed one", 4)
  end
  return options.check(where, given, schema, 3), callback
end

local function deadline_of(client, given)
  return given.deadline or client.deadline
end

local function send_propose(self, where, value, given, callback)
  given, callback = read_options(self, where, CALL, given, callback)
  return loop.track(self, callback,
    self.handle:propose(value, deadline_of(self, given)))
end

local function send_query(self, where, value, given, callback)
  given, callback = read_options(self, where, QUERY, given, callback)
  for _, name in ipairs { "max_age", "index" } do
    if given[name] and given.read ~= "stale" then
      error(('%s: option %s: expected read = "stale" beside it, got "%s"')
        :format(where, name, given.read), 3)
    end
  end
  return loop.track(self, callback,
    self.handle:query(value, given.read, deadline_of(self, given),
      given.max_age, given.index))
end

local function endpoint_of(self, at)
  for i, known in ipairs(self.addresses) do
    if at == i or at == known then
      return i - 1
    end
  end
  error("client:status: " .. select(2, wording.expected(
    "an address of this client or its place", at)), 4)
end

local function send_status(self, where, at, given, callback)
  local endpoint = endpoint_of(self, at)
  given, callback = read_options(self, where, STATUS, given, callback)
  return loop.track(self, callback, self.handle:ask(endpoint, "status",
    given.state_hash and { "state_hash" } or {}, deadline_of(self, given)))
end

local SENDERS = {
  propose = send_propose,
  query = send_query,
  status = send_status,
}

for name, send in pairs(SENDERS) do
  local where = "client:" .. name
  --- The call, at once; call:wait() gives its results.
  Client["send_" .. name] = function(self, value, given)
    loop.check_self(self, Client, "send_" .. name, "client")
    local call = send(self, "client:send_" .. name, value, given)
    return call
  end
  --- With a callback: the call, at once. Else its results.
  Client[name] = function(self, value, given, callback)
    loop.check_self(self, Client, name, "client")
    local call = send(self, where, value, given, callback)
    if call.callback then
      return call
    end
    return call:wait()
  end
end

-- ---- life -----------------------------------------------------------------

--- Ends the client. What is under way ends with the code "closed" (was never
-- sent) or "unknown".
function Client:close()
  loop.check_self(self, Client, "close", "client")
  if not self.handle:is_closed() then
    self.handle:close()
    loop.dispatch(self)
  end
end

Client.__close = Client.close

local client = {}

--- A client of the members at these addresses.
-- @param given { "host:port", …, deadline = "5s", retry = "10ms",
-- session = true }; without a session a command may be applied twice
-- @return the client; or nil, message, code
function client.new(given, level)
  level = (level or 1) + 1
  if type(given) ~= "table" then
    error("raft.client: " .. select(2, wording.expected(
      'a table such as { "host:port", deadline = "5s" }', given)), level)
  end
  local named = {}
  for key, value in pairs(given) do
    if type(key) ~= "number" then
      named[key] = value
    end
  end
  local list, message = address.list(given)
  if not list then
    error("raft.client: " .. message, level)
  end
  local read = options.check("raft.client", named, OPTIONS, level - 1)
  local handle, code
  handle, message, code = core.client(list, read.deadline, read.retry,
    read.session)
  if not handle then
    return nil, message, code
  end
  return setmetatable({
    handle = handle, addresses = list, deadline = read.deadline,
    calls = {}, count = 0, refused = {}, ready = {}, tasks = {},
    task_count = 0,
  }, Client)
end

return setmetatable(client, {
  __call = function(_, given)
    -- No tail call: errors count the levels.
    local made, message, code = client.new(given, 2)
    return made, message, code
  end,
})
