-- SPDX-License-Identifier: MIT
--
-- raft.client without a cluster: what is refused before anything is sent, and
-- who is blamed.

local raft = require("raft")

local NOBODY = "127.0.0.1:1"

describe("raft.client: misuse", function()
  -- Raises, names this file, and says each of the words.
  local function refuses(fn, ...)
    local ok, message = pcall(fn)
    assert.is_false(ok)
    assert.truthy(message:find("client_spec.lua:%d+: "), message)
    for _, word in ipairs { ... } do
      assert.truthy(message:find(word, 1, true), message)
    end
  end

  local client

  before_each(function()
    client = assert(raft.client { NOBODY, deadline = "200ms" })
  end)

  after_each(function()
    client:close()
  end)

  it("is an error at the caller's level, with expected and got", function()
    refuses(function() local _ = raft.client(1) end,
      "raft.client: expected a table", "got the number 1")
    refuses(function() local _ = raft.client {} end, "got none")
    refuses(function() local _ = raft.client { "here" } end,
      'expected an address "host:port"', "here")
    refuses(function() local _ = raft.client { NOBODY, deadline = 5 } end,
      "raft.client: option deadline: expected a duration", "5")
    for _, option in ipairs { "deadline", "retry" } do
      refuses(function()
        local _ = raft.client { NOBODY, [option] = "0s" }
      end, "raft.client: option " .. option
        .. ": expected a duration above 0", '"0s"')
    end
    local none = { deadline = "0ms" }
    for _, name in ipairs { "propose", "query", "send_propose" } do
      refuses(function() local _ = client[name](client, 1, none) end,
        "client:" .. name .. ": option deadline: expected a duration above 0")
    end
    refuses(function() client:status(1, none) end, "above 0")
    refuses(function() client:step(-1) end, "client:step: option wait: "
      .. "expected a duration", "the number -1")
    refuses(function() client:step "5 parsecs" end, "5 parsecs")
    local many = {}
    for i = 1, 5000 do
      many[i] = NOBODY
    end
    refuses(function() local _ = raft.client(many) end,
      "raft.client: expected at most 64 addresses, got 5000")
    refuses(function() client:go(7) end, "client:go: expected a function")
    refuses(function() local _ = client:status("x:1") end,
      "client:status: expected an address of this client")
    refuses(function() local _ = client:query(1, { read = "leased" }) end,
      "client:query: option read: expected one of linear, lease, follower, "
        .. "stale")
    refuses(function() local _ = client:query(1, { max_age = "1s" }) end,
      'client:query: option max_age: expected read = "stale" beside it')
    refuses(function() local _ = client:query(1, { index = 7 }) end,
      'client:query: option index: expected read = "stale" beside it')
    refuses(function() client:propose(1, nil, 2) end,
      "client:propose: callback: expected a function", "the number 2")
    client:close()
    refuses(function() local _ = client:propose(1) end,
      "client:propose: expected an open client, got a closed one")
  end)

  it("of an option's name asks: did you mean?", function()
    refuses(function() local _ = raft.client { NOBODY, sesion = true } end,
      'unknown option "sesion", did you mean "session"?')
    refuses(function() local _ = client:propose(1, { dedline = "1s" }) end,
      'client:propose: unknown option "dedline", did you mean "deadline"?')
    refuses(function() local _ = client:status(1, { state_hsh = true }) end,
      'did you mean "state_hash"?')
  end)
end)

describe("raft.client: a dot in place of a colon", function()
  local client

  before_each(function()
    client = assert(raft.client { NOBODY, deadline = "200ms" })
  end)

  after_each(function()
    client:close()
  end)

  local function refuses(text, fn, ...)
    local ok, message = pcall(fn, ...)
    assert.is_false(ok)
    assert.truthy(message:find(text, 1, true), message)
  end

  it("is told as such by every method of a client", function()
    for _, name in ipairs { "propose", "query", "status", "send_propose",
      "send_query", "send_status", "step", "run", "go", "fd", "timeout",
      "outstanding", "close" } do
      refuses("client:" .. name .. ": expected a client as self, got a table;"
        .. " call it with a colon", client[name], { "set", "x", 1 })
      refuses("expected a client as self, got nothing", client[name])
    end
    local ok, message = pcall(function()
      local _ = client.propose { "set", "x", 1 }
    end)
    assert.is_false(ok)
    assert.truthy(message:find("^[^\n]*client_spec.lua:%d+: "), message)
  end)

  it("is told as such by every method of a call", function()
    local call = client:send_query { "get", "x" }
    for _, name in ipairs { "wait", "cancel", "is_done" } do
      refuses("call:" .. name .. ": expected a call as self, got the number 7",
        call[name], 7)
    end
  end)
end)

describe("raft.client: without anybody there", function()
  local client

  before_each(function()
    client = assert(raft.client { NOBODY, deadline = "150ms" })
  end)

  after_each(function()
    client:close()
  end)

  it("says that nothing was sent, in four values", function()
    local ok, message, code, detail = client:propose { "set", "x", 1 }
    assert.same({ "unreachable" }, { code, ok, detail })
    assert.equal("no member could be reached in time, nothing was sent: cannot"
      .. " connect to 127.0.0.1:1: connection refused", message)
  end)

  it("a value that cannot be encoded is a failure, not an error", function()
    local ok, message, code = client:propose { f = print }
    assert.is_nil(ok)
    assert.truthy(message:find("a function cannot be encoded", 1, true))
    assert.equal("invalid", code)
    assert.equal(0, client:outstanding())
  end)

  it("a value that no member would take is refused with both sizes",
    function()
      local ok, message, code = client:propose(("x"):rep(9 * 1024 * 1024))
      assert.same({ "too_large", "expected a value of at most 8388608 bytes, "
        .. "got one of 9437189" }, { code, message, ok })
    end)

  it("the largest value that a member may take is sent, one byte more is not",
    function()
      local head = 5 -- of a long string
      for more = 0, 1 do
        local ok, message, code = client:propose(("x"):rep(8388608 - head
          + more), { deadline = "10ms" })
        assert.is_nil(ok)
        assert.equal(more == 0 and "unreachable" or "too_large", code)
        assert.equal(more == 1, message == "expected a value of at most "
          .. "8388608 bytes, got one of 8388609")
      end
    end)

  it("a callback is never called inside its own call", function()
    local told = {}
    local call = client:propose(print, function(...)
      told[#told + 1] = { ... }
    end)
    assert.same({}, told)
    assert.is_false(call:is_done())
    client:step()
    assert.equal(1, #told)
    assert.equal("invalid", told[1][3])
    client:step()
    assert.equal(1, #told)
  end)

  it("a cancelled call ends once, with the code cancelled", function()
    local codes = {}
    local call = client:query({ "get", "x" }, function(_, _, code)
      codes[#codes + 1] = code
    end)
    assert.is_true(call:cancel())
    assert.is_false(call:is_done())
    client:run()
    assert.is_false(call:cancel())
    assert.same({ "cancelled" }, codes)
  end)

  it("closing ends what was under way, each once", function()
    local codes = {}
    for i = 1, 3 do
      client:propose(i, function(_, _, code)
        codes[#codes + 1] = code
      end)
    end
    local call = client:send_query { "get", "x" }
    client:close()
    client:close()
    assert.same({ "closed", "closed", "closed" }, codes)
    assert.equal("closed", (select(3, call:wait())))
    assert.equal(0, client:outstanding())
  end)

  it("collected while calls are under way, calls nothing", function()
    local told = 0
    local other = raft.client { NOBODY }
    other:propose(1, function()
      told = told + 1
    end)
    other = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(0, told)
  end)

  it("refuses the 1025th call at once", function()
    local refused = {}
    for i = 1, 1025 do
      client:propose(i, function(ok, message, code)
        assert.is_nil(ok)
        refused[message] = code
      end)
    end
    client:step()
    assert.same({ ["expected at most 1024 calls of a client under way,"
      .. " got one more"] = "overloaded" }, refused)
  end)

  it("a coroutine lets others go on, and an error in one is raised by run",
    function()
      local order = {}
      for i = 1, 2 do
        client:go(function()
          order[#order + 1] = "begin " .. i
          local code = select(3, client:query({ i }))
          order[#order + 1] = code .. " " .. i
        end)
      end
      assert.same({ "begin 1", "begin 2" }, order)
      client:run()
      assert.equal(4, #order)
      client:go(function()
        client:query { 1 }
        error("a mistake", 0)
      end)
      local ok, message = pcall(client.run, client)
      assert.is_false(ok)
      assert.truthy(message:find("a mistake", 1, true))
      client:run()
    end)

  it("each who waits for a call goes on: two coroutines, and a callback",
    function()
      local told = 0
      local call = client:propose(1, function()
        told = told + 1
      end)
      for _ = 1, 2 do
        client:go(function()
          local code = select(3, call:wait())
          told = told + (code == "unreachable" and 1 or 10)
        end)
      end
      client:run()
      assert.equal(3, told)
    end)

  it("a callback that raises takes no other's end away", function()
    local told = 0
    for _ = 1, 1024 do
      client:propose(1, function() end)
    end
    for _ = 1, 3 do
      client:propose(2, function()
        told = told + 1
        error("a mistake", 0)
      end)
    end
    for i = 1, 3 do
      local ok, message = pcall(client.step, client)
      assert.same({ false, "a mistake", i }, { ok, message, told })
    end
    assert.equal(1024, client:outstanding())
  end)

  it("run says so when a coroutine waits for nothing", function()
    client:go(function()
      coroutine.yield() -- lets others go on, once
    end)
    client:run()
    assert.equal(0, client:outstanding())
  end)

  it("has a descriptor, and a time when step has work", function()
    assert.is_nil(client:timeout())
    local call = client:send_propose(1)
    assert.is_true(client:fd() >= 0)
    assert.is_true(client:timeout() <= 0.15)
    client:step()
    call:wait()
    assert.is_nil(client:timeout())
  end)
end)
