-- SPDX-License-Identifier: MIT
--
-- Who leads when the leader's process is gone: those whose connection to it
-- ended, and was refused when it was made again, wait for no timeout. Who is
-- only silent may be alive.

local round_table = require "spec.paper.round_table"
local MS = round_table.MS

local HEARTBEAT = 50 * MS

-- Member 1 leads; all have heard it just now.
local function led(members)
  local t = round_table.new { members = members }
  t:elect(1)
  t:run(100 * MS)
  t:drop()
  return t
end

local function gone(t, id, member)
  t:step(id, { kind = "link_down", member = member or 1, gone = true })
end

local function due_in(t, id)
  return t.members[id].engine:deadline() - t.now
end

describe("raft: a leader whose process is gone", function ()
  it("is followed by another within a few round trips", function ()
    local t = led(3)
    t:crash(1)
    gone(t, 2)
    gone(t, 3)
    local killed = t.now
    while not t:leader() do
      t:run(10 * MS)
    end
    assert.is_true(t.now - killed <= 2 * HEARTBEAT, t.now - killed)
  end)

  it("is campaigned against early by those only who know", function ()
    local t = led(3)
    assert.is_true(due_in(t, 2) >= 200 * MS)
    gone(t, 2)
    assert.is_true(due_in(t, 2) <= HEARTBEAT)
    t:step(3, { kind = "link_down", member = 1 }) -- it ended, or was silent
    assert.is_true(due_in(t, 3) >= 200 * MS)
  end)

  it("is still the leader to a voter that does not know", function ()
    local t = led(3)
    t:crash(1)
    gone(t, 2)
    t:timeout(2)
    t:settle()
    assert.equal("pre_candidate", t:role(2))
    assert.equal(1, t:status(3).leader)
    -- It asks again soon, and finds the other one knowing.
    assert.is_true(due_in(t, 2) <= HEARTBEAT)
    gone(t, 3)
    t:timeout(2)
    t:settle()
    assert.equal("leader", t:role(2))
  end)

  it("is not asked about for longer than an election timeout", function ()
    local t = led(3)
    t:crash(1)
    t:crash(3)
    gone(t, 2)
    t:run(600 * MS)
    t:timeout(2)
    assert.is_true(due_in(t, 2) >= 250 * MS)
  end)

  it("matters to nobody when it is no leader", function ()
    local t = led(3)
    gone(t, 2, 3)
    assert.is_true(due_in(t, 2) >= 200 * MS)
    gone(t, 1, 3)
    assert.equal("leader", t:role(1))
  end)

  it("is there again when it is heard", function ()
    local t = led(3)
    gone(t, 2)
    t:timeout(1) -- a heartbeat that was under way
    t:settle()
    assert.is_true(due_in(t, 2) >= 200 * MS)
    t:step(2, { kind = "message", message = { kind = "pre_vote", from = 3,
      to = 2, term = t:term(2) + 1, last_index = 99,
      last_term = t:term(2) } })
    assert.is_false(t:waiting("pre_vote_result")[1].granted)
  end)
end)
