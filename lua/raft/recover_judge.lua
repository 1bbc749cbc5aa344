-- SPDX-License-Identifier: MIT
--
-- recover_judge.lua - whether a lost majority may be given up.
--
-- Holds:     what operators must have said before it is done, and what must
--            not be so whatever they say.
-- Knows not: directories: it is given what was found in them (recover.lua).
-- Rule:      whoever is not named as lost counts as alive, and so does who
--            answers.

local core = require "raft.core"

local judge = {}

local ANSWER_US = 2 * 1000 * 1000 -- for one who is said to be lost
local ENTRY_HEAD = 80 -- bytes before an entry's payload (core/wire/entry.h)

-- ---- names -----------------------------------------------------------------

local function member_of(found, id)
  for _, member in ipairs(found.best.members) do
    if member.id == id then
      return member
    end
  end
end

-- Those who are missing are named, and nobody else.
local function judge_names(found, lost)
  local unnamed = {}
  for _, id in ipairs(found.missing) do
    if not lost[id] then
      unnamed[#unnamed + 1] = ("%.0f"):format(id)
    end
  end
  if #unnamed > 0 then
    return nil, ("expected every other voter among the lost ones, or its"
      .. " directory: what became of %s?"):format(table.concat(unnamed,
        ", ")), "invalid"
  end
  for id in pairs(lost) do
    for _, one in ipairs(found.survivors) do
      if one.member == id then
        return nil, ("member %.0f is here, in %s, and is not lost"):format(id,
          one.dir), "invalid"
      end
    end
    if not member_of(found, id) then
      return nil, ("expected members of configuration %.0f as the lost ones,"
        .. " got %s"):format(found.best.configuration_index, tostring(id)),
        "invalid"
    end
  end
  return true
end

-- ---- silence ---------------------------------------------------------------

local NOTHING = "\144" -- an empty array

-- Whether who answers there is of a cluster that was made by a recovery: its
-- entry 1 says so, though not of which cluster.
local function is_recovered(address)
  local first = core.ask(address, "first_entry", NOTHING, ANSWER_US)
  local ok, value = core.decode(type(first) == "string"
    and first:sub(ENTRY_HEAD + 1) or "")
  return ok and type(value) == "table" and value.recovered ~= nil
end

-- Whoever answers in the place of one of them: it is not lost; or another
-- survivor was made a cluster of its own, which has the name still.
local function judge_answer(found, member, lost, accept_second)
  local best = found.best
  local status = core.ask(member.address, "status", NOTHING, ANSWER_US)
  if type(status) ~= "table" then
    return true
  elseif status.cluster == best.cluster then
    if lost[member.id] then
      return nil, ("member %.0f answers at %s: it is not lost"):format(
        member.id, member.address), "exists"
    end
  elseif status.name == best.name and not accept_second
     and is_recovered(member.address) then
    return nil, ("at %s a cluster answers, %s, that was recovered from one"
      .. " named %s: join that one, unless a second one is meant"
      .. " (accept_second)"):format(member.address,
        tostring(status.cluster), best.name), "exists"
  end
  return true
end

local function judge_silence(found, lost, accept_second)
  for _, member in ipairs(found.best.members) do
    if core.sim_interrupted() then
      return nil, "interrupted", "cancelled"
    end
    local ok, message, code = judge_answer(found, member, lost,
      accept_second)
    if not ok then
      return nil, message, code
    end
  end
  return true
end

-- ---- the place -------------------------------------------------------------

local function judge_place(found, into)
  for _, one in ipairs(found.survivors) do
    if core.directory_is_within(into, one.dir) then
      return nil, ("expected a place outside of %s for the new directory,"
        .. " got %s"):format(one.dir, into), "invalid"
    end
  end
  return true
end

-- ---- the face --------------------------------------------------------------

--- Whether it may be done. @param found what raft.recover returns
-- @param into the new directory @param lost { [2] = true, [3] = true }
-- @param said { accept_loss = true, accept_second = nil }
-- @return true; or nil, message, code
function judge.all(found, into, lost, said)
  if found.majority then
    return nil, "a majority is here: serve it; who is gone is removed with"
      .. " luaraft members", "invalid"
  elseif not said.accept_loss then
    return nil, "writes may be lost that were acknowledged: expected"
      .. " accept_loss", "invalid"
  end
  local ok, message, code = judge_place(found, into)
  if ok then
    ok, message, code = judge_names(found, lost)
  end
  if ok then
    ok, message, code = judge_silence(found, lost, said.accept_second)
  end
  return ok, message, code
end

return judge
