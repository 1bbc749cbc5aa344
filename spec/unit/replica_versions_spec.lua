-- SPDX-License-Identifier: MIT
--
-- Members of different builds: what they speak, and when the cluster uses
-- what only some of them can.

local desk = require "spec.desk"
local probe = require "raft.probe"

-- Features: bits 0 and 1 of this build, bit 5 of a next one.
local AGREE, READ, NEW = 1, 2, 32

-- Three members; 'builds' by id: { protocol, oldest, features }.
local function cluster(builds)
  local made = probe.desk { members = 3, traces = true }
  assert(made:init())
  for id, build in pairs(builds) do
    made:set_version(id, build[1], build[2], build[3])
  end
  for id = 1, 3 do
    made:start(id)
  end
  made:run(3e6)
  return made
end

local function page(made, id)
  return desk.client(made, id):ask("status", {}).result
end

local function agreed(made)
  local list = {}
  for id = 1, 3 do
    list[id] = made:state(id) == "up" and page(made, id).features_agreed
  end
  return list
end

local NEWER, OLDER = { 2, 1, AGREE + NEW }, { 1, 1, 0 }
local OWN = { 1, 1, AGREE }

describe("replica: versions", function ()
  it("one build alone proposes nothing of the kind", function ()
    local made = cluster {}
    assert.same({ 0, 0, 0 }, agreed(made))
    assert.equal(2, page(made, 1).last, "configuration and no-op")
  end)

  it("members of three builds speak what they have in common", function ()
    local made = cluster { NEWER, OWN, { 4, 1, AGREE } }
    desk.leader(made, 3)
    local client = desk.client(made, desk.leader(made, 3), 77)
    client:propose "one"
    made:settle()
    assert.same({ 0, 0, 0 }, agreed(made))
    local function spoken(id)
      local list = {}
      for i, member in ipairs(page(made, id).members) do
        list[i] = member.protocol or 0
      end
      return list
    end
    assert.same({ 0, 1, 2 }, spoken(1))
    assert.same({ 1, 0, 1 }, spoken(2))
    assert.same({ 2, 1, 0 }, spoken(3))
  end)

  it("a protocol that nobody else speaks is refused with both ranges",
    function ()
      local made = cluster { [3] = { 3, 2, AGREE } }
      assert.matches('replica.refused peer=3 code=unsupported why="expected a '
        .. "protocol from 1 to 1, got 2 to 3", made:traces(), 1, true)
      assert.is_true(desk.leader(made, 3) ~= 3)
    end)

  it("a feature is off until all announced it, and then on everywhere, at one"
    .. " index", function ()
      local made = cluster { NEWER, NEWER, OWN }
      assert.same({ 0, 0, 0 }, agreed(made))
      local before = page(made, 1).last
      made:run(5e6)
      assert.equal(before, page(made, 1).last, "nothing is proposed")
      made:kill(3)
      made:set_version(3, NEWER[1], NEWER[2], NEWER[3])
      made:start(3)
      made:run(5e6)
      assert.same({ NEW, NEW, NEW }, agreed(made))
    end)

  it("one that is not heard has announced nothing", function ()
    local made = probe.desk { members = 3, traces = true }
    assert(made:init())
    for id = 1, 2 do
      made:set_version(id, NEWER[1], NEWER[2], NEWER[3])
      made:start(id)
    end
    made:run(5e6)
    assert.equal(0, page(made, 1).features_agreed)
    made:set_version(3, NEWER[1], NEWER[2], NEWER[3])
    made:start(3)
    made:run(5e6)
    assert.same({ NEW, NEW, NEW }, agreed(made))
  end)

  it("a build before agreement holds it back, too", function ()
    local made = cluster { NEWER, OLDER, NEWER }
    assert.same({ 0, 0, 0 }, agreed(made))
    made:run(5e6)
    assert.equal("up", (made:state(2)))
    assert.same({ 0, 0, 0 }, agreed(made))
  end)

  it("once it is on, it stays on over restarts, and a build without it is"
    .. " refused and stops", function ()
      local made = cluster { NEWER, NEWER, NEWER }
      assert.same({ NEW, NEW, NEW }, agreed(made))
      made:crash(2)
      made:start(2)
      made:run(3e6)
      assert.same({ NEW, NEW, NEW }, agreed(made))
      made:crash(3)
      made:set_version(3, OWN[1], OWN[2], OWN[3])
      made:traces()
      made:start(3)
      made:run(3e6)
      local state, code = made:state(3)
      assert.same({ "stopped", "unsupported" }, { state, code })
      assert.matches("expected features 20, that the members have agreed on, "
        .. "got 1,", made:traces(), 1, true)
      assert.same({ NEW, NEW, false }, agreed(made))
    end)

  local function refused(made)
    local sum = 0
    for id = 1, 3 do
      sum = sum + page(made, id).messages_refused
    end
    return sum
  end

  it("§6.4 a follower asks no leader of an older build, and an older one none "
    .. "at all", function ()
      local now = { 1, 1, AGREE + READ }
      for older = 1, 3 do
        local builds = { now, now, now }
        builds[older] = OLDER
        local made = cluster(builds)
        local leader = desk.leader(made, 3)
        for id = 1, 3 do
          local client = desk.client(made, id, 20 + id)
          local follower = client:query("question", "follower")
          local bounded = client:ask("query", { "question", "stale", 1e6, 0 })
          local mixed = id ~= leader and (id == older or leader == older)
          assert.same(mixed and { "not_leader", "too_stale" } or {},
            { follower.code, bounded.code })
        end
        assert.equal(0, refused(made))
      end
    end)

  it("nor is one answered that has become an older build since", function ()
    local made = desk.new { members = 5 }
    local leader = desk.leader(made, 5)
    local one = leader % 5 + 1
    local function cut_off(is_cut)
      for id = 1, 5 do
        if id ~= leader and id ~= one then
          made:cut(leader, id, is_cut)
        end
      end
    end
    cut_off(true)
    desk.client(made, one, 30):send("query", { "question", "follower" })
    made:settle() -- it has asked, and two of five have answered the leader
    made:kill(one)
    made:set_version(one, OLDER[1], OLDER[2], OLDER[3])
    made:start(one)
    made:settle()
    cut_off(false)
    made:run(2e5)
    assert.equal(leader, desk.leader(made, 5))
    assert.equal(0, page(made, one).messages_refused)
  end)

  local LACKS = "the members have agreed on features 20, this version lacks 20"
    .. ": run a newer one"

  it("a build that finds it in its own log stops, and says why", function ()
    local made = probe.desk { members = 1 }
    assert(made:init())
    made:set_version(1, NEWER[1], NEWER[2], NEWER[3])
    made:start(1)
    made:run(3e6)
    assert.equal(NEW, page(made, 1).features_agreed)
    made:crash(1)
    made:set_version(1, OWN[1], OWN[2], OWN[3])
    made:start(1)
    made:run(3e6)
    assert.same({ "stopped", "unsupported", LACKS }, { made:state(1) })
  end)

  it("it is in snapshots", function ()
    local made = probe.desk { members = 1, traces = true,
      limits = { snapshot_bytes = 1000, retained_entries = 2,
        segment_bytes = 4096, batch_bytes = 1024 } }
    assert(made:init())
    made:set_version(1, NEWER[1], NEWER[2], NEWER[3])
    made:start(1)
    made:run(2e6)
    local client = desk.client(made, 1, 77)
    for i = 1, 80 do
      client:propose("command" .. i)
      made:settle()
    end
    assert.is_true(page(made, 1).log_base > 5)
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal(NEW, page(made, 1).features_agreed)
    made:crash(1)
    made:set_version(1, OWN[1], OWN[2], OWN[3])
    made:start(1)
    made:run(2e6)
    assert.same({ "stopped", "unsupported", LACKS }, { made:state(1) })
  end)
end)
