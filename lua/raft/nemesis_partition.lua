-- SPDX-License-Identifier: MIT
--
-- nemesis_partition.lua - who does not hear whom, in each kind of partition.
--
-- Holds:  the kinds as functions of members, chance and one member it turns
--         around.
-- Rule:   a partition is a list of pairs { from, to }, each one way, in an
--         order that the arguments decide.

local partition = {}

local function cut_both(pairs_cut, a, b)
  pairs_cut[#pairs_cut + 1] = { a, b }
  pairs_cut[#pairs_cut + 1] = { b, a }
end

-- Members in an order by chance, 'first' at the head when there is one.
local function shuffled(members, draw, first)
  local list = {}
  for i, id in ipairs(members) do
    list[i] = id
  end
  for i = #list, 2, -1 do
    local j = draw(i)
    list[i], list[j] = list[j], list[i]
  end
  for i, id in ipairs(list) do
    if id == first then
      list[1], list[i] = list[i], list[1]
    end
  end
  return list
end

-- The first 'count' of a list against the rest; 'both' hears all.
local function split(list, count, both)
  local cuts = {}
  for i = 1, count do
    for j = count + 1, #list do
      if list[i] ~= both and list[j] ~= both then
        cut_both(cuts, list[i], list[j])
      end
    end
  end
  return cuts
end

local kinds = {}

--- Two sides; the member is on the smaller one.
function kinds.halves(members, draw, member)
  return split(shuffled(members, draw, member), math.floor(#members / 2))
end

--- Two sides; the member is in a majority without one to spare.
function kinds.majority(members, draw, member)
  return split(shuffled(members, draw, member),
    math.floor(#members / 2) + 1)
end

--- The member alone.
function kinds.isolate(members, draw, member)
  return split(shuffled(members, draw, member), 1)
end

--- The member is not heard by one other.
function kinds.one_way(members, draw, member)
  local list = shuffled(members, draw, member)
  return #list > 1 and { { list[1], list[2] } } or {}
end

--- The member hears nobody, and is heard.
function kinds.deaf(members, _, member)
  local cuts = {}
  for _, id in ipairs(members) do
    if id ~= member then
      cuts[#cuts + 1] = { id, member }
    end
  end
  return cuts
end

--- Two sides that only the member joins.
function kinds.bridge(members, draw, member)
  local list = shuffled(members, draw, member)
  return split(list, math.floor(#list / 2) + 1, member)
end

--- Each hears its two neighbours in a ring.
function kinds.ring(members, draw, member)
  local list, cuts = shuffled(members, draw, member), {}
  for i = 1, #list do
    for j = i + 2, #list do
      if j - i ~= #list - 1 then
        cut_both(cuts, list[i], list[j])
      end
    end
  end
  return cuts
end

--- Each on one of two sides, by chance.
function kinds.random(members, draw)
  local sides, cuts = {}, {}
  for i = 1, #members do
    sides[i] = draw(2)
    for j = 1, i - 1 do
      if sides[i] ~= sides[j] then
        cut_both(cuts, members[j], members[i])
      end
    end
  end
  return cuts
end

partition.KINDS = { "halves", "majority", "isolate", "one_way", "bridge",
                    "ring", "deaf", "random" }

--- The pairs of a partition: { { 1, 2 }, { 2, 1 }, … }.
-- @param kind one of partition.KINDS
-- @param members the ids of all
-- @param draw draw(n) gives a number from 1 to n
-- @param member whom it turns around
function partition.cuts(kind, members, draw, member)
  return kinds[kind](members, draw, member)
end

return partition
