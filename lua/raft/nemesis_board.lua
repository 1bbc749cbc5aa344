-- SPDX-License-Identifier: MIT
--
-- nemesis_board.lua - what is broken in a cluster now, and was.
--
-- Holds:     who is held by which fault, whose disk was lost, who shall be a
--            member (nemesis_members.lua), and every fault as a band of time.
-- Knows not: how a fault is made.
-- Invariant: a process, a disk, a clock is held by one fault at a time, so
--            that the end of one fault never ends another; a disk is lost on
--            less than half of the members, over the whole run.
-- Rule:      all nemeses of one cluster share one board.

local Board = {}
Board.__index = Board

local nemesis_board = {}

-- Cluster -> board. A board does not hold its cluster.
local boards = setmetatable({}, { __mode = "k" })

--- The board of a cluster, made when first asked for.
function nemesis_board.of(cluster)
  local board = boards[cluster]
  if not board then
    board = setmetatable({ began = cluster:now(), held = {}, lost = {},
                           lost_count = 0, has_changed = false, plan = false,
                           bands = {}, taken = {} }, Board)
    boards[cluster] = board
  end
  return board
end

-- ---- what is held ----------------------------------------------------------

local function key_of(what, id)
  return what .. ":" .. tostring(id)
end

function Board:is_held(what, id)
  return self.held[key_of(what, id)] == true
end

function Board:hold(what, id)
  self.held[key_of(what, id)] = true
end

function Board:release(what, id)
  self.held[key_of(what, id)] = nil
end

-- ---- whom ------------------------------------------------------------------

--- A member for a fault of its 'what' ("process", "disk", "clock"), or nil
-- when the wanted one is broken in this way already.
-- @param target "leader", "follower", "random", "any" (half of the time the
-- leader: it has most to lose) or an id
function Board:pick(cluster, target, what)
  local function is_free(id)
    return not self.lost[id] and not self:is_held(what, id)
  end
  local leader = cluster:leader()
  if type(target) == "number" then
    return is_free(target) and target or nil
  elseif target == "leader" or target == "any" and cluster:random(2) == 1 then
    if leader or target == "leader" then
      return leader and is_free(leader) and leader or nil
    end
  end
  local free = {}
  for _, id in ipairs(cluster:members()) do
    if is_free(id) and not (target == "follower" and id == leader) then
      free[#free + 1] = id
    end
  end
  return free[1] and free[cluster:random(#free)]
end

-- ---- losses ----------------------------------------------------------------

--- Whether what is on the disk of a member can be lost, so that a majority
-- still has all: the most that can be survived, and no more. Spares have no
-- vote, and where members were changed nobody knows who will.
function Board:may_lose(cluster, id)
  return not self.lost[id] and not self.has_changed
    and (self.lost_count + 1) * 2 < #cluster:members() - #cluster:spares()
end

function Board:lose(id)
  self.lost[id] = true
  self.lost_count = self.lost_count + 1
end

-- ---- limits ----------------------------------------------------------------

--- Whether something may be done once more, of 'most' times in this run.
function Board:take(what, most)
  local taken = self.taken[what] or 0
  self.taken[what] = taken + 1
  return taken < most
end

-- ---- bands -----------------------------------------------------------------

--- Notes the begin of a fault. @return its band
function Board:open(cluster, name, targets)
  local band = { name = name, targets = targets, from = cluster:now() }
  self.bands[#self.bands + 1] = band
  return band
end

--- Every fault: { { name = "kill", targets = { 2 }, from = 1200000,
-- to = 1700000 }, … }, in the order of their begins. What lasts until now
-- ends now.
function Board:bands_until(now)
  local list = {}
  for i, band in ipairs(self.bands) do
    list[i] = { name = band.name, targets = band.targets, from = band.from,
                to = band.to or now }
  end
  return list
end

--- How often each fault was: { { name = "kill", count = 3 }, … }, by name.
function Board:counts()
  local list, of = {}, {}
  for _, band in ipairs(self.bands) do
    local row = of[band.name]
    if not row then
      row = { name = band.name, count = 0 }
      of[band.name], list[#list + 1] = row, row
    end
    row.count = row.count + 1
  end
  table.sort(list, function (a, b)
    return a.name < b.name
  end)
  return list
end

return nemesis_board
