-- SPDX-License-Identifier: MIT
--
-- Going on with one member when the majority is lost: a new directory is made
-- of the old one, and is a cluster of its own.

local core = require "raft.core"
local desk = require "spec.desk"
local members_desk = require "spec.members_desk"
local probe = require "raft.probe"

local SMALL = { snapshot_bytes = 2 ^ 30, retained_entries = 2,
  segment_bytes = 4096, batch_bytes = 1024 }

-- Three members, of whom 'id' follows or leads; the first commands applied.
local function new(count, given)
  local made = desk.new { members = given and given.members or 3,
    voters = given and given.voters, limits = SMALL, hash_interval = 4,
    traces = true }
  local client = desk.client(made, desk.leader(made, 3), 77)
  for i = 1, count do
    client:propose("command" .. i)
    made:settle()
  end
  made:run(1e6)
  desk.answers(made)
  return made, client
end

local function crash(made, ...)
  for _, id in ipairs { ... } do
    made:crash(id)
  end
end

local function roles_of(value)
  local roles = {}
  for i, member in ipairs(value.members) do
    roles[i] = member[3]
  end
  return roles
end

local function configuration(found)
  return select(2, assert(core.decode(found.survivor.configuration)))
end

local function recover(made, id, given)
  local found = probe.recover(made, id, given or {})
  assert.equal("ok", found.status, found.text)
  assert.is_true(found.same)
  assert.equal(0, found.forgotten)
  return found.survivor, configuration(found)
end

describe("replica: a survivor", function ()
  it("says what stands on its disk, and nothing is changed", function ()
    local made = new(20)
    local before = made:status(2)
    crash(made, 1, 2, 3)
    local found, value = recover(made, 2, { look = true })
    assert.equal(2, found.member)
    assert.equal(before.term, found.term)
    assert.equal(before.last, found.last)
    assert.equal(before.term, found.last_term)
    assert.equal(0, found.snapshot)
    assert.equal(1, found.configuration_index)
    assert.equal(3, #value.members)
    assert.is_nil(value.recovered)
    made:start(2) -- as if nobody had looked
    assert.equal("up", (made:state(2)))
  end)

  it("goes on as the only voter, with all that it had", function ()
    local made = new(40)
    local before = made:status(2)
    local commands = desk.applied(made, 2)
    crash(made, 1, 2, 3)
    local old = recover(made, 2, { look = true })
    local found, value = recover(made, 2)
    assert.equal(old.last + 1, found.last)
    assert.equal(old.term + 1, found.term)
    assert.equal(found.term, found.last_term)
    assert.equal(found.last, found.configuration_index)
    assert.equal(2, found.member)
    assert.not_equal(old.cluster, found.cluster)
    assert.not_equal(old.incarnation, found.incarnation)
    assert.is_true(value.recovered > 0)
    assert.equal(3, value.used)
    assert.same({ 2, 1 }, { value.members[1][1], value.members[1][3] })
    assert.equal(1, #value.members)
    made:start(2)
    made:run(3e6)
    assert.equal("leader", made:status(2).role)
    assert.same(commands, desk.applied(made, 2))
    assert.equal(before.result_hash, made:status(2).result_hash)
    assert.equal(41, desk.client(made, 2):apply("more").result)
  end)

  it("is another cluster each time, and its last entry the latest",
    function ()
      local made = new(5)
      crash(made, 1, 2, 3)
      local old = recover(made, 2, { look = true })
      local first, value = recover(made, 2)
      local second, again = recover(made, 2)
      assert.not_equal(first.cluster, second.cluster)
      assert.not_equal(value.recovered, again.recovered)
      assert.equal(old.last_time + 1, first.last_time)
      assert.equal(old.last_time + 2, second.last_time)
    end)

  it("commits what it had and nobody else, and nothing of others", function ()
    local made, client = new(10)
    local leader = desk.leader(made, 3)
    local other = leader % 3 + 1
    for id = 1, 3 do
      made:cut(leader, id, true)
    end
    client:propose "only here"
    made:settle()
    assert.equal(10, #desk.applied(made, leader))
    crash(made, 1, 2, 3)
    recover(made, leader)
    made:start(leader)
    made:run(3e6)
    assert.equal("only here", desk.applied(made, leader)[11])
    recover(made, other)
    made:start(other)
    made:run(3e6)
    assert.equal(10, #desk.applied(made, other))
  end)

  it("§6.3 knows the sessions of before", function ()
    local made = new(3)
    local leader = desk.leader(made, 3)
    local client = desk.client(made, leader)
    local session = client:open_session()
    local first = client:apply("once", session, 1, 1).result
    made:run(1e6)
    crash(made, 1, 2, 3)
    recover(made, leader)
    made:start(leader)
    made:run(3e6)
    client = desk.client(made, leader, 2)
    assert.equal(first, client:apply("once", session, 1, 1).result)
    assert.equal(first + 1, client:apply("next", session, 2, 1).result)
  end)

  it("has its snapshot, and the entries behind it", function ()
    local made, client = new(30)
    local leader = desk.leader(made, 3)
    local session = desk.client(made, leader):open_session()
    assert.equal(31, desk.client(made, leader):apply("once", session, 1, 1)
      .result)
    assert.is_true(made:snapshot(leader))
    assert.is_true(made:status(leader).base > 20)
    for i = 1, 5 do
      client:propose("later" .. i)
      made:settle()
    end
    local commands = desk.applied(made, leader)
    local snapshot = made:status(leader).snapshot
    crash(made, 1, 2, 3)
    local found = recover(made, leader)
    assert.equal(snapshot, found.snapshot)
    made:start(leader)
    made:run(3e6)
    assert.equal(snapshot, made:status(leader).snapshot)
    assert.equal(snapshot, made:status(leader).base)
    assert.same(commands, desk.applied(made, leader))
    assert.equal(31, desk.client(made, leader, 2):apply("once", session, 1,
      1).result)
    assert.equal(37, desk.client(made, leader, 2):apply "new".result)
  end)
end)

-- ---- configurations ---------------------------------------------------------

describe("replica: a survivor whose configuration is", function ()
  it("joint: all of both sets give way to it", function ()
    local made, leader, operator = members_desk.new(6)
    local learners = members_desk.members { 4, 5, 6 }
    assert.is_table(members_desk.set(made, operator, { voters = { 1, 2, 3 },
      learners = learners }).result)
    made:run(1e6)
    for id = 1, 3 do -- nobody else of the old ones has it on the disk
      made:hold_disk(id, id ~= leader)
    end
    operator:administer("set_members", { { voters = { 4, 5, 6 } } })
    made:run(1e5)
    crash(made, 1, 2, 3, 4, 5, 6)
    local _, before = recover(made, leader, { look = true })
    assert.same({ 4, 4, 4, 1, 1, 1 }, roles_of(before))
    local found, value = recover(made, leader)
    assert.same({ leader, 1 }, { value.members[1][1], value.members[1][3] })
    assert.equal(1, #value.members)
    assert.equal(6, value.used)
    made:start(leader)
    made:run(3e6)
    assert.equal("leader", made:status(leader).role)
    assert.is_true(made:status(leader).commit > found.last)
    assert.same({ leader }, members_desk.voters(made, leader))
  end)

  it("not committed: what it says counts, and ids stay used", function ()
    local made, leader, operator = members_desk.new(4)
    assert.is_table(members_desk.set(made, operator, { voters = { 1, 2, 3 },
      learners = { { 4, members_desk.address(4) } } }).result)
    made:run(1e6)
    for id = 1, 4 do
      made:cut(leader, id, true)
    end
    operator:administer("set_members", { { voters = { 1, 2, 3 } } })
    made:run(1e5)
    crash(made, 1, 2, 3, 4)
    local old, before = recover(made, leader, { look = true })
    assert.equal(old.last, old.configuration_index)
    assert.equal(3, #before.members)
    local _, value = recover(made, leader)
    assert.equal(1, #value.members)
    assert.equal(4, value.used)
  end)

  it("one in which it has no vote: it has one then", function ()
    local made, _, operator = members_desk.new(4)
    assert.is_table(members_desk.set(made, operator, { voters = { 1, 2, 3 },
      learners = { { 4, members_desk.address(4) } } }).result)
    made:run(1e6)
    crash(made, 1, 2, 3, 4)
    local _, value = recover(made, 4)
    assert.same({ 4, "desk:4", 1 }, value.members[1])
    made:start(4)
    made:run(3e6)
    assert.equal("leader", made:status(4).role)
  end)

  it("one that it is not in: it is refused", function ()
    local made = desk.new { members = 4, voters = 3 }
    crash(made, 1, 2, 3, 4)
    local found = probe.recover(made, 4, {})
    assert.same({ "not_found", true }, { found.status, found.same })
    assert.equal("expected a member of its own configuration, that of entry "
      .. "1; member 4 is none", found.text)
  end)
end)

describe("replica: members of before", function ()
  it("are refused by the survivor, and refuse it", function ()
    local made = new(10)
    local leader = desk.leader(made, 3)
    local other = leader % 3 + 1
    crash(made, 1, 2, 3)
    local found = recover(made, leader)
    made:start(leader)
    made:run(3e6)
    made:traces()
    made:start(other)
    made:run(3e6)
    local said = made:traces()
    assert.matches("replica.refused peer=" .. other .. " code=wrong_cluster",
      said, 1, true)
    assert.equal("leader", made:status(leader).role)
    assert.equal(0, made:status(other).leader)
    assert.is_true(made:status(leader).last > found.last)
    -- The same the other way round: who greets first does not matter.
    assert.equal(11, desk.client(made, leader):apply("more").result)
    assert.same({}, desk.applied(made, other)) -- it follows nobody
  end)
end)
