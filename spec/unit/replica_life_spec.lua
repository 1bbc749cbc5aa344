-- SPDX-License-Identifier: MIT

local desk = require "spec.desk"

describe("replica: life", function ()
  it("finds after a restart everything that it acknowledged", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    for i = 1, 40 do
      assert.equal(i, client:apply("command " .. i).result)
    end
    local before = made:status(1)
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal("up", (made:state(1)))
    local commands = desk.applied(made, 1)
    assert.equal(40, #commands)
    for i = 1, 40 do
      assert.equal("command " .. i, commands[i])
    end
    local after = made:status(1)
    assert.equal(before.result_hash, after.result_hash)
    assert.is_true(after.term > before.term)
    assert.equal(41, client:apply("more").result)
  end)

  it("answers nothing before the entry is durable", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    made:hold_disk(1, true)
    assert.is_nil(client:apply "command")
    made:crash(1)
    made:hold_disk(1, false)
    made:start(1)
    made:run(2e6)
    assert.same({}, desk.applied(made, 1))
  end)

  it("refuses to start in a directory without a log", function ()
    local made = desk.new {}
    made:wipe(1)
    made:start(1)
    local state, code = made:state(1)
    assert.same({ "refused", "not_initialised" }, { state, code })
  end)

  it("refuses to be made where a log is", function ()
    local made = desk.new {}
    made:kill(1)
    local done, _, code = made:init(1)
    assert.same({ nil, "not_empty" }, { done, code })
  end)

  it("stops loudly when the disk fails, and lies to nobody", function ()
    for _, kind in ipairs { "write", "sync" } do
      local made = desk.new {}
      local client = desk.client(made, 1)
      assert.equal(1, client:apply("kept").result)
      made:fail_disk(1, kind, 0)
      local answer = client:apply "at the failure"
      assert.equal("unknown", answer.code)
      local state, code = made:state(1)
      assert.same({ "stopped", "io" }, { state, code })
      made:crash(1)
      made:start(1)
      made:run(2e6)
      assert.equal("kept", desk.applied(made, 1)[1])
    end
  end)

  it("stops when the machine's memory is out", function ()
    local made = desk.new {}
    made:fail_machine(1)
    local answer = desk.client(made, 1):apply "command"
    assert.equal("unknown", answer.code)
    local state, code = made:state(1)
    assert.same({ "stopped", "no_memory" }, { state, code })
  end)

  it("stops at an entry whose payload rotted in memory or on disk",
    function ()
      local made = desk.new { limits = { segment_bytes = 65536 } }
      assert.equal(1, desk.client(made, 1):apply(("x"):rep(600)).result)
      made:close(1)
      made:kill(1)
      assert(made:flip(1, "log-0000000001", 600))
      made:start(1)
      made:run(2e6)
      local state, code, text = made:state(1)
      assert.is_true(state == "refused" or state == "stopped")
      assert.equal("corrupt", code)
      assert.matches("%d", text)
    end)

  it("stops before it applies an entry that rotted in memory", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    client:propose "in flight"
    made:settle()
    client:propose "rots"
    made:settle()
    made:rot(1, made:status(1).last)
    made:hold_machine(1, false)
    made:settle()
    local state, code = made:state(1)
    assert.same({ "stopped", "corrupt" }, { state, code })
    assert.same({ "in flight" }, desk.applied(made, 1))
  end)

  it("has the entries that are cached, none before and none after", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    for _ = 1, 40 do -- its ring is full, and grows
      client:apply "command"
      assert.has_error(function ()
        made:rot(1, made:status(1).last + 1)
      end)
    end
    local first = made:status(1).first_cached
    assert.has_error(function () made:rot(1, first - 1) end)
    for index = first, made:status(1).last do
      made:rot(1, index)
    end
  end)

  it("answers who waits when it closes, each once", function ()
    local made = desk.new {}
    local client = desk.client(made, 1)
    made:hold_machine(1, true)
    local waiting = client:propose "applied later"
    made:settle()
    local stale = client:send("query", { "question", "stale" })
    local linear = client:send("query", { "question", "linear" })
    made:settle()
    local late = client:propose "never proposed"
    made:hold_machine(1, false)
    made:close(1)
    local codes = {}
    for _, answer in ipairs(desk.answers(made)) do
      assert.is_nil(codes[answer.id])
      codes[answer.id] = answer.code
    end
    assert.equal("unknown", codes[waiting])
    assert.equal("closed", codes[stale])
    assert.equal("closed", codes[linear])
    assert.equal("closed", codes[late])
    assert.equal("closed", (made:state(1)))
  end)

  it("waits for its disk when it closes", function ()
    local made = desk.new {}
    desk.client(made, 1):apply "written"
    made:hold_disk(1, true)
    desk.client(made, 1):propose "under way"
    made:settle()
    made:close(1)
    assert.equal("up", (made:state(1)))
    made:hold_disk(1, false)
    made:settle()
    assert.equal("closed", (made:state(1)))
  end)

  it("can be closed after it stopped, whatever is under way", function ()
    for _, kind in ipairs { "write", "sync" } do
      local made = desk.new {}
      local client = desk.client(made, 1)
      made:hold_machine(1, true)
      client:propose "with the machine"
      made:settle()
      client:send("query", { "question", "stale" })
      made:fail_disk(1, kind, 0)
      client:propose "fails"
      made:settle()
      assert.equal("stopped", (made:state(1)))
      made:close(1)
      assert.equal("stopped", (made:state(1)))
      made:hold_machine(1, false)
      made:settle()
      assert.equal("closed", (made:state(1)))
      assert.equal(3, #desk.answers(made))
      made:free(1)
      assert.equal(0, select(2, made:memory(1)))
    end
  end)

  it("gives all its memory back", function ()
    local made = desk.new { members = 3, limits = { cached_bytes = 1000 } }
    local leader = desk.leader(made, 3)
    local client = desk.client(made, leader)
    local session = client:open_session()
    for i = 1, 20 do
      client:apply("big" .. i, session, i, 1)
      client:query "question"
    end
    for id = 1, 3 do
      made:close(id)
      assert.equal("closed", (made:state(id)))
      made:free(id)
      assert.equal(0, select(2, made:memory(id)))
    end
  end)

  it("refuses a machine that holds more than the log", function ()
    local made = desk.new {}
    assert.equal(1, desk.client(made, 1):apply("command").result)
    made:keep_machine(1, true)
    made:wipe(1)
    assert(made:init(1))
    made:start(1)
    local state, code, text = made:state(1)
    assert.same({ "refused", "machine" }, { state, code })
    assert.matches("holds index 3, the log ends at 1", text)
  end)

  it("gives a machine that kept its state only what it lacks", function ()
    local made = desk.new {}
    made:keep_machine(1, true)
    local client = desk.client(made, 1)
    for i = 1, 5 do
      assert.equal(i, client:apply("command " .. i).result)
    end
    made:crash(1)
    made:start(1)
    made:run(2e6)
    assert.equal(5, #desk.applied(made, 1))
    assert.equal(6, client:apply("command 6").result)
    assert.equal("command 6", desk.applied(made, 1)[6])
  end)

  it("recovers the same when entries are read back in small pieces",
    function ()
      local made = desk.new { limits = { cached_bytes = 500,
        apply_entries = 3, apply_bytes = 700 } }
      local client = desk.client(made, 1)
      for i = 1, 60 do
        assert.equal(i, client:apply("command " .. i).result)
      end
      local before = made:status(1)
      made:crash(1)
      made:start(1)
      made:run(2e6)
      assert.equal(60, #desk.applied(made, 1))
      assert.equal(before.result_hash, made:status(1).result_hash)
    end)
end)
