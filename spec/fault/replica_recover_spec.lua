-- SPDX-License-Identifier: MIT
--
-- A recovery after a lost majority in which the Nth request or allocation
-- fails, or the process dies, for every N; and old directories that are
-- damaged. The old one is never changed, and what is reported done survives a
-- loss of power (the probe takes it away).

local desk = require "spec.desk"
local probe = require "raft.probe"

local SMALL = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
  segment_bytes = 4096, batch_bytes = 1024 }

local UNFINISHED = "recovery-unfinished: a recovery has begun here and has not "
  .. "come to its end: remove this directory, and recover again"

-- One of two members, both down; with a snapshot and without the log's
-- beginning, or with all of it.
local function new(has_base, count)
  local made = desk.new { members = 2, limits = SMALL, hash_interval = 4 }
  local client = desk.client(made, desk.leader(made, 2), 77)
  local function fill(word)
    for i = 1, count or 12 do
      client:propose(word .. i .. ("x"):rep(100))
      made:settle()
    end
  end
  fill "command"
  if has_base then
    made:run(1e6)
    assert(made:snapshot(1))
    assert.is_true(made:status(1).base > 0)
    fill "later"
  end
  made:run(1e6)
  local commands = desk.applied(made, 1)
  made:crash(1)
  made:crash(2)
  return made, commands
end

local function recover(made, given)
  local found = probe.recover(made, 1, given)
  assert.is_true(found.same, "the old directory was changed")
  assert.equal(0, found.forgotten)
  return found
end

local function check_applied(made, commands)
  made:run(3e6)
  assert.equal("leader", made:status(1).role)
  assert.same(commands, desk.applied(made, 1))
end

-- The directory that was made is a member's, with all that there was.
local function check_whole(made, commands)
  made:start(1)
  check_applied(made, commands)
end

-- What a member says that is started on it, and a recovery of it: the same.
local function opened(made)
  local seen = probe.recover(made, 1, { look = true })
  made:start(1)
  made:settle()
  local state, code, text = made:state(1)
  if state == "up" then
    assert.equal("ok", seen.status)
    return "ok"
  end
  assert.equal(seen.status, code)
  assert.equal(seen.text == UNFINISHED, text == UNFINISHED)
  return code, seen.text
end

-- Raises the number of a fault until it does not come any more.
local function enumerate(made, commands, given, status)
  local failures, nth = 0, 1
  local found = recover(made, given(nth))
  while found.status ~= "ok" do
    if not found.text:find "^snapshot%-%d+: .* failed: the disk failed$" then
      assert.equal(status, found.status, found.text)
    else -- it is done without, and the log alone is not enough
      assert.is_true(found.status == status or found.status == "corrupt")
    end
    failures, nth = failures + 1, nth + 1
    found = recover(made, given(nth))
  end
  assert.is_true(failures >= 10, "failed only " .. failures)
  check_whole(made, commands)
end

-- Dies after one request more each time, until it is done. What is left is
-- whole, or nobody opens it.
local function die_at_each(has_base, how)
  local refused, nth = {}, 0
  repeat
    nth = nth + 1
    local made, commands = new(has_base, 4)
    how.steps = nth
    local found = recover(made, how)
    local code, text = opened(made)
    if code == "ok" then
      check_applied(made, commands)
    else
      assert.same({ "died", "not_initialised" }, { found.status, code })
      refused[text] = (refused[text] or 0) + 1
    end
  until found.status == "ok"
  assert.is_true(refused[UNFINISHED] > 10, refused[UNFINISHED])
  refused[UNFINISHED] = nil
  for text, times in pairs(refused) do
    assert.matches("^expected a directory made by init, got ", text)
    assert.is_true(times <= 5, times) -- the mark is not durable
  end
end

for _, has_base in ipairs { false, true } do
  describe("replica: a recovery " .. (has_base and "with a snapshot, "
    or "of a whole log, ") .. "whose Nth", function ()
    for _, kind in ipairs { "write", "sync", "any" } do
      it(kind .. " fails is refused", function ()
        local made, commands = new(has_base)
        enumerate(made, commands, function (nth)
          return { fail = kind, after = nth - 1 }
        end, "io")
      end)
    end

    it("request to the old directory fails is refused", function ()
      local made, commands = new(has_base)
      enumerate(made, commands, function (nth)
        return { reads_fail = nth }
      end, "io")
    end)

    it("allocation fails is refused, and nothing is forgotten", function ()
      local made, commands = new(has_base)
      enumerate(made, commands, function (nth)
        return { memory = nth }
      end, "no_memory")
    end)

    it("request is its last has changed nothing", function ()
      local made, commands = new(has_base)
      enumerate(made, commands, function (nth)
        return { steps = nth - 1 }
      end, "died")
    end)

    -- The mark stands before there is a log, and goes when all is durable:
    -- of what is not synced nothing is kept, or all but one change.
    local kept = { { keep = "killed" }, { keep = "power" } }
    for bit = 0, 3 do
      kept[#kept + 1] = { keep = "power", mask = 2 ^ 32 - 1 - 2 ^ bit }
    end
    for _, how in ipairs(kept) do
      it(("request is its last leaves what nobody opens, %s, mask %.0f")
        :format(how.keep, how.mask or 0), function ()
          die_at_each(has_base, how)
        end)
    end

    it("byte does not fit on the disk is refused", function ()
      local made, commands = new(has_base)
      enumerate(made, commands, function (nth)
        return { capacity = nth * 512 }
      end, "disk_full")
    end)
  end)
end

describe("replica: a recovery", function ()
  it("carries over a log of many segments", function ()
    local made, commands = new(false, 150)
    local segments = select(2, made:files(1):gsub("log%-%d+", ""))
    assert.is_true(segments > 5, segments)
    assert.equal("ok", recover(made, {}).status)
    check_whole(made, commands)
  end)

  it("refuses a damaged log, with file and offset", function ()
    local made = new(false, 60)
    assert(made:flip(1, "log-0000000002", 1100))
    local found = recover(made, {})
    assert.equal("corrupt", found.status)
    assert.matches("^log%-0000000002: damaged at offset %d+", found.text)
    found = recover(made, { look = true })
    assert.equal("corrupt", found.status)
  end)

  it("refuses a log whose beginning only damaged snapshots have", function ()
    local made = new(true)
    local name = made:files(1):match "snapshot%-%d+"
    assert(made:flip(1, name, 600))
    local found = recover(made, {})
    assert.same({ "corrupt", name .. ": the block at offset 512 is damaged" },
      { found.status, found.text })
  end)

  it("does without a damaged snapshot when there is an older one",
    function ()
      local limits = { snapshot_bytes = 2 ^ 30, retained_entries = 100 }
      local made = desk.new { members = 2, limits = limits }
      local client = desk.client(made, desk.leader(made, 2), 77)
      for i = 1, 20 do
        client:propose("command" .. i)
        made:settle()
        if i % 10 == 0 then
          made:run(1e6)
          assert(made:snapshot(1))
        end
      end
      local commands = desk.applied(made, 1)
      made:crash(1)
      made:crash(2)
      local older, newest
        = made:files(1):match "(snapshot%-%d+).*(snapshot%-%d+)"
      assert(made:flip(1, newest, 600))
      local found = recover(made, {})
      assert.equal("ok", found.status, found.text)
      assert.equal(tonumber(older:match "%d+"), found.survivor.snapshot)
      check_whole(made, commands)
    end)

  -- Three of whom one lacks what the leader's log begins after, and is sent a
  -- snapshot; its nth write fails.
  local function installing(nth)
    local made = desk.new { members = 3, limits = SMALL, hash_interval = 4 }
    local leader = desk.leader(made, 3)
    local away = leader % 3 + 1
    local function cut(yes)
      for id = 1, 3 do
        made:cut(away, id, yes)
        made:cut(id, away, yes)
      end
    end
    cut(true)
    local client = desk.client(made, leader, 77)
    for i = 1, 20 do
      client:propose("command" .. i)
      made:settle()
    end
    assert(made:snapshot(leader))
    made:fail_disk(away, "write", nth)
    cut(false)
    made:run(1e6)
    return made, leader, away
  end

  it("ends an installation that has not come to its end", function ()
    local made, leader, away, name
    local nth = 0
    repeat -- the file has its name, and the log is not begun anew behind it
      nth = nth + 1
      assert(nth < 50)
      made, leader, away = installing(nth)
      name = ("snapshot-%016d"):format(made:status(leader).snapshot)
    until made:state(away) == "stopped"
      and made:files(away):find(name, 1, true)
    local commands = desk.applied(made, leader)
    for id = 1, 3 do
      made:crash(id)
    end
    local found = probe.recover(made, away, { look = true })
    assert.equal("ok", found.status, found.text)
    local of_leader = probe.recover(made, leader, { look = true }).survivor
    assert.equal(of_leader.last, found.survivor.last)
    assert.equal(of_leader.last_time, found.survivor.last_time)
    assert.equal(tonumber(name:match "%d+"), found.survivor.snapshot)
    assert.equal(found.survivor.snapshot, found.survivor.last)
    assert.equal("ok", probe.recover(made, away, {}).status)
    made:start(away)
    made:run(3e6)
    assert.equal("leader", made:status(away).role)
    assert.same(commands, desk.applied(made, away))
  end)

  it("does not take a snapshot of another directory", function ()
    local made, commands = new(false)
    made:start(1)
    made:start(2)
    made:run(2e6)
    assert(made:snapshot(2))
    local name = made:files(2):match "snapshot%-%d+"
    made:crash(1)
    made:crash(2)
    assert(made:bring(1, 2, name))
    local found = probe.recover(made, 1, { look = true })
    assert.same({ "ok", 0 }, { found.status, found.survivor.snapshot })
    recover(made, {})
    check_whole(made, commands)
  end)

  it("refuses a directory without a log", function ()
    local made = desk.new { members = 2, limits = SMALL }
    made:wipe(1)
    local found = recover(made, {})
    assert.same({ "not_initialised",
      "expected a directory made by init, got none" },
      { found.status, found.text })
  end)
end)
