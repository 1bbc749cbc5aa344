-- SPDX-License-Identifier: MIT
--
-- Diss. §9.6 pre-vote, §4.2.3 disruptive members, and the deadlocks that
-- others had with them.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("Diss. §9.6 pre-vote", function()
  it("a member that was cut off comes back without raising the term",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:isolate(3)
      t:run(5000 * MS)
      assert.equal(2, t:term(3))
      t:heal()
      t:run(500 * MS)
      assert.equal("leader", t:role(1))
      assert.equal(2, t:term(1))
    end)

  it("nothing changes at a member that grants a pre-vote", function()
    local t = round_table.new { members = 3 }
    t:timeout(1)
    t:deliver(function(m) return m.to == 2 end)
    assert.equal(1, t:term(2))
    assert.equal(0, t:status(2).vote)
    assert.equal(0, #t.members[2].writes)
    assert.equal(1, t.members[2].disk.term)
  end)

  it("who hears a leader refuses", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:step(2, { kind = "message", message = {
      kind = "pre_vote", from = 3, to = 2, term = 3,
      last_index = 9, last_term = 2,
    } })
    assert.is_false(t.wire[1].granted)
    t:drop()
    t:wait(251 * MS) -- longer than the shortest election timeout
    t:step(2, { kind = "message", message = {
      kind = "pre_vote", from = 3, to = 2, term = 3,
      last_index = 9, last_term = 2,
    } })
    assert.is_true(t.wire[1].granted)
  end)

  it("a leader never grants, not even when heartbeats are rare", function()
    local t = round_table.new {
      members = 3, heartbeat_us = 240 * MS, election_us = 250 * MS,
    }
    t:elect(1)
    t:wait(400 * MS)
    for _, kind in ipairs { "pre_vote", "vote" } do
      t:step(1, { kind = "message", message = {
        kind = kind, from = 3, to = 1, term = 3,
        last_index = 9, last_term = 2,
      } })
    end
    for _, message in ipairs(t.wire) do
      assert.is_not_true(message.granted)
    end
    assert.equal("leader", t:role(1))
  end)

  it("§4.2.3 a real vote request is ignored while the leader is heard",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:step(2, { kind = "message", message = {
        kind = "vote", from = 3, to = 2, term = 9,
        last_index = 9, last_term = 2,
      } })
      assert.equal(2, t:term(2))
      assert.equal(0, #t.wire)
    end)

  it("a granted pre-vote carries the term aimed at: a voter of an older "
    .. "term is not a deadlock", function()
    -- 1 has the longest log and term 5; 2 missed all of that; 3 is gone
    local t = round_table.new {
      members = 3, logs = { { 1, 5 } }, terms = { 5, 1, 1 },
    }
    t:crash(3)
    t:run(3000 * MS)
    assert.equal("leader", t:role(1))
  end)

  it("a refusal carries the voter's newer term, and the next try aims higher",
    function()
      -- 2 has the newer term but the shorter log: only 1 can win
      local t = round_table.new {
        members = 3, logs = { { 1, 2, 2 } }, terms = { 2, 9, 2 },
      }
      t:crash(3)
      t:run(4000 * MS)
      assert.equal("leader", t:role(1))
      assert.is_true(t:term(1) > 9)
    end)

  it("an old real vote does not bind a pre-vote", function()
    local t = round_table.new { members = 3 }
    t:step(2, { kind = "message", message = {
      kind = "vote", from = 3, to = 2, term = 4, last_index = 1, last_term = 1,
    } })
    t:drop()
    t:crash(3)
    t:run(3000 * MS)
    assert.is_truthy(t:leader())
  end)

  it("a candidate ahead of the leader's term is taken back", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    -- 3 raised its term in a campaign that failed
    t:step(3, { kind = "message", message = {
      kind = "vote_result", from = 2, to = 3, term = 8, granted = false,
    } })
    assert.equal(8, t:term(3))
    t:run(2000 * MS)
    assert.is_truthy(t:leader())
    assert.equal(t:term(t:leader()), t:term(3))
    assert.equal(t:leader(), t:status(3).leader)
  end)
end)
