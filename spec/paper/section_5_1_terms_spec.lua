-- SPDX-License-Identifier: MIT
--
-- Paper §5.1: terms are Raft's clock. A higher one wins, an older one is
-- told.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("§5.1 terms", function()
  it("a stale leader steps down when it hears a higher term", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:step(1, { kind = "message", message = {
      kind = "append_result", from = 2, to = 1, term = 7, rejected = true,
    } })
    assert.equal("follower", t:role(1))
    assert.equal(7, t:term(1))
    assert.equal(0, t:status(1).vote)
    assert.equal(7, t.members[1].disk.term)
  end)

  it("a message of an older leader is answered with the newer term",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:propose(1, 1)
      t:drop() -- its messages are late …
      local late = { kind = "append", from = 1, to = 2, term = 2,
        previous_index = 2, previous_term = 2, commit = 0, round = 9,
        entries = { { term = 2, kind = "command", size = 100 } } }
      t:isolate(1)
      t:wait(600 * MS)
      t:timeout(2)
      t:settle()
      t:drop()
      t:heal()
      assert.equal("leader", t:role(2))
      assert.equal("leader", t:role(1)) -- … and it still thinks it leads
      t:step(2, { kind = "message", message = late })
      assert.equal("leader", t:role(2))
      t:settle()
      assert.equal("follower", t:role(1))
      assert.equal(3, t:term(1))
    end)

  it("a term is durable before anything is said in it", function()
    local t = round_table.new { members = 3 }
    t:hold(2)
    t:step(2, { kind = "message", message = {
      kind = "append", from = 1, to = 2, term = 5, previous_index = 1,
      previous_term = 1, commit = 1, round = 1, entries = {},
    } })
    assert.equal(0, #t.wire)
    t:sync(2)
    assert.equal(1, #t.wire)
    assert.equal(5, t.wire[1].term)
    assert.equal(5, t.members[2].disk.term)
  end)

  it("a leader that no majority answers steps down (Diss. §6.2)", function()
    local t = round_table.new { members = 5 }
    t:elect(1)
    for id = 3, 5 do t:isolate(id) end
    t:run(490 * MS)
    assert.equal("leader", t:role(1))
    t:run(100 * MS)
    assert.is_not.equal("leader", t:role(1))
    assert.equal("no majority answered in time", t.members[1].reason)
  end)

  it("with a silent minority it stays", function()
    local t = round_table.new { members = 5 }
    t:elect(1)
    for id = 4, 5 do t:isolate(id) end
    t:run(3000 * MS)
    assert.equal("leader", t:role(1))
    assert.equal(2, t:term(1))
  end)

  for _, start in ipairs { 2 ^ 31, 2 ^ 32 } do
    it("deadlines hold where milliseconds pass " .. start, function()
      local t = round_table.new { members = 3 }
      t.now = start * MS - 3000 * MS
      for id = 1, 3 do
        t:crash(id)
        t:start(id)
      end
      t:run(6000 * MS)
      assert.is_truthy(t:leader())
      assert.equal(2, t:term(t:leader()))
      t:crash(t:leader())
      t:run(2000 * MS)
      assert.is_truthy(t:leader())
    end)
  end
end)
