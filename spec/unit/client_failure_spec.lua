-- SPDX-License-Identifier: MIT
--
-- What a client's call is told that got no answer: who was asked, what each
-- of them said, and whether the outcome is known.

local core = require "raft.core"
local World = require "spec.client_world"

local encode = World.encode
local new = World.new
local ready = World.ready

-- Until the next call is done; 'answer' says what becomes of each thing that
-- the client does.
local function finish(world, answer)
  for _ = 1, 2000 do
    for _, row in ipairs(world:did()) do
      answer(row[1], row[2], row[3])
    end
    local list = world:completed()
    if list[1] then
      assert.equal(1, #list)
      return list[1]
    end
    world.client:advance(5000)
  end
  error "the call never ended"
end

-- Every member is there, and refuses everything.
local function all_refuse(world, code, detail)
  return finish(world, function (what, endpoint, request)
    if what == "connect" then
      world.client:connected(endpoint)
    elseif what == "send" then
      world:refuse(endpoint, request.id, code, detail)
    end
  end)
end

describe("client: failure", function ()
  it("names each address and why it cannot be connected", function ()
    local world = new { addresses = { "a:1", "b:1", "c:1" } }
    world.client:propose(encode "x")
    local done = finish(world, function (what, endpoint)
      if what == "connect" and endpoint ~= 2 then
        world.client:disconnected(endpoint, endpoint == 1)
      end
    end)
    assert.equal("unreachable", done.code)
    assert.equal("no member could be reached in time, nothing was sent: cannot"
      .. " connect to a:1: connection refused; cannot connect to b:1: cut; "
      .. "cannot connect to c:1: no answer", done.detail)
  end)

  it("names as many addresses as a message holds", function ()
    local addresses = {}
    for i = 1, 64 do
      addresses[i] = "member-" .. i .. ":7101"
    end
    local world = new { addresses = addresses }
    world.client:query(encode "x", "linear", 1e5)
    world.client:advance(1e6)
    local done = world:completed_one()
    assert.truthy(done.detail:find "; and others$", done.detail)
    assert.is_true(#done.detail < 256)
  end)

  it("says that no leader is known when members answer, but none leads",
    function ()
      for _, kind in ipairs { "propose", "query" } do
        local world = new { addresses = { "a:1", "b:1" } }
        world.client[kind](world.client, encode "x",
          kind == "query" and "linear" or nil)
        local done = all_refuse(world, "not_leader", core.map {})
        assert.equal("not_leader", done.code)
        assert.equal("no leader is known, nothing was done: a:1: this member"
          .. " is not the leader; b:1: this member is not the leader",
          done.detail)
      end
    end)

  it("says when to come again when members are overloaded", function ()
    local world = ready()
    world.client:propose(encode "x")
    local done = all_refuse(world, "overloaded", { retry_ms = 70 })
    assert.same({ "overloaded", 70000 }, { done.code, done.retry_us })
    assert.truthy(done.detail:find("overloaded until the deadline, nothing was"
      .. " done: ", 1, true), done.detail)
    world.client:ask(0, "status", encode {})
    done = all_refuse(world, "overloaded", { retry_ms = 9 })
    assert.same({ "overloaded", 9000 }, { done.code, done.retry_us })
    world = new {} -- no session is to be had
    world.client:propose(encode "x")
    done = all_refuse(world, "overloaded", { retry_ms = 70 })
    assert.same({ "overloaded", 70000 }, { done.code, done.retry_us })
  end)

  it("is in doubt of a proposal that one try of may be applied", function ()
    local world = ready()
    world.client:propose(encode "x")
    local silent = true
    local done = finish(world, function (what, endpoint, request)
      if what == "connect" then
        world.client:connected(endpoint)
      elseif what == "send" and not silent then
        world:refuse(endpoint, request.id, "not_leader", core.map {})
      end
      silent = silent and what ~= "send"
    end)
    assert.same({ "timeout", "the deadline passed, the outcome is unknown" },
      { done.code, done.detail })
  end)

  it("is never in doubt of a question", function ()
    local function sent()
      local world, endpoint = ready { addresses = { "a:1" } }
      world.client:query(encode "q", "linear", 5e4)
      world:did_one "send"
      return world, endpoint
    end
    local world = sent()
    world.client:advance(6e4)
    local done = world:completed_one()
    assert.same({ "timeout", "the deadline passed before an answer came: "
      .. "a:1: no answer" }, { done.code, done.detail })
    world = sent()
    world.client:cancel(2)
    done = world:completed_one()
    assert.same({ "cancelled", "cancelled" }, { done.code, done.detail })
    world = sent()
    world.client:free()
    assert.equal("closed", world:completed_one().code)
  end)

  it("says what was so last, not what was so before", function ()
    local world = new { addresses = { "a:1" } }
    local function silence(told)
      world.client:query(encode "q", "linear", 5e4)
      world.client:advance(6e4)
      assert.equal("the deadline passed before an answer came: " .. told,
        world:completed_one().detail)
    end
    world.client:query(encode "q", "linear")
    world:did_one "connect"
    world.client:disconnected(0)
    world.client:advance(1e5)
    world:did_one "connect"
    world.client:connected(0) -- no longer barred
    local _, request = world:did_one "send"
    silence "a:1: no answer"
    world:did()
    world:refuse(0, request.id, "not_leader", core.map {})
    world.client:advance(1e5)
    _, request = world:did_one "send"
    silence "a:1: this member is not the leader"
    world:answer(0, request.id, "well")
    world:completed()
    silence "a:1: no answer"
  end)

  it("says that nobody is reached when those who refused are gone",
    function ()
      local world, endpoint = ready { addresses = { "a:1" } }
      world.client:query(encode "q", "linear", 5e5)
      local _, request = world:did_one "send"
      world:refuse(endpoint, request.id, "not_leader", core.map {})
      world.client:disconnected(endpoint)
      local done = finish(world, function (what)
        if what == "connect" then
          world.client:disconnected(endpoint)
        end
      end)
      assert.equal("unreachable", done.code)
    end)

  it("of one endpoint speaks of that one only", function ()
    local world = new { addresses = { "a:1", "b:1" } }
    world.client:ask(1, "status", encode {})
    world:did_one "connect"
    world.client:disconnected(1)
    local done = world:completed_one()
    assert.same({ "unreachable", "cannot connect to b:1: connection refused" },
      { done.code, done.detail })
  end)
end)
