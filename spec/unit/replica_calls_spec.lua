-- SPDX-License-Identifier: MIT

local core = require "raft.core"
local desk = require "spec.desk"

local unpack = table.unpack or unpack -- luacheck: ignore

local function other_than(leader)
  return leader % 3 + 1
end

describe("replica: calls", function ()
  it("are refused by a follower, which names the leader", function ()
    local made = desk.new { members = 3 }
    local leader = desk.leader(made, 3)
    local client = desk.client(made, other_than(leader))
    client:greet()
    for _, ask in ipairs {
      function () return client:apply "command" end,
      function () return client:query "question" end,
      function () return client:ask("open_session", {}) end,
    } do
      local answer = ask()
      assert.equal("not_leader", answer.code)
      assert.same({ leader = leader, address = "desk:" .. leader },
        answer.detail)
    end
  end)

  it("get errors of two elements from clients that did not greet", function ()
    local made = desk.new { members = 3 }
    local client = desk.client(made, other_than(desk.leader(made, 3)))
    local answer = client:apply "command"
    assert.equal("not_leader", answer.code)
    assert.is_nil(answer.detail)
  end)

  it("that are too large are refused before anything is kept", function ()
    local made = desk.new { limits = { entry_bytes = 180 } }
    local client = desk.client(made, 1)
    local last = made:status(1).last
    local answer = client:apply(("x"):rep(99))
    assert.equal("too_large", answer.code)
    assert.equal("expected a value of at most 100 bytes, got one of 101",
      answer.message)
    assert.equal("too_large", client:query(("x"):rep(101)).code)
    assert.equal(last, made:status(1).last)
    assert.equal(1, client:apply(("x"):rep(98)).result)
  end)

  it("are told what the machine says of a failure, up to 1023 bytes",
    function ()
      local made = desk.new {}
      local client = desk.client(made, 1)
      for _, size in ipairs { 1022, 1023, 1024, 1025, 3000 } do
        local text = "fails" .. ("x"):rep(size - 5)
        for _, verb in ipairs { "apply", "query" } do
          local answer = client[verb](client, text)
          assert.equal("apply_failed", answer.code)
          assert.equal(text:sub(1, 1023), answer.message)
        end
      end
    end)

  it("that are too large do no harm to others of their turn", function ()
    local made = desk.new { limits = { entry_bytes = 180 } }
    local client = desk.client(made, 1)
    client:propose "small"
    client:propose(("x"):rep(200))
    client:propose "small too"
    made:settle()
    assert.same({ "small", "small too" }, desk.applied(made, 1))
    assert.equal("too_large", desk.answers(made)[1].code)
  end)

  it("of one connection are bounded in number", function ()
    local made = desk.new { limits = { connection_requests = 3 } }
    local client, other = desk.client(made, 1), desk.client(made, 1, 2)
    client:greet()
    made:hold_machine(1, true)
    for _ = 1, 3 do
      client:propose "waits"
    end
    local refused = client:apply "one too many"
    assert.equal("overloaded", refused.code)
    assert.is_true(refused.detail.retry_ms > 0)
    other:propose "of another"
    made:hold_machine(1, false)
    made:settle()
    assert.equal(4, #desk.answers(made))
    assert.equal(5, client:apply("fits again").result)
  end)

  it("of one connection are bounded in bytes", function ()
    local made = desk.new { limits = { connection_bytes = 1000 } }
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    client:propose(("x"):rep(600))
    assert.equal("overloaded", client:apply(("x"):rep(600)).code)
    made:hold_machine(1, false)
    made:settle()
    assert.equal(1, #desk.answers(made))
    assert.equal(2, client:apply(("x"):rep(600)).result)
  end)

  it("are refused while too much is not applied yet", function ()
    local made = desk.new { limits = { unapplied_bytes = 1000 } }
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    local codes = {}
    for i = 1, 20 do
      client:propose(("x"):rep(100))
      made:settle()
      for _, answer in ipairs(desk.answers(made)) do
        codes[i] = answer.code
      end
    end
    assert.is_nil(codes[3])
    assert.equal("overloaded", codes[20])
    made:hold_machine(1, false)
    made:settle()
    assert.is_number(client:apply("x").result)
  end)

  it("of more connections than allowed end at once", function ()
    local made = desk.new { limits = { connections = 2 } }
    for number = 1, 2 do
      assert.is_truthy(desk.client(made, 1, number):apply "x")
    end
    local third = desk.client(made, 1, 3)
    assert.equal("overloaded", select(3, third:send("status", {})))
    made:hang_up(1, 1)
    assert.is_number(third:apply("x").result)
  end)

  it("of one turn are one batch, one sync, one work", function ()
    local made = desk.new { traces = true }
    local client = desk.client(made, 1)
    local before = made:status(1)
    made:traces()
    for i = 1, 300 do
      client:propose("command " .. i)
    end
    made:settle()
    assert.equal(300, #desk.answers(made))
    local after = made:status(1)
    assert.equal(before.last + 300, after.last)
    assert.equal(before.syncs + 1, after.syncs)
    -- The machine's works end where sessions are trimmed: at 256, too.
    assert.equal(2, select(2, made:traces():gsub("replica.applied ", "")))
  end)

  it("past the bounds of one event become several", function ()
    local made = desk.new { traces = true, limits = { append_entries = 3,
      append_bytes = 400 } }
    local client = desk.client(made, 1)
    for i = 1, 20 do
      client:propose(("x"):rep(i * 20))
    end
    made:settle()
    for i, answer in ipairs(desk.answers(made)) do
      assert.same({ i, i }, { answer.id, answer.result })
    end
    -- The no-op, one of three, then 400 bytes at most, envelopes included.
    local counts = {}
    for count in made:traces():gmatch "raft.append first=%d+ count=(%d+)" do
      table.insert(counts, tonumber(count))
    end
    assert.same({ 1, 3, 2, 1, 1 }, { unpack(counts, 1, 5) })
  end)

  it("of a connection that is gone are applied and not answered", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    client:propose "left behind"
    made:hang_up(1, 1)
    made:settle()
    assert.same({}, desk.answers(made))
    assert.same({ "left behind" }, desk.applied(made, 1))
  end)

  it("whose entry was cut are unknown, and applied once when repeated",
    function ()
      local made = desk.new { members = 3 }
      local old = desk.leader(made, 3)
      local client = desk.client(made, old)
      local session = client:open_session()
      for id = 1, 3 do
        if id ~= old then
          made:cut(old, id, true)
        end
      end
      local waiting = client:propose("cut", session, 1, 1)
      made:settle()
      assert.same({}, desk.answers(made))
      made:run(3e6)
      local new
      for id = 1, 3 do
        if id ~= old and made:status(id).role == "leader" then
          new = id
        end
      end
      local other = desk.client(made, new, 2)
      assert.equal(1, other:apply("kept").result)
      for id = 1, 3 do
        made:cut(old, id, false)
      end
      made:run(3e6)
      local answers = desk.answers(made)
      assert.equal(1, #answers)
      assert.same({ waiting, "unknown" },
        { answers[1].id, answers[1].code })
      local leader = desk.client(made, desk.leader(made, 3), 3)
      assert.equal(2, leader:apply("cut", session, 1, 1).result)
      made:run(1e6)
      for id = 1, 3 do
        assert.same({ "kept", "cut" }, desk.applied(made, id))
      end
    end)

  it("survive the loss of leadership when their entry does", function ()
    local made = desk.new { members = 3 }
    local old = desk.leader(made, 3)
    local client = desk.client(made, old)
    made:hold_machine(old, true)
    local waiting = client:propose "kept"
    made:run(1e5)
    for id = 1, 3 do
      made:cut(old, id, true)
    end
    made:run(3e6)
    for id = 1, 3 do
      made:cut(old, id, false)
    end
    made:run(3e6)
    assert.same({}, desk.answers(made))
    made:hold_machine(old, false)
    made:settle()
    local answers = desk.answers(made)
    assert.equal(waiting, answers[1].id)
    assert.equal(1, answers[1].result)
  end)

  it("that are not RPC end the connection", function ()
    local made = desk.new {}
    for _, bytes in ipairs { "\192", "\1", "\147\0\1\161x",
      "\148\1\1\192\192", "" } do
      local sent, _, code = made:send(1, 9, bytes)
      assert.same({ nil, "malformed" }, { sent, code })
    end
  end)

  it("with wrong params are told what was expected", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    for _, row in ipairs {
      { "propose", {}, "propose: expected" },
      { "query", { "q", "fast" }, "got \"fast\"" },
      { "query", { "q", "linear", 1, 1 }, "expected [question, \"stale\"" },
      { "close_session", { "x" }, "close_session: expected" },
      { "close_session", { 0 }, "close_session: expected" },
      { "status", { 1, 2 }, "status: expected" },
    } do
      local answer = client:ask(row[1], row[2])
      assert.equal("malformed", answer.code)
      assert.is_truthy(answer.message:find(row[3], 1, true), answer.message)
    end
    assert.equal("no_method", client:ask("destroy", {}).code)
  end)

  it("get errors as text when they ask for it", function ()
    local made = desk.new {}
    local function error_after(greeting, method, ...)
      local _, hello = core.encode { 2, "hello", { greeting } }
      local _, request = core.encode { 0, 7, method, { ... } }
      assert(made:send(1, 9, hello))
      assert(made:send(1, 9, request))
      made:run(1e6)
      return select(2, assert(core.decode(made:answers()[1].bytes)))
    end
    local text = { role = "client", protocol = 1, errors = "text" }
    assert.same({ 1, 7, "no_method: no such method", core.null },
      error_after(text, "destroy"))
    assert.same({ 1, 7, { 26, "no such method" }, core.null },
      error_after({ role = "client", protocol = 1 }, "destroy"))
  end)

  it("of a client of another cluster end", function ()
    local made = desk.new {}
    local _, hello = core.encode { 2, "hello", { { role = "client",
      protocol = 1, cluster = 5 } } }
    assert.equal("wrong_cluster", select(3, made:send(1, 9, hello)))
    _, hello = core.encode { 2, "hello", { { role = "member",
      protocol = 1 } } }
    assert.equal("malformed", select(3, made:send(1, 9, hello)))
  end)

  it("get disk_full and can still read when the disk is full", function ()
    local made = desk.new { traces = true, limits = { segment_bytes = 8192,
      batch_bytes = 2048, entry_bytes = 1500 } }
    made:set_capacity(1, 20000)
    local client = desk.client(made, 1)
    local full
    for _ = 1, 60 do
      local answer = client:apply(("x"):rep(1000))
      made:run(1e5)
      full = full or (answer and answer.code)
    end
    assert.equal("disk_full", full)
    assert.equal(1, select(2, made:traces():gsub("wal%.disk", "")))
    assert.equal("up", (made:state(1)))
    local count = client:query("question").result
    assert.is_true(count > 0)
    made:set_capacity(1, 0)
    made:run(5e6)
    assert.equal(count + 1, client:apply("x").result)
  end)

  it("get disk_full when a majority is short of disk", function ()
    local made = desk.new { members = 3, limits = { segment_bytes = 8192,
      batch_bytes = 2048, entry_bytes = 1500 } }
    local leader = desk.leader(made, 3)
    local client = desk.client(made, leader)
    for id = 1, 3 do
      made:set_capacity(id, id ~= leader and 20000 or 0)
    end
    local full
    for _ = 1, 60 do
      local answer = client:apply(("x"):rep(1000))
      made:run(1e5)
      full = full or (answer and answer.code)
    end
    assert.equal("disk_full", full)
    assert.equal("leader", made:status(leader).role)
    local last = made:status(leader).last
    for _ = 1, 20 do
      assert.equal("disk_full", client:apply("x").code)
    end
    assert.equal(last, made:status(leader).last)
    made:set_capacity(leader % 3 + 1, 0)
    made:run(5e6)
    assert.is_number(client:apply("x").result)
  end)
end)
