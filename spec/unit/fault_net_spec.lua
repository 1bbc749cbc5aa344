-- SPDX-License-Identifier: MIT
local probe = require "raft.probe"

local function new(settings)
  local net = probe.fault_net()
  for name, value in pairs(settings or {}) do
    assert.is_true(net:set(name, value), name)
  end
  return net
end

-- How many of 1000 messages go through at once.
local function count(net, peer)
  for _ = 1, 1000 do
    net:send(peer, "x")
  end
  return #net:take()
end

describe("fault_net", function ()
  it("lets everything through when nothing is ordered", function ()
    local net = new()
    net:send(2, "a")
    net:reply(77, "b")
    assert.same({ "2:a", "77:b" }, net:take())
    assert.is_nil(net:pass(0))
    assert.is_true(net:reaches(2))
    assert.is_true(net:hears_client())
  end)

  it("refuses a setting that is not there", function ()
    assert.is_false(new():set("los", 1))
  end)

  it("cuts one way to one peer, until it is mended", function ()
    local net = new()
    net:cut(2, true)
    net:send(2, "a")
    net:send(3, "b")
    assert.same({ "3:b" }, net:take())
    assert.is_false(net:reaches(2))
    assert.is_true(net:reaches(3))
    net:cut(2, false)
    net:send(2, "c")
    assert.same({ "2:c" }, net:take())
    assert.is_true(net:reaches(2))
  end)

  it("sends to a peer that it does not hear, but does not greet it",
  function ()
    local net = new()
    net:deafen(2, true)
    net:send(2, "a")
    assert.same({ "2:a" }, net:take())
    assert.is_false(net:reaches(2))
  end)

  it("cuts all clients, but for those that are exempt", function ()
    local net = new()
    net:cut(0, true)
    net:reply(77, "a")
    net:reply(1, "b")
    assert.same({ "1:b" }, net:take())
    net:deafen(0, true)
    assert.is_false(net:hears_client())
  end)

  it("loses the share that it was told", function ()
    local net = new { loss = 200 }
    local through = count(net, 2)
    assert.is_true(through > 700 and through < 900, tostring(through))
    local heard = 0
    for _ = 1, 1000 do
      heard = heard + (net:hears_client() and 1 or 0)
    end
    assert.is_true(heard > 700 and heard < 900, tostring(heard))
  end)

  it("sends some twice", function ()
    local net = new { duplicate = 1000, reorder_us = 100 }
    net:send(2, "a")
    assert.same({ "2:a" }, net:take())
    net:pass(200)
    assert.same({ "2:a" }, net:take())
  end)

  it("flips one bit of a message between members, and none of a reply",
  function ()
    local net = new { corrupt = 1000 }
    local text = ("a"):rep(50)
    net:send(2, text)
    net:reply(77, text)
    local got = net:take()
    assert.equal("77:" .. text, got[2])
    assert.equal(#text + 2, #got[1])
    local differs = 0
    for i = 1, #text do
      differs = differs + (got[1]:byte(i + 2) ~= text:byte(i) and 1 or 0)
    end
    assert.equal(1, differs)
  end)

  it("slows one way, in order", function ()
    local net = new()
    net:slow(2, 1000)
    net:send(2, "a")
    net:slow(2, 10)
    net:send(2, "b")
    net:send(3, "c")
    assert.same({ "3:c" }, net:take())
    assert.equal(1, net:pass(999))
    assert.same({}, net:take())
    assert.is_nil(net:pass(1))
    assert.same({ "2:a", "2:b" }, net:take())
  end)

  it("delays within its bounds, and keeps the order", function ()
    local net = new { delay_min_us = 100, delay_max_us = 300 }
    for i = 1, 50 do
      net:send(2, tostring(i))
    end
    net:pass(99)
    assert.same({}, net:take())
    net:pass(201)
    local got = net:take()
    assert.equal(50, #got)
    for i = 1, 50 do
      assert.equal("2:" .. i, got[i])
    end
  end)

  it("lets messages be overtaken where that is ordered", function ()
    local net = new { reorder = 500, reorder_us = 1000 }
    for i = 1, 50 do
      net:send(2, tostring(i))
    end
    net:pass(1001)
    local got, turns = net:take(), 0
    for i = 2, 50 do
      turns = turns + (tonumber(got[i]:sub(3)) < tonumber(got[i - 1]:sub(3))
        and 1 or 0)
    end
    assert.equal(50, #got)
    assert.is_true(turns > 0)
  end)

  it("makes some take far longer, and others wait behind them", function ()
    local net = new { tail = 1000, tail_us = 500 }
    for i = 1, 20 do
      net:send(2, tostring(i))
    end
    net:pass(501)
    local got = net:take()
    for i = 1, 20 do
      assert.equal("2:" .. i, got[i])
    end
  end)
end)

describe("fault_clock", function ()
  it("is the clock below when nothing is ordered", function ()
    local clock = probe.fault_clock()
    local now, wall = clock:now(), clock:wall()
    clock:pass(1234)
    assert.equal(now + 1234, clock:now())
    assert.equal(wall + 1234, clock:wall())
  end)

  it("jumps, forth and back, on the wall alone", function ()
    local clock = probe.fault_clock()
    local now, wall = clock:now(), clock:wall()
    clock:jump(5000)
    assert.equal(wall + 5000, clock:wall())
    clock:jump(-7000)
    assert.equal(wall - 2000, clock:wall())
    assert.equal(now, clock:now())
    clock:jump(-1e12)
    assert.equal(0, clock:wall())
  end)

  it("runs too fast or too slow, and never goes back", function ()
    local clock = probe.fault_clock()
    local now = clock:now()
    clock:drift(50000)
    assert.equal(now, clock:now())
    clock:pass(1000000)
    assert.equal(now + 1050000, clock:now())
    clock:drift(-50000)
    assert.equal(now + 1050000, clock:now())
    clock:pass(1000000)
    assert.equal(now + 2000000, clock:now())
    clock:drift(9e9)
    clock:pass(1000000)
    assert.equal(now + 3050000, clock:now())
    clock:drift(-9e9)
    clock:pass(1000000)
    assert.equal(now + 4000000, clock:now())
  end)
end)
