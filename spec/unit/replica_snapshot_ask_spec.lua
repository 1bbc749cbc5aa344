-- SPDX-License-Identifier: MIT
--
-- What is asked of a member about snapshots: one now, by an operator; and the
-- first entry, by one who joins, however far the log was cut.

local desk = require "spec.desk"

local LIMITS = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
  segment_bytes = 4096, batch_bytes = 1024 }

local function new(members)
  return desk.new { members = members, limits = LIMITS, hash_interval = 4 }
end

local function fill(made, id, count, word)
  local client = desk.client(made, id, 77)
  for i = 1, count do
    client:apply((word or "command") .. i)
  end
end

describe("replica: an operator who asks for a snapshot", function ()
  local function ask(made)
    local answer = desk.client(made, 1, 9):order("snapshot", {})
    return answer and (answer.code or answer.result.index), answer
  end

  it("is told its index when it is on the disk", function ()
    local made = new()
    fill(made, 1, 5)
    made:hold_disk(1, true)
    local client = desk.client(made, 1, 9)
    client:administer("snapshot", {})
    made:run(1e5)
    assert.same({}, desk.answers(made))
    made:hold_disk(1, false)
    made:settle()
    assert.equal(made:status(1).applied,
      desk.answers(made)[1].result.index)
    assert.equal(made:status(1).applied, made:status(1).snapshot)
  end)

  it("is told that there is nothing new, and that one is under way",
    function ()
      local made = new()
      fill(made, 1, 5)
      local index = ask(made)
      local code, answer = ask(made)
      assert.equal("exists", code)
      assert.equal("nothing was applied since the snapshot of entry "
        .. index, answer.message)
      fill(made, 1, 1)
      made:hold_disk(1, true)
      local other = desk.client(made, 1, 10)
      other:administer("snapshot", {})
      code, answer = ask(made)
      assert.equal("busy", code)
      assert.equal("a snapshot is being taken already", answer.message)
      made:hold_disk(1, false)
      made:settle()
      assert.equal(index + 1, desk.answers(made)[1].result.index)
    end)

  it("of a machine that takes none is told so, the first time and later",
    function ()
      local made = new()
      made:bare_machine(1, true)
      fill(made, 1, 5)
      assert.equal("no_method", (ask(made)))
      local code, answer = ask(made)
      assert.equal("no_method", code)
      assert.equal("the machine takes no snapshots: expected the methods "
        .. "'snapshot' and 'restore'", answer.message)
    end)

  it("is told why it failed", function ()
    local made = new()
    fill(made, 1, 5)
    made:fail_disk(1, "write", 1)
    local code, answer = ask(made)
    assert.equal("io", code)
    assert.matches("^snapshot%-new: write at offset %d+ failed: ",
      answer.message)
    assert.equal(made:status(1).applied, (ask(made)))
  end)

  it("asks for nothing else with it, and over no other door", function ()
    local made = new()
    fill(made, 1, 5)
    local client = desk.client(made, 1, 9)
    assert.equal("malformed", client:order("snapshot", { 1 }).code)
    assert.equal("denied", client:ask("snapshot", {}).code)
    assert.equal(0, made:status(1).snapshot)
  end)
end)

describe("replica: sessions that are many bytes", function ()
  it("are written down a part per turn, and nothing is applied meanwhile",
    function ()
      local made = desk.new { limits = { snapshot_bytes = 2 ^ 30 } }
      local client = desk.client(made, 1)
      local session = client:open_session()
      for i = 1, 300 do -- a result is a thousand times as long
        assert.is_nil(client:apply("big!", session, i, 1).code)
      end
      assert.is_true(made:status(1).session_bytes > 1200000)
      local before = made:status(1).applied
      assert.is_true(made:snapshot(1))
      client:propose "later"
      made:settle()
      assert.equal(0, made:status(1).snapshot)
      assert.equal(before, made:status(1).applied)
      made:run(1e6)
      assert.equal(before, made:status(1).snapshot)
      assert.equal(before + 1, made:status(1).applied)
      made:crash(1)
      made:start(1)
      made:run(2e6)
      assert.is_true(made:status(1).session_bytes > 1200000)
    end)
end)

describe("replica: one who joins", function ()
  local function first(made, id)
    return desk.client(made, id, 8):ask("first_entry", {})
  end

  it("gets the first entry of a log that begins after it, also after a "
    .. "restart", function ()
    local made = new()
    local before = first(made, 1).result
    assert.is_string(before)
    fill(made, 1, 20)
    made:snapshot(1)
    assert.is_true(made:status(1).base > 10)
    assert.equal(before, first(made, 1).result)
    for _ = 1, 2 do
      made:crash(1)
      made:start(1)
      made:run(2e6)
      assert.is_true(made:status(1).base > 10)
      assert.equal(before, first(made, 1).result)
      fill(made, 1, 20)
      made:snapshot(1)
    end
  end)

  it("gets it from a member that had nothing but a snapshot", function ()
    local made = new(3)
    local leader = desk.leader(made, 3)
    local away = leader % 3 + 1
    local before = first(made, leader).result
    for id = 1, 3 do
      made:cut(away, id, true)
      made:cut(id, away, true)
    end
    fill(made, leader, 20)
    made:snapshot(leader)
    for id = 1, 3 do
      made:cut(away, id, false)
      made:cut(id, away, false)
    end
    made:run(3e6)
    assert.is_true(made:status(away).base > 10)
    assert.equal(before, first(made, away).result)
    made:crash(away)
    made:start(away)
    made:run(2e6)
    assert.equal(before, first(made, away).result)
  end)

  it("is asked to come again where nothing is applied yet", function ()
    local made = desk.new { members = 3, limits = LIMITS }
    for id = 1, 3 do
      made:crash(id)
    end
    made:start(1)
    made:run(1e6)
    local answer = first(made, 1)
    assert.same({ "busy", "nothing is committed here yet, try again later" },
      { answer.code, answer.message })
  end)
end)
