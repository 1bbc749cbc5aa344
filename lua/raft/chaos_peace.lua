-- SPDX-License-Identifier: MIT
--
-- chaos_peace.lua - the end of faults, and what must be true then.
--
-- Holds:  whether all members agree, and nobody waits.
-- Rule:   members that have lost their disks need not come back: nothing is
--         asked of them. Results that differ at one index are a violation,
--         whenever they are seen.

local core = require "raft.core"

local World = {}

local SETTLE_US = 60 * 1000 * 1000
local PAUSE_US = 20 * 1000 -- between two looks

-- ---- agreement -------------------------------------------------------------

-- What each member said its results were at an index is what all say.
local function compare(self, status)
  local index = status.result_hash_index
  self.hashes = self.hashes or {}
  local known = self.hashes[index]
  if not known then
    self.hashes[index] = { hash = status.result_hash, id = status.id }
  elseif known.hash ~= status.result_hash then
    self:violate("state machine safety",
      ("members %d and %d have other results up to index %.0f"):format(
        known.id, status.id, index))
  end
end

-- nil: it is as quiet as the others; else why not
local function unrest_of(member, status, first)
  if not status then
    return ("member %d does not answer: it is %s%s"):format(member.id,
      member.state, member.detail and ", " .. member.detail or "")
  elseif status.leader == 0 then
    return ("member %d knows no leader"):format(member.id)
  elseif status.applied ~= status.last or status.commit ~= status.last then
    return ("member %d has %.0f entries, %.0f committed, %.0f applied")
      :format(member.id, status.last, status.commit, status.applied)
  elseif first and (first.last ~= status.last
         or first.leader ~= status.leader or first.term ~= status.term) then
    return ("member %d has %.0f entries and follows %.0f, member %d has %.0f"
      .. " and follows %.0f"):format(first.id, first.last, first.leader,
      member.id, status.last, status.leader)
  end
end

-- Whether all is well, and why not.
local function look(self)
  local first
  for _, member in ipairs(self.members) do
    if not member.is_lost then
      local status = member:status()
      local unrest = unrest_of(member, status, first)
      if status then
        compare(self, status)
      end
      if unrest then
        return false, unrest
      end
      first = first or status
    end
  end
  if self.calls.outstanding > 0 then
    return false, ("%d calls of clients have not ended"):format(
      self.calls.outstanding)
  end
  return true
end

-- ---- peace -----------------------------------------------------------------

local SETTINGS = { "loss", "duplicate", "reorder", "reorder_us", "corrupt",
  "delay_min_us", "delay_max_us", "tail", "tail_us" }

local function end_faults(self)
  self:heal()
  for _, name in ipairs(SETTINGS) do
    self:set(name, 0)
  end
  for id = 1, self.nodes do
    self:resume(id)
    self:slow(id, 0)
    self:fill(id)
    self:start(id)
  end
end

-- A fault of the last moment may still have stopped one.
local function start_sound(self)
  for id, member in ipairs(self.members) do
    if not member.is_lost then
      self:start(id)
    end
  end
end

--- Ends every fault and waits until all members agree and every call has
-- ended. @return false: they do not, or the run has ended before
function World:settle()
  if self.violation then
    return false
  end
  end_faults(self)
  self.records:note(self:now(), "sim.settle")
  local ends, ok, why = self:now() + SETTLE_US, false, nil
  repeat
    self:advance(self:now() + PAUSE_US)
    start_sound(self)
    if not self.violation then
      ok, why = look(self)
    end
  until ok or self.violation or self:now() >= ends or core.sim_interrupted()
  if not ok and not self.violation and not core.sim_interrupted() then
    self:violate("liveness", ("a minute after all faults had ended: %s")
      :format(why))
  end
  return self.violation == nil
end

return World
