-- SPDX-License-Identifier: MIT

local desk = require "spec.desk"
local helper = require "spec.helper"
local probe = require "raft.probe"

describe("replica: sessions", function ()
  it("§6.3 answer a repeated command with its first result", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    assert.equal(1, client:apply("once", session, 1, 1).result)
    assert.equal(2, client:apply("other", session, 2, 1).result)
    assert.equal(1, client:apply("once", session, 1, 1).result)
    assert.same({ "once", "other" }, desk.applied(made, 1))
  end)

  it("recognise a repetition within one batch", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    for _ = 1, 3 do
      client:propose("once", session, 1, 1)
    end
    made:settle()
    local answers = desk.answers(made)
    assert.equal(3, #answers)
    for _, answer in ipairs(answers) do
      assert.equal(1, answer.result)
    end
    assert.same({ "once" }, desk.applied(made, 1))
  end)

  it("are found again after a restart", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    assert.equal(1, client:apply("once", session, 1, 1).result)
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal(1, client:apply("once", session, 1, 1).result)
    assert.same({ "once" }, desk.applied(made, 1))
  end)

  it("keep failures and large results as well", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    for _ = 1, 2 do
      local failed = client:apply("fails", session, 1, 1)
      assert.same({ "apply_failed", "fails" }, { failed.code,
        failed.message })
      assert.equal(4000, #client:apply("big!", session, 2, 1).result)
    end
    assert.same({ "fails", "big!" }, desk.applied(made, 1))
  end)

  it("say result_lost for what the client acknowledged", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    local session = client:open_session()
    client:apply("one", session, 1, 1)
    client:apply("two", session, 2, 2)
    assert.equal("result_lost", client:apply("one", session, 1, 1).code)
    assert.same({ "one", "two" }, desk.applied(made, 1))
  end)

  it("are unknown before they are opened and after they are closed",
    function ()
      local made = desk.new {}
      local client = desk.client(made, 1)
      assert.equal("session_expired", client:apply("x", 77, 1, 1).code)
      local session = client:open_session()
      assert.is_nil(client:ask("close_session", { session }).code)
      assert.equal("session_expired", client:apply("x", session, 1, 1).code)
      assert.equal("session_expired",
        client:ask("close_session", { session }).code)
      assert.same({}, desk.applied(made, 1))
    end)

  it("past their number the one longest without a command expires",
    function ()
      local made = desk.new { limits = { sessions = 2 } }
      local client = desk.client(made, 1)
      local first, second = client:open_session(), client:open_session()
      client:apply("x", first, 1, 1)
      local third = client:open_session()
      assert.equal("session_expired", client:apply("y", second, 1, 1).code)
      assert.equal(2, client:apply("y", first, 2, 1).result)
      assert.equal(3, client:apply("y", third, 1, 1).result)
      assert.equal(2, made:status(1).sessions)
    end)

  it("without a command for long expire by the times in the log", function ()
    local made = desk.new { members = 3,
      limits = { session_expire_us = 1000000 } }
    local client = desk.client(made, desk.leader(made, 3))
    local idle, busy = client:open_session(), client:open_session()
    for round = 1, 4 do
      made:run(4e5)
      assert.equal(round, client:apply("x", busy, round, round).result)
    end
    made:run(1e5)
    for id = 1, 3 do
      assert.equal(1, made:status(id).sessions)
    end
    assert.equal("session_expired", client:apply("x", idle, 1, 1).code)
    made:run(2e6) -- nothing comes into the log, so it has no later time
    assert.equal(1, made:status(1).sessions)
    assert.equal("session_expired", client:apply("x", busy, 9, 9).code)
    assert.equal(4, #desk.applied(made, 1))
  end)

  it("that were closed make room for as many", function ()
    local sessions = probe.session_table { sessions = 9 }
    local calls
    for round = 1, 20 do
      for id = 1, 5 do
        assert.equal(0, sessions:open(round * 10 + id))
      end
      for _, id in ipairs { 3, 1, 5, 2, 4 } do
        assert.is_true(sessions:close(round * 10 + id))
      end
      calls = round > 1 and assert.equal(calls, (select(5, sessions:look())))
        or select(5, sessions:look())
    end
  end)

  it("past their bytes expire, at an index that all members share",
    function ()
      local made = desk.new { members = 3,
        limits = { session_bytes = 5000 } }
      local client = desk.client(made, desk.leader(made, 3))
      local session = client:open_session()
      for i = 1, 3 do
        assert.equal(3000, #client:apply("big", session, i, 1).result)
      end
      for _ = 1, 260 do
        client:propose "filler"
      end
      made:run(1e6)
      for id = 1, 3 do
        assert.equal(0, made:status(id).sessions)
        assert.equal(0, made:status(id).session_bytes)
      end
    end)

  it("a result too large to keep is given once", function ()
    local made = desk.new { limits = { entry_bytes = 2000 } }
    local client = desk.client(made, 1)
    local session = client:open_session()
    assert.equal(5000, #client:apply("big!!", session, 1, 1).result)
    assert.equal("result_lost", client:apply("big!!", session, 1, 1).code)
    assert.equal(1, #desk.applied(made, 1))
  end)

  it("a machine that kept its state knows no results of before", function ()
    local made = desk.new {}
    made:keep_machine(1, true)
    local client = desk.client(made, 1)
    local session = client:open_session()
    assert.equal(1, client:apply("once", session, 1, 1).result)
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal("result_lost", client:apply("once", session, 1, 1).code)
    assert.same({ "once" }, desk.applied(made, 1))
  end)

  it("session 0 is applied as often as it is proposed", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    client:apply "again"
    client:apply "again"
    assert.same({ "again", "again" }, desk.applied(made, 1))
  end)
end)

-- The table as a person would write it: lists, searched from the front.
local Twin = {}
Twin.__index = Twin

function Twin.new(options)
  return setmetatable({ max = options.sessions, bytes_max = options.bytes,
    expire = options.expire, now = 0, list = {} }, Twin)
end

function Twin:find(id)
  for at, session in ipairs(self.list) do
    if session.id == id then
      return at, session
    end
  end
end

function Twin:bytes()
  local sum = 0
  for _, session in ipairs(self.list) do
    for _, record in ipairs(session.records) do
      sum = sum + 64 + record.size
    end
  end
  return sum
end

function Twin:open(id)
  table.insert(self.list, { id = id, first = 1, used = self.now,
    records = {} })
  if #self.list > self.max then
    return table.remove(self.list, 1).id
  end
  return 0
end

function Twin:close(id)
  local at = self:find(id)
  if at then
    table.remove(self.list, at)
  end
  return at ~= nil
end

function Twin:command(id, sequence, first, size)
  local at, session = self:find(id)
  if not at then
    return "expired"
  end
  table.insert(self.list, table.remove(self.list, at))
  session.used = self.now
  session.first = math.max(session.first, first)
  while session.records[1] and session.records[1].sequence < session.first do
    table.remove(session.records, 1)
  end
  for _, record in ipairs(session.records) do
    if record.sequence == sequence then
      return "duplicate"
    end
  end
  if sequence < session.first then
    return "lost"
  end
  table.insert(session.records, { sequence = sequence, size = size })
  return "fresh"
end

function Twin:time(now)
  local expired, kept = {}, {}
  self.now = now
  for _, session in ipairs(self.list) do
    local late = now - session.used >= self.expire
    table.insert(late and expired or kept, late and session.id or session)
  end
  self.list = kept
  return expired
end

function Twin:trim()
  local expired = {}
  while self:bytes() > self.bytes_max and self.list[1] do
    table.insert(expired, table.remove(self.list, 1).id)
  end
  return expired
end

describe("session table", function ()
  local function play(random, table_a, table_b)
    local ids = {}
    local now = 0
    for step = 1, 60 do
      now = now + random:integer(1, 9)
      assert.same(table_a:time(now), table_b:time(now))
      local what = random:integer(1, 10)
      if what <= 2 or #ids == 0 then
        assert.equal(table_a:open(step), table_b:open(step))
        table.insert(ids, step)
      elseif what == 3 then
        local id = ids[random:integer(1, #ids)]
        assert.equal(table_a:close(id), table_b:close(id))
      elseif what == 4 then
        table_b:batch_end()
        assert.same(table_a:trim(), table_b:trim())
        assert.equal(table_a:bytes(), select(2, table_b:look()))
      else
        local id = ids[random:integer(1, #ids)]
        local sequence = random:integer(1, 8)
        local first = random:integer(1, sequence)
        local size = random:integer(0, 90)
        assert.equal(table_a:command(id, sequence, first, size),
          (table_b:command(id, sequence, first, size)))
      end
    end
  end

  it("agrees with a plain list, on random entries", function ()
    helper.check(300, function (random)
      local options = { sessions = random:integer(1, 4),
        bytes = random:integer(100, 900), expire = random:integer(5, 60) }
      play(random, Twin.new(options), probe.session_table(options))
    end)
  end)

  it("is the same whatever batches the entries came in", function ()
    helper.check(200, function (random)
      local options = { sessions = random:integer(1, 3),
        bytes = random:integer(100, 600) }
      local a = probe.session_table(options)
      local b = probe.session_table(options)
      for index = 1, 64 do
        local session = random:integer(1, 4)
        if random:integer(1, 6) == 1 then
          assert.equal(a:open(index + 100), b:open(index + 100))
        else
          local sequence, size = random:integer(1, 6), random:integer(0, 80)
          assert.equal((a:command(session + 100, sequence, 1, size)),
            (b:command(session + 100, sequence, 1, size)))
        end
        a:batch_end()
        if random:integer(1, 3) == 1 then
          b:batch_end()
        end
        if index % 16 == 0 then
          b:batch_end()
          assert.same(a:trim(), b:trim())
          assert.equal((a:look()), (b:look()))
        end
      end
    end)
  end)

  it("takes memory for pools, not for commands", function ()
    local sessions = probe.session_table {}
    sessions:open(1)
    for sequence = 1, 200 do
      sessions:command(1, sequence, math.max(1, sequence - 10), 20)
      sessions:batch_end()
    end
    local before = select(5, sessions:look())
    for sequence = 201, 2200 do
      sessions:command(1, sequence, sequence - 10, 20)
      sessions:batch_end()
    end
    assert.equal(before, select(5, sessions:look()))
  end)
end)
