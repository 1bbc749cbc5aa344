-- SPDX-License-Identifier: MIT
--
-- Paper §5.4: safety. Why what is committed stays.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("§5.4.1 election restriction", function()
  local function ask(t, last_index, last_term)
    t:step(2, { kind = "message", message = {
      kind = "vote", from = 1, to = 2, term = 9,
      last_index = last_index, last_term = last_term,
    } })
    return table.remove(t.wire).granted
  end
  local logs = { [2] = { 1, 1, 3, 3 } }

  it("a candidate with a later last term gets the vote", function()
    assert.is_true(ask(round_table.new { members = 3, logs = logs }, 2, 4))
  end)
  it("a longer log of an earlier last term does not", function()
    assert.is_false(ask(round_table.new { members = 3, logs = logs }, 99, 2))
  end)
  it("with equal last terms the longer log decides", function()
    assert.is_false(ask(round_table.new { members = 3, logs = logs }, 3, 3))
    assert.is_true(ask(round_table.new { members = 3, logs = logs }, 4, 3))
  end)
  it("a candidate names the term of its last entry, not its own", function()
    local t = round_table.new { members = 3, terms = { 7 } }
    t:timeout(1)
    assert.equal(1, t:waiting("pre_vote")[1].last_term)
    t:settle()
    for _, message in ipairs(t.talk) do
      if message.kind == "vote" then assert.equal(1, message.last_term) end
    end
  end)
  it("a member that missed a committed entry is not elected", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:isolate(3)
    t:propose(1, 1)
    t:settle()
    t:heal()
    t:crash(1)
    t:wait(1000 * MS)
    t:drop()
    t:timeout(3)
    t:settle()
    assert.is_not.equal("leader", t:role(3))
    t:timeout(2)
    t:settle()
    assert.equal("leader", t:role(2))
    assert.same({ 1, 2, 2, 3 }, t:terms(3))
  end)
end)

describe("§5.4.2 entries of earlier terms", function()
  -- Figure 8, five members. (a) 1 leads term 2 and gets an entry to 2 only.
  -- (b) 5 leads term 3 and has another entry there. (c) 1 leads term 4 and
  -- the entry of term 2 reaches a majority. (d) 5 may still win and cut it.
  local function figure_8_c()
    local t = round_table.new {
      members = 5,
      logs = { { 1, 2 }, { 1, 2 }, { 1 }, { 1 }, { 1, 3 } },
      terms = { 3, 3, 3, 3, 3 },
    }
    t:timeout(1)
    t:settle()
    return t
  end

  it("Figure 8 (c): an old entry on a majority is not committed by counting",
    function()
      local t = round_table.new {
        members = 5,
        logs = { { 1, 2 }, { 1, 2 }, { 1 }, { 1 }, { 1, 3 } },
        terms = { 3, 3, 3, 3, 3 },
      }
      for id = 2, 4 do t:cut(5, id) end
      t:timeout(1)
      while t:role(1) ~= "leader" do assert(t:deliver()) end
      assert.equal(4, t:term(1))
      -- 3 gets the entry of term 2 but not the no-op of term 4
      local first = t:waiting("append")
      assert.is_true(#first > 0)
      t:drop()
      for from = 2, 3 do
        t:step(1, { kind = "message", message = {
          kind = "append_result", from = from, to = 1, term = 4,
          match_index = 2, round = 1,
        } })
      end
      assert.equal(0, t:commit(1))
      -- Figure 8 (d): 5, with an entry of term 3, can be elected and cut it
      t:crash(1)
      t:drop()
      t:heal()
      t:wait(1000 * MS)
      t:run(3000 * MS)
      assert.is_truthy(t:leader())
    end)

  it("Figure 8 (e): with an entry of the own term the older one commits too",
    function()
      local t = figure_8_c()
      assert.equal("leader", t:role(1))
      assert.equal(3, t:commit(1))
      assert.same({ 1, 2, 4 }, t:terms(3))
      assert.same({ 1, 2, 4 }, t:terms(5))
    end)

  it("an old uncommitted entry does not stop later commits", function()
    local t = round_table.new {
      members = 3, logs = { { 1, 2, 2 }, { 1 }, { 1 } }, terms = { 2, 2, 2 },
    }
    t:elect(1)
    t:propose(1, 1)
    t:settle()
    assert.equal(5, t:commit(1))
  end)
end)

describe("§5.4.3 a leader's own log", function()
  it("is never cut, and what a follower committed is never cut", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:propose(1, 3)
    t:settle()
    t:run(100 * MS)
    assert.equal(5, t:commit(2))
    -- a forged leader of a later term with another log
    t:step(2, { kind = "message", message = {
      kind = "append", from = 3, to = 2, term = 9, previous_index = 2,
      previous_term = 2, commit = 2, round = 1,
      entries = { { term = 8, kind = "command", size = 100 } },
    } })
    assert.same({ 1, 2, 2, 2, 2 }, t:terms(2))
  end)
end)
