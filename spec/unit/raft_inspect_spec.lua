-- SPDX-License-Identifier: MIT
--
-- raft_hash and raft_broken_invariant: each field of an engine is changed by
-- itself, in the states of a life that has everything.

local probe = require("raft.probe")
local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local function is(kind)
  return function(m) return m.kind == kind end
end

-- An election with held disks, windows that move, reads, a joint change, a
-- transfer, snapshots.
local function live(watch)
  local t = round_table.new {
    members = 3, watch = watch, learners = { 4 },
    logs = { [3] = { 1, 2, 2 } }, terms = { 1, 1, 2 },
    limits = { cached_bytes = 300, retained_entries = 2 },
  }
  for id = 1, 3 do t:hold(id) end
  t:timeout(1)
  for _ = 1, 3 do
    t:settle()
    for id = 1, 3 do t:sync(id) end
  end
  for id = 1, 3 do t:release(id) end
  t:elect(3)
  t:run(100 * MS)
  for i = 1, 6 do
    t:propose(3, 1)
    t:read(3, i)
    t:deliver(is("append"))
    t:deliver(is("append_result"))
  end
  t:settle()
  t:isolate(1)
  t:propose(3, 9)
  t:settle()
  t:configure(3, { voters = { 2, 3 }, outgoing = { 1, 2, 3 },
    learners = { 1, 4 } })
  t:settle()
  t:snapshot(3)
  t:heal()
  t:hold(1)
  t:run(100 * MS)
  t:install(1)
  t:release(1)
  t:run(100 * MS)
  t:configure(3, { voters = { 2, 3 }, learners = { 1, 4 } })
  t:run(100 * MS)
  t:hold(2)
  t:transfer(3, 2)
  t:settle()
  t:sync(2)
  t:settle()
  t:release(2)
  t:run(100 * MS)
  return t
end

describe("raft_hash #once", function()
  it("changes with each field that a later step can depend on", function()
    local tried = {}
    live(function(engine)
      local missed = probe.state_shake(engine, tried)
      assert(missed == nil, "the hash does not depend on " .. tostring(missed))
    end)
    for _, name in ipairs(probe.state_names()) do
      assert(tried[name], name .. " was never tried")
    end
    for _, name in ipairs { "run.term", "entry.kind", "write.vote",
      "progress.waits", "window.bytes", "moved window.last", "read.round",
      "message.as.vote.last_term", "message.as.vote_result.granted",
      "message.as.append_result.hint_term" } do
      assert(tried[name], name .. " was never tried")
    end
  end)

  it("every field of an engine is hashed, or said not to matter", function()
    assert.is_nil(probe.state_gaps())
  end)
end)

-- ---- what is always true ------------------------------------------------

local FOLLOWER, PRE_CANDIDATE, PROBE = 1, 2, 0

-- Entries 1 … 4 are applied by everyone; 2 … 4 are cached.
local function settled()
  local t = round_table.new { members = 3 }
  t:elect(1)
  t:propose(1, 2)
  t:settle()
  t:run(100 * MS)
  return t
end

local function breaks(engine, name, fields)
  local before, changed = {}, {}
  assert.is_nil(engine:broken_invariant())
  for field, value in pairs(fields) do
    changed[#changed + 1] = field .. " = " .. value
    before[field] = probe.state_set(engine, field, value)
  end
  local broken = engine:broken_invariant()
  for field, value in pairs(before) do
    probe.state_set(engine, field, value)
  end
  assert(broken == name, ("%s: expected %s, got %s"):format(
    table.concat(changed, ", "), name, tostring(broken)))
end

describe("raft_broken_invariant #once", function()
  it("names what does not hold of a leader", function()
    local engine = settled().members[1].engine
    breaks(engine, "applied_order", { applied = 5 })
    breaks(engine, "applied_order", { applying = 5 })
    breaks(engine, "applied_order", { applied = 5, applying = 5 })
    breaks(engine, "applied_order", { commit = 5 })
    breaks(engine, "applied_is_durable", { ["log.stable"] = 3 })
    breaks(engine, "log_order", { ["log.base"] = 2, snapshot_index = 2 })
    breaks(engine, "log_order", { ["log.base"] = 1 })
    breaks(engine, "log_order", { ["log.stable"] = 5 })
    breaks(engine, "log_order", { ["log.first_cached"] = 6 })
    breaks(engine, "runs_ascend", { ["log.base"] = 1, snapshot_index = 1 })
    breaks(engine, "runs_ascend", { ["log.base_term"] = 9 })
    breaks(engine, "runs_ascend", { ["log.run_count"] = 0 })
    breaks(engine, "log_below_term", { term = 1 })
    breaks(engine, "leader_term_is_durable", { durable_term = 1 })
    breaks(engine, "candidate_voted_for_itself", { vote = 2 })
    breaks(engine, "leader_is_known", { leader = 2 })
    breaks(engine, "match_below_next", { ["progress.next"] = 4 })
    breaks(engine, "match_below_next", { ["progress.next"] = 6 })
    breaks(engine, "match_below_next", { round = 0 })
    breaks(engine, "window_is_bounded", { ["progress.window_count"] = 65 })
    breaks(engine, "window_is_bounded",
      { ["progress.window_count"] = 1, ["progress.mode"] = PROBE })
    breaks(engine, "window_is_bounded", { ["progress.window_bytes"] = 1 })
    breaks(engine, "only_a_leader_leads",
      { role = FOLLOWER, leader = 2, term_start = 0 })
    breaks(engine, "membership_is_valid", { ["membership.latest_index"] = 5 })
    breaks(engine, "membership_is_valid",
      { ["membership.previous_index"] = 2 })
  end)

  it("names what does not hold of a follower", function()
    local engine = settled().members[2].engine
    breaks(engine, "leader_term_is_durable", { durable_term = 3 })
    breaks(engine, "leader_is_known", { leader = 2 })
    breaks(engine, "leader_is_known", { role = PRE_CANDIDATE })
    breaks(engine, "reads_wait_for_a_leader", { read_count = 1 })
    breaks(engine, "reads_wait_for_a_leader", { read_context = 1 })
    breaks(engine, "only_a_leader_leads", { term_start = 1 })
    breaks(engine, "acknowledged_is_verified", { verified = 5 })
    breaks(engine, "acknowledged_is_verified", { answered = 5 })
  end)

  it("names what does not hold of a candidate", function()
    local t = round_table.new { members = 3 }
    local engine = t.members[1].engine
    t:hold(1)
    t:timeout(1)
    breaks(engine, "only_candidates_count_votes", { role = FOLLOWER })
    t:settle()
    breaks(engine, "candidate_voted_for_itself", { vote = 2 })
    breaks(engine, "withheld_waits_for_a_write", { ["log.ticket_done"] = 9 })
    breaks(engine, "withheld_waits_for_a_write", { ["log.ticket"] = 0 })
  end)
end)
