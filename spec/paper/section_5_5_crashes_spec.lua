-- SPDX-License-Identifier: MIT
--
-- Paper §5.5: followers and candidates crash; and §5.4.1 of what a disk
-- promises.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

describe("§5.5 crashes", function()
  it("a restarted member rejoins as follower and catches up", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:crash(3)
    t:propose(1, 4)
    t:settle()
    t:start(3)
    assert.equal("follower", t:role(3))
    t:run(200 * MS)
    assert.same(t:terms(1), t:terms(3))
    assert.equal(t:commit(1), t:commit(3))
    assert.equal(2, t:term(1)) -- it disturbed nobody
  end)

  it("a restarted leader rejoins as follower", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:crash(1)
    t:start(1)
    assert.equal("follower", t:role(1))
    t:run(3000 * MS)
    assert.is_truthy(t:leader())
  end)

  it("all members restart, and nothing that was committed is lost",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:propose(1, 5)
      t:settle()
      local terms = t:terms(1)
      for id = 1, 3 do t:crash(id) end
      t:drop()
      for id = 1, 3 do t:start(id) end
      t:run(2000 * MS)
      local after = t:terms(t:leader())
      for index, term in ipairs(terms) do
        assert.equal(term, after[index])
      end
      assert.equal(#after, t:commit(t:leader()))
    end)

  it("a term and vote survive the crash of a lone candidate", function()
    local t = round_table.new { members = 1 }
    t:timeout(1)
    assert.equal(2, t:term(1))
    t:crash(1)
    t:start(1)
    assert.equal(2, t:term(1))
    assert.equal(1, t:status(1).vote)
    t:timeout(1)
    assert.equal(3, t:term(1))
  end)
end)

describe("Diss. §10.2.1 writing in parallel", function()
  it("AppendEntries leaves before the leader's own sync", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:hold(1)
    t:propose(1, 1)
    assert.equal(2, #t:waiting("append"))
  end)

  it("the leader counts itself only when its write is durable", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:hold(1)
    t:isolate(3)
    t:propose(1, 1)
    t:settle()
    assert.equal(2, t:commit(1)) -- only 2 has it on its disk
    t:release(1)
    assert.equal(3, t:commit(1))
  end)

  it("a majority without the leader's disk is a majority", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:hold(1)
    t:propose(1, 1)
    t:settle()
    assert.equal(3, t:commit(1))
    -- but it is applied here only when it is durable here
    assert.is_nil(t.members[1].applied[3])
    t:release(1)
    assert.equal(2, t.members[1].applied[3])
  end)

  it("a lone member commits nothing before its sync", function()
    local t = round_table.new { members = 1 }
    t:timeout(1)
    t:hold(1)
    t:propose(1, 1)
    assert.equal(2, t:commit(1))
    t:sync(1)
    assert.equal(3, t:commit(1))
  end)

  it("a follower acknowledges only what is durable, once per sync",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:run(60 * MS)
      t:hold(2)
      for _ = 1, 5 do t:propose(1, 1) end
      t:settle()
      local before = #t.talk
      assert.equal(2, t:status(1).members[1].match)
      t:sync(2)
      local acks = {}
      for i = before + 1, #t.talk do
        if t.talk[i].kind == "append_result" then
          acks[#acks + 1] = t.talk[i].match_index
        end
      end
      assert.same({ 7 }, acks)
    end)

  it("an index that was cut and written again is durable with the second "
    .. "write", function()
    local t = round_table.new { members = 3 }
    t:hold(3)
    local function append(term, previous_index, previous_term, entry_term)
      t:step(3, { kind = "message", message = {
        kind = "append", from = term == 2 and 1 or 2, to = 3, term = term,
        previous_index = previous_index, previous_term = previous_term,
        commit = 1, round = 1,
        entries = { { term = entry_term, kind = "command", size = 100 } },
      } })
    end
    append(2, 1, 1, 2) -- index 2 of term 2; its write is under way
    append(3, 1, 1, 3) -- index 2 of term 3 replaces it
    t:sync(3, 1)       -- the first write is done
    assert.equal(1, t:status(3).stable)
    t:sync(3)
    assert.equal(2, t:status(3).stable)
    assert.equal(3, t:terms(3)[2])
  end)

  it("with a full disk nothing is taken, and nothing is acknowledged",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:step(2, { kind = "disk_full", yes = true })
      t:propose(1, 1)
      t:settle()
      assert.equal(2, t:status(2).last)
      assert.equal(3, t:commit(1)) -- 3 has it
      t:run(100 * MS)
      assert.is_true(t:status(1).members[1].disk_full)
      t:step(1, { kind = "disk_full", yes = true })
      local ok, _, code = t:propose(1, 1)
      assert.is_nil(ok)
      assert.equal("disk_full", code)
      t:step(1, { kind = "disk_full", yes = false })
      t:step(2, { kind = "disk_full", yes = false })
      assert.is_truthy(t:propose(1, 1))
      t:run(200 * MS)
      assert.same(t:terms(1), t:terms(2))
    end)

  it("with all disks full a new leader commits its no-op, and reads",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:propose(1, 1)
      t:settle()
      for id = 1, 3 do
        t:step(id, { kind = "disk_full", yes = true })
      end
      t:elect(2)
      t:settle()
      assert.same({ 1, 2, 2, 3 }, t:terms(1))
      assert.equal(4, t:commit(2))
      t:read(2, 7)
      t:settle()
      assert.equal("ok", t.reads[7].status)
      local ok, _, code = t:propose(2, 1)
      assert.is_nil(ok)
      assert.equal("disk_full", code)
    end)

  it("with a full disk a no-op behind an entry is not taken", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:step(3, { kind = "disk_full", yes = true })
    t:propose(1, 1)
    t:settle()
    t:elect(2)
    t:run(200 * MS)
    assert.same({ 1, 2, 2, 3 }, t:terms(2))
    assert.same({ 1, 2 }, t:terms(3))
    t:step(3, { kind = "disk_full", yes = false })
    t:run(200 * MS)
    assert.same(t:terms(2), t:terms(3))
  end)

  it("what no majority has room for is refused, until one has", function()
    local t = round_table.new { members = 5 }
    t:elect(1)
    for _, full in ipairs { 2, 3, 5 } do
      assert.is_truthy(t:propose(1, 1))
      t:step(full, { kind = "disk_full", yes = true })
      t:run(100 * MS)
    end
    local last, commit = t:status(1).last, t:commit(1)
    for _ = 1, 3 do
      local ok, _, code = t:propose(1, 1)
      assert.is_nil(ok)
      assert.equal("disk_full", code)
    end
    assert.equal(last, t:status(1).last)
    t:step(3, { kind = "disk_full", yes = false })
    t:run(200 * MS)
    assert.is_truthy(t:propose(1, 1))
    t:run(100 * MS)
    assert.is_true(t:commit(1) > commit)
  end)
end)
