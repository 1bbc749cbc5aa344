-- SPDX-License-Identifier: MIT
--
-- processes.lua - coroutines of a scenario, in the time of a world.
--
-- Holds:     who is ready, who sleeps until when, who waits for what.
-- Knows not: clusters. The world is { now(), advance(time) } in 'driver'.
-- Invariant: the ready go on in the order in which they became ready; sleepers
--            of one moment in the order in which they fell asleep. So a run is
--            decided by its world and its code.
-- Rule:      nothing hangs: instructions between two waits are bounded, and
--            so is the time of the world.

local core = require "raft.core"
local blame = require "raft.blame"
local wording = require "raft.wording"

local yield, running = coroutine.yield, coroutine.running
local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Processes = {}
Processes.__index = Processes

local Process = {}
Process.__index = Process

local processes = {}

--- @param driver { now = function() → time, advance = function(time) → whether
-- the world goes on; it returns before 'time' when somebody may be ready }
-- @param given { instructions = the most between two waits, bound = time }
function processes.new(driver, given)
  return setmetatable({
    driver = driver, instructions = given.instructions, bound = given.bound,
    ready = {}, first = 1, sleepers = {}, alive = {}, running_count = 0,
    turn = 0,
  }, Processes)
end

-- ---- inside a process ------------------------------------------------------

--- The process that runs. Raises in a coroutine that is none.
function Processes:current(where)
  local process = self.active
  if not process or running() ~= process.thread then
    blame.raise(where .. ": expected to be called in run or in a function"
      .. " given to cluster:spawn, got a coroutine of another kind")
  end
  return process
end

--- Waits until a time of the world.
function Processes:sleep_until(time, where)
  local process = self:check_stop(where)
  self.turn = self.turn + 1
  process.wake, process.turn = time, self.turn
  self.sleepers[#self.sleepers + 1] = process
  yield()
end

--- Waits until somebody gives this process to 'wake'.
function Processes:wait(where)
  local process = self:current(where)
  yield()
  return process
end

--- Makes a waiting process ready.
function Processes:wake(process)
  self.ready[#self.ready + 1] = process
end

--- The process that runs; it goes no further when it was told to stop.
function Processes:check_stop(where)
  local process = self:current(where)
  if process.is_stopping then
    yield("stop")
  end
  return process
end

-- ---- processes -------------------------------------------------------------

--- Starts fn(...) as a process; it begins when the one that runs waits.
-- @param place where it was asked for, for messages
function Processes:spawn(place, fn, ...)
  local process = setmetatable({
    owner = self, thread = coroutine.create(fn), place = place,
    arguments = { n = select("#", ...), ... }, waiting = {},
  }, Process)
  self.running_count = self.running_count + 1
  self.alive[#self.alive + 1] = process
  self:wake(process)
  return process
end

--- Whether it has come to its end.
function Process:is_done()
  return self.is_over == true
end

--- Waits for its end.
function Process:wait()
  local owner = self.owner
  local me = owner:current("process:wait")
  if not self.is_over then
    self.waiting[#self.waiting + 1] = me
    yield()
  end
end

--- Ends it where it waits next; what it has under way is finished.
function Process:stop()
  self.is_stopping = true
  if self.wake then
    self.owner:forget(self)
  end
end

-- A sleeper that was told to stop.
function Processes:forget(process)
  for i, one in ipairs(self.sleepers) do
    if one == process then
      table.remove(self.sleepers, i)
      process.wake = nil
      self:finish(process)
      return
    end
  end
end

function Processes:finish(process)
  process.is_over = true
  self.running_count = self.running_count - 1
  for _, waiting in ipairs(process.waiting) do
    self:wake(waiting)
  end
end

-- ---- the loop --------------------------------------------------------------

local function resume(self, process)
  local arguments = process.arguments
  process.arguments = { n = 0 }
  self.active = process
  core.sim_watch(process.thread, self.instructions, blame.prefix)
  local ok, what = coroutine.resume(process.thread,
    unpack(arguments, 1, arguments.n))
  core.sim_watch(process.thread, 0, "")
  self.active = nil
  if not ok then
    self.failure = { problem = what, process = process }
    if type(what) ~= "table" or not what.not_applicable then
      self.failure.text = blame.explain(process.thread, what, process.place)
      self.failure.traceback = debug.traceback(process.thread,
        tostring(what))
    end
    self:finish(process)
  elseif what == "stop" or coroutine.status(process.thread) == "dead" then
    self:finish(process)
  end
end

local function run_ready(self)
  while self.first <= #self.ready and not self.failure do
    local process = self.ready[self.first]
    self.ready[self.first] = false
    self.first = self.first + 1
    if not process.is_over then
      resume(self, process)
    end
  end
  self.ready, self.first = {}, 1
end

local function earliest(self)
  local best
  for _, process in ipairs(self.sleepers) do
    if not best or process.wake < best then
      best = process.wake
    end
  end
  return best
end

local function by_turn(a, b)
  return a.turn < b.turn
end

local function wake_sleepers(self)
  local now, kept, awake = self.driver.now(), {}, {}
  for _, process in ipairs(self.sleepers) do
    local list = process.wake <= now and awake or kept
    list[#list + 1] = process
  end
  table.sort(awake, by_turn)
  self.sleepers = kept
  for _, process in ipairs(awake) do
    process.wake = nil
    self:wake(process)
  end
end

-- The oldest process that has not ended is blamed, where it waits.
local function run_out(self)
  local place = ""
  for _, process in ipairs(self.alive) do
    if not process.is_over then
      place = blame.place(process.thread) or process.place
      break
    end
  end
  return { text = ("%sexpected an end by %.0f s of the world's time, got"
    .. " none"):format(place, self.bound / 1e6) }
end

--- Runs until all processes have ended, or 'is_over()' says so.
-- @return true; false: the world has ended, or self.failure says what has
-- { text, traceback, problem }
function Processes:run(is_over)
  while true do
    run_ready(self)
    if self.failure then
      return false
    elseif self.running_count == 0 or (is_over and is_over()) then
      return true
    end
    processes.check_interrupt()
    local wake = earliest(self)
    if self.driver.now() >= self.bound then
      self.failure = run_out(self)
      return false
    elseif not self.driver.advance(math.min(wake or self.bound,
                                            self.bound)) then
      return false
    end
    wake_sleepers(self)
  end
end

processes.INTERRUPTED = "interrupted!" -- as interpreters say it

--- Raises when somebody wants the command to end.
function processes.check_interrupt()
  if core.sim_interrupted() then
    error(processes.INTERRUPTED, 0)
  end
end

--- A function, or an error at the user's line.
function processes.check_function(where, fn)
  if type(fn) ~= "function" then
    blame.raise(where .. ": "
      .. select(2, wording.expected("a function", fn)))
  end
  return fn
end

return processes
