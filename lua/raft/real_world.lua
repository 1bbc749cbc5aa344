-- SPDX-License-Identifier: MIT
--
-- real_world.lua - a world whose clock is the computer's: what that of our own
-- members (chaos_world.lua) and that of a service (service_world.lua) share.
--
-- Holds:     time, turns, what is shown of records, and calls of clients.
-- Knows not: members. A world has 'calls', 'records', 'counts', 'began',
--            'looked', 'turned', a seed; listen(wait_us), which waits and says
--            whether calls have ended; look(), which sees who has.
-- Rule:      a run goes no further once there is a violation, or Ctrl-C.

local core = require "raft.core"

local World = {}

local LOOK_US = 5 * 1000 -- between two looks at logs and processes
local RECORDS = 60000 -- that are put together at most

-- ---- time ------------------------------------------------------------------

--- Microseconds since the run began.
function World:now()
  return core.now() - self.began
end

--- One turn: waits at most so long. @return whether calls have ended
function World:turn(wait_us)
  local any = self:listen(math.min(wait_us, LOOK_US))
  self.turned = self:now()
  if self.turned - self.looked >= LOOK_US then
    self.looked = self.turned
    self:look()
  end
  return any
end

--- Lets time go on, until then or until calls have ended.
-- @return false: the run has ended
function World:advance(time)
  repeat
    local any = self:turn(math.max(time - self:now(), 0))
  until any or self.violation or self:now() >= time
    or core.sim_interrupted()
  return self.violation == nil
end

-- ---- what happened ---------------------------------------------------------

function World:trace_span()
  return self.records:span()
end

function World:trace(place)
  return self.records:at(place)
end

function World:merged()
  return self.records:merged(RECORDS)
end

function World:around(from, to)
  return self.records:around(from, to)
end

--- Counts and the verdict of the world itself, as a simulated one has them.
function World:result()
  local made = {}
  for name, value in pairs(self.counts) do
    made[name] = value
  end
  made.seed, made.now = self.seed, self:now()
  made.events = self.records.last
  made.elections = self.records.elections
  made.calls, made.longest_us = self.calls.counts, self.calls.longest
  made.violation = self.violation
  return made
end

-- ---- clients ---------------------------------------------------------------

for _, name in ipairs { "client", "invoke", "take", "operations" } do
  World[name] = function(self, ...)
    return self.calls[name](self.calls, ...)
  end
end

return World
