-- SPDX-License-Identifier: MIT
--
-- Who should lead: priorities of voters.

local round_table = require "spec.paper.round_table"
local MS = round_table.MS
local SETTLE = 2000 * MS

local function new(priorities, more)
  local options = { members = 3, priorities = {},
    limits = { priority_settle_us = SETTLE } }
  for key, value in pairs(more or {}) do
    options[key] = value
  end
  for id = 1, options.members do
    if priorities[id] then
      table.insert(options.priorities, { id = id, value = priorities[id] })
    end
  end
  return round_table.new(options)
end

local function led_by(id, priorities, more)
  local t = new(priorities, more)
  t:elect(id)
  t:propose(id, 2)
  t:settle()
  return t
end

-- How often leadership moved meanwhile.
local function moves(t, us)
  local before = t:term(t:leader())
  t:run(us)
  return t:term(t:leader()) - before
end

describe("raft: priorities", function ()
  it("who should lead campaigns first, whatever chance says", function ()
    for _ = 1, 20 do
      local t = new { 50, 200 }
      t:run(1000 * MS)
      assert.equal(2, t:leader())
    end
  end)

  it("a leader hands over to one that should lead, once it is settled",
    function ()
      local t = led_by(1, { [3] = 200 })
      t:run(SETTLE - 200 * MS)
      assert.equal(1, t:leader())
      t:run(400 * MS)
      assert.equal(3, t:leader())
      assert.equal("ok", t.members[1].transfer)
      assert.equal(0, moves(t, 10 * SETTLE)) -- and it stays there
    end)

  it("among several to the one that should most", function ()
    local t = led_by(1, { [2] = 150, [3] = 200, [4] = 180 }, { members = 5 })
    t:run(SETTLE + 200 * MS)
    assert.equal(3, t:leader())
  end)

  it("equal ones, and lower ones, move nobody", function ()
    local t = led_by(1, { 200, 200, 50 })
    assert.equal(0, moves(t, 10 * SETTLE))
    assert.equal(1, t:leader())
  end)

  it("one that comes and goes does not move leadership each time",
    function ()
      local t = led_by(1, { [3] = 200 })
      for _ = 1, 10 do
        t:run(SETTLE / 2)
        t:isolate(3)
        t:run(300 * MS) -- longer than it may be silent
        t:heal()
      end
      assert.same({ 1, 2 }, { t:leader(), t:term(1) })
      t:run(2 * SETTLE)
      assert.equal(3, t:leader())
    end)

  it("one that does not take over is asked again, but not at once", function()
    local t, asked = led_by(1, { [3] = 200 }), {}
    local deliver = t.deliver
    function t:deliver(wanted) -- each order is lost
      self:drop(function(message) return message.kind == "timeout_now" end)
      return deliver(self, wanted)
    end
    for _ = 1, math.floor(4 * SETTLE / (10 * MS)) do
      t:run(10 * MS)
      if t:status(1).transferee == 3 and not asked.is_on then
        asked[#asked + 1] = t.now
      end
      asked.is_on = t:status(1).transferee == 3
    end
    assert.is_true(#asked >= 2)
    for i = 2, #asked do
      assert.is_true(asked[i] - asked[i - 1] >= SETTLE, asked[i])
    end
  end)

  it("one that lags or is stalled is not handed to", function ()
    for _, what in ipairs { "stalled", "disk_full" } do
      local t = led_by(1, { [3] = 200 })
      t:step(3, { kind = what, yes = true })
      assert.equal(0, moves(t, 3 * SETTLE))
      t:step(3, { kind = what, yes = false })
      t:run(SETTLE + 200 * MS)
      assert.equal(3, t:leader())
    end
  end)

  it("0 does not lead while another one can", function ()
    local t = led_by(1, { 0 })
    t:run(SETTLE + 200 * MS)
    local leader = t:leader()
    assert.not_equal(1, leader)
    t:crash(leader)
    t:run(1500 * MS)
    assert.equal(5 - leader, t:leader())
  end)

  it("0 leads when nobody else can be elected, until another one has its "
    .. "entries", function ()
    local t = led_by(2, { 0 })
    t:cut(2, 3)
    t:propose(2, 1)
    t:settle()
    assert.equal(4 + 1, t:commit(2)) -- 1 has it, 3 has not
    t:crash(2)
    t:heal()
    t:run(8000 * MS)
    assert.equal(3, t:leader())
    assert.equal(t:terms(1)[5], t:terms(3)[5])
  end)

  it("the log decides who may win, not the priority", function ()
    local t = led_by(1, { [3] = 1000 })
    t:cut(1, 3)
    t:propose(1, 1)
    t:settle()
    local last = t:commit(1)
    t:crash(1)
    t:timeout(3)
    t:settle()
    assert.not_equal("leader", t:role(3))
    t:run(1200 * MS)
    assert.equal(2, t:leader())
    t:run(SETTLE + 1000 * MS) -- … and now it has them
    assert.equal(3, t:leader())
    assert.equal(2, t:terms(3)[last])
  end)

  it("without a name the one that should most is chosen", function ()
    local t = led_by(1, { [3] = 200 }, { members = 5 })
    t:transfer(1)
    t:settle()
    assert.equal(3, t:leader())
  end)

  it("nobody has one until it is said", function ()
    local t = new {}
    t:elect(1)
    assert.equal(0, moves(t, 10 * SETTLE))
    assert.is_nil(t:status(1).configuration.priorities)
  end)
end)
