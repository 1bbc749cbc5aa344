-- SPDX-License-Identifier: MIT
--
-- Changes of the members that are refused, and change nothing.

local desk = require "spec.desk"
local members_desk = require "spec.members_desk"

local members = members_desk.members
local address = members_desk.address
local new = members_desk.new
local configuration = members_desk.configuration
local await = members_desk.await
local set = members_desk.set

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
