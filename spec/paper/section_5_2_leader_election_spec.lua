-- SPDX-License-Identifier: MIT
--
-- Paper §5.2: leader election. Who may lead, and how few leaders there are.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("§5.2 leader election", function()
  it("a single member goes follower, candidate, leader", function()
    local t = round_table.new { members = 1 }
    local roles = {}
    assert.equal("follower", t:role(1))
    t:hold(1)
    for _, effect in ipairs(t:timeout(1)) do
      if effect.kind == "role" then roles[#roles + 1] = effect.role end
    end
    assert.same({ "pre_candidate", "candidate" }, roles)
    assert.equal("candidate", t:role(1)) -- its own vote is not durable yet
    t:release(1)
    assert.equal("leader", t:role(1))
    assert.equal(2, t:term(1))
    assert.same({ 1, 2 }, t:terms(1)) -- and it began with a no-op
  end)

  for _, members in ipairs { 3, 5 } do
    it("the first of " .. members .. " whose patience ends is elected",
      function()
        local t = round_table.new { members = members }
        t:timeout(2)
        t:settle()
        assert.equal("leader", t:role(2))
        for id = 1, members do
          assert.equal(2, t:status(id).leader)
          assert.equal(2, t:term(id))
        end
      end)
  end

  it("an election timeout is drawn between its bounds", function()
    local drawn = {}
    for round = 1, 50 do
      local t = round_table.new { members = 3 }
      for _ = 1, round do t.drawn = t.drawn + 1 end
      t:crash(1)
      t:start(1)
      local length = t.members[1].engine:deadline() - t.now
      assert.is_true(length >= 250 * MS and length < 500 * MS)
      drawn[length] = true
    end
    local different = 0
    for _ in pairs(drawn) do different = different + 1 end
    assert.is_true(different > 40)
  end)

  it("a split vote elects nobody, and the next round resolves it", function()
    local t = round_table.new { members = 4 }
    t:timeout(1)
    t:tick(1)
    t.members[2].engine:deadline()
    t:timeout(2)
    -- each asks, and is granted, the pre-votes of both others …
    while #t.wire > 0 and t.wire[1].kind:match("^pre_vote") do t:deliver() end
    t:deliver(function(m) return m.kind == "pre_vote_result" end)
    -- … then 3 hears 1 first, and 4 hears 2 first
    local function is(kind, from, to)
      return function(m)
        return m.kind == kind and m.from == from and m.to == to
      end
    end
    while t:deliver(function(m) return m.kind:match("^pre_vote") end) do end
    assert.equal("candidate", t:role(1))
    assert.equal("candidate", t:role(2))
    t:deliver(is("vote", 1, 3))
    t:deliver(is("vote", 2, 4))
    t:settle()
    assert.is_nil(t:leader())
    assert.equal(2, t:term(1))
    t:run(2000 * MS)
    assert.is_truthy(t:leader())
    assert.is_true(t:term(t:leader()) > 2)
  end)

  it("a member gives one vote per term, to the first that asks", function()
    local t = round_table.new { members = 3 }
    local function ask(from)
      t:step(3, { kind = "message", message = {
        kind = "vote", from = from, to = 3, term = 5,
        last_index = 1, last_term = 1,
      } })
      return table.remove(t.wire)
    end
    assert.is_true(ask(1).granted)
    assert.is_false(ask(2).granted)
    assert.is_true(ask(1).granted) -- the same answer to the same question
  end)

  it("a vote survives a restart", function()
    local t = round_table.new { members = 3 }
    local function ask(from)
      t:step(3, { kind = "message", message = {
        kind = "vote", from = from, to = 3, term = 5,
        last_index = 1, last_term = 1,
      } })
      return table.remove(t.wire)
    end
    assert.is_true(ask(1).granted)
    t:crash(3)
    t:start(3)
    assert.equal(5, t:term(3))
    assert.is_false(ask(2).granted)
  end)

  it("a vote is not said before it is durable", function()
    local t = round_table.new { members = 3 }
    t:hold(3)
    t:step(3, { kind = "message", message = {
      kind = "vote", from = 1, to = 3, term = 5, last_index = 1, last_term = 1,
    } })
    assert.equal(0, #t.wire)
    t:crash(3) -- it never said anything, so it may vote for another
    t:start(3)
    assert.equal(1, t:term(3))
  end)

  it("a candidate asks only when its term and own vote are durable",
    function()
      local t = round_table.new { members = 3 }
      t:hold(1)
      t:timeout(1)
      t:settle()
      assert.equal("candidate", t:role(1))
      assert.equal(0, #t:waiting("vote"))
      t:sync(1)
      assert.equal(2, #t:waiting("vote"))
      assert.equal(1, t.members[1].disk.vote)
    end)

  it("a candidate that gave up asks for nothing when its disk is done",
    function()
      local t = round_table.new { members = 3 }
      t:hold(1)
      t:timeout(1)
      t:settle()
      assert.equal("candidate", t:role(1))
      t:step(1, { kind = "message", message = {
        kind = "append", from = 2, to = 1, term = t:term(1) + 1,
        previous_index = 1, previous_term = 1, commit = 0, round = 1,
        entries = {},
      } })
      t:release(1)
      assert.same({}, t:waiting("vote"))
      assert.equal(1, #t:waiting("append_result")) -- but that left
    end)

  it("a vote that waits for the disk is said in whatever role", function()
    local t = round_table.new { members = 3 }
    t:hold(1)
    t:step(1, { kind = "message", message = {
      kind = "vote", from = 2, to = 1, term = 5, last_index = 1, last_term = 1,
    } })
    t:step(1, { kind = "message", message = {
      kind = "append", from = 2, to = 1, term = 5, previous_index = 1,
      previous_term = 1, commit = 0, round = 1, entries = {},
    } })
    t:release(1)
    assert.is_true(t:waiting("vote_result")[1].granted)
    assert.equal(1, #t:waiting("append_result"))
  end)

  it("stepping down in its own term a candidate keeps its vote", function()
    local t = round_table.new { members = 5 }
    t:timeout(1)
    while t:deliver(function(m) return m.kind:match("^pre_vote") end) do end
    assert.equal("candidate", t:role(1))
    t:drop()
    -- another of the same term won; 1 becomes its follower
    t:step(1, { kind = "message", message = {
      kind = "append", from = 2, to = 1, term = 2, previous_index = 1,
      previous_term = 1, commit = 1, round = 1, entries = {},
    } })
    assert.equal("follower", t:role(1))
    t:wait(1000 * MS)
    t:drop()
    t:step(1, { kind = "message", message = {
      kind = "vote", from = 3, to = 1, term = 2, last_index = 9, last_term = 2,
    } })
    assert.is_false(t.wire[1].granted)
  end)

  it("neither does a pre-candidate forget the vote it gave before", function()
    local t = round_table.new { members = 3 }
    local function vote(from)
      t:step(1, { kind = "message", message = {
        kind = "vote", from = from, to = 1, term = 4, last_index = 1,
        last_term = 1,
      } })
      return table.remove(t.wire).granted
    end
    assert.is_true(vote(2))
    t:timeout(1)
    assert.equal("pre_candidate", t:role(1))
    for from = 2, 3 do -- nobody would vote for it
      t:step(1, { kind = "message", message = {
        kind = "pre_vote_result", from = from, to = 1, term = 4,
        granted = false,
      } })
    end
    assert.equal("follower", t:role(1))
    assert.is_false(vote(3))
  end)

  it("a late vote of an earlier term is not counted", function()
    local t = round_table.new { members = 5 }
    local function candidate()
      t:timeout(1)
      while t:deliver(function(m) return m.kind:match("^pre_vote") end) do
      end
      assert.equal("candidate", t:role(1))
    end
    candidate()
    t:drop()
    candidate()
    assert.equal(3, t:term(1))
    for from = 2, 5 do
      t:step(1, { kind = "message", message = {
        kind = "vote_result", from = from, to = 1, term = 2, granted = true,
      } })
    end
    assert.equal("candidate", t:role(1))
  end)

  it("who follows the leader of a term votes for nobody in it", function()
    local t = round_table.new { members = 5 }
    t:step(1, { kind = "message", message = {
      kind = "append", from = 2, to = 1, term = 2, previous_index = 1,
      previous_term = 1, commit = 1, round = 1, entries = {},
    } })
    assert.equal(2, t:status(1).leader)
    t:drop()
    t:step(1, { kind = "message", message = {
      kind = "vote", from = 3, to = 1, term = 2, last_index = 9,
      last_term = 1,
    } })
    assert.is_false(table.remove(t.wire).granted)
  end)

  -- CCF#5891: a candidate that has lost is a follower in the same term, and
  -- its vote for itself binds it as any other.
  it("a candidate that has lost votes for nobody else in that term",
    function()
      local t = round_table.new { members = 3 }
      t:timeout(1)
      while t:deliver(function(m) return m.kind:match("^pre_vote") end) do end
      t:drop()
      for from = 2, 3 do
        t:step(1, { kind = "message", message = {
          kind = "vote_result", from = from, to = 1, term = 2,
          granted = false,
        } })
      end
      assert.same({ "follower", 0 }, { t:role(1), t:status(1).leader })
      t:step(1, { kind = "message", message = {
        kind = "vote", from = 2, to = 1, term = 2, last_index = 9,
        last_term = 1,
      } })
      assert.is_false(table.remove(t.wire).granted)
    end)

  it("one voter's repeated answer counts once", function()
    local t = round_table.new { members = 5 }
    t:timeout(1)
    while t:deliver(function(m) return m.kind:match("^pre_vote") end) do end
    for _ = 1, 4 do
      t:step(1, { kind = "message", message = {
        kind = "vote_result", from = 2, to = 1, term = 2, granted = true,
      } })
    end
    assert.equal("candidate", t:role(1))
  end)

  it("a leader is leader of its own term only once", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:isolate(1)
    t:elect(2)
    t:heal()
    t:run(200 * MS)
    assert.equal("follower", t:role(1))
    assert.equal(2, t:status(1).leader)
  end)
end)
