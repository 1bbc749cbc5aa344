-- SPDX-License-Identifier: MIT

local core = require "raft.core"
local World = require "spec.client_world"

local encode = World.encode
local new = World.new
local ready = World.ready

-- More than a try's time, in which the connection shows a sign of life.
local function pass_alive(world, endpoint)
  world.client:advance(2e5)
  world:answer(endpoint, 0, "nothing asked")
  world.client:advance(2.5e5)
end

describe("client: retry", function ()
  it("follows the hint of who leads, also to a new address", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader",
      { leader = 9, address = "elsewhere:7" })
    local new_endpoint, address = world:did_one "connect"
    assert.same({ 3, "elsewhere:7" }, { new_endpoint, address })
    world.client:connected(3)
    local at, again = world:did_one "send"
    assert.same({ 3, request.id }, { at, again.id })
    assert.same(request.params, again.params)
    world:answer(3, again.id, "done")
    local done = world:completed_one()
    assert.same({ "ok", "done", 9 }, { done.code, done.result, done.leader })
  end)

  it("does not hurry back to a member that names itself", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader", { leader = 1,
      address = ({ "a:1", "b:1", "c:1" })[endpoint + 1] })
    assert.same({}, world:did())
    world.client:advance(1e6)
    assert.not_equal(endpoint, (world:did_one "connect"))
  end)

  it("prefers who failed less", function ()
    local world = new { addresses = { "a:1", "b:1" } }
    world.client:query(encode "q", "linear", 60e6)
    local good = world:did_one "connect"
    local bad = 1 - good
    world.client:connected(good)
    for _ = 1, 5 do
      world.client:ask(bad, "status", encode {})
      for _ = 1, 100 do
        for _, row in ipairs(world:did()) do
          if row[1] == "connect" then
            world.client:disconnected(bad)
          end
        end
        world.client:advance(1000)
      end
    end
    world.client:ask(bad, "status", encode {})
    world.client:advance(320000)
    world.client:disconnected(bad)
    world:did()
    world.client:disconnected(good)
    world.client:advance(30000)
    local did = world:did()
    assert.same({ "connect", good }, { did[1][1], did[1][2] })
  end)

  it("asks the next one when nobody is named", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader", core.map {})
    assert.same({}, world:did()) -- a pause first
    world.client:advance(1e6)
    assert.not_equal(endpoint, (world:did_one "connect"))
  end)

  it("comes again not before it was told, and not with all others",
    function ()
      local times = {}
      for seed = 1, 20 do
        local world, endpoint = ready { seed = seed }
        world.client:propose(encode "x")
        local _, request = world:did_one "send"
        world:refuse(endpoint, request.id, "overloaded", { retry_ms = 400 })
        local waited = 0
        while #world:did() == 0 do
          waited = waited + 1
          assert.is_true(waited <= 600)
          world.client:advance(1000)
        end
        assert.is_true(waited >= 400, waited)
        times[waited] = true
      end
      local count = 0
      for _ in pairs(times) do count = count + 1 end
      assert.is_true(count > 10, count)
    end)

  it("does not run in circles between members that name each other",
    function ()
      local world = new { addresses = { "a:1", "b:1" } }
      world.client:query(encode "q", "linear")
      world.client:connected(0)
      world.client:connected(1)
      local sent = 0
      for _ = 1, 40 do
        for _, row in ipairs(world:did()) do
          if row[1] == "send" then
            sent = sent + 1
            world:refuse(row[2], row[3].id, "not_leader", { leader = 5,
              address = row[2] == 0 and "b:1" or "a:1" })
          end
        end
      end
      assert.is_true(sent <= 5, sent)
    end)

  -- Until b is asked, who leads; 'names' has whom the others name.
  local function finds_leader(seed, names)
    local world = new { seed = seed }
    world.client:query(encode "q", "linear", 60e6)
    for endpoint = 0, 2 do
      world.client:connected(endpoint)
    end
    for _ = 1, 20 do
      for _, row in ipairs(world:did()) do
        if row[1] == "send" and row[2] == 1 then
          return true
        elseif row[1] == "send" then
          world:refuse(row[2], row[3].id, "not_leader",
            names[row[2]] or core.map {})
        end
      end
      world.client:advance(2e4)
    end
  end

  it("asks each in turn, though one names an old leader again and again",
    function ()
      for seed = 1, 10 do
        assert.is_true(finds_leader(seed,
          { [0] = { leader = 3, address = "c:1" } }), seed)
      end
    end)

  it("asks each in turn, though two that lead no more name each other",
    function ()
      for seed = 1, 10 do
        assert.is_true(finds_leader(seed,
          { [0] = { leader = 3, address = "c:1" },
            [2] = { leader = 1, address = "a:1" } }), seed)
      end
    end)

  it("goes elsewhere with the same sequence when nobody answers",
    function ()
      local world, endpoint = ready()
      world.client:propose(encode "x")
      local _, request = world:did_one "send"
      pass_alive(world, endpoint)
      local other = world:did_one "connect"
      assert.not_equal(endpoint, other)
      world.client:connected(other)
      local _, again = world:did_one "send"
      assert.same(request.params, again.params)
      -- A late success of the first try counts.
      world:answer(endpoint, request.id, "late")
      assert.equal("late", world:completed_one().result)
      world:answer(other, again.id, "late")
      assert.same({}, world:completed())
    end)

  it("makes a connection anew that has been silent since a call was sent",
    function ()
      local world, endpoint = ready()
      world.client:query(encode "q", "linear")
      world:did_one "send"
      world.client:advance(1.1e6)
      local did = world:did()
      assert.same({ "disconnect", endpoint }, { did[1][1], did[1][2] })
      assert.equal("connect", did[2][1])
    end)

  it("keeps a silent connection on which something waits that cannot be "
    .. "asked again", function ()
      local world = new { no_session = true }
      world.client:propose(encode "once")
      local endpoint = world:did_one "connect"
      world.client:connected(endpoint)
      world:did_one "send"
      world.client:query(encode "q", "linear")
      world:did_one "send"
      world.client:advance(1.1e6)
      for _, row in ipairs(world:did()) do
        assert.not_equal("disconnect", row[1])
      end
    end)

  it("ignores a late refusal of an earlier try", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    pass_alive(world, endpoint)
    local other = world:did_one "connect"
    world.client:connected(other)
    world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader", core.map {})
    world:refuse(endpoint, request.id, "overloaded")
    world.client:advance(3e5)
    assert.same({}, world:did())
    assert.same({}, world:completed())
  end)

  it("comes again while leadership is being handed over", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "busy")
    assert.same({}, world:completed())
    world.client:advance(3e5)
    local _, again = world:did_one "send"
    assert.same(request.params, again.params)
  end)

  it("repeats what was sent when its connection ends", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world.client:disconnected(endpoint)
    local other = world:did_one "connect"
    world.client:connected(other)
    local _, again = world:did_one "send"
    assert.same(request.params, again.params)
  end)

  it("without a session says unknown, and never repeats", function ()
    local world = new { no_session = true }
    world.client:propose(encode "x")
    local endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    world:did_one "send"
    world.client:disconnected(endpoint)
    assert.equal("unknown", world:completed_one().code)
    world.client:advance(10e6)
    assert.same({}, world:did())
    -- Silence is no answer either.
    world.client:propose(encode "y")
    endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    world:did_one "send"
    world.client:advance(4.9e6)
    assert.same({}, world:did())
    assert.same({}, world:completed())
    world.client:advance(0.2e6)
    assert.equal("timeout", world:completed_one().code)
  end)

  it("without a session repeats what was refused", function ()
    local world = new { no_session = true }
    world.client:propose(encode "x")
    local endpoint = world:did_one "connect"
    world.client:connected(endpoint)
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader", core.map {})
    world.client:advance(1e6)
    local other = world:did_one "connect"
    world.client:connected(other)
    _, request = world:did_one "send"
    world:refuse(other, request.id, "unknown")
    assert.equal("unknown", world:completed_one().code)
  end)

  it("pauses longer after each failure, up to a bound", function ()
    local world = new { addresses = { "a:1" }, retry_us = 1000 }
    world.client:query(encode "q", "linear", 100e6)
    local dials, gaps, last = 0, {}, nil
    for _ = 1, 20 do
      for _, row in ipairs(world:did()) do
        if row[1] == "connect" then
          dials = dials + 1
          if last then
            gaps[#gaps + 1] = world.client:now() - last
          end
          last = world.client:now()
          world.client:disconnected(0)
        end
      end
      for _ = 1, 40 do
        world.client:advance(1000)
        local did = world:did()
        if did[1] then
          gaps[#gaps + 1] = world.client:now() - last
          last = world.client:now()
          world.client:disconnected(0)
        end
      end
    end
    assert.is_true(gaps[1] <= 2000)
    assert.is_true(gaps[#gaps] >= 16000 and gaps[#gaps] <= 33000)
  end)

  it("gives up a dial that nobody answers", function ()
    local world = new { addresses = { "a:1", "b:1" } }
    world.client:query(encode "q", "linear")
    local first = world:did_one "connect"
    world.client:advance(1.1e6)
    local did = world:did()
    assert.same({ { "disconnect", first, "" }, { "connect", 1 - first,
      first == 0 and "b:1" or "a:1" } }, did)
  end)
end)
