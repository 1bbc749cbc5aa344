-- SPDX-License-Identifier: MIT

local World = require "spec.client_world"

local encode = World.encode
local new = World.new
local ready = World.ready

describe("client: session", function ()
  it("is opened once, before the first proposal", function ()
    local world = new {}
    for i = 1, 3 do
      world.client:propose(encode(i))
    end
    local endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    local _, open = world:did_one "send"
    assert.equal("open_session", open.method)
    world:answer(endpoint, open.id, 9)
    local sent = world:did()
    assert.equal(3, #sent)
    for i, row in ipairs(sent) do
      assert.same({ i, 9, i, 1 }, { row[3].params[1], row[3].params[2],
        row[3].params[3], row[3].params[4] })
    end
  end)

  it("tells the members what it has heard", function ()
    local world, endpoint = ready()
    for i = 2, 4 do
      world.client:propose(encode(i))
    end
    local sent = world:did()
    world:answer(endpoint, sent[1][3].id, "two")
    world:answer(endpoint, sent[3][3].id, "four")
    world.client:propose(encode(5))
    local _, request = world:did_one "send"
    assert.same({ 5, 3 }, { request.params[3], request.params[4] })
  end)

  it("that expired is said, and the next call gets a new one", function ()
    local world, endpoint = ready()
    world.client:propose(encode "maybe")
    world.client:propose(encode "maybe too")
    local sent = world:did()
    world:refuse(endpoint, sent[1][3].id, "session_expired")
    local done = world:completed_one()
    assert.equal("session_expired", done.code)
    assert.matches("may have been applied", done.detail)
    world.client:propose(encode "new")
    local _, open = world:did_one "send"
    assert.equal("open_session", open.method)
    world:answer(endpoint, open.id, 70)
    local _, request = world:did_one "send"
    assert.same({ "new", 70, 1, 1 }, { request.params[1], request.params[2],
      request.params[3], request.params[4] })
    world:refuse(endpoint, sent[2][3].id, "session_expired")
    assert.equal("session_expired", world:completed_one().code)
    world:answer(endpoint, request.id, "ok")
    assert.equal("ok", world:completed_one().code)
  end)

  it("that cannot be had is what its proposals are told", function ()
    local world = new {}
    world.client:propose(encode "x")
    local endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    local _, open = world:did_one "send"
    world:refuse(endpoint, open.id, "disk_full")
    local done = world:completed_one()
    assert.same({ "disk_full", "refused" }, { done.code, done.detail })
    assert.same({}, world:did())
  end)

  it("is not asked for any more when nobody waits", function ()
    local world = new {}
    world.client:propose(encode "x", 300000)
    world:did_one "connect"
    world.client:advance(20e6)
    world:completed()
    world:did()
    world.client:advance(100e6)
    assert.same({}, world:did())
  end)

  it("can be done without", function ()
    local world = new { no_session = true }
    world.client:propose(encode "x")
    local endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    local _, request = world:did_one "send"
    assert.same({ "x", 0, 0, 0 }, { request.params[1], request.params[2],
      request.params[3], request.params[4] })
  end)
end)
