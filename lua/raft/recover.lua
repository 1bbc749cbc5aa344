-- SPDX-License-Identifier: MIT
--
-- recover.lua - going on with one member when the majority is lost for ever.
--
-- Holds:     raft.recover: what is left, and who is missing.
-- Knows not: how a directory is made out of another (core/replica/recover.h),
--            when that is refused (recover_judge.lua).
-- Rule:      the directories that are given are never changed.

local bounds = require "raft.bounds"
local core = require "raft.core"
local judge = require "raft.recover_judge"
local options = require "raft.options"
local wording = require "raft.wording"

local recover = {}

local VOTER, OUTGOING = 1, 4 -- roles, as in core/wire/configuration.h

local RECOVER = {
  accept_loss = { "boolean" },
  accept_second = { "boolean" },
  dir = { "any", required = true },
  into = { "path" },
  limits = { "table" },
  lost = { "table" },
}

-- Whether a sum of roles has one.
local function has(roles, role)
  return roles % (2 * role) >= role
end

-- ---- what was given --------------------------------------------------------

local function list_of_dirs(dir)
  local dirs = type(dir) == "table" and dir or { dir }
  for i = 1, math.max(#dirs, 1) do
    if type(dirs[i]) ~= "string" or dirs[i] == "" then
      error("raft.recover: option dir: expected a directory, or a list of"
        .. " them, got " .. wording.describe(dirs[i]), 3)
    end
  end
  return dirs
end

local function set_of_ids(lost)
  local set = {}
  for _, id in ipairs(lost or {}) do
    if type(id) ~= "number" then
      error("raft.recover: option lost: expected ids of members, got "
        .. wording.describe(id), 3)
    end
    set[id] = true
  end
  return set
end

-- ---- looking ---------------------------------------------------------------

-- A survivor with its configuration as a table.
local function read_survivor(dir, found)
  local _, value = assert(core.decode(found.configuration))
  found.dir = dir
  found.name = value.name
  found.used = value.used
  found.members = {}
  for i, one in ipairs(value.members) do
    found.members[i] = { id = one[1], address = one[2],
      voter = has(one[3], VOTER), outgoing = has(one[3], OUTGOING) }
  end
  local last = found.members[#found.members]
  found.used = found.used or last.id
  found.configuration = nil
  return found
end

-- The one with the latest entries, as an election would judge (Paper 5.4.1);
-- of equal ones the first.
local function latest(survivors)
  local best = survivors[1]
  for _, one in ipairs(survivors) do
    if one.last_term > best.last_term
       or one.last_term == best.last_term and one.last > best.last then
      best = one
    end
  end
  return best
end

-- All of one cluster, each another member.
local function compare(survivors)
  local seen = {}
  for _, one in ipairs(survivors) do
    local first = survivors[1]
    if one.cluster ~= first.cluster then
      return nil, ("%s is of cluster %s, %s of cluster %s"):format(first.dir,
        first.cluster, one.dir, one.cluster), "wrong_cluster"
    elseif seen[one.member] then
      return nil, ("%s and %s are both of member %.0f"):format(
        seen[one.member], one.dir, one.member), "invalid"
    end
    seen[one.member] = one.dir
  end
  return seen
end

-- Whether those who are there are a majority of one set (Diss. 4.3: each set
-- needs its own).
local function is_majority(members, role, here)
  local all, there = 0, 0
  for _, member in ipairs(members) do
    if member[role] then
      all = all + 1
      there = there + (here[member.id] and 1 or 0)
    end
  end
  return all == 0 or there * 2 > all
end

local function look(dirs, limits)
  local survivors = {}
  for i, dir in ipairs(dirs) do
    local one, message, code = core.directory_look { dir = dir,
      limits = limits }
    if not one then
      return nil, message, code
    end
    survivors[i] = read_survivor(dir, one)
  end
  local here, message, code = compare(survivors)
  if not here then
    return nil, message, code
  end
  local best = latest(survivors)
  local found = { best = best, survivors = survivors, missing = {},
    majority = is_majority(best.members, "voter", here)
      and is_majority(best.members, "outgoing", here) }
  for _, member in ipairs(best.members) do
    if (member.voter or member.outgoing) and not here[member.id] then
      found.missing[#found.missing + 1] = member.id
    end
  end
  return found
end

-- ---- the face --------------------------------------------------------------

--- Looks at the directories of members that do not run, and says which one has
-- the latest entries; with 'into', makes a new directory out of that one, whose
-- member is the only voter of a new cluster. Docs: docs/recover.md.
--
--   local ok, found = raft.recover { dir = "data/1" }
--   print(found.best.last_term, found.best.last, #found.missing)
--   assert(raft.recover { dir = "data/1", into = "data/1.new",
--     lost = { 2, 3 }, accept_loss = true })
--
-- @param given { dir = "data/1" or { "data/1", "data/4" }, into = a directory
-- that is not there, lost = ids of all voters whose directories are not given,
-- accept_loss = true, accept_second = true where one of them was recovered
-- before, limits = those of raft.node }
-- @return true, { best = { dir = , member = 1, cluster = "…", name = , term =
-- , last = , last_term = , last_time = microseconds, snapshot = ,
-- configuration_index = , members = { { id = , address = , voter = , outgoing
-- = } }, used = 3 }, survivors = { … },
-- missing = { 2, 3 }, majority = false, made = what was made, as best }; or
-- nil, message, code: exists (a lost one answers, or a cluster that was
-- recovered before; 'into' is there), locked (a member runs there),
-- not_initialised (no log is there, or one that another recovery has not
-- finished), invalid, corrupt, cancelled (Ctrl-C, in the command), …
function recover.recover(given)
  local o = options.check("raft.recover", given, RECOVER)
  local limits = bounds.limits("raft.recover", o.limits, 2)
  local dirs, lost = list_of_dirs(o.dir), set_of_ids(o.lost)
  local found, message, code = look(dirs, limits)
  if not found then
    return nil, message, code
  elseif not o.into then
    return true, found
  end
  local into = o.into:gsub("(.)/+$", "%1")
  local made
  made, message, code = judge.all(found, into, lost, o)
  if made then
    made, message, code = core.directory_recover { dir = found.best.dir,
      into = into, limits = limits }
  end
  if not made then
    return nil, message, code
  end
  found.made = read_survivor(into, made)
  return true, found
end

return recover
