-- SPDX-License-Identifier: MIT
--
-- Operators change who the members are: one call, step by step.

local desk = require "spec.desk"

local ELECTION = 250000

local function address(id)
  return "desk:" .. id
end

-- { 1, 2 } as an operator names members: those above 'known' with addresses.
local function members(ids, known)
  local list = {}
  for i, id in ipairs(ids) do
    list[i] = id <= (known or 3) and id or { id, address(id) }
  end
  return list
end

-- A desk of 'count' computers whose first 'voters' make a cluster that has a
-- leader; the others have joined and are not members yet.
local function new(count, voters, limits)
  local made = desk.new { members = count, voters = voters or 3,
    traces = true, limits = limits }
  local leader = desk.leader(made, voters or 3)
  return made, leader, desk.client(made, leader, 100)
end

-- { index = , voters = { … }, learners = { … }, outgoing = { … } } as a
-- member has it.
local function configuration(made, id)
  local found = desk.client(made, id, 500):order("members", {}).result
  local sets = { index = found.index, voters = {}, learners = {},
    outgoing = {} }
  for _, member in ipairs(found.members) do
    for word, set in pairs { voter = sets.voters, learner = sets.learners,
      outgoing = sets.outgoing } do
      set[#set + 1] = member[word] and member.id or nil
    end
  end
  return sets, found
end

local function voters(made, id)
  return (configuration(made, id)).voters
end

-- Waits for the answer to an order.
local function await(made, operator, request, time)
  for _ = 1, (time or 5e6) / 50000 do
    for _, answer in ipairs(desk.answers(made)) do
      if answer.id == request and answer.connection == operator.connection
      then
        return answer
      end
    end
    made:run(50000)
  end
end

local function set(made, operator, wanted, time)
  return await(made, operator, operator:administer("set_members",
    { wanted }), time)
end

-- The steps that leaders took: how many voters/outgoing/learners.
local function steps(made)
  local list = {}
  for v, o, l in made:traces():gmatch(
    "raft.configure index=%d+ voters=(%d+) outgoing=(%d+) learners=(%d+)")
  do
    list[#list + 1] = ("%d/%d/%d"):format(v, o, l)
  end
  return list
end

describe("replica: set_members", function ()
  it("adds one voter: as a learner, then as a voter", function ()
    local made, leader, operator = new(4)
    made:traces()
    local answer = set(made, operator, { voters = members { 1, 2, 3, 4 } })
    assert.same({ "3/0/1", "4/0/0" }, steps(made))
    made:run(1e6)
    for id = 1, 4 do
      local sets, found = configuration(made, id)
      assert.same({ index = answer.result.index, voters = { 1, 2, 3, 4 },
        learners = {}, outgoing = {} }, sets)
      assert.is_true(found.committed)
      assert.equal(address(4), found.members[4].address)
    end
    assert.equal(1, desk.client(made, leader):apply("after").result)
    made:run(1e6)
    assert.same({ "after" }, desk.applied(made, 4))
  end)

  it("changes several at once through a joint configuration", function ()
    local made, leader, operator = new(6)
    assert.equal(1, desk.client(made, leader):apply("before").result)
    made:traces()
    local answer = set(made, operator, { voters = members { 4, 5, 6 } })
    assert.is_table(answer.result)
    assert.same({ "3/0/3", "3/3/0", "3/0/0" }, steps(made))
    made:run(2e6)
    for id = 1, 3 do
      assert.same({ "stopped", "removed" }, { (made:state(id)),
        (select(2, made:state(id))) })
    end
    local next_one = 3 + desk.leader({
      status = function (_, id) return made:status(id + 3) end,
      state = function (_, id) return made:state(id + 3) end }, 3)
    assert.same({ 4, 5, 6 }, voters(made, next_one))
    assert.equal(2, desk.client(made, next_one):apply("after").result)
  end)

  it("removes the leader itself, which answers and then ends", function ()
    local made, leader, operator = new(3)
    local rest = {}
    for id = 1, 3 do
      rest[#rest + 1] = id ~= leader and id or nil
    end
    local answer = set(made, operator, { voters = rest })
    assert.is_table(answer.result)
    made:run(2e6)
    local state, code, text = made:state(leader)
    assert.same({ "stopped", "removed" }, { state, code })
    assert.matches("this member, " .. leader .. ", was removed", text, 1,
      true)
    assert.same(rest, voters(made, rest[1]))
    assert.is_true(made:status(rest[1]).role == "leader"
      or made:status(rest[2]).role == "leader")
  end)

  it("ends the connections of who was removed, and has not heard",
    function ()
      local made, leader, operator = new(3)
      local gone, other = leader % 3 + 1, (leader + 1) % 3 + 1
      made:cut(leader, gone, true)
      assert.is_table(set(made, operator,
        { voters = { math.min(leader, other), math.max(leader, other) } })
        .result)
      made:run(1e6)
      assert.is_true(made:refused() > 0)
      assert.same({ "up", leader }, { (made:state(other)),
        made:status(other).leader })
    end)

  it("keeps learners that are wanted, and promotes and demotes", function ()
    local made, _, operator = new(4)
    assert.is_table(set(made, operator, { voters = { 1, 2, 3 },
      learners = { { 4, address(4) } } }).result)
    assert.same({ 4 }, (configuration(made, operator.id)).learners)
    local other = operator.id % 3 + 1
    local keep = {}
    for id = 1, 4 do
      keep[#keep + 1] = id ~= other and id or nil
    end
    assert.is_table(set(made, operator, { voters = keep,
      learners = { other } }).result)
    local sets = configuration(made, operator.id)
    assert.same({ keep, { other } }, { sets.voters, sets.learners })
    made:run(2e6)
    assert.equal("up", (made:state(other)))
  end)

  it("is done again without an entry", function ()
    local made, leader, operator = new(4)
    local wanted = { voters = members { 1, 2, 3, 4 } }
    local index = set(made, operator, wanted).result.index
    local last = made:status(leader).last
    assert.equal(index, set(made, operator, wanted).result.index)
    assert.equal(last, made:status(leader).last)
  end)

  it("waits until a new voter has caught up, and shows how far", function ()
    local made, leader, operator = new(4)
    local client = desk.client(made, leader)
    for i = 1, 20 do
      client:apply(i)
    end
    made:kill(4)
    local request = operator:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    made:run(1e6)
    local sets, found = configuration(made, leader)
    assert.same({ { 1, 2, 3 }, { 4 } }, { sets.voters, sets.learners })
    assert.is_true(found.changing)
    assert.same({ id = 4, round = 1, match = 0, ready = false,
      target = found.catching_up[1].target }, found.catching_up[1])
    assert.is_true(found.catching_up[1].target > 20)
    assert.equal(4, found.members[4].id)
    assert.is_true(found.members[4].lag > 20)
    made:start(4)
    assert.is_table(await(made, operator, request).result)
    assert.same({ 1, 2, 3, 4 }, voters(made, leader))
  end)

  it("starts another round when one took too long", function ()
    local made, leader, operator = new(4)
    made:traces()
    made:kill(4)
    local request = operator:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    made:run(ELECTION * 2)
    made:start(4)
    assert.is_table(await(made, operator, request).result)
    local rounds = {}
    for round in made:traces():gmatch "replica.catch_up peer=4 round=(%d+)" do
      rounds[#rounds + 1] = round
    end
    assert.same({ "1", "2" }, rounds)
    assert.same({ 1, 2, 3, 4 }, voters(made, leader))
  end)

  it("gives up on a voter without progress, naming it", function ()
    local made, leader, operator = new(4, 3, { catch_up_us = 1e6 })
    made:kill(4)
    local answer = set(made, operator, { voters = members { 1, 2, 3, 4 } })
    assert.equal("timeout", answer.code)
    assert.matches("^member 4 does not catch up: it has 0 of %d+ entries "
      .. "after 1 rounds, and stays a learner", answer.message)
    local sets = configuration(made, leader)
    assert.same({ { 1, 2, 3 }, { 4 } }, { sets.voters, sets.learners })
    assert.is_table(set(made, operator, { voters = { 1, 2, 3 } }).result)
    assert.same({}, (configuration(made, leader)).learners)
  end)

  it("gives up after ten rounds that were all too long", function ()
    local made, leader, operator = new(4)
    local client = desk.client(made, leader)
    made:hold_disk(4, true)
    local request = operator:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    local answer
    for i = 1, 11 do
      client:propose(i)
      made:run(ELECTION + 50000)
      client:propose(i) -- the log grows before the round ends
      made:finish_disk(4)
      made:settle()
      for _, one in ipairs(desk.answers(made)) do
        answer = one.id == request and one.connection == 100 and one
          or answer
      end
    end
    assert.equal("timeout", answer.code)
    assert.matches("after 10 rounds", answer.message, 1, true)
  end)
end)

describe("replica: set_members refuses", function ()
  local made, leader, operator

  before_each(function ()
    made, leader, operator = new(5)
  end)

  local function refused(wanted, code, message)
    local before = configuration(made, leader)
    local answer = operator:order("set_members", { wanted })
    assert.same({ code, message }, { answer.code, answer.message })
    made:run(1e6)
    assert.same(before, (configuration(made, leader)))
  end

  it("to remove the last voter", function ()
    refused({ voters = {}, learners = { 1, 2, 3 } }, "invalid",
      "expected at least one voter: the last one cannot be removed")
    refused({ voters = {} }, "invalid",
      "expected at least one voter: the last one cannot be removed")
  end)

  it("an id that was used before", function ()
    assert.is_table(set(made, operator,
      { voters = members { 1, 2, 3, 5 } }).result)
    refused({ voters = { 1, 2, 3, { 4, address(4) } } }, "invalid", "ids are "
      .. "never used again: expected one above 5 for a new member, got 4")
    local gone = leader % 3 + 1
    local keep = { 5 }
    for id = 1, 3 do
      keep[#keep + 1] = id ~= gone and id or nil
    end
    assert.is_table(set(made, operator, { voters = keep }).result)
    keep[#keep + 1] = { gone, "new:1" }
    refused({ voters = keep }, "invalid", ("ids are never used again: "
      .. "expected one above 5 for a new member, got %d"):format(gone))
  end)

  it("a member or an address twice, and one without an address", function ()
    refused({ voters = { 1, 2, 3 }, learners = { 3 } }, "invalid",
      "member 3 is named twice")
    refused({ voters = { 1, 2, { 3, "desk:1" } } }, "invalid",
      "members 1 and 3 have the same address, desk:1")
    refused({ voters = { 1, 2, 3, 4 } }, "invalid",
      'member 4 is new: expected [4, "host:port"]')
    refused({ voters = { 1, 2, 3, { 4, "nowhere" } } }, "invalid",
      'configuration: member 4: expected an address "host:port" of less '
        .. "than 128 bytes")
  end)

  it("more members than there can be, those who leave included", function ()
    local many = {}
    for i = 1, 16 do
      many[i] = { i, "many:" .. i }
    end
    refused({ voters = many }, "invalid", "expected at most 15 members")
    for i = 1, 13 do
      many[i] = { i + 10, "many:" .. i }
    end
    many[14], many[15], many[16] = nil, nil, nil
    refused({ voters = many }, "invalid", "expected at most 15 members, "
      .. "those who leave included, got 16")
  end)

  it("another configuration than the expected one", function ()
    local index = (configuration(made, leader)).index
    refused({ voters = { 1, 2 }, expected = index + 1 }, "conflict",
      ("expected configuration %d, got %d"):format(index + 1, index))
    local keep = leader == 1 and { 1, 2 } or { 1, leader }
    assert.is_table(set(made, operator, { voters = keep,
      expected = index }).result)
  end)

  it("another change while one is under way", function ()
    made:kill(4)
    local request = operator:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    made:run(1e5)
    local second = desk.client(made, leader, 101)
    assert.equal("busy", second:order("set_members",
      { { voters = { 1, 2 } } }).code)
    assert.equal("busy", second:order("set_members",
      { { voters = members { 1, 2, 3, 4 } } }).code)
    made:start(4)
    assert.is_table(await(made, operator, request).result)
  end)

  it("nobody who asks for the same again when the first has gone", function ()
    made:kill(4)
    operator:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    made:run(1e5)
    made:hang_up(leader, operator.connection)
    local second = desk.client(made, leader, 101)
    assert.equal("busy", second:order("set_members",
      { { voters = { 1, 2 } } }).code)
    local request = second:administer("set_members",
      { { voters = members { 1, 2, 3, 4 } } })
    made:start(4)
    assert.is_table(await(made, second, request).result)
  end)

  it("whoever asks another member, with the leader's address", function ()
    local other = desk.client(made, leader % 3 + 1, 102)
    other:greet()
    local answer = other:order("set_members", { { voters = { 1 } } })
    assert.equal("not_leader", answer.code)
    assert.same({ leader = leader, address = address(leader) },
      answer.detail)
  end)

  it("clients that did not come through the directory", function ()
    local client = desk.client(made, leader, 103)
    for _, method in ipairs { "members", "set_members", "transfer",
      "step_down" } do
      assert.equal("denied", client:ask(method, {}).code)
    end
  end)

  it("what is no such request", function ()
    for _, params in ipairs { {}, { 1 }, { { voters = 1 } },
      { { voters = { "1" } } }, { { voters = { 0 } } },
      { { voters = { { 1, 2 } } } }, { { voters = { { 1 } } } },
      { { expected = "x", voters = { 1 } } }, { { voter = { 1 } } } } do
      local answer = operator:order("set_members", params)
      assert.equal("malformed", answer.code)
      assert.matches("^set_members: expected", answer.message)
    end
  end)
end)

describe("replica: a change of members", function ()
  it("is left to the next leader when it is joint", function ()
    local made, leader, operator = new(6)
    local others = { leader % 3 + 1, (leader + 1) % 3 + 1 }
    assert.is_table(set(made, operator, { voters = { 1, 2, 3 },
      learners = members { 4, 5, 6 } }).result)
    -- The old half has the joint configuration, and not durably.
    for _, other in ipairs(others) do
      made:hold_disk(other, true)
    end
    operator:administer("set_members", { { voters = { 4, 5, 6 } } })
    made:settle()
    assert.is_true(select(2, configuration(made, leader)).joint)
    for _, other in ipairs(others) do
      made:hold_disk(other, false)
    end
    made:kill(leader)
    made:traces()
    made:run(3e6)
    assert.same({ "3/0/0" }, steps(made)) -- by one, and once
    for id = 4, 6 do
      local sets = configuration(made, id)
      assert.same({ { 4, 5, 6 }, {} }, { sets.voters, sets.outgoing })
    end
  end)

  it("that is cut leaves the configuration before", function ()
    local made, leader, operator = new(4)
    local others = { leader % 3 + 1, (leader + 1) % 3 + 1 }
    for _, other in ipairs(others) do
      made:cut(leader, other, true)
    end
    operator:administer("set_members", { { voters = { leader },
      learners = {} } })
    made:settle()
    made:run(2e6)
    local index = (configuration(made, leader)).index
    assert.is_true(index > 1)
    made:run(1e6)
    for _, other in ipairs(others) do
      made:cut(leader, other, false)
    end
    made:run(3e6)
    assert.same({ 1, 2, 3 }, voters(made, leader))
    assert.equal("up", (made:state(leader)))
  end)

  it("is found again after a restart, also when it is cut then", function ()
    local made, leader, operator = new(4)
    local others = { leader % 3 + 1, (leader + 1) % 3 + 1 }
    for _, other in ipairs(others) do
      made:cut(leader, other, true)
    end
    operator:administer("set_members", { { voters = { 1, 2, 3 },
      learners = { { 4, address(4) } } } })
    made:settle()
    made:crash(leader, 0)
    made:run(3e6)
    made:start(leader)
    made:settle()
    assert.same({ 4 }, (configuration(made, leader)).learners)
    for _, other in ipairs(others) do
      made:cut(leader, other, false)
    end
    made:run(3e6)
    local sets = configuration(made, leader)
    assert.same({ { 1, 2, 3 }, {} }, { sets.voters, sets.learners })
  end)
end)
