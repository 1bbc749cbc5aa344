-- SPDX-License-Identifier: MIT
--
-- Diss. §6.4: linear reads without a log entry.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("Diss. §6.4 linear reads", function()
  it("are answered with the commit index, after a majority answered",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:propose(1, 2)
      t:settle()
      t:read(1, 7)
      assert.is_nil(t.reads[7])
      t:settle()
      assert.equal("ok", t.reads[7].status)
      assert.equal(4, t.reads[7].index)
    end)

  it("a follower refuses", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    local ok, _, code = t:read(2, 7)
    assert.is_nil(ok)
    assert.equal("not_leader", code)
  end)

  it("a lone member answers at once, once its no-op is committed", function()
    local t = round_table.new { members = 1 }
    t:hold(1)
    t:timeout(1)
    t:sync(1)
    assert.equal("leader", t:role(1))
    t:read(1, 7)
    assert.is_nil(t.reads[7])
    t:sync(1)
    assert.equal("ok", t.reads[7].status)
    t:read(1, 8)
    assert.equal(t:commit(1), t.reads[8].index)
  end)

  it("none is served before the no-op of the term is committed", function()
    local t = round_table.new {
      members = 3, logs = { { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
    }
    t:wait(600 * MS)
    t:timeout(1)
    while t:role(1) ~= "leader" do assert(t:deliver()) end
    t:read(1, 7)
    -- answers to heartbeats come, the entries are lost
    local function has_no_entries(m)
      return m.kind ~= "append" or m.entry_count == 0
    end
    while t:deliver(has_no_entries) do end
    t:drop()
    assert.equal(0, t:commit(1))
    assert.is_nil(t.reads[7])
    t:run(100 * MS)
    assert.equal(4, t.reads[7].index)
  end)

  it("a leader that was replaced serves none", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:isolate(1)
    t:elect(2)
    t:propose(2, 1)
    t:settle()
    t:read(1, 7)
    t:settle()
    assert.is_nil(t.reads[7])
    t:run(700 * MS)
    assert.equal("not_leader", t.reads[7].status)
  end)

  it("an answer to an earlier heartbeat confirms nothing", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:run(200 * MS)
    t:timeout(1)          -- heartbeats leave …
    local early = t:waiting("append")
    assert.equal(2, #early)
    t:read(1, 7)          -- … before the read comes
    for _, message in ipairs(early) do
      t:deliver(function(m) return m == message end)
    end
    while t:deliver(function(m) return m.kind == "append_result" end) do end
    assert.is_nil(t.reads[7])
    t:settle()
    assert.equal("ok", t.reads[7].status)
  end)

  it("reads that come while a round is out share the next one", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:run(10 * MS)
    t:drop()
    t:read(1, 1)
    local round = t:waiting("append")[1].round
    for id = 2, 9 do t:read(1, id) end
    assert.equal(2, #t:waiting("append")) -- no heartbeat per read
    t:settle()
    for id = 1, 9 do assert.equal("ok", t.reads[id].status) end
    local rounds = {}
    for _, message in ipairs(t.talk) do
      if message.kind == "append" and message.round > round then
        rounds[message.round] = true
      end
    end
    assert.same({ [round + 1] = true }, rounds)
  end)

  it("past the limit they are refused", function()
    local t = round_table.new { members = 3, limits = { reads = 2 } }
    t:elect(1)
    assert.is_truthy(t:read(1, 1))
    assert.is_truthy(t:read(1, 2))
    local ok, _, code = t:read(1, 3)
    assert.is_nil(ok)
    assert.equal("overloaded", code)
  end)
end)
