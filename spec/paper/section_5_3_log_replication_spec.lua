-- SPDX-License-Identifier: MIT
--
-- Paper §5.3: log replication. Logs converge on the leader's, whatever they
-- held before; what is lost on the way is sent again.

local effects_of = require("spec.paper.table_effects")
local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local function entries_to(t, id)
  local found = {}
  for _, message in ipairs(t:waiting("append")) do
    if message.to == id and message.entry_count > 0 then
      found[#found + 1] = message
    end
  end
  return found
end

local function is_append_to(id)
  return function(m) return m.kind == "append" and m.to == id end
end

describe("§5.3 log replication", function()
  it("an entry is committed when a majority has it", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:run(60 * MS)
    t:isolate(3)
    t:propose(1, 1)
    assert.equal(2, t:commit(1))
    t:settle()
    assert.equal(3, t:commit(1))
    t:run(100 * MS)
    assert.equal(3, t:commit(2))
    assert.equal(2, t:commit(3))
  end)

  it("without a majority nothing is committed", function()
    local t = round_table.new { members = 5 }
    t:elect(1)
    for id = 3, 5 do t:isolate(id) end
    t:propose(1, 3)
    t:settle()
    assert.equal(2, t:commit(1))
  end)

  -- Figure 7: the followers that a new leader may find, (a) to (f).
  describe("Figure 7", function()
    local logs = {
      { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6 },          -- the leader, of term 8
      { 1, 1, 1, 4, 4, 5, 5, 6, 6 },             -- (a) misses one
      { 1, 1, 1, 4 },                            -- (b) misses many
      { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6 },       -- (c) has one more
      { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7 },    -- (d) has two of term 7
      { 1, 1, 1, 4, 4, 4, 4 },                   -- (e) both
      { 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3 },       -- (f) both, of two terms
    }

    it("every follower's log becomes the leader's", function()
      local t = round_table.new {
        members = 7, logs = logs,
        terms = { 7, 6, 4, 6, 7, 4, 3 },
      }
      t:timeout(1)
      t:settle()
      assert.equal("leader", t:role(1))
      assert.equal(8, t:term(1))
      t:run(300 * MS)
      local expected = { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8 }
      for id = 1, 7 do
        assert.same(expected, t:terms(id))
        assert.equal(11, t:commit(id))
      end
    end)

    for letter = 2, 7 do
      it("a conflict is found in at most " .. 3 .. " probes: ("
        .. string.char(95 + letter) .. ")", function()
        -- 1 leads with the vote of 3, which is equal; the follower is 2
        local t = round_table.new {
          members = 3, logs = { logs[1], logs[letter], logs[1] },
          terms = { 7, 7, 7 },
        }
        t:timeout(1)
        t:settle()
        local rejections = 0
        for _, message in ipairs(t.talk) do
          if message.kind == "append_result" and message.rejected then
            rejections = rejections + 1
          end
        end
        assert.is_true(rejections <= 3)
        assert.same({ 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8 }, t:terms(2))
      end)
    end
  end)

  it("the consistency check refuses entries after a gap", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:step(2, { kind = "message", message = {
      kind = "append", from = 1, to = 2, term = t:term(1),
      previous_index = 7, previous_term = 2, commit = 0, round = 1,
      entries = { { term = 2, kind = "command", size = 100 } },
    } })
    assert.equal(2, t:status(2).last)
    local answer = t.wire[#t.wire]
    assert.is_true(answer.rejected)
    assert.equal(7, answer.rejected_index)
    assert.equal(2, answer.hint_index)
  end)

  it("a refusal cuts nothing", function()
    local t = round_table.new { members = 3, logs = { [2] = { 1, 1, 1 } } }
    t:step(2, { kind = "message", message = {
      kind = "append", from = 1, to = 2, term = 3, previous_index = 3,
      previous_term = 2, commit = 0, round = 1, entries = {},
    } })
    assert.is_true(t.wire[#t.wire].rejected)
    assert.same({ 1, 1, 1 }, t:terms(2))
  end)

  it("repeated and late AppendEntries change nothing", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:propose(1, 1)
    local late = entries_to(t, 2)[1]
    t:propose(1, 2)
    t:settle()
    assert.same({ 1, 2, 2, 2, 2 }, t:terms(2))
    t:step(2, { kind = "message", message = late })
    assert.same({ 1, 2, 2, 2, 2 }, t:terms(2))
    -- an empty one that agrees, further back, neither
    t:step(2, { kind = "message", message = {
      kind = "append", from = 1, to = 2, term = 2, previous_index = 2,
      previous_term = 2, commit = 2, round = 1, entries = {},
    } })
    assert.same({ 1, 2, 2, 2, 2 }, t:terms(2))
    assert.equal(2, t:commit(2))
  end)

  it("only what was compared with the leader's log is acknowledged",
    function()
      -- 2 has a tail of an old leader; a heartbeat at index 1 agrees
      local t = round_table.new {
        members = 3, logs = { [2] = { 1, 1, 1, 1 } },
      }
      t:step(2, { kind = "message", message = {
        kind = "append", from = 1, to = 2, term = 2, previous_index = 1,
        previous_term = 1, commit = 4, round = 1, entries = {},
      } })
      local answer = t.wire[#t.wire]
      assert.is_false(answer.rejected)
      assert.equal(1, answer.match_index)
      assert.equal(1, t:commit(2)) -- and no more than that is committed
    end)

  it("late acknowledgements never move matchIndex back", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:propose(1, 3)
    t:settle()
    local before = t:status(1).members[1].match
    assert.equal(5, before)
    t:step(1, { kind = "message", message = {
      kind = "append_result", from = 2, to = 1, term = 2, match_index = 2,
      round = 1,
    } })
    assert.equal(5, t:status(1).members[1].match)
  end)

  it("acknowledgements of an earlier term are not counted", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:isolate(3)
    t:propose(1, 1)
    t:settle()
    t:heal()
    t:elect(2)
    t:elect(1)
    for id = 2, 3 do t:isolate(id) end
    t:propose(1, 2)
    t:settle()
    local last, commit = t:status(1).last, t:commit(1)
    t:step(1, { kind = "message", message = {
      kind = "append_result", from = 2, to = 1, term = 2, match_index = last,
      round = 1,
    } })
    assert.equal(commit, t:commit(1))
  end)

  it("an acknowledgement past the leader's end is ignored", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:step(1, { kind = "message", message = {
      kind = "append_result", from = 2, to = 1, term = 2,
      match_index = 1000, round = 1,
    } })
    assert.equal(2, t:commit(1))
  end)

  it("entries follow one another without waiting, up to the window",
    function()
      local t = round_table.new {
        members = 3, limits = { inflight_messages = 3 },
      }
      t:elect(1)
      for _ = 1, 10 do t:propose(1, 1) end
      assert.equal(3, #entries_to(t, 2))
      local first = t:deliver(is_append_to(2))
      assert.is_not_nil(first)
      t:deliver(function(m) return m.kind == "append_result" end)
      -- one place is free, and one message holds all that waited
      assert.equal(3, #entries_to(t, 2))
      t:settle()
      assert.equal(12, t:commit(1))
    end)

  it("what waits to be applied is bounded, but one command always enters",
    function()
      local t = round_table.new {
        members = 3, limits = { unapplied_bytes = 99 }, -- a command has 100
      }
      t:elect(1)
      assert.is_truthy(t:propose(1))
      local _, _, code = t:propose(1)
      assert.equal("overloaded", code)
      t:settle()
      assert.is_truthy(t:propose(1))
    end)

  -- The disk of the leader answers late: what it is asked for, is kept.
  it("old entries are read back once at a time, however many answers come",
    function()
      local t = round_table.new { members = 3, limits = { cached_bytes = 100 } }
      local perform, asked = effects_of.perform, {}
      local answer = perform.load
      t:elect(1)
      t:isolate(3)
      t:propose(1, 40)
      t:settle()
      t:drop()
      perform.load = function(_, _, effect) asked[#asked + 1] = effect end
      t:step(1, { kind = "link_up", member = 3 })
      for index = 3, 30 do
        t:step(1, { kind = "message", message = {
          kind = "append_result", from = 3, to = 1, term = 2,
          match_index = index, round = 1 } })
      end
      perform.load = answer
      assert.equal(1, #asked)
      t:heal()
      answer(t, t.members[1], asked[1]) -- what it brings is too old
      assert.equal(31, entries_to(t, 3)[1].previous_index + 1)
    end)

  it("a lost message is found by the next heartbeat", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:propose(1, 2)
    t:drop()
    assert.equal(2, t:commit(1))
    t:timeout(1)
    t:settle()
    assert.equal(4, t:commit(1))
    assert.same({ 1, 2, 2, 2 }, t:terms(2))
  end)

  it("a round is answered at once, though the entries are not durable yet",
    function()
      local t = round_table.new { members = 3 }
      t:elect(1)
      t:run(300 * MS) -- several rounds of this leader …
      t:hold(2)
      t:step(2, { kind = "message", message = {
        kind = "append", from = 3, to = 2, term = 3, previous_index = 2,
        previous_term = 2, commit = 2, round = 1, -- … the first of the next
        entries = { { term = 3, kind = "command", size = 100 } },
      } })
      t:sync(2, 1) -- its term is durable, and the entry, too
      local answers = t:waiting("append_result")
      assert.equal(1, answers[1].round)
      t:drop()
      t:step(2, { kind = "message", message = {
        kind = "append", from = 3, to = 2, term = 3, previous_index = 3,
        previous_term = 3, commit = 2, round = 2,
        entries = { { term = 3, kind = "command", size = 100 } },
      } })
      local answer = t:waiting("append_result")[1]
      assert.same({ 2, 3 }, { answer.round, answer.match_index })
    end)

  it("a connection that is back asks at once what got through", function()
    local t = round_table.new { members = 3 }
    t:elect(1)
    t:propose(1, 2)
    t:drop()
    t:step(1, { kind = "link_up", member = 3 })
    t:step(1, { kind = "link_up", member = 9 }) -- no member
    t:settle()
    assert.same({ 1, 2, 2, 2 }, t:terms(3))
    assert.equal(2, t:status(2).last)
  end)

  it("a follower far behind is served from the disk", function()
    local t = round_table.new {
      members = 3, limits = { cached_bytes = 300, append_entries = 3 },
    }
    t:elect(1)
    t:isolate(3)
    for _ = 1, 20 do
      t:propose(1, 1)
      t:settle()
    end
    assert.is_true(t:status(1).first_cached > 15)
    t:heal()
    t:run(300 * MS)
    assert.same(t:terms(1), t:terms(3))
    assert.equal(22, t:commit(3))
  end)

  it("entry times rise even when the wall clock falls", function()
    local t = round_table.new { members = 1 }
    t:timeout(1)
    t:propose(1, 3)
    local before = t.members[1].cache[5].time
    local effects = t.members[1].engine:step {
      kind = "propose", now = t.now, wall = 1, random = 1,
      entries = { { kind = "command", size = 100 } },
    }
    for _, effect in ipairs(effects) do
      if effect.kind == "append" then
        assert.is_true(effect.time > before)
      end
    end
  end)
end)
