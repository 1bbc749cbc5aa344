-- SPDX-License-Identifier: MIT
--
-- A snapshot on its way: a member that was away for too long is sent one
-- (Paper 7).

local desk = require "spec.desk"

local SMALL = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
  segment_bytes = 4096, batch_bytes = 1024 }

local function contains(made, id, text)
  return made:files(id):find(text, 1, true) ~= nil
end

-- Three members, of which one is cut off while the log is compacted. Large
-- commands make a state of several blocks.
local function lagging(count, size)
  local made = desk.new { members = 3, limits = SMALL, hash_interval = 4,
    traces = true }
  local leader = desk.leader(made, 3)
  local away = leader % 3 + 1
  local client = desk.client(made, leader)
  local session = client:open_session()
  client:apply("first", session, 1, 1)
  for id = 1, 3 do
    made:cut(away, id, true)
    made:cut(id, away, true)
  end
  for i = 1, count do
    client:apply(("x"):rep(size) .. i, session, i + 1, 1)
  end
  made:snapshot(leader)
  return made, leader, away, session
end

local function mend(made, away)
  for id = 1, 3 do
    made:cut(away, id, false)
    made:cut(id, away, false)
  end
end

describe("replica: a member whose entries are gone", function ()
  it("is sent a snapshot, and has state, sessions and result hash",
    function ()
      local made, leader, away, session = lagging(20, 10)
      assert.is_true(made:status(leader).base > made:status(away).last)
      mend(made, away)
      made:run(3e6)
      assert.equal(made:status(leader).snapshot, made:status(away).base)
      assert.same(desk.applied(made, leader), desk.applied(made, away))
      assert.equal(made:status(leader).result_hash,
        made:status(away).result_hash)
      assert.equal(made:status(leader).session_bytes,
        made:status(away).session_bytes)
      local client = desk.client(made, leader)
      client:apply("more", session, 50, 1)
      made:run(1e6)
      assert.equal(#desk.applied(made, leader), #desk.applied(made, away))
      made:crash(away)
      made:start(away)
      made:run(2e6)
      assert.same(desk.applied(made, leader), desk.applied(made, away))
      assert.equal(0, made:refused())
    end)

  it("takes many blocks, and goes on where it was when the link comes back",
    function ()
      local made, leader, away = lagging(60, 9000)
      mend(made, away)
      made:hold_disk(away, true) -- no block is answered from now on
      made:run(3e5)
      made:hold_disk(away, false)
      made:cut(leader, away, true)
      made:run(3e5)
      assert.is_true(made:status(away).base < made:status(leader).base)
      made:cut(leader, away, false)
      made:run(5e6)
      assert.equal(made:status(leader).snapshot, made:status(away).base)
      assert.same(desk.applied(made, leader), desk.applied(made, away))
      assert.is_false(contains(made, away, "snapshot-new"))
    end)

  it("that loses power while it comes begins again, and gets there",
    function ()
      local made, leader, away = lagging(60, 9000)
      for mask = 0, 3 do
        mend(made, away)
        made:hold_disk(away, true)
        made:run(2e5)
        made:crash(away, mask)
        made:hold_disk(away, false)
        made:start(away)
      end
      made:run(5e6)
      assert.equal(made:status(leader).snapshot, made:status(away).base)
      assert.same(desk.applied(made, leader), desk.applied(made, away))
    end)

  it("whose disk refuses it stays as it was, and is sent it again",
    function ()
      local made, leader, away = lagging(20, 10)
      local before = desk.applied(made, away)
      made:fail_disk(away, "write", 1)
      mend(made, away)
      made:settle()
      assert.same(before, desk.applied(made, away))
      made:run(5e6)
      assert.equal("up", (made:state(away)))
      assert.same(desk.applied(made, leader), desk.applied(made, away))
    end)

  it("a leader whose snapshot is damaged takes another one", function ()
    local made, leader, away = lagging(20, 10)
    local name = ("snapshot-%016d"):format(made:status(leader).snapshot)
    assert(made:flip(leader, name, 530))
    desk.client(made, leader):apply "later"
    mend(made, away)
    made:run(5e6)
    assert.is_true(made:status(away).base > tonumber(name:match "%d+$"))
    assert.same(desk.applied(made, leader), desk.applied(made, away))
    assert.truthy(made:traces():find("is damaged", 1, true))
  end)
end)
