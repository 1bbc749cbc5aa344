-- SPDX-License-Identifier: MIT

local core = require "raft.core"
local probe = require "raft.probe"

local function encode(value)
  return select(2, assert(core.encode(value)))
end

local function decode(bytes)
  return select(2, assert(core.decode(bytes)))
end

-- A client, and what it did as values.
local World = {}
World.__index = World

local function new(options)
  options.addresses = options.addresses or { "a:1", "b:1", "c:1" }
  return setmetatable({ client = assert(probe.client(options)), said = {} },
    World)
end

-- { what, endpoint, address or request } since the last time.
function World:did()
  local list = {}
  for i, row in ipairs(self.client:done_with()) do
    local what, endpoint, bytes = row[1], row[2], row[3]
    if what == "send" then
      local request = bytes
      if request.command then
        request.params = { decode(request.command), request.session,
          request.sequence, request.first }
      else
        request.params = decode(request.params)
      end
      list[i] = { what, endpoint, request }
    else
      list[i] = { what, endpoint, bytes }
    end
  end
  return list
end

-- The only thing that it did.
function World:did_one(what)
  local list = self:did()
  assert.equal(1, #list)
  assert.equal(what, list[1][1])
  return list[1][2], list[1][3]
end

function World:answer(endpoint, id, result)
  self.client:message(endpoint, encode { 1, id, core.null, result })
end

function World:refuse(endpoint, id, code, detail)
  local number = core.errors[code].number
  self.client:message(endpoint, encode { 1, id,
    { number, "refused", detail }, core.null })
end

function World:completed()
  local list = self.client:completed()
  for _, row in ipairs(list) do
    if row.result ~= "" then
      row.result = decode(row.result)
    else
      row.result = nil
    end
  end
  return list
end

function World:completed_one()
  local list = self:completed()
  assert.equal(1, #list)
  return list[1]
end

-- Connected to one endpoint, with a session.
local function ready(options)
  local world = new(options or {})
  world.client:propose(encode "first")
  local endpoint = world:did_one "connect"
  world.client:connected(endpoint)
  local _, open = world:did_one "send"
  assert.equal("open_session", open.method)
  world:answer(endpoint, open.id, 50)
  local _, propose = world:did_one "send"
  assert.same({ "first", 50, 1, 1 }, { propose.params[1], propose.params[2],
    propose.params[3], propose.params[4] })
  world:answer(endpoint, propose.id, "done")
  assert.same({ "ok", "done" }, { world:completed()[1].code, "done" })
  return world, endpoint
end

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
    assert.equal("disk_full", world:completed_one().code)
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

  it("goes elsewhere with the same sequence when nobody answers",
    function ()
      local world, endpoint = ready()
      world.client:propose(encode "x")
      local _, request = world:did_one "send"
      world.client:advance(1.1e6)
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

  it("ignores a late refusal of an earlier try", function ()
    local world, endpoint = ready()
    world.client:propose(encode "x")
    local _, request = world:did_one "send"
    world.client:advance(1.1e6)
    local other = world:did_one "connect"
    world.client:connected(other)
    world:did_one "send"
    world:refuse(endpoint, request.id, "not_leader", core.map {})
    world:refuse(endpoint, request.id, "overloaded")
    world.client:advance(9e5)
    assert.same({}, world:did())
    assert.same({}, world:completed())
  end)

  it("comes again when the member says", function ()
    local world, endpoint = ready()
    world.client:query(encode "q", "linear")
    local _, request = world:did_one "send"
    world:refuse(endpoint, request.id, "overloaded", { retry_ms = 400 })
    world.client:advance(399000)
    assert.same({}, world:did())
    world.client:advance(2000)
    world:did_one "send"
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
