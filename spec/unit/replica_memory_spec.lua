-- SPDX-License-Identifier: MIT

local desk = require "spec.desk"
local helper = require "spec.helper"
local probe = require "raft.probe"

describe("replica: memory", function ()
  it("takes no allocation per entry, session 0", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local function burst(batches)
      for _ = 1, batches do
        for i = 1, 100 do
          client:propose("command " .. i)
        end
        made:settle()
        assert.equal(100, #made:answers())
      end
    end
    burst(20) -- tables grow to their size
    local before = made:memory(1)
    burst(100)
    local calls = made:memory(1) - before
    print(("10000 entries: %d allocations"):format(calls))
    assert.is_true(calls < 10000 / 10)
    assert.equal(12000, #made:applied(1))
  end)

  it("keeps no room for results of which one was large", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local function kept_after(command)
      client:propose(command)
      made:settle()
      assert.equal(1, #made:answers())
      client:propose "small"
      made:settle()
      made:answers()
      return (select(4, made:memory(1)))
    end
    assert.equal(0, kept_after("big" .. ("x"):rep(500)))
    local kept = kept_after("big" .. ("x"):rep(100))
    assert.is_true(kept >= 100000 and kept <= 256 * 1024, kept)
  end)

  it("takes no allocation per entry in sessions and for reads", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    local sequence = 0
    local function burst(batches)
      for _ = 1, batches do
        local first = sequence + 1
        for _ = 1, 50 do
          sequence = sequence + 1
          client:propose("command", session, sequence, first)
          client:send("query", { "question", "linear" })
        end
        made:settle()
        assert.equal(100, #made:answers())
      end
    end
    burst(20)
    local before = made:memory(1)
    burst(100)
    assert.is_true(made:memory(1) - before < 10000 / 10)
  end)
end)

-- What a life with failing memory may look like from outside: every call is
-- answered at most once, a result is right, a member is up, or stopped and
-- says why; and what was acknowledged is there after a restart.
local Life = {}
Life.__index = Life

-- A desk whose member 1 has not started yet.
function Life.new(members, seed)
  local self = setmetatable({ members = members, acknowledged = {},
    seen = {} }, Life)
  self.desk = probe.desk { members = members, seed = seed,
    limits = { cached_bytes = 600, segment_bytes = 65536 } }
  assert(self.desk:init())
  return self
end

function Life:look()
  for _, answer in ipairs(desk.answers(self.desk)) do
    if not answer.hang_up then
      local name = answer.from .. ":" .. answer.id
      assert.is_nil(self.seen[name], "answered twice")
      self.seen[name] = true
      if not answer.code and answer.id < 100 then
        table.insert(self.acknowledged, "command " .. answer.id)
      end
    end
  end
end

-- Requests at member 'to', while the nth allocation of member 1 fails, and
-- 'count' - 1 after it. Returns how many there were.
function Life:play(to, nth, count)
  local made = self.desk
  made:fail_memory(1, nth, count)
  local before = made:memory(1)
  for id = 1, self.members do
    made:start(id)
  end
  made:run(2e6)
  local client = desk.client(made, to)
  client:greet()
  for i = 1, 6 do
    client.request = i - 1
    client:send_quietly("propose", { "command " .. i })
    client.request = 100 + i
    client:send_quietly("query", { "question", "linear" })
    client.request = 200 + i
    client:send_quietly(i == 2 and "open_session" or "status",
      i == 3 and { "state_hash" } or {})
    made:run(2e4)
    self:look()
  end
  made:run(1e6)
  local needed = made:memory(1) - before
  made:fail_memory(1, 0)
  made:run(2e6)
  self:look()
  return needed
end

-- Afterwards, without failures.
function Life:check()
  local made = self.desk
  local state, code, text = made:state(1)
  assert.is_true(state == "up" or code == "no_memory",
    state .. " " .. code .. " " .. text)
  made:crash(1, 0)
  made:start(1)
  made:run(3e6)
  assert.equal("up", (made:state(1)))
  local found = {}
  for _, command in ipairs(desk.applied(made, 1)) do
    found[command] = (found[command] or 0) + 1
    assert.equal(1, found[command])
  end
  for _, command in ipairs(self.acknowledged) do
    assert.equal(1, found[command])
  end
  for id = 1, self.members do
    assert.equal(made:status(1).result_hash, made:status(id).result_hash)
  end
end

describe("replica: the Nth allocation fails", function ()
  -- The first seed with which member 1 leads, or does not.
  local function seed_with(members, leads)
    for seed = 1, 50 do
      local life = Life.new(members, seed)
      life:play(1, 0, 0)
      if (life.desk:status(1).role == "leader") == leads then
        return seed
      end
    end
  end

  local function enumerate(members, leads, step, count)
    local seed = seed_with(members, leads)
    local clean = Life.new(members, seed)
    local to
    clean:play(1, 0, 0)
    to = desk.leader(clean.desk, members)
    clean = Life.new(members, seed)
    local needed = clean:play(to, 0, 0)
    clean:check()
    assert.equal(6, #clean.acknowledged)
    for nth = 1, needed, step do
      local life = Life.new(members, seed)
      life:play(to, nth, count)
      life:check()
    end
    return needed
  end

  it("for a second: it waits, not in a circle, and comes back", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    made:hold_disk(1, true)
    client:propose "command"
    made:settle()
    made:fail_memory(1, 1, 1e9)
    made:hold_disk(1, false)
    local before = made:memory(1)
    made:run(1e6)
    assert.is_true(made:memory(1) - before < 2000)
    made:fail_memory(1, 0)
    made:run(1e6)
    assert.equal("up", (made:state(1)))
    assert.is_number(client:apply("another").result)
  end)

  it("once, in one member", function ()
    assert.is_true(enumerate(1, true, 1, 1) > 50)
  end)

  it("once, in a leader of three", function ()
    assert.is_true(enumerate(3, true, 1, 1) > 50)
  end)

  it("once, in a follower of three", function ()
    assert.is_true(enumerate(3, false, 1, 1) > 30)
  end)

  it("and all of a while after it", function ()
    for _, count in ipairs { 2, 10, 60 } do
      enumerate(1, true, helper.full and 1 or 3, count)
      enumerate(3, true, helper.full and 1 or 3, count)
      enumerate(3, false, helper.full and 1 or 3, count)
    end
  end)
end)
