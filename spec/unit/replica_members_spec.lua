-- SPDX-License-Identifier: MIT
--
-- Operators change who the members are: one call, step by step.

local desk = require "spec.desk"
local members_desk = require "spec.members_desk"

local ELECTION = 250000
local members = members_desk.members
local address = members_desk.address
local new = members_desk.new
local configuration = members_desk.configuration
local voters = members_desk.voters
local await = members_desk.await
local set = members_desk.set
local steps = members_desk.steps

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

  it("changes members and turns leases on in one call", function ()
    local made, leader, operator = new(4)
    assert.is_table(set(made, operator, { voters = members { 1, 2, 3, 4 },
      lease_us = 200000 }).result)
    local sets, found = configuration(made, leader)
    assert.same({ { 1, 2, 3, 4 }, 200000 }, { sets.voters, found.lease_us })
    assert.is_table(set(made, operator, { lease_us = 0 }).result)
    sets, found = configuration(made, leader)
    assert.same({ { 1, 2, 3, 4 }, 0 }, { sets.voters, found.lease_us })
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

describe("replica: transfer", function ()
  it("is answered when the other one leads", function ()
    local made, leader, operator = new(3)
    local to = leader % 3 + 1
    local answer = await(made, operator, operator:administer("transfer",
      { to }))
    assert.same({ nil, to }, { answer.code, made:status(to).leader })
    assert.equal("leader", made:status(to).role)
  end)

  it("that fails says so, and the leader takes commands again", function ()
    local made, leader, operator = new(3)
    local to = leader % 3 + 1
    made:kill(to)
    local answer = await(made, operator, operator:administer("transfer",
      { to }))
    assert.equal("timeout", answer.code)
    assert.equal("leader", made:status(leader).role)
    assert.equal(1, desk.client(made, leader):apply("after").result)
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
