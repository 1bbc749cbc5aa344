-- SPDX-License-Identifier: MIT
--
-- Diss. chapter 4: cluster membership changes. One voter at a time (§4.1),
-- learners (§4.2.1), a leader that removes itself (§4.2.2), disruptive servers
-- (§4.2.3), and any change at once through a joint configuration (§4.3).

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local function led_by_1(members)
  local t = round_table.new { members = members or 3 }
  t:elect(1)
  t:propose(1)
  t:settle()
  return t
end

local function refused(code, _, _, got) assert.equal(code, got) end

describe("Diss. §4.1 one voter at a time", function()
  it("a fourth joins, catches up, and is counted", function()
    local t = led_by_1()
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    t:settle()
    t:run(100 * MS)
    for id = 1, 4 do
      assert.same({ 1, 2, 3, 4 }, t:voters(id))
      assert.equal(4, t:commit(id))
    end
    t:isolate(2)
    t:isolate(3)
    t:propose(1)
    t:settle()
    assert.equal(4, t:commit(1)) -- two of four are no majority
  end)

  it("the new one counts from the moment its entry is in the log", function()
    local t = led_by_1()
    t:add(4)
    t:isolate(3)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    t:cut(4, 1)
    t:settle()
    assert.equal(3, t:commit(1)) -- two of three would be one
    t:heal()
    t:run(100 * MS)
    assert.equal(4, t:commit(1))
  end)

  it("one that is removed is not counted, and not spoken to after", function()
    local t = led_by_1()
    t:configure(1, { voters = { 1, 2 } })
    t:settle()
    assert.equal(4, t:commit(3)) -- it learns of its removal
    t:run(100 * MS)
    assert.equal(1, #t:status(1).members)
    t:run(2000 * MS)
    assert.equal("follower", t:role(3)) -- and campaigns no more
    assert.equal(1, t:leader())
  end)

  it("two at once are refused", function()
    local t = led_by_1()
    refused("invalid", t:configure(1, { voters = { 1, 2, 3, 4, 5 } }))
    refused("invalid", t:configure(1, { voters = { 1, 2, 4 } }))
    refused("invalid", t:configure(1, { voters = {} }))
    refused("invalid",
      t:configure(1, { voters = { 1, 2, 3 }, learners = { 3 } }))
  end)

  it("a change waits for the one before", function()
    local t = led_by_1()
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    refused("busy", t:configure(1, { voters = { 1, 2, 3 } }))
    t:settle()
    assert.is_truthy(t:configure(1, { voters = { 1, 2, 3 } }))
  end)

  it("a change may name the configuration that it means to change", function()
    local t = led_by_1()
    refused("conflict", t:configure(1, { voters = { 1, 2 } }, 2))
    assert.is_truthy(t:configure(1, { voters = { 1, 2 } }, 1))
  end)

  it("only a leader changes anything", function()
    local t = led_by_1()
    refused("not_leader", t:configure(2, { voters = { 1, 2 } }))
  end)

  -- Ongaro on raft-dev, 2015: a leader of each term removes another one, and
  -- neither knows of the other's change.
  it("not before an entry of the leader's term is committed", function()
    local t = led_by_1(4)
    t:run(100 * MS)
    t:wait(600 * MS)
    t:timeout(2)
    while t.members[2].role ~= "leader" do
      assert(t:deliver(), "member 2 was not elected")
    end
    refused("busy", t:configure(2, { voters = { 1, 2, 3 } }))
    t:settle()
    assert.is_truthy(t:configure(2, { voters = { 1, 2, 3 } }))
  end)

  it("a configuration that is cut gives way to the one before", function()
    local t = led_by_1()
    t:isolate(1)
    t:configure(1, { voters = { 1, 2 } })
    t:settle()
    assert.same({ 1, 2 }, t:voters(1))
    t:elect(2)
    t:heal()
    t:run(600 * MS)
    assert.same({ 1, 2, 3 }, t:voters(1))
    assert.same(t:terms(2), t:terms(1))
  end)

  it("also when it is found on the disk after a crash", function()
    local t = led_by_1()
    t:isolate(1)
    t:configure(1, { voters = { 1, 2 } })
    t:settle()
    t:crash(1)
    t:start(1)
    assert.same({ 1, 2 }, t:voters(1))
    t:elect(2)
    t:heal()
    t:run(600 * MS)
    assert.same({ 1, 2, 3 }, t:voters(1))
  end)

  it("a new leader goes by what is in its log, committed or not", function()
    local t = led_by_1()
    t:add(4)
    t:cut(1, 3)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    t:settle()
    t:crash(1)
    t:wait(600 * MS)
    t:timeout(2)
    t:settle() -- 3 and 4 vote
    assert.equal(2, t:leader())
    assert.same({ 1, 2, 3, 4 }, t:voters(2))
    t:heal()
    t:run(200 * MS)
    assert.same({ 1, 2, 3, 4 }, t:voters(3))
  end)
end)

describe("Diss. §4.2.1 learners", function()
  it("receive everything, and are not counted", function()
    local t = led_by_1()
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3 }, learners = { 4 } })
    t:settle()
    t:run(100 * MS)
    assert.equal(4, t:commit(4))
    t:isolate(2)
    t:isolate(3)
    t:propose(1)
    t:settle()
    assert.equal(5, t:status(4).last)
    assert.equal(4, t:commit(1))
  end)

  it("do not campaign, and become voters in one step", function()
    local t = led_by_1()
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3 }, learners = { 4 } })
    t:settle()
    t:crash(1)
    t:wait(600 * MS)
    t:timeout(4)
    assert.equal("follower", t:role(4))
    t:start(1)
    t:elect(1)
    assert.is_truthy(t:configure(1, { voters = { 1, 2, 3, 4 } }))
    t:settle()
    t:run(100 * MS)
    t:crash(1)
    t:elect(4)
  end)

  -- etcd: campaign_learner_must_vote
  it("vote when they are asked: they may be voters already", function()
    local t = led_by_1()
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3 }, learners = { 4 } })
    t:settle()
    t:run(100 * MS)
    t:cut(1, 4)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    t:settle()
    t:crash(1)
    t:crash(3)
    t:start(3)
    t:isolate(1)
    t:wait(600 * MS)
    t:timeout(2)
    t:cut(2, 3)
    t:settle()
    assert.is_nil(t:leader()) -- two of four
    t:heal()
    t:elect(2)
    assert.same({ 1, 2, 3 }, { t:voters(4)[1], t:voters(4)[2],
      t:voters(4)[3] })
  end)

  it("a voter may become one", function()
    local t = led_by_1()
    assert.is_truthy(
      t:configure(1, { voters = { 1, 2 }, learners = { 3 } }))
    t:settle()
    t:run(2000 * MS)
    assert.equal("follower", t:role(3))
    t:propose(1)
    t:settle()
    assert.equal(5, t:status(3).last)
  end)
end)

describe("Diss. §4.2.2 removing the current leader", function()
  it("it leads until the change is committed, without counting itself",
    function()
      local t = led_by_1()
      t:cut(1, 3)
      t:configure(1, { voters = { 2, 3 } })
      t:settle()
      assert.equal("leader", t:role(1))
      assert.equal(3, t:commit(1)) -- itself and 2 are not 2 and 3
      t:heal()
      t:run(100 * MS)
      assert.not_equal("leader", t:role(1))
      assert.is_truthy(t:leader())
      t:run(2000 * MS)
      assert.not_equal(1, t:leader())
      assert.is_true(t:commit(t:leader()) >= 5)
    end)

  it("a successor is asked to campaign at once", function()
    local t = led_by_1()
    local before = t.now
    t:configure(1, { voters = { 2, 3 } })
    t:settle()
    assert.is_truthy(t:leader())
    assert.not_equal(1, t:leader())
    assert.equal(before, t.now)
  end)
end)

describe("Diss. §4.2.3 disruptive servers", function()
  it("one that does not know of its removal cannot depose the leader",
    function()
      local t = led_by_1()
      t:isolate(3)
      t:configure(1, { voters = { 1, 2 } })
      t:settle()
      t:heal()
      for _ = 1, 20 do
        t:run(60 * MS)
        t:timeout(3)
        t:settle()
      end
      assert.equal(1, t:leader())
      assert.equal(2, t:term(1))
    end)
end)

describe("Diss. §4.3 joint consensus", function()
  local JOINT = { voters = { 3, 4, 5 }, outgoing = { 1, 2, 3 } }
  local FINAL = { voters = { 3, 4, 5 } }

  local function changing()
    local t = led_by_1()
    t:add(4)
    t:add(5)
    t:configure(1, JOINT)
    return t
  end

  it("any change of voters is made in two steps", function()
    local t = changing()
    t:settle()
    t:run(100 * MS)
    assert.equal(4, t:commit(1))
    refused("invalid", t:configure(1, { voters = { 3, 4 } }))
    assert.is_truthy(t:configure(1, FINAL))
    t:settle()
    t:run(1000 * MS)
    assert.same({ 3, 4, 5 }, t:voters(t:leader()))
    assert.is_true(t:leader() >= 3)
    assert.equal("follower", t:role(1))
    assert.equal("follower", t:role(2))
  end)

  it("both halves decide what is committed", function()
    local t = changing()
    t:isolate(4)
    t:isolate(5)
    t:settle()
    t:run(300 * MS)
    assert.equal(3, t:commit(1)) -- 1, 2, 3: all of the old, one of the new
    t = changing()
    t:isolate(2)
    t:isolate(3)
    t:run(300 * MS)
    assert.equal(3, t:commit(1)) -- 4, 5: two of the new, one of the old
    t:heal()
    t:run(100 * MS)
    assert.equal(4, t:commit(1))
  end)

  -- CCF#3837: a majority of the union is a majority of neither
  it("both halves decide who leads", function()
    local t = changing()
    t:settle()
    t:run(100 * MS)
    t:crash(1)
    t:crash(2)
    t:wait(600 * MS)
    t:timeout(3)
    t:settle() -- 3, 4, 5: all of the new, one of the old
    assert.is_nil(t:leader())
    t:start(2)
    t:wait(600 * MS)
    t:elect(3)
    assert.same({ 1, 2, 3 }, t:status(3).configuration.outgoing)
  end)

  it("a new leader finds the change half done, and can end it", function()
    local t = changing()
    t:settle()
    t:run(100 * MS)
    t:crash(1)
    t:elect(3)
    assert.is_truthy(t:configure(3, FINAL))
    t:settle()
    assert.same({}, t:status(3).configuration.outgoing)
    assert.equal(t:status(3).last, t:commit(3))
  end)

  it("what is joined must be the present configuration", function()
    local t = led_by_1()
    refused("invalid",
      t:configure(1, { voters = { 4 }, outgoing = { 1, 2 } }))
  end)
end)
