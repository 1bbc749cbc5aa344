-- SPDX-License-Identifier: MIT
--
-- Snapshots while the Nth allocation, write or sync fails, for every N that
-- there is: taken, sent, installed, started from. The member is as it was, or
-- ends and says why; and the next one that starts has everything.

local desk = require "spec.desk"
local helper = require "spec.helper"

local LIMITS = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
  segment_bytes = 8192, batch_bytes = 4096 }

local function has_leftover(made, id)
  return made:files(id):find("snapshot-new", 1, true) ~= nil
end

local function fill(made, leader, count)
  local client = desk.client(made, leader, 77)
  local session = client:open_session()
  for i = 1, count do
    assert.is_nil(client:apply(("x"):rep(4000) .. i, session, i, i).code)
  end
end

-- One member with a state of two blocks.
local function alone(more)
  local limits = more or {}
  for name, value in pairs(LIMITS) do
    limits[name] = value
  end
  local made = desk.new { limits = limits, hash_interval = 4, traces = true }
  fill(made, 1, 20)
  return made, 1
end

-- Three, of which one lacks what the leader's log begins after.
local function lagging()
  local made = desk.new { members = 3, limits = LIMITS, hash_interval = 4,
    traces = true }
  local leader = desk.leader(made, 3)
  local away = leader % 3 + 1
  for id = 1, 3 do
    made:cut(away, id, true)
    made:cut(id, away, true)
  end
  fill(made, leader, 20)
  made:snapshot(leader)
  return made, leader, away
end

local function send(made, away)
  for id = 1, 3 do
    made:cut(away, id, false)
    made:cut(id, away, false)
  end
  made:run(1e6)
end

-- It is up; or has ended and said why, and starts again.
local function is_sound(made, id, codes)
  local state, code = made:state(id)
  if state ~= "up" then
    assert.truthy(codes[code], ("%s: %s"):format(state, code))
    made:crash(id)
    made:start(id)
  end
  made:run(2e6)
  assert.equal("up", (made:state(id)))
end

local CODES = { no_memory = true, io = true }

-- plan(nth) makes what fails; true: it did not come to it any more.
local function each(what, stride, plan)
  local nth, runs = 1, 0
  repeat
    local is_over = plan(nth)
    nth, runs = nth + stride, runs + 1
    assert(runs < 3000, "it goes on")
  until is_over
  print(("%s: %d runs"):format(what, runs))
  assert.is_true(runs > 1)
end

local STRIDE = helper.full and 1 or 3

describe("a snapshot is taken while", function ()
  local function take(what, stride, break_it, is_over)
    each(what, stride, function (nth)
      local made = alone()
      local before, hash = desk.applied(made, 1), made:status(1).result_hash
      local calls = made:memory(1)
      break_it(made, nth)
      made:snapshot(1)
      made:run(1e5)
      local last = is_over(made, nth, calls)
      made:fail_memory(1, 0)
      is_sound(made, 1, CODES)
      assert.is_false(has_leftover(made, 1))
      assert.equal(hash, made:status(1).result_hash)
      assert.same(before, desk.applied(made, 1))
      made:snapshot(1)
      assert.equal(made:status(1).applied, made:status(1).snapshot)
      return last
    end)
  end

  it("the Nth allocation fails", function ()
    take("allocations", STRIDE, function (made, nth)
      made:fail_memory(1, nth)
    end, function (made, nth, calls)
      return made:memory(1) - calls < nth
    end)
  end)

  for _, kind in ipairs { "write", "sync" } do
    it("the Nth " .. kind .. " fails", function ()
      take(kind .. "s", 1, function (made, nth)
        made:fail_disk(1, kind, nth)
      end, function (made)
        return made:status(1).snapshot > 0
      end)
    end)
  end

  -- The log's next segment may have lost its name in the same sync.
  it("the sync of the directory fails: it does not go on, and no name stays",
    function ()
      local ends = {}
      for nth = 0, 2 do
        local made = alone()
        made:fail_disk(1, "sync", nth)
        made:snapshot(1)
        made:run(1e5)
        local name = made:files(1):match "snapshot%-%x%x%x"
        ends[nth + 1] = made:state(1) .. (name and ", named" or "")
      end
      -- Of the file, of its name, of the log's segment that goes then.
      assert.same({ "up", "stopped", "stopped, named" }, ends)
    end)

  it("the disk is full: it stays, and the file goes", function ()
    local made = alone()
    made:set_capacity(1, 60000)
    made:snapshot(1)
    assert.equal("up", (made:state(1)))
    assert.equal(0, made:status(1).snapshot)
    assert.is_false(has_leftover(made, 1))
    assert.truthy(made:traces():find("no space left", 1, true))
    made:set_capacity(1, 2 ^ 40)
    made:run(1e6)
    assert.is_nil(desk.client(made, 1):apply("more").code)
    made:snapshot(1)
    assert.equal(made:status(1).applied, made:status(1).snapshot)
  end)
end)

describe("a snapshot is sent and installed while", function ()
  local function install(what, stride, break_it, is_over)
    each(what, stride, function (nth)
      local made, leader, away = lagging()
      local calls = { made:memory(leader), made:memory(away) }
      break_it(made, nth, leader, away)
      send(made, away)
      local last = is_over(made, nth, leader, away, calls)
      made:fail_memory(leader, 0)
      made:fail_memory(away, 0)
      is_sound(made, leader, CODES)
      is_sound(made, away, CODES)
      made:run(6e6)
      assert.is_true(made:status(away).base >= made:status(leader).base,
        "not brought up")
      assert.same(desk.applied(made, leader), desk.applied(made, away))
      assert.is_false(has_leftover(made, away))
      return last
    end)
  end

  it("the Nth allocation of the follower fails", function ()
    install("follower's allocations", 2 * STRIDE,
      function (made, nth, _, away) made:fail_memory(away, nth) end,
      function (made, nth, _, away, calls)
        return made:memory(away) - calls[2] < nth
      end)
  end)

  it("the Nth allocation of the leader fails", function ()
    install("leader's allocations", 2 * STRIDE,
      function (made, nth, leader) made:fail_memory(leader, nth) end,
      function (_, nth) return nth > 60 end)
  end)

  for _, kind in ipairs { "write", "sync" } do
    it("the Nth " .. kind .. " of the follower fails", function ()
      install(kind .. "s", 1, function (made, nth, _, away)
        made:fail_disk(away, kind, nth)
      end, function (_, nth)
        return nth > 8
      end)
    end)
  end
end)

describe("a member starts from a snapshot", function ()
  it("while the Nth allocation fails, and says so", function ()
    local made = alone()
    made:snapshot(1)
    local before = desk.applied(made, 1)
    local refused = 0
    for nth = 1, 400, STRIDE do
      made:crash(1)
      made:fail_memory(1, nth)
      made:start(1)
      made:run(1e5)
      local state, code = made:state(1)
      if state ~= "up" then
        assert.equal("no_memory", code)
        refused = refused + 1
        made:crash(1)
        made:fail_memory(1, 0)
        made:start(1)
      end
      made:fail_memory(1, 0)
      made:run(2e6)
      assert.equal("up", (made:state(1)))
      assert.same(before, desk.applied(made, 1))
    end
    assert.is_true(refused > 0)
  end)

  local function snapshots(made, id)
    return select(2, made:files(id):gsub("snapshot%-", ""))
  end

  it("and removes what a broken off one left", function ()
    local made = alone { snapshot_rate = 65536 }
    made:snapshot(1)
    made:run(1e5)
    made:crash(1, 2 ^ 20 - 1)
    assert.is_true(has_leftover(made, 1))
    made:start(1)
    made:run(1e6)
    assert.equal(0, snapshots(made, 1))
    made:snapshot(1)
    made:run(9e6)
    assert.equal(made:status(1).applied, made:status(1).snapshot)
  end)

  it("and removes those that are too old", function ()
    local made = desk.new { members = 2, limits = LIMITS }
    local client = desk.client(made, desk.leader(made, 2))
    local function more(id)
      assert.is_nil(client:apply("more").code)
      made:run(1e6)
      made:snapshot(id)
      return made:status(id).snapshot
    end
    local old = more(2)
    more(1)
    local newest = more(1)
    assert(made:bring(1, 2, ("snapshot-%016d"):format(old)))
    assert.equal(3, snapshots(made, 1))
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal(2, snapshots(made, 1))
    assert.equal(newest, made:status(1).snapshot)
  end)
end)
