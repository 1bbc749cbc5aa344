-- SPDX-License-Identifier: MIT
--
-- Diss. §6.4.1: reads without asking, while voters have promised to elect
-- nobody else.

local round_table = require("spec.paper.round_table")
local MS = round_table.MS

local LEASE = 400 * MS -- longer than any election timeout but the longest

-- Member 1 leads and has a lease, renewed just now.
local function leased(options)
  options = options or {}
  options.members = options.members or 3
  options.lease_us = options.lease_us or LEASE
  local t = round_table.new(options)
  t:wait(options.lease_us) -- all of them have just started
  t:elect(1)
  t:propose(1, 1)
  t:settle()
  t:timeout(1) -- grants a lease, to those who have the configuration
  t:settle()
  assert.is_true(t:status(1).has_lease)
  return t
end

-- Lets member 1 alone feel time: the others are as they were.
local function wait(t, us)
  t:wait(us)
  t:tick(1)
  t:drop()
end

local function read(t, name)
  t:read(1, name, "lease")
  return t.reads[name]
end

local function ask_for_vote(t, to, from, kind)
  t:step(to, { kind = "message", message = { kind = kind or "vote",
    from = from, to = to, term = t:term(to) + 1, last_index = 99,
    last_term = t:term(to) } })
  for _, kinds in ipairs { "vote_result", "pre_vote_result" } do
    local answer = t:waiting(kinds)[1]
    if answer then
      t:drop()
      return answer.granted
    end
  end
  return false
end

describe("Diss. §6.4.1 a leader with a lease", function()
  it("answers at once, and asks nobody", function()
    local t = leased()
    local answer = read(t, 7)
    assert.same({ "ok", t:commit(1), true },
      { answer.status, answer.index, answer.leased })
    assert.equal(0, #t.wire)
  end)

  it("has none when the configuration has none, and asks a majority",
    function()
      local t = leased()
      t:configure(1, { voters = { 1, 2, 3 }, lease_us = 0 })
      t:settle()
      t:run(200 * MS)
      assert.is_false(t:status(1).has_lease)
      assert.is_nil(read(t, 7))
      t:settle()
      assert.same({ "ok", false }, { t.reads[7].status, t.reads[7].leased })
    end)

  it("counts it from the start of the round, shorter by what clocks may "
    .. "differ", function()
    local t = leased()
    t:wait(10 * MS)
    t:timeout(1)
    local began = t.now
    t:wait(30 * MS) -- the answers are slow
    t:settle()
    local length = math.floor(LEASE * 95 / 105)
    wait(t, began + length - 1 - t.now)
    assert.is_true(read(t, 7).leased)
    wait(t, 1)
    assert.is_nil(read(t, 8))
  end)

  it("knows the bound of the configuration, if it has one", function()
    local t = leased { drift_ppm = 100000 }
    t:timeout(1)
    local began = t.now
    t:settle()
    wait(t, began + math.floor(LEASE * 90 / 110) - 1 - t.now)
    assert.is_true(read(t, 7).leased)
    wait(t, 1)
    assert.is_nil(read(t, 8))
  end)

  it("has it from a majority only", function()
    local t = leased { members = 5 }
    for id = 2, 4 do
      t:cut(1, id)
    end
    t:run(380 * MS) -- one of four goes on to answer
    assert.is_nil(read(t, 7))
  end)

  it("serves none before the no-op of the term is committed", function()
    local t = round_table.new { members = 3, lease_us = LEASE }
    t:wait(600 * MS)
    t:timeout(1)
    while t:role(1) ~= "leader" do assert(t:deliver()) end
    local function has_no_entries(m)
      return m.kind ~= "append" or m.entry_count == 0
    end
    for _ = 1, 3 do
      t:timeout(1)
      while t:deliver(has_no_entries) do end
      t:drop()
    end
    assert.equal(0, t:commit(1))
    assert.is_nil(read(t, 7))
  end)

  it("grants none to a voter that has not the configuration on its disk",
    function()
      local t = leased()
      t:hold(2)
      t:hold(3)
      t:configure(1, { voters = { 1, 2, 3 }, lease_us = 2 * LEASE })
      t:settle()
      t:timeout(1)
      for _, message in ipairs(t:waiting("append")) do
        assert.equal(0, message.lease_us)
      end
      t:settle()
      assert.is_false(t:status(1).has_lease)
      t:release(2)
      t:settle()
      t:run(100 * MS)
      assert.is_true(t:status(1).has_lease)
    end)
end)

describe("Diss. §6.4.1 a voter within a lease", function()
  it("votes for nobody, and takes over no term", function()
    local t = leased()
    t:wait(LEASE - 1)
    assert.is_false(ask_for_vote(t, 2, 3))
    assert.is_false(ask_for_vote(t, 2, 3, "pre_vote"))
    assert.equal(t:term(1), t:term(2))
    t:wait(1)
    assert.is_true(ask_for_vote(t, 2, 3, "pre_vote"))
    assert.is_true(ask_for_vote(t, 2, 3))
  end)

  it("does not, whatever its link to the leader says", function()
    local t = leased()
    t:step(2, { kind = "link_down", member = 1, gone = true })
    assert.is_false(ask_for_vote(t, 2, 3))
    assert.is_false(ask_for_vote(t, 2, 3, "pre_vote"))
    t:timeout(2)
    assert.equal("follower", t:role(2))
  end)

  it("leaves no moment in which one leader reads by lease, and another has "
    .. "committed", function()
    local t = leased()
    t:isolate(1)
    for id = 2, 3 do -- its host refuses connections, and it is alive
      t:step(id, { kind = "link_down", member = 1, gone = true })
    end
    local before = t:commit(1)
    t:timeout(2)
    t:settle()
    for _ = 1, 100 do
      t:run(10 * MS)
      local answer = read(t, t.now)
      local other = t:role(2) == "leader" and 2
        or t:role(3) == "leader" and 3
      if other and t:commit(other) > before then
        assert.is_not_true(answer and answer.leased)
        return
      end
    end
    error "nobody else came to lead"
  end)

  it("does not stand itself", function()
    local t = leased { lease_us = 2000 * MS }
    t:crash(1)
    t:run(1900 * MS)
    assert.is_nil(t:leader())
    t:run(1000 * MS)
    assert.is_truthy(t:leader())
  end)

  it("that starts votes for nobody for as long as one may last", function()
    local t = leased()
    t:wait(300 * MS)
    t:crash(2)
    t:start(2)
    assert.is_false(ask_for_vote(t, 2, 3))
    t:wait(LEASE - 1)
    assert.is_false(ask_for_vote(t, 2, 3))
    t:wait(1)
    assert.is_true(ask_for_vote(t, 2, 3))
  end)

  it("that starts knows the longer one before the latest, too", function()
    local t = leased()
    t:configure(1, { voters = { 1, 2, 3 }, lease_us = 0 })
    t:settle()
    t:crash(2)
    t:start(2)
    t:wait(LEASE - 1)
    assert.is_false(ask_for_vote(t, 2, 3))
  end)
end)

describe("Diss. §6.4.1 a leader that hands over", function()
  it("serves none by lease any more, also when that fails", function()
    local t = leased()
    t:hold(2)
    t:propose(1, 1)
    t:transfer(1, 2)
    assert.is_nil(read(t, 7)) -- 2 is not up to date yet: it waits
    assert.same({}, t:waiting("timeout_now"))
    t:settle()
    t:release(2)
    local function is_not_told(m) return m.kind ~= "timeout_now" end
    while t:deliver(is_not_told) do end
    assert.is_true(#t:waiting("timeout_now") > 0)
    t:drop()
    assert.is_nil(read(t, 8))
    t:cut(1, 2)
    t:cut(2, 1)
    t:run(1000 * MS) -- it goes on, and would have a lease again
    assert.equal("leader", t:role(1))
    assert.is_false(t:status(1).has_lease)
  end)

  it("is replaced at once: voters need not wait", function()
    local t = leased { lease_us = 2000 * MS }
    t:transfer(1, 2)
    t:settle()
    assert.equal("leader", t:role(2))
  end)
end)
