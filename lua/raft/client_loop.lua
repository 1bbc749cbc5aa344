-- SPDX-License-Identifier: MIT
--
-- client_loop.lua - the calls of a client that are under way, and its turns.
--
-- Holds:     calls and what their ends do: a callback is called, a coroutine
--            of client:go goes on, a waiting caller returns.
-- Knows not: commands, questions, options: raft.client does.
-- Invariant: a callback never runs inside the call that it belongs to.

local wording = require("raft.wording")

local loop = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Call = {}
Call.__index = Call

loop.TURN = 100 * 1000 -- microseconds; a turn is never longer

--- A dot in place of the colon makes something else self.
function loop.check_self(self, class, name, noun)
  if getmetatable(self) ~= class then
    error(("%s:%s: %s; call it with a colon"):format(noun, name,
      select(2, wording.expected("a " .. noun .. " as self", self))), 3)
  end
end

-- ---- calls ----------------------------------------------------------------

local function pack(...)
  return { n = select("#", ...), ... }
end

-- Ends a call: its results are known. Whoever waits is told; the callback
-- last, since it may raise.
local function finish(client, call, results)
  call.results = results
  if call.number then
    client.calls[call.number] = nil
  end
  client.count = client.count - 1
  for _, task in ipairs(call.tasks or {}) do
    client.ready[#client.ready + 1] = task
  end
  if call.callback then
    call.callback(unpack(results, 1, results.n))
  end
end

-- A call that was just handed to the core: a number, or nil, message, code.
-- A refused one ends in the next turn, so that a callback never runs inside
-- the call that it belongs to.
function loop.track(client, callback, number, message, code)
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
  loop.check_self(self, Call, "cancel", "call")
  local handle = self.client.handle
  if self.results or not self.number or handle:is_closed() then
    return false
  end
  return handle:cancel(self.number)
end

--- Whether it has ended.
function Call:is_done()
  loop.check_self(self, Call, "is_done", "call")
  return self.results ~= nil
end

--- Waits for the end: true, result; or nil, message, code, detail. In a
-- coroutine of client:go others go on meanwhile.
function Call:wait()
  loop.check_self(self, Call, "wait", "call")
  local client = self.client
  local task = coroutine.running()
  if task and client.tasks[task] and not self.results then
    self.tasks = self.tasks or {}
    self.tasks[#self.tasks + 1] = task
    while not self.results do
      client.tasks[task] = "waiting"
      coroutine.yield()
    end
    client.tasks[task] = "running"
  end
  while not self.results do
    loop.turn(client, loop.TURN)
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
    local message, code, leader, retry_ms = ...
    finish(client, call, pack(nil, message, code, (leader or retry_ms)
      and { leader = leader, retry_ms = retry_ms } or nil))
  end
  return true
end

function loop.resume(client, task, ...)
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

-- Calls fn for each of a list of the client's that is there by now. What
-- comes after one that raises is left to the next turn.
local function each(client, name, fn)
  local list = client[name]
  client[name] = {}
  for i, one in ipairs(list) do
    local ok, message = pcall(fn, client, one)
    if not ok then
      for j = i + 1, #list do
        table.insert(client[name], list[j])
      end
      error(message, 0)
    end
  end
end

local function finish_refused(client, one)
  finish(client, one[1], one[2])
end

-- Everything that ended is told; coroutines that can go on, go on.
function loop.dispatch(client)
  each(client, "refused", finish_refused)
  while completed(client, client.handle:take()) do -- luacheck: ignore 542
  end
  each(client, "ready", loop.resume)
end

function loop.turn(client, wait)
  if not client.handle:is_closed() then
    local has_work = #client.refused > 0 or #client.ready > 0
    client.handle:turn(has_work and 0 or wait)
  end
  loop.dispatch(client)
end

return loop
