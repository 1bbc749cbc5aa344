-- SPDX-License-Identifier: MIT
--
-- Paper §7: log compaction. What a snapshot covers leaves the log; who needs it
-- all the same is sent the snapshot.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

-- Three members with { 1, 2, 2, … }: a no-op and 'count' commands, applied by
-- all of them.
local function led_by_1(count, limits)
  local t = round_table.new { members = 3,
    limits = limits or { retained_entries = 0 } }
  t:elect(1)
  t:propose(1, count)
  t:settle()
  t:run(60 * MS)
  return t
end

-- Member 3 has missed the last six entries, and the others forgot them.
local function with_laggard(limits)
  local t = led_by_1(2, limits)
  t:isolate(3)
  t:propose(1, 6)
  t:settle()
  t:run(60 * MS)
  t:snapshot(1)
  t:snapshot(2)
  return t
end

local function image(message) return message.kind == "image" end

describe("§7 a log that is compacted", function()
  it("begins after what the snapshot covers", function()
    local t = led_by_1(4)
    t:snapshot(1)
    local status = t:status(1)
    assert.same({ 6, 6, 6 }, { status.base, status.snapshot, status.last })
    assert.equal(2, status.last_term)
    t:propose(1, 2)
    t:settle()
    t:run(60 * MS)
    assert.same({ 2, 2 }, t:terms(1))
    assert.equal(8, t:commit(1))
    assert.equal(8, t:commit(3))
  end)

  it("keeps some for those that lag a little", function()
    local t = led_by_1(6, { retained_entries = 3 })
    t:snapshot(1)
    assert.equal(5, t:status(1).base)
    assert.equal(8, t:status(1).snapshot)
  end)

  it("is not cut where it would lose nothing", function()
    local t = led_by_1(6, { retained_entries = 8 })
    for _, effect in ipairs(t:snapshot(1)) do
      assert.not_equal("compact", effect.kind)
    end
    assert.same({ 8, 0 }, { t:status(1).snapshot, t:status(1).base })
  end)

  it("keeps a snapshot to itself that is older than the newest", function()
    local t = led_by_1(6)
    t:snapshot(1, 7)
    t:step(1, { kind = "snapshot", index = 5 })
    assert.equal(7, t:status(1).snapshot)
    assert.equal(7, t:status(1).base)
  end)

  it("is found again after a restart, with what was applied", function()
    local t = led_by_1(4)
    t:snapshot(2)
    t:crash(2)
    t:start(2)
    local status = t:status(2)
    assert.same({ 6, 6, 6 }, { status.base, status.commit, status.applied })
    t:propose(1, 2)
    t:settle()
    t:run(100 * MS)
    assert.equal(8, t:commit(2))
  end)

  it("is as up to date in an election as a log that is not", function()
    local t = led_by_1(4)
    for id = 1, 3 do t:snapshot(id) end
    t:elect(2)
    assert.equal(7, t:commit(2))
    assert.same({ 3 }, t:terms(2))
  end)

  it("an AppendEntries of what is gone is acknowledged, not refused",
    function()
      local t = led_by_1(4)
      t:snapshot(3)
      local entries = {}
      for i = 3, 7 do
        entries[#entries + 1] = { term = 2, kind = "command", size = 100,
          time = i, checksum = i }
      end
      t:step(3, { kind = "message", message = {
        kind = "append", from = 1, to = 3, term = 2, previous_index = 2,
        previous_term = 2, commit = 6, round = 99, entries = entries } })
      local answers = t:waiting("append_result")
      local answer = answers[#answers]
      assert.is_false(answer.rejected)
      assert.equal(7, answer.match_index)
      assert.equal(6, t:status(3).base)
      assert.equal(7, t:status(3).last)
    end)
end)

describe("§7 InstallSnapshot", function()
  it("brings a member to where its log was", function()
    local t = with_laggard()
    t:heal()
    t:run(100 * MS)
    local status = t:status(3)
    assert.equal(10, status.base)
    assert.same({ 10, 10 }, { status.commit, status.applied })
    t:propose(1, 2)
    t:settle()
    t:run(60 * MS)
    assert.same(t:terms(1), t:terms(3))
    assert.equal(12, t:commit(3))
  end)

  it("is sent once, however often the follower answers", function()
    local t = with_laggard()
    t:heal()
    for _ = 1, 5 do
      t:wait(60 * MS)
      t:tick(1)
      while t:deliver(function(m) return m.kind ~= "image" end) do end
    end
    assert.equal(1, #t:waiting("image"))
  end)

  it("is tried again when it fails", function()
    local t = with_laggard()
    t:heal()
    t:wait(60 * MS)
    t:tick(1)
    while t:deliver(function(m) return m.kind ~= "image" end) do end
    local lost = t:waiting("image")[1]
    t:drop(image)
    t:sent(lost, true)
    assert.equal(1, #t:waiting("image")) -- at once: it knows what is missing
    t:run(100 * MS)
    assert.equal(10, t:commit(3))
  end)

  it("a new connection does not send another one beside it", function()
    local t = with_laggard()
    t:heal()
    t:wait(60 * MS)
    t:tick(1)
    while not t:waiting("image")[1] do t:deliver() end
    t:step(1, { kind = "link_up", member = 3 })
    assert.equal(1, #t:waiting("image"))
    assert.is_true(t:status(1).members[2].snapshotting)
  end)

  it("once installed, entries follow it, and no second one", function()
    local t = with_laggard()
    t:heal()
    t:wait(60 * MS)
    t:tick(1)
    while not t:waiting("image")[1] do t:deliver() end
    t:propose(1, 2)
    t:deliver(image)
    assert.equal(0, #t:waiting("image"))
    t:settle()
    assert.same({ 2, 2 }, t:terms(3))
  end)

  it("nothing is acknowledged before it is durable", function()
    local t = with_laggard()
    t:heal()
    t:hold(3)
    t:run(100 * MS)
    assert.equal(0, t:status(3).base)
    for _, member in ipairs(t:status(1).members) do
      if member.id == 3 then
        assert.is_true(member.match < 10)
        assert.is_true(member.snapshotting)
      end
    end
    t:run(2000 * MS) -- and meanwhile it follows, and does not campaign
    assert.equal("follower", t:role(3))
    assert.equal(1, t:status(3).leader)
    t:drop()
    t:install(3)
    local answer = t:waiting("append_result")[1] -- unasked
    assert.same({ 3, 10 }, { answer.from, answer.match_index })
    t:release(3)
    t:run(100 * MS)
    assert.equal(10, t:commit(3))
  end)

  it("a failed one changes nothing", function()
    local t = with_laggard()
    t:heal()
    t:hold(3)
    t:run(100 * MS)
    local before = t:terms(3)
    t:install(3, true)
    assert.same(before, t:terms(3))
    t:release(3)
    t:run(200 * MS)
    if t.members[3].must_install then t:install(3) end
    t:run(200 * MS)
    assert.equal(10, t:commit(3))
  end)

  it("when one has failed, what is committed here is applied", function()
    local t = led_by_1(2, { retained_entries = 0, apply_entries = 1 })
    t:busy(3)
    t:propose(1, 3)
    t:settle()
    t:run(60 * MS)
    assert.same({ 7, 4 }, { t:commit(3), t:status(3).applied })
    t:isolate(3)
    t:propose(1, 3)
    t:settle()
    t:run(60 * MS)
    t:snapshot(1)
    t:snapshot(2)
    t:heal()
    t:hold(3)
    t:wait(60 * MS)
    t:tick(1)
    while not t:waiting("image")[1] do t:deliver() end
    while t:deliver() do end
    assert.is_true(t.members[3].must_install)
    t:free(3)
    assert.equal(5, t:status(3).applied) -- no more while it is installed
    t:drop()
    t:isolate(3)
    t:install(3, true)
    assert.equal(7, t:status(3).applied)
  end)

  it("one of what is committed already is not installed", function()
    local t = with_laggard()
    t:heal()
    t:wait(60 * MS)
    t:tick(1)
    while t:deliver(function(m) return m.kind ~= "image" end) do end
    local late = t:waiting("image")[1]
    t:run(100 * MS)
    t:propose(1, 3)
    t:settle()
    t:run(60 * MS)
    assert.equal(13, t:commit(3))
    t:arrive(late) -- once more
    assert.is_nil(t.members[3].must_install)
    assert.equal(13, t:commit(3))
    assert.equal(13, t:status(3).last)
  end)

  it("a log that has the entry where it ends stays as it is", function()
    local t = led_by_1(2)
    t:propose(1, 3)
    t:settle() -- 3 has all of it, and does not know what is committed
    assert.equal(4, t:commit(3))
    t:snapshot(1)
    t:arrive { from = 1, to = 3, term = 2,
      image = t.members[1].disk.snapshot }
    assert.equal(0, t:status(3).base)
    assert.equal(7, t:commit(3))
  end)

  it("and is acknowledged as far as the snapshot vouches for it", function()
    local t = led_by_1(2)
    t:propose(1, 3)
    t:settle()
    t:snapshot(1)
    t:crash(3)
    t:start(3) -- it has all of it, and has compared none of it
    t:arrive { from = 1, to = 3, term = 2,
      image = t.members[1].disk.snapshot }
    local answer = t:waiting("append_result")[1]
    assert.same({ 3, 7 }, { answer.from, answer.match_index })
  end)

  it("what conflicts with it is gone, with all after it", function()
    local t = led_by_1(2)
    t:isolate(1)
    t:propose(1, 9) -- nobody else has these
    t:elect(2)
    t:propose(2, 2)
    t:settle()
    t:run(60 * MS)
    t:snapshot(2)
    t:snapshot(3)
    t:heal()
    t:run(300 * MS)
    assert.equal(7, t:status(1).base)
    assert.equal(7, t:status(1).last)
    t:propose(2)
    t:settle()
    assert.same(t:terms(2), t:terms(1))
  end)

  -- WRaft#118.4: the snapshot's term is that of an entry, not the current one
  it("the current term stays what it was", function()
    local t = with_laggard()
    t:heal()
    t:isolate(1)
    t:elect(2) -- term 3; the snapshot ends in term 2
    t:run(200 * MS)
    assert.equal(3, t:term(3))
    assert.equal(3, t:status(3).term)
    assert.is_true(t:commit(3) >= 10)
  end)

  it("one of a deposed leader is refused", function()
    local t = with_laggard()
    t:heal()
    t:wait(60 * MS)
    t:tick(1)
    while t:deliver(function(m) return m.kind ~= "image" end) do end
    local late = t:waiting("image")[1]
    t:drop(image)
    t:isolate(1)
    t:elect(2)
    local _, _, code = t:arrive(late)
    assert.equal("not_leader", code)
  end)

  it("it brings the configuration along", function()
    local t = led_by_1(2)
    t:isolate(3)
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3, 4 } })
    t:settle()
    t:run(60 * MS)
    t:snapshot(1)
    t:snapshot(2)
    t:heal()
    t:run(200 * MS)
    assert.same({ 1, 2, 3, 4 }, t:voters(3))
    t:crash(3)
    t:start(3)
    assert.same({ 1, 2, 3, 4 }, t:voters(3))
  end)

  it("a member that is new needs nothing else", function()
    local t = led_by_1(8)
    t:snapshot(1)
    t:add(4)
    t:configure(1, { voters = { 1, 2, 3 }, learners = { 4 } })
    t:settle()
    t:run(100 * MS)
    assert.equal(10, t:status(4).base)
    assert.equal(11, t:commit(4))
  end)
end)
