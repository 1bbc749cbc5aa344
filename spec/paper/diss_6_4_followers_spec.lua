-- SPDX-License-Identifier: MIT
--
-- Diss. §6.4: linear reads of followers, and stale ones with a bound in time.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local function led(options)
  options = options or {}
  options.members = options.members or 3
  local t = round_table.new(options)
  t:elect(1)
  t:propose(1, 2)
  t:settle()
  t:run(60 * MS)
  return t
end

describe("Diss. §6.4 a follower", function()
  it("asks the leader for the index, and answers itself", function()
    local t = led()
    t:read(2, 7, "follower")
    assert.is_nil(t.reads[7])
    assert.equal(1, t:waiting("read")[1].to)
    t:settle()
    assert.same({ "ok", t:commit(1) },
      { t.reads[7].status, t.reads[7].index })
  end)

  it("gets it after a majority answered the leader, not before", function()
    local t = led()
    t:read(2, 7, "follower")
    t:deliver(function(m) return m.kind == "read" end)
    assert.same({}, t:waiting("read_result"))
    t:settle()
    assert.equal("ok", t.reads[7].status)
  end)

  it("has nothing from a leader that was replaced", function()
    local t = led { members = 5 }
    t:cut(1, 3) t:cut(3, 1) t:cut(2, 3) t:cut(3, 2)
    t:cut(1, 4) t:cut(4, 1) t:cut(2, 4) t:cut(4, 2)
    t:cut(1, 5) t:cut(5, 1) t:cut(2, 5) t:cut(5, 2)
    t:read(2, 7, "follower")
    t:settle()
    assert.is_nil(t.reads[7])
    t:run(2000 * MS)
    assert.equal("not_leader", t.reads[7].status)
  end)

  it("refuses when it knows no leader", function()
    local t = round_table.new { members = 3 }
    local ok, _, code = t:read(2, 7, "follower")
    assert.is_nil(ok)
    assert.equal("not_leader", code)
  end)

  it("asks once for all that wait, then for those that came since",
    function()
      local t = led()
      for name = 1, 5 do t:read(2, name, "follower") end
      assert.equal(1, #t:waiting("read"))
      t:deliver(function(m) return m.kind == "read" end)
      while not t:waiting("read")[1] do assert(t:deliver()) end
      assert.equal("ok", t.reads[1].status) -- that was for the first
      assert.is_nil(t.reads[2])
      t:settle()
      for name = 2, 5 do assert.equal("ok", t.reads[name].status) end
    end)

  it("asks again when the question or the answer is lost", function()
    local t = led()
    t:read(2, 7, "follower")
    t:drop()
    t:run(120 * MS)
    assert.equal("ok", t.reads[7].status)
  end)

  it("does not take an answer to a question of an earlier life", function()
    local t = led()
    t:read(2, 7, "follower")
    while not t:waiting("read_result")[1] do assert(t:deliver()) end
    local late = t:waiting("read_result")[1]
    t:drop()
    t:crash(2)
    t:start(2)
    t:propose(1, 3)
    t:settle()
    t:run(60 * MS)
    t:read(2, 8, "follower")
    t:drop()
    t:step(2, { kind = "message", message = late })
    assert.is_nil(t.reads[8])
  end)

  it("that leads does as for any linear read", function()
    local t = led()
    t:read(1, 7, "follower")
    assert.is_nil(t.reads[7])
    t:settle()
    assert.equal("ok", t.reads[7].status)
  end)

  it("may be a learner", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3 }, learners = { 4 } })
    t:settle()
    t:run(100 * MS)
    t:read(4, 7, "follower")
    t:settle()
    assert.equal("ok", t.reads[7].status)
  end)

  it("is answered nothing before the leader's no-op is committed", function()
    local t = round_table.new { members = 3 }
    t:wait(600 * MS)
    t:timeout(1)
    while t:role(1) ~= "leader" do assert(t:deliver()) end
    t:drop()
    local function has_no_entries(m)
      return m.kind ~= "append" or m.entry_count == 0
    end
    local function talk()
      t:timeout(1)
      while t:deliver(has_no_entries) do end
      t:drop()
    end
    talk()
    assert.equal(1, t:status(2).leader)
    t:read(2, 7, "follower")
    talk()
    talk()
    assert.is_nil(t.reads[7])
    t:run(100 * MS)
    assert.equal("ok", t.reads[7].status)
  end)
end)

describe("Diss. §6.4 a stale read with a bound", function()
  it("needs no question while what is known is young enough", function()
    local t = led()
    t:read(2, 1, "follower")
    local asked = t.now
    t:settle()
    t:wait(99 * MS)
    t:read(2, 2, "stale", 100 * MS)
    assert.same({ "ok", t.reads[1].index },
      { t.reads[2].status, t.reads[2].index })
    assert.same({}, t:waiting("read"))
    t:wait(asked + 100 * MS + 1 - t.now)
    t:read(2, 3, "stale", 100 * MS)
    assert.is_nil(t.reads[3])
    assert.equal(1, #t:waiting("read"))
    t:settle()
    assert.equal("ok", t.reads[3].status)
  end)

  it("is as old as the question, not as its answer", function()
    local t = led()
    t:read(2, 1, "follower")
    t:wait(80 * MS) -- the answer is slow
    t:settle()
    t:wait(30 * MS)
    t:read(2, 2, "stale", 100 * MS)
    assert.is_nil(t.reads[2])
  end)

  it("is kept by a member that lost its leader, as long as it can", function()
    local t = led()
    t:read(2, 1, "follower")
    t:settle()
    t:isolate(2)
    t:run(700 * MS)
    assert.equal(0, t:status(2).leader)
    t:read(2, 2, "stale", 1000 * MS)
    assert.equal("ok", t.reads[2].status)
    t:wait(300 * MS + 1)
    local ok, _, code = t:read(2, 3, "stale", 1000 * MS)
    assert.is_nil(ok)
    assert.equal("not_leader", code)
  end)

  it("of a leader is as old as its last round", function()
    local t = led()
    t:read(1, 1, "linear")
    t:settle()
    t:isolate(1)
    t:wait(50 * MS)
    t:read(1, 2, "stale", 50 * MS)
    assert.equal("ok", t.reads[2].status)
    t:wait(1)
    t:read(1, 3, "stale", 50 * MS)
    assert.is_nil(t.reads[3])
  end)
end)
