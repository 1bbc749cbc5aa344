-- SPDX-License-Identifier: MIT
--
-- nemesis_needs.lua - what a cluster must have for a fault to ever happen.
--
-- Holds:     how many members or spares each fault needs.
-- Knows not: what a world can do: its verbs tell that themselves.
-- Rule:      only what is known before a run: where a fault finds nobody just
--            now, it does nothing (nemesis_kinds.lua).

local nemesis_needs = {}

local function all(cluster)
  return #cluster:members()
end

local function spares(cluster)
  return #cluster:spares()
end

-- Those of the beginning: who may lose a disk or a vote.
local function voters(cluster)
  return all(cluster) - spares(cluster)
end

-- Fault, or fault and kind: how many, of whom. With fewer there is nobody to
-- cut off, or what is lost is more than a majority survives.
local NEEDS = {
  ["partition halves"] = { 2, all }, ["partition majority"] = { 3, all },
  ["partition isolate"] = { 2, all }, ["partition one_way"] = { 2, all },
  ["partition deaf"] = { 2, all }, ["partition bridge"] = { 3, all },
  ["partition ring"] = { 4, all }, ["partition random"] = { 2, all },
  ["reset member"] = { 2, all }, slow_link = { 2, all },
  transfer = { 2, all },
  ["disk rot"] = { 3, voters }, wipe = { 3, voters },
  ["membership vote"] = { 3, voters },
  ["membership replace"] = { 1, spares },
}

local FOLLOWER = { 2, all } -- besides a leader

local function text_of(name, o, need, got)
  return ("nemesis.%s %s needs at least %d %s, got %d"):format(name,
    o.kind and ('{ kind = "%s" }'):format(o.kind) or "{}", need[1],
    need[2] == spares and "spare (options = { spares = 1 })" or "members",
    got)
end

--- What a cluster lacks for a fault, as one line; nil: nothing.
-- @param o the options of the fault
function nemesis_needs.lack(name, o, cluster)
  local need = NEEDS[o.kind and name .. " " .. o.kind or name]
    or o.target == "follower" and FOLLOWER
  local got = need and need[2](cluster)
  return need and got < need[1] and text_of(name, o, need, got) or nil
end

return nemesis_needs
