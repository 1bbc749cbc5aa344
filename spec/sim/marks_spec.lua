-- SPDX-License-Identifier: MIT
--
-- What runs must sometimes reach: every mark of core/sim/mark.h, and every
-- change of roles that the rules know, by its cause; and no other.

local helper = require "spec.helper"
local sim = require "raft.sim"

-- Seeds of each profile, in the short form and in the long one.
local SEEDS = { everything = { 24, 100 }, tight = { 6, 30 },
                bulk = { 4, 30 }, contested = { 10, 30 }, members = { 10, 30 },
                priorities = { 10, 30 } }

-- Marks that everything reaches by itself need no other profile.
local BY_OTHERS = {
  apply_stall = true, peer_stalled = true, session_evicted = true,
  session_expired = true, overloaded = true,
  sync_stall = true, session_unused = true,
  window_bytes = true,
  stall_transfer = true,
}

-- From, to, cause. A role is left for a lower one, or for the next step of an
-- election (raft_become_… in core/raft/role.c).
local MOVES = {
  "follower follower HIGHER_TERM", "follower follower LEADER_HEARD",
  "follower pre_candidate ELECTION_TIMEOUT", "follower candidate TRANSFER",
  "pre_candidate candidate PRE_VOTES",
  "pre_candidate follower HIGHER_TERM",
  "pre_candidate follower LEADER_HEARD", "pre_candidate follower LOST_VOTE",
  "candidate leader VOTES", "candidate follower HIGHER_TERM",
  "candidate follower LEADER_HEARD", "candidate follower LOST_VOTE",
  "candidate pre_candidate ELECTION_TIMEOUT",
  "leader follower HIGHER_TERM", "leader follower QUORUM_LOST",
}

-- Others that the rules know, and that need what comes seldom.
local SELDOM = {
  ["leader follower REMOVED"] = true, ["leader follower TRANSFER"] = true,
  ["leader follower STALLED"] = true, ["leader follower DIVERGED"] = true,
  ["leader follower ASKED"] = true,
  ["pre_candidate candidate TRANSFER"] = true,
  ["candidate candidate TRANSFER"] = true,
  ["pre_candidate pre_candidate ELECTION_TIMEOUT"] = true,
  ["follower follower REMOVED"] = true,
  ["pre_candidate follower GRANTED"] = true,
  ["pre_candidate follower REMOVED"] = true,
  ["candidate follower REMOVED"] = true,
}

local function add(sums, counts)
  for name, count in pairs(counts) do
    sums[name] = (sums[name] or 0) + count
  end
end

local function run(name, sums)
  local count = SEEDS[name][helper.full and 2 or 1]
  for seed = helper.seed, helper.seed + count - 1 do
    local result = sim.run(sim.mix(sim.profiles[name], { seed = seed }))
    assert(result.ok, result.violation and ("%s, seed %d: %s: %s"):format(
      name, seed, result.violation.name, result.violation.text))
    add(sums.marks, result.marks)
    add(sums.moves, result.moves)
  end
  return sums
end

local function missing(marks, is_excused)
  local list = {}
  for name, count in pairs(marks) do
    if count == 0 and not is_excused[name] then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

describe("sim: marks", function ()
  local sums = { marks = {}, moves = {} }

  it("are reached by everything, but for those of scarcity", function ()
    run("everything", sums)
    assert.equal("", missing(sums.marks, BY_OTHERS))
  end)

  it("are all reached by the general profiles", function ()
    for _, name in ipairs { "tight", "bulk", "contested", "members",
                            "priorities" } do
      run(name, sums)
    end
    assert.equal("", missing(sums.marks, {}))
  end)

  it("have every change of roles by its cause, and no other", function ()
    local known = {}
    for _, move in ipairs(MOVES) do
      assert.is_true((sums.moves[move] or 0) > 0, "never: " .. move)
      known[move] = true
    end
    for move, count in pairs(sums.moves) do
      assert.is_true(known[move] or SELDOM[move] or false,
        ("%s, %d times"):format(move, count))
    end
  end)

  it("are in no hash, and not there where nothing happens", function ()
    local result = sim.run { seed = 1, duration_us = 1000000 }
    for _, name in ipairs { "hint_used", "truncated", "duplicate",
        "disk_full", "rot_refused", "sync_stall", "overloaded" } do
      assert.equal(0, result.marks[name], name)
    end
    assert.equal(1, result.moves["candidate leader VOTES"])
  end)
end)
