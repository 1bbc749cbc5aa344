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
local wording = require("raft.wording")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Client = {}
Client.__index = Client

local Call = {}
Call.__index = Call

local TURN = 100 * 1000 -- microseconds; a turn is never longer

local OPTIONS = {
  deadline = { "duration", default = "5s" },
  retry = { "duration", default = "10ms" },
  session = { "boolean", default = true },
}

local CALL = { deadline = { "duration" } }

local QUERY = {
  deadline = { "duration" },
  read = { "one_of", words = { "linear", "stale" }, default = "linear" },
}

local STATUS = {
  deadline = { "duration" },
  state_hash = { "boolean" },
}

-- ---- calls ----------------------------------------------------------------

local function pack(...)
  return { n = select("#", ...), ... }
end

-- Ends a call: its results are known. Whoever waits is told.
local function finish(client, call, results)
  call.results = results
  if call.number then
    client.calls[call.number] = nil
  end
  client.count = client.count - 1
  if call.callback then
    call.callback(unpack(results, 1, results.n))
  elseif call.task then
    client.ready[#client.ready + 1] = call.task
  end
end

-- A call that was just handed to the core: a number, or nil, message, code.
-- A refused one ends in the next turn, so that a callback never runs inside
-- the call that it belongs to.
local function track(client, callback, number, message, code)
  local call = setmetatable({ client = client, callback = callback,
    number = number }, Call)
  client.count = client.count + 1
  if number then
    client.calls[number] = call
  else
    client.refused[#client.refused + 1] = { call,
      pack(nil, message, code) }
  end
  return call
end

--- Gives up. Its outcome is unknown then, and nothing is undone; it ends with
-- the code "cancelled".
-- @return whether it was still under way
function Call:cancel()
  local handle = self.client.handle
  if self.results or not self.number or handle:is_closed() then
    return false
  end
  return handle:cancel(self.number)
end

--- Whether it has ended.
function Call:is_done()
  return self.results ~= nil
end

--- Waits for the end: true, result; or nil, message, code, detail. In a
-- coroutine of client:go others go on meanwhile.
function Call:wait()
  local client = self.client
  local task = coroutine.running()
  if task and client.tasks[task] then
    while not self.results do
      self.task = task
      client.tasks[task] = "waiting"
      coroutine.yield()
    end
    client.tasks[task] = "running"
  end
  while not self.results do
    client:step(TURN)
  end
  return unpack(self.results, 1, self.results.n)
end

-- ---- the loop -------------------------------------------------------------

local function completed(client, number, ok, ...)
  if not number then
    return false
  end
  local call = client.calls[number]
  if not call then
    return true
  end
  if ok then
    finish(client, call, pack(true, (...)))
  else
    local message, code, leader = ...
    finish(client, call, pack(nil, message, code,
      leader and { leader = leader } or nil))
  end
  return true
end

local function resume(client, task, ...)
  client.tasks[task] = "running"
  local ok, message = coroutine.resume(task, ...)
  if coroutine.status(task) == "dead" then
    client.tasks[task] = nil
    client.task_count = client.task_count - 1
  elseif client.tasks[task] == "running" then
    client.ready[#client.ready + 1] = task -- it yielded by itself
  end
  if not ok then
    error(debug.traceback(task, tostring(message)), 0)
  end
end

-- Everything that ended is told; coroutines that can go on, go on.
local function dispatch(client)
  local refused = client.refused
  client.refused = {}
  for _, one in ipairs(refused) do
    finish(client, one[1], one[2])
  end
  while completed(client, client.handle:take()) do -- luacheck: ignore 542
  end
  local ready = client.ready
  client.ready = {}
  for i, task in ipairs(ready) do
    local ok, message = pcall(resume, client, task)
    if not ok then
      for j = i + 1, #ready do
        table.insert(client.ready, ready[j])
      end
      error(message, 0)
    end
  end
end

--- One turn of the client's loop: what came is handled, callbacks are called.
-- @param wait how long to wait for something to happen: "10ms" or
-- microseconds; nothing: not at all
function Client:step(wait)
  if type(wait) == "string" then
    wait = options.check("client:step", { wait = wait },
      { wait = { "duration" } }).wait
  end
  if not self.handle:is_closed() then
    local has_work = #self.refused > 0 or #self.ready > 0
    self.handle:turn(has_work and 0 or wait or 0)
  end
  dispatch(self)
end

--- Runs until every call has ended and every coroutine is over.
function Client:run()
  while self.count > 0 or self.task_count > 0 do
    if self.count == 0 and #self.ready == 0 then
      error("client:run: a coroutine waits for something that is not a call"
        .. " of this client", 2)
    end
    self:step(TURN)
  end
end

--- Starts a coroutine: inside it, calls of this client without a callback let
-- others go on until they end. It begins at once.
-- @return the coroutine
function Client:go(fn, ...)
  if type(fn) ~= "function" then
    error("client:go: " .. select(2, wording.expected("a function", fn)), 2)
  end
  local task = coroutine.create(fn)
  self.task_count = self.task_count + 1
  resume(self, task, ...)
  return task
end

--- A descriptor that is readable when step has work; but for time, see
-- timeout. For a loop of the host's own.
function Client:fd()
  return self.handle:fd()
end

--- In how many seconds step must be called though nothing came; nil: never.
function Client:timeout()
  if #self.refused > 0 or #self.ready > 0 then
    return 0
  end
  local wait = self.handle:wait()
  return wait and wait / 1e6
end

--- Calls that have not ended.
function Client:outstanding()
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
  return track(self, callback,
    self.handle:propose(value, deadline_of(self, given)))
end

local function send_query(self, where, value, given, callback)
  given, callback = read_options(self, where, QUERY, given, callback)
  return track(self, callback,
    self.handle:query(value, given.read, deadline_of(self, given)))
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
  return track(self, callback, self.handle:ask(endpoint, "status",
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
    local call = send(self, "client:send_" .. name, value, given)
    return call
  end
  --- With a callback: the call, at once. Else its results.
  Client[name] = function(self, value, given, callback)
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
  if not self.handle:is_closed() then
    self.handle:close()
    dispatch(self)
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
