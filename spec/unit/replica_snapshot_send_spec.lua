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
local function lagging(count, size, more)
  local limits = {}
  for _, set in ipairs { SMALL, more or {} } do
    for name, value in pairs(set) do
      limits[name] = value
    end
  end
  local made = desk.new { members = 3, limits = limits, hash_interval = 4,
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

describe("replica: the blocks of a snapshot", function ()
  -- How many are sent once the follower's disk writes none any more.
  local function unanswered(window)
    local made, leader, away = lagging(80, 16000, { snapshot_window = window,
      snapshot_rate = 4 * 1024 * 1024 })
    made:run(2e6)
    mend(made, away)
    local before
    for _ = 1, 1000 do
      made:run(1000)
      before = made:status(leader).blocks_sent
      if before >= 3 then
        break
      end
    end
    made:hold_disk(away, true)
    made:run(1.5e5)
    local sent = made:status(leader).blocks_sent - before
    made:hold_disk(away, false)
    made:run(9e6)
    assert.equal(made:status(leader).snapshot, made:status(away).base)
    assert.same(desk.applied(made, leader), desk.applied(made, away))
    return sent, made:status(leader).blocks_sent
  end

  it("are on their way up to a window", function ()
    for _, window in ipairs { 1, 3, 8 } do
      local count, all = unanswered(window)
      assert.equal(window, count)
      assert.is_true(all <= 20 + window, all) -- asked again after a while
    end
  end)
end)

describe("replica: the pace of a snapshot", function ()
  local RATE = 256 * 1024

  it("is kept when it is sent", function ()
    local made, leader, away = lagging(80, 16000, { snapshot_rate = RATE })
    made:run(9e6)
    mend(made, away)
    local seconds = 0
    while made:status(away).base < made:status(leader).snapshot do
      made:run(1e5)
      seconds = seconds + 0.1
      assert.is_true(seconds < 10)
    end
    -- 1.28 MB, and what a follower waits for besides
    assert.is_true(seconds > 4.5 and seconds < 7, seconds)
    assert.equal(20, made:status(leader).blocks_sent) -- each goes once
  end)

  it("is kept when it is written, and commands go on", function ()
    local made = desk.new { limits = { snapshot_bytes = 2 ^ 30,
      snapshot_rate = RATE } }
    local client = desk.client(made, 1)
    for i = 1, 80 do
      client:apply(("x"):rep(16000) .. i)
    end
    made:snapshot(1)
    local seconds = 0
    while made:status(1).snapshots_taken == 0 do
      assert.equal(81 + math.floor(seconds * 10 + 0.5),
        client:apply("more").result)
      made:run(1e5)
      seconds = seconds + 0.1
      assert.is_true(seconds < 10)
    end
    assert.is_true(seconds > 4.5 and seconds < 5.5, seconds)
  end)
end)
