-- SPDX-License-Identifier: MIT
--
-- Diss. §3.10: leadership transfer. On purpose, soon, and never for ever.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local function is(kind)
  return function(m) return m.kind == kind end
end

local function led_by_1(members)
  local t = round_table.new { members = members or 3 }
  t:elect(1)
  t:propose(1, 2)
  t:settle()
  return t
end

describe("Diss. §3.10 leadership transfer", function()
  it("a follower that has everything is told to campaign at once", function()
    local t = led_by_1()
    t:transfer(1, 3)
    assert.equal(1, #t:waiting("timeout_now"))
    t:settle()
    assert.equal(3, t:leader())
    assert.equal("follower", t:role(1))
    assert.equal(3, t:term(3))
    assert.equal("ok", t.members[1].transfer)
  end)

  it("one that is asked to lead no more follows in the same term",
    function()
      local t = led_by_1()
      t:step(1, { kind = "step_down" })
      assert.equal("follower", t:role(1))
      assert.equal(2, t:term(1))
      t:step(2, { kind = "step_down" }) -- who does not lead stays as it is
      assert.equal(2, t:term(2))
    end)

  it("one that lags is brought up to date first", function()
    local t = led_by_1()
    t:cut(1, 3)
    t:propose(1, 2)
    t:settle()
    t:heal()
    t:transfer(1, 3)
    assert.same({}, t:waiting("timeout_now"))
    t:wait(50 * MS)
    t:tick(1) -- a heartbeat finds what is missing
    t:settle()
    assert.equal(3, t:leader())
    assert.same({ 1, 2, 2, 2, 2, 2, 3 }, t:terms(3))
  end)

  it("without a name the member with the longest log is chosen", function()
    local t = led_by_1(5)
    for _, id in ipairs { 2, 3, 5 } do t:cut(1, id) end
    t:propose(1)
    t:settle()
    t:heal()
    t:transfer(1)
    t:settle()
    assert.equal(4, t:leader())
  end)

  it("meanwhile nothing is accepted, and all is as before when it fails",
    function()
      local t = led_by_1()
      t:transfer(1, 3)
      t:drop(is("timeout_now"))
      local _, _, code = t:propose(1)
      assert.equal("busy", code)
      _, _, code = t:transfer(1, 2)
      assert.equal("busy", code)
      t:cut(1, 3) -- it never hears of it
      t:run(300 * MS)
      assert.equal("leader", t:role(1))
      assert.equal("timeout", t.members[1].transfer)
      assert.is_truthy(t:propose(1))
      t:settle()
      assert.equal(5, t:commit(1))
    end)

  it("it is over in time also when nobody answers any more", function()
    local t = led_by_1()
    t:isolate(1)
    t:transfer(1, 3)
    t:run(300 * MS)
    assert.equal("leader", t:role(1)) -- it has not missed them for long enough
    assert.equal("timeout", t.members[1].transfer)
  end)

  it("a lost request is repeated with the heartbeat", function()
    local t = led_by_1()
    t:transfer(1, 3)
    t:drop(is("timeout_now"))
    t:run(100 * MS)
    assert.equal(3, t:leader())
  end)

  it("§4.2.3 who hears the leader votes for its successor all the same",
    function()
      local t = led_by_1(5)
      t:cut(3, 1) -- not with the old leader's vote
      t:cut(3, 2)
      t:transfer(1, 3)
      t:settle()
      assert.equal("leader", t:role(3))
    end)

  it("the request asks for nothing before the log is durable", function()
    local t = led_by_1()
    t:hold(3)
    t:propose(1)
    t:settle()
    t:step(3, { kind = "message",
      message = { kind = "timeout_now", from = 1, to = 3, term = 2 } })
    t:drop(function(m) return m.from ~= 3 end)
    assert.same({}, t:waiting("vote"))
    t:release(3)
    assert.equal(2, #t:waiting("vote"))
  end)

  it("a request of an earlier leader is ignored", function()
    local t = led_by_1()
    t:transfer(1, 3)
    local late = t:waiting("timeout_now")[1]
    t:drop()
    t:elect(2)
    t:step(3, { kind = "message", message = late })
    t:settle()
    assert.equal(2, t:leader())
  end)

  it("to no voter, to nobody and from no leader it is refused", function()
    local t = led_by_1()
    for _, member in ipairs { 1, 9 } do
      local _, _, code = t:transfer(1, member)
      assert.equal("invalid", code)
    end
    local _, _, code = t:transfer(2, 3)
    assert.equal("not_leader", code)
    assert.is_truthy(t:propose(1))
  end)

  it("a leader whose disk or machine is stalled hands over by itself",
    function()
      local t = led_by_1()
      t:step(1, { kind = "stalled", yes = true })
      assert.is_true(t:status(1).stalled)
      t:run(300 * MS)
      assert.not_equal(1, t:leader())
      assert.is_truthy(t:leader())
    end)

  it("and one whose disk is full, to a member that has room", function()
    local t = led_by_1()
    t:step(2, { kind = "disk_full", yes = true })
    t:run(100 * MS)
    t:step(1, { kind = "disk_full", yes = true })
    t:run(300 * MS)
    assert.equal(3, t:leader())
    t = led_by_1()
    for id = 2, 3 do t:step(id, { kind = "disk_full", yes = true }) end
    t:run(100 * MS)
    t:step(1, { kind = "disk_full", yes = true })
    t:run(1000 * MS)
    assert.equal(1, t:leader())
  end)

  it("but what stalls everyone moves nobody", function()
    local t = led_by_1()
    t:step(1, { kind = "stalled", yes = true })
    t:run(100 * MS) -- the others learned of that commit a heartbeat later
    for id = 2, 3 do t:step(id, { kind = "stalled", yes = true }) end
    t:run(1000 * MS)
    assert.same({ "leader", 2 }, { t:role(1), t:term(1) })
  end)

  it("not to one that is stalled itself; with none it stays", function()
    local t = led_by_1()
    t:step(2, { kind = "stalled", yes = true })
    t:run(200 * MS)
    t:step(1, { kind = "stalled", yes = true })
    t:run(300 * MS)
    assert.equal(3, t:leader())
    t = led_by_1()
    for id = 2, 3 do t:step(id, { kind = "stalled", yes = true }) end
    t:run(100 * MS)
    t:step(1, { kind = "stalled", yes = true })
    t:run(1000 * MS)
    assert.equal("leader", t:role(1))
  end)
end)
