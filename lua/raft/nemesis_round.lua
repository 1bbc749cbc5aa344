-- SPDX-License-Identifier: MIT
--
-- nemesis_round.lua - what every nemesis is: something that is done, and the
-- pause before it is done again.
--
-- Holds:  times as they are given to a nemesis, and its rounds.
-- Rule:   time goes on between two rounds, whatever the pauses say.

local boards = require "raft.nemesis_board"
local quantity = require "raft.quantity"

local Nemesis = {}
Nemesis.__index = Nemesis

local round = { Nemesis = Nemesis }

local LEAST = 1000 -- microseconds between two faults
local FINE = 2 ^ 30 -- longer times are drawn in whole milliseconds

-- ---- times -----------------------------------------------------------------

--- "2s" or { "1s", "2s" } to { least, most } in microseconds.
function round.read_time(where, name, value, level)
  local list = type(value) == "table" and value or { value, value }
  local least, message = quantity.duration(list[1])
  local most, other = quantity.duration(list[2])
  if least and most and least <= most then
    return { least, most }
  end
  error(("%s: %s: %s"):format(where, name, message or other
    or ("expected the shorter time first, got %s before %s"):format(list[1],
      list[2])), level + 2)
end

--- A time within { least, most }, from the cluster's chance.
function round.draw(cluster, time)
  local span = time[2] - time[1]
  local unit = span < FINE and 1 or 1000
  return span == 0 and time[1]
    or time[1] + (cluster:random(math.floor(span / unit) + 1) - 1) * unit
end

local draw = round.draw

--- Waits so many microseconds, and at least one millisecond.
function round.sleep(cluster, us)
  cluster:sleep(("%.0fus"):format(math.max(us, LEAST)))
end

local sleep = round.sleep

-- ---- what every nemesis does -----------------------------------------------

--- parts = { act = what happens, pause = from one begin to the next,
-- lack = what of a cluster says why it can never do all that it is for, or
-- nil }.
function round.new(parts)
  return setmetatable(parts, Nemesis)
end

--- One round, to its end.
function Nemesis:once(cluster)
  self.act(cluster)
end

--- Round after round, in a coroutine of the cluster. The next round begins
-- when its pause is over, counted from the begin of the one before.
-- @param ends when no more shall begin; nil: with the cluster's duration
-- @param count how many at most
function Nemesis:rounds(cluster, ends, count)
  local began = cluster:now()
  while cluster:is_running() and (not count or count > 0) do
    local at = began + draw(cluster, self.pause)
    sleep(cluster, at - cluster:now())
    began = cluster:now()
    if not cluster:is_running() or (ends and began >= ends) then
      return
    end
    self:once(cluster)
    count = count and count - 1
  end
end

--- The same, where a nemesis is the whole and not a part: what it can never
-- do in this cluster ends the run as not applicable.
function Nemesis:run(cluster, ends, count)
  boards.of(cluster) -- its time begins
  local lack = self.lack(cluster)
  if lack then
    cluster:not_applicable(lack)
  end
  self:rounds(cluster, ends, count)
end

return round
