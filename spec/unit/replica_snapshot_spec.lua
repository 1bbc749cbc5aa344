-- SPDX-License-Identifier: MIT
--
-- Snapshots of one member: when they are taken, what is in them, and what a
-- member does with them when it starts (Paper 7).

local desk = require "spec.desk"

-- Small enough that a few commands are a reason, and segments change often.
local SMALL = { snapshot_bytes = 1000, retained_entries = 2,
  segment_bytes = 4096, batch_bytes = 1024 }

local function new(limits)
  return desk.new { limits = limits or SMALL, hash_interval = 4,
    traces = true }
end

local function names(made, id)
  local found = {}
  for name in made:files(id):gmatch "[^%z]+" do
    if name:find("snapshot-", 1, true) then
      table.insert(found, name)
    end
  end
  return found
end

local function fill(made, count, word)
  local client = desk.client(made, 1, 77)
  for i = 1, count do
    client:propose((word or "command") .. i)
    made:settle()
  end
  desk.answers(made)
end

local function restart(made)
  made:crash(1)
  made:start(1)
  made:run(2e6)
end

describe("replica: a snapshot", function ()
  it("is taken when so many bytes were applied, and the log is cut",
    function ()
      local made = new()
      fill(made, 8)
      assert.equal(0, made:status(1).snapshots_taken)
      fill(made, 60)
      local status = made:status(1)
      assert.is_true(status.snapshots_taken >= 3, status.snapshots_taken)
      assert.is_true(status.base > 20, status.base)
      assert.equal(status.snapshot - 2, status.base)
    end)

  it("is taken when asked for, once for a state", function ()
    local made = new { snapshot_bytes = 2 ^ 30, retained_entries = 2 }
    fill(made, 9)
    assert.is_true(made:snapshot(1))
    local status = made:status(1)
    assert.equal(status.applied, status.snapshot)
    assert.equal(1, status.snapshots_taken)
    assert.is_true(made:snapshot(1))
    assert.equal(1, made:status(1).snapshots_taken)
  end)

  it("two are kept, and no half one", function ()
    local made = new()
    fill(made, 90)
    assert.is_true(made:status(1).snapshots_taken > 3)
    local found = names(made, 1)
    assert.equal(2, #found)
    assert.equal(made:status(1).snapshot, tonumber(found[2]:match "%d+$"))
  end)

  it("waits while a command is with the machine", function ()
    local made = new { snapshot_bytes = 2 ^ 30 }
    fill(made, 3)
    made:hold_machine(1, true)
    desk.client(made, 1):propose "held"
    made:settle()
    made:snapshot(1)
    local applied = made:status(1).applied
    assert.equal(0, made:status(1).snapshot)
    made:hold_machine(1, false)
    made:settle()
    assert.equal(applied + 1, made:status(1).snapshot)
  end)

  it("of a machine that takes none is refused, and never tried by size",
    function ()
      local made = new()
      made:bare_machine(1, true)
      fill(made, 40)
      assert.equal(0, made:status(1).snapshots_taken)
      assert.same({}, names(made, 1))
      local _, _, code = made:snapshot(1)
      assert.equal("no_method", code)
      assert.equal("up", (made:state(1)))
      assert.equal(1, select(2, made:traces():gsub("snapshot_failed", "")))
    end)

  it("that the machine breaks off leaves nothing, and the next one is whole",
    function ()
      local made = new { snapshot_bytes = 2 ^ 30 }
      fill(made, 20)
      made:fail_pull(1, 3)
      made:snapshot(1)
      assert.equal("up", (made:state(1)))
      assert.same({}, names(made, 1))
      assert.equal(0, made:status(1).snapshot)
      made:snapshot(1)
      assert.equal(made:status(1).applied, made:status(1).snapshot)
    end)

  it("that the disk refuses is given up, and commands go on", function ()
    local made = new { snapshot_bytes = 2 ^ 30 }
    fill(made, 20)
    made:fail_disk(1, "write", 1)
    made:snapshot(1)
    assert.same({}, names(made, 1))
    local client = desk.client(made, 1)
    assert.equal(21, client:apply("more").result)
    made:snapshot(1)
    assert.equal(1, #names(made, 1))
  end)
end)

describe("replica: a member that starts from a snapshot", function ()
  it("has the state, and applies what follows", function ()
    local made = new()
    fill(made, 50)
    local before, hash = desk.applied(made, 1), made:status(1).result_hash
    restart(made)
    local status = made:status(1)
    assert.is_true(status.base > 0)
    assert.same(before, desk.applied(made, 1))
    assert.equal(hash, status.result_hash)
    assert.equal(51, desk.client(made, 1):apply("more").result)
  end)

  it("§6.3 knows the sessions of before", function ()
    local made = new { snapshot_bytes = 2 ^ 30 }
    local client = desk.client(made, 1)
    local session, other = client:open_session(), client:open_session()
    assert.equal(1, client:apply("once", session, 1, 1).result)
    client:apply("fails", session, 2, 1)
    assert.equal(4000, #client:apply("big!", session, 3, 1).result)
    client:apply("gone", other, 1, 1)
    client:apply("there", other, 2, 2)
    made:snapshot(1)
    local bytes = made:status(1).session_bytes
    restart(made)
    assert.equal(made:status(1).snapshot, made:status(1).base)
    assert.equal(bytes, made:status(1).session_bytes)
    assert.equal(1, client:apply("once", session, 1, 1).result)
    assert.equal("apply_failed", client:apply("fails", session, 2, 1).code)
    assert.equal(4000, #client:apply("big!", session, 3, 1).result)
    assert.equal("result_lost", client:apply("gone", other, 1, 1).code)
    assert.equal(5, #desk.applied(made, 1))
    assert.equal(6, client:apply("new", session, 4, 1).result)
  end)

  it("expires sessions in the same order as without", function ()
    local made = new { snapshot_bytes = 2 ^ 30, sessions = 2 }
    local client = desk.client(made, 1)
    local first, second = client:open_session(), client:open_session()
    client:apply("x", first, 1, 1)
    made:snapshot(1)
    restart(made)
    client:open_session()
    assert.equal("session_expired", client:apply("y", second, 1, 1).code)
    assert.equal(2, client:apply("y", first, 2, 1).result)
  end)

  it("§6.3 expires sessions by the times that it knew before", function ()
    local made = new { snapshot_bytes = 2 ^ 30, session_expire_us = 60e6 }
    local client = desk.client(made, 1)
    local first, second = client:open_session(), client:open_session()
    made:run(40e6)
    client:apply("x", second, 1, 1)
    made:snapshot(1)
    restart(made)
    assert.equal(2, made:status(1).sessions)
    made:run(40e6)
    assert.equal(2, client:apply("y", second, 2, 1).result)
    assert.equal("session_expired", client:apply("y", first, 1, 1).code)
  end)

  it("a machine that kept its state is not given an older one", function ()
    local made = new { snapshot_bytes = 2 ^ 30 }
    made:keep_machine(1, true)
    fill(made, 5)
    made:snapshot(1)
    fill(made, 5, "later")
    restart(made)
    assert.equal(10, #desk.applied(made, 1))
    assert.equal(11, desk.client(made, 1):apply("more").result)
  end)

  it("takes the older one when the newest is damaged, and says so",
    function ()
      local made = new { snapshot_bytes = 2 ^ 30, retained_entries = 100 }
      for _, offset in ipairs { 40, 520, 900 } do
        fill(made, 20)
        made:snapshot(1)
        fill(made, 20)
        made:snapshot(1)
        local before = desk.applied(made, 1)
        local found = names(made, 1)
        assert(made:flip(1, found[2], offset))
        made:traces()
        restart(made)
        assert.equal(tonumber(found[1]:match "%d+$"),
          made:status(1).snapshot)
        assert.same(before, desk.applied(made, 1))
        assert.truthy(made:traces():find(found[2]:gsub("-", "%%-")
          .. ": the %l+ at offset %d+ is damaged"))
      end
    end)

  it("does not start when the log does not reach the older one", function ()
    local made = new()
    fill(made, 60)
    local found, last = names(made, 1), made:status(1).last
    assert(made:flip(1, found[2], 520))
    made:crash(1)
    made:start(1)
    local state, code, text = made:state(1)
    assert.same({ "refused", "corrupt" }, { state, code })
    local shape = "^%s: the block at offset 512 is damaged: the state is "
      .. "lost: remove this member, add a new one %%(what is whole: term, "
      .. "vote, entries (%%d+) to %d%%)$"
    local first = text:match(shape:format(found[2]:gsub("%-", "%%-"), last))
    assert.is_string(first, text)
    assert.is_true(tonumber(first) > tonumber(found[1]:match "%d+$"))
    assert(made:flip(1, found[2], 520))
    assert(made:flip(1, found[2], 50))
    made:start(1)
    state, code, text = made:state(1)
    assert.same({ "refused", "corrupt" }, { state, code })
    assert.matches(found[2] .. ": the head at offset 0 is damaged: remove "
      .. "this member, add a new one; log-", text, 1, true)
    -- The log was not touched: with its snapshot it starts, and has all.
    assert(made:flip(1, found[2], 50))
    made:start(1)
    made:run(2e6)
    assert.equal(60, #desk.applied(made, 1))
  end)

  it("applies a whole log when its only snapshot is damaged", function ()
    local made = new { snapshot_bytes = 2 ^ 30 }
    fill(made, 20)
    made:snapshot(1)
    assert(made:flip(1, names(made, 1)[1], 900))
    local before = desk.applied(made, 1)
    restart(made)
    assert.equal(0, made:status(1).snapshot)
    assert.same(before, desk.applied(made, 1))
  end)

  it("does not take one of another directory", function ()
    local made = desk.new { members = 2, traces = true }
    local client = desk.client(made, desk.leader(made, 2))
    for i = 1, 9 do
      client:apply("command" .. i)
    end
    made:run(2e6)
    made:snapshot(2)
    assert(made:bring(1, 2, names(made, 2)[1]))
    made:traces()
    restart(made)
    assert.equal("up", (made:state(1)))
    assert.equal(0, made:status(1).snapshot)
    assert.truthy(made:traces():find("one of member 2", 1, true))
  end)
end)
