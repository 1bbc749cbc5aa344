-- SPDX-License-Identifier: MIT

local core = require "raft.core"
local World = require "spec.client_world"

local encode = World.encode
local new = World.new
local ready = World.ready

describe("client: calls", function ()
  it("end exactly at their deadline", function ()
    local world = ready()
    world.client:propose(encode "x", 250000)
    world:did()
    world.client:advance(249999)
    assert.same({}, world:completed())
    world.client:advance(1)
    assert.equal("timeout", world:completed_one().code)
    assert.equal(0, world.client:outstanding())
  end)

  it("that were never sent say so at their deadline", function ()
    local world = new {}
    world.client:propose(encode "x", 400000)
    world.client:advance(400000)
    local done = world:completed_one()
    assert.equal("unreachable", done.code)
    assert.matches("nothing was sent", done.detail)
  end)

  it("are not sent after their deadline", function ()
    local world = new {}
    world.client:query(encode "q", "linear", 400000)
    local endpoint = world:did_one "connect"
    world.client:advance(400000)
    world:completed_one()
    world.client:connected(endpoint)
    assert.same({}, world:did())
  end)

  it("are not sent after it either when time was not told", function ()
    local world = new {}
    world.client:query(encode "q", "linear", 400000)
    local endpoint = world:did_one "connect"
    world.client:pass(400000)
    world.client:connected(endpoint)
    assert.same({}, world:did())
    world.client:advance(0)
    assert.equal("unreachable", world:completed_one().code)
  end)

  it("may be given up while another is told its end", function ()
    local world = ready()
    world.client:propose(encode "x", 200000)
    world.client:propose(encode "y", 200000)
    world.client:cancel_next()
    world.client:advance(200000)
    local done = world:completed()
    assert.same({ "timeout", "timeout" }, { done[1].code, done[2].code })
    assert.equal(2, #done)
    assert.equal(0, world.client:outstanding())
  end)

  it("can be cancelled, once, and are then over", function ()
    local world, endpoint = ready()
    local call = world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world.client:cancel(call)
    assert.equal("cancelled", world:completed_one().code)
    world.client:cancel(call)
    world:answer(endpoint, request.id, "late")
    assert.same({}, world:completed())
    -- Nobody waits for it: the members may forget its result.
    world.client:propose(encode "y")
    local _, other = world:did_one "send"
    assert.same({ 3, 3 }, { other.params[3], other.params[4] })
    world:answer(endpoint, request.id, "late again")
    assert.same({}, world:completed())
  end)

  it("are not taken for earlier ones that had their slot", function ()
    local world, endpoint = ready()
    local call = world.client:query(encode "old", "linear")
    local _, old = world:did_one "send"
    local reused = false
    world.client:cancel(call)
    world:completed()
    for _ = 1, 5 do
      world.client:query(encode "new", "linear")
      local _, request = world:did_one "send"
      reused = reused or request.id % 2048 == old.id % 2048
      world:answer(endpoint, old.id, "late")
      assert.same({}, world:completed())
      world:answer(endpoint, request.id, "new")
      assert.equal("new", world:completed_one().result)
    end
    assert.is_true(reused)
  end)

  it("are told the machine's message when it failed", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world.client:message(endpoint, encode { 1, request.id,
      { core.errors.apply_failed.number, "no such key" }, core.null })
    local done = world:completed_one()
    assert.same({ "apply_failed", "no such key", "no such key" },
      { done.code, done.result, done.detail })
  end)

  it("may ask one member, whoever leads", function ()
    local world, endpoint = ready()
    local second, third = (endpoint + 1) % 3, (endpoint + 2) % 3
    world.client:ask(second, "status", encode {})
    assert.equal(second, (world:did_one "connect"))
    world.client:connected(second)
    local at, request = world:did_one "send"
    assert.same({ second, "status" }, { at, request.method })
    world:answer(second, request.id, { id = 3 })
    assert.equal(3, world:completed_one().result.id)
    world.client:ask(third, "status", encode {})
    world:did_one "connect"
    world.client:disconnected(third)
    assert.equal("unreachable", world:completed_one().code)
  end)

  it("are bounded in number and size", function ()
    local world = ready()
    for _ = 1, 1024 do
      assert.is_number(world.client:query(encode "q", "linear"))
    end
    assert.equal("overloaded",
      select(3, world.client:query(encode "q", "linear")))
    assert.equal("too_large", select(3, new {}.client:propose(
      ("x"):rep(16 * 1024 * 1024 + 1))))
  end)

  it("end with the client: closed when never sent, else unknown",
    function ()
      local world = ready()
      world.client:propose(encode "sent")
      world:did()
      local other = new {}
      other.client:propose(encode "never sent")
      world.client:free()
      other.client:free()
      assert.equal("unknown", world:completed_one().code)
      assert.equal("closed", other:completed_one().code)
      assert.equal(0, select(2, world.client:memory()))
      assert.equal(0, select(2, other.client:memory()))
    end)

  it("made by one that ends with the client are refused", function ()
    local world = ready()
    world.client:propose(encode "x")
    world.client:call_again()
    world.client:free()
    assert.equal("closed", world.client:called_again())
    world:completed_one()
    assert.equal(0, select(2, world.client:memory()))
  end)

  it("survive answers that are not understood", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world.client:message(endpoint, "\193")
    local did = world:did()
    assert.equal("disconnect", did[1][1])
    assert.equal("connect", did[2][1])
    world.client:connected(did[2][2])
    local _, again = world:did_one "send"
    assert.same(request.params, again.params)
    for _, bytes in ipairs { encode { 1, 999999, core.null, 1 },
      encode { 2, "news", {} } } do
      world.client:message(did[2][2], bytes)
    end
    world:answer(did[2][2], again.id, "done")
    assert.equal("done", world:completed_one().result)
  end)

  it("take no allocation each", function ()
    local world, endpoint = ready()
    local function burst(times)
      for _ = 1, times do
        for _ = 1, 20 do
          world.client:propose(encode "command")
        end
        for _, row in ipairs(world:did()) do
          world:answer(endpoint, row[3].id, "done")
        end
        assert.equal(20, #world:completed())
      end
    end
    burst(20)
    local before = world.client:memory()
    burst(50)
    assert.is_true(world.client:memory() - before < 1000 / 10)
  end)

  it("complete once, whatever allocation fails", function ()
    local function life(nth, count)
      local world = new { addresses = { "a:1", "b:1" } }
      local completed, accepted = {}, 0
      world.client:fail_memory(nth, count)
      for i = 1, 8 do
        local called = i % 2 == 0
          and world.client:query(encode "q", "linear", 2e6)
          or world.client:propose(encode(("x"):rep(i * 100)), 2e6)
        accepted = accepted + (called and 1 or 0)
        for _ = 1, 4 do
          for _, row in ipairs(world:did()) do
            if row[1] == "connect" then
              world.client:connected(row[2])
            elseif row[1] == "send" and i == 4 then
              world.client:disconnected(row[2])
            elseif row[1] == "send" then
              world:answer(row[2], row[3].id,
                row[3].method == "open_session" and 33 or row[3].params[1])
            end
          end
        end
        world.client:advance(50000)
      end
      world.client:advance(5e6)
      for _, row in ipairs(world:completed()) do
        assert.is_nil(completed[row.call])
        completed[row.call] = row
      end
      local count_completed = 0
      for _ in pairs(completed) do
        count_completed = count_completed + 1
      end
      assert.equal(accepted, count_completed)
      return world.client:memory()
    end
    local needed = life(0)
    for nth = 1, needed do
      life(nth, 1)
      life(nth, 7)
    end
    assert.is_true(needed > 10)
  end)
end)
