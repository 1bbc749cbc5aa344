-- SPDX-License-Identifier: MIT
--
-- What no machine may catch: out of memory, of stack, of instructions. It is
-- not the same on every member, so the member halts, whoever tries to go on.

local probe = require("raft.probe")
local workshop = require("spec.workshop")

local try = workshop.try

-- How a machine may try to survive what 'f' does.
local CATCHERS = {
  "f()",
  "pcall(f)",
  "xpcall(f, function() return 'caught' end)",
  "xpcall(f, function() error('again') end)",
  "pcall(pcall, f)",
  "coroutine.resume(coroutine.create(f))",
  "pcall(coroutine.wrap(f))",
  "coroutine.resume(coroutine.create(function() pcall(f) end))",
  "pcall(load('local f = ...; f()'), f)",
  "pcall(string.gsub, 'a', 'a', f)",
  "pcall(table.sort, { 1, 2, 3 }, f)",
  "pcall(tostring, setmetatable({}, { __tostring = f }))",
  "pcall(string.format, '%s', setmetatable({}, { __tostring = f }))",
  "pcall(function() for _ = 1, 3 do pcall(f) end end)",
  "pcall(setmetatable({}, { __call = f }))",
}

local MEMORY = 24 * 2 ^ 20

describe("sandbox: a machine that is out of", function()
  local function halts(what, options, code, words)
    for _, catcher in ipairs(CATCHERS) do
      it(what[1] .. " halts in " .. catcher, function()
        local status, message, name = try("local function f() " .. what[2]
          .. " end local result = " .. catcher .. " return 'went on'",
          options)
        assert.equal("halted", status, tostring(message))
        assert.equal(code, name)
        assert.truthy(message:find(words, 1, true), message)
      end)
    end
  end

  halts({ "memory (a table)", "local t = {} for i = 1, 1e8 do t[i] = { i } end"
      .. " return t" }, { memory = MEMORY }, "no_memory",
    "the machine needs more than its limit of 25165824 bytes")
  halts({ "memory (a string)", "local s = ('x'):rep(1000) while true do s = s"
      .. " .. s end" }, { memory = MEMORY }, "no_memory", "limit of 25165824")
  halts({ "stack", "local function g() return 1 + g() end return g()" }, nil,
    "machine", "the machine's stack is full: a recursion without end?")
  halts({ "stack of C (gsub)",
      "local function g() return (('a'):gsub('a', g)) end return g()" }, nil,
    "machine", "the machine's stack is full: a recursion without end?")
  halts({ "instructions", "while true do end" }, { instructions = 200000 },
    "machine", "more than 200000 instructions: a loop without end?")

  it("memory in the string library halts", function()
    for _, body in ipairs {
      "pcall(string.rep, ('x'):rep(1000), 3e4)",
      "pcall(string.format, ('%s'):rep(60), (table.unpack or unpack)((function"
        .. "() local t, s = {}, ('x'):rep(1e6) for i = 1, 60 do t[i] = s end"
        .. " return t end)()))",
      "local s = ('x'):rep(4e6) pcall(table.concat, { s, s, s, s, s, s, s })",
      "pcall(string.gsub, ('x'):rep(1e6), 'x', ('y'):rep(100))",
    } do
      local status, message, code = try(body, { memory = MEMORY })
      assert.same({ "halted", "no_memory" }, { status, code },
        body .. ": " .. tostring(message))
    end
  end)

  it("memory in load halts", function()
    local status, _, code = try("local s = 'return { ' .. ('{},'):rep(2e6) .."
      .. " '}' return pcall(load, s)", { memory = 12 * 2 ^ 20 })
    assert.same({ "halted", "no_memory" }, { status, code })
  end)

  it("stack by any road of the VM halts", function()
    for _, body in ipairs {
      "local t = setmetatable({}, {}) getmetatable(t).__index = "
        .. "function(_, k) return t[k] .. '' end return pcall(function() "
        .. "return t.x end)",
      "local function f() local ok = pcall(f) return ok end return f()",
      "local m = {} m.__concat = function(a, b) return a .. b end "
        .. "local c = setmetatable({}, m) pcall(function() return c .. c end)",
      "local function f() return coroutine.wrap(f)() end return pcall(f)",
      "local m = {} m.__tostring = function(s) return tostring(s) .. '' end "
        .. "return pcall(tostring, setmetatable({}, m))",
    } do
      local status, message, code = try(body)
      assert.same({ "halted", "machine" }, { status, code },
        body .. ": " .. tostring(message))
    end
  end)

  it("memory once answers every later request with that", function()
    local machine = assert(workshop.open(workshop.around [[
      if command == "bomb" then
        local t = {}
        for i = 1, 1e8 do t[i] = { i } end
      end
      return "fine"]], { memory = MEMORY }))
    local function code_of(...)
      return (select(3, ...))
    end
    assert.equal("fine",
      assert(machine:apply { { index = 1, command = 1 } })[1].value)
    assert.equal("no_memory",
      code_of(machine:apply { { index = 2, command = "bomb" } }))
    assert.equal("no_memory",
      code_of(machine:apply { { index = 3, command = 1 } }))
    assert.equal("no_memory", code_of(machine:query "?"))
    assert.equal("no_memory", code_of(machine:digest()))
    machine:close()
  end)
end)

describe("sandbox: what only looks like it", function()
  -- A machine's own error is a result, whatever it says.
  local OWN = {
    "error('stack overflow')",
    "error('stack overflow', 0)",
    "error('not enough memory', 0)",
    "error('C stack overflow', 0)",
    "assert(false, 'stack overflow')",
    "assert(nil, 'not enough memory')",
    "coroutine.wrap(function() error('not enough memory', 0) end)()",
    "coroutine.wrap(function() error('stack overflow') end)()",
    "assert(load('x = = \"stack overflow\"'))",
    "error(setmetatable({}, { __tostring = function() return "
      .. "'stack overflow' end }))",
    "return ('x'):rep(2e6):byte(1, -1)",
    "return (table.unpack or unpack)({}, 1, 1e8)",
    "return ('x'):rep(1e9)",
  }

  for _, body in ipairs(OWN) do
    -- Lua 5.4 itself takes this text for the real thing.
    local taken = _VERSION == "Lua 5.4"
      and body:find("error('not enough memory', 0)", 1, true)
    it("is a result: " .. body, function()
      assert.equal(taken and "halted" or "apply_failed", (try(body)))
      assert.equal(taken and "halted" or "ok",
        (try("pcall(function() " .. body .. " end)")))
    end)
  end

  it("is a result: a pattern of many items, on every VM", function()
    local status, message = try("return ('a'):rep(1000):find(('a?'):rep(1e5))")
    assert.equal("apply_failed", status)
    assert.truthy(message:find("pattern too complex", 1, true))
    assert.equal("ok", (try("return ('a'):find(('?'):rep(1e5), 1, true)")))
  end)

  it("leaves room for honest recursion and nesting", function()
    assert.same({ "ok", 5000 }, { try [[
      local function depth(n)
        if n == 0 then return 0 end
        return 1 + depth(n - 1)
      end
      return depth(5000)]] })
    assert.same({ "ok", 100 }, { try [[
      local function nested(n)
        if n == 0 then return 0 end
        local inner
        string.gsub("a", "a", function() inner = nested(n - 1) end)
        return 1 + inner
      end
      return nested(100)]] })
    assert.equal("ok", (try [[
      for i = 1, 1000 do
        pcall(string.gsub, "a", "a", function() error("x") end)
      end]]))
  end)

  it("counts instructions per command, not for ever", function()
    local machine = assert(workshop.open(workshop.around [[
      local n = 0
      for i = 1, 20000 do n = n + i end
      return n]], { instructions = 200000 }))
    for index = 1, 50 do
      assert.equal(200010000, assert(machine:apply {
        { index = index, command = 1 } })[1].value)
    end
    machine:close()
  end)
end)

describe("machine: memory", function()
  it("is bounded at every limit: opens, or says no_memory", function()
    local opened, refused = 0, 0
    for limit = 2000, 320000, 3000 do
      local machine, message, code = probe.machine_open {
        machine = "raft.kv", memory = limit,
      }
      if machine then
        local status = machine:status()
        assert.is_true(status.bytes <= limit)
        machine:close()
        opened = opened + 1
      else
        assert.equal("no_memory", code, message)
        refused = refused + 1
      end
    end
    assert.is_true(opened > 5 and refused > 20)
  end)

  -- In a process of its own: Lua 5.1 would close its stdout.
  it("leaves the files of the process alone at every limit", function()
    local script = workshop.write([[
      local probe = require("raft.probe")
      for limit = 4000, 44000, 100 do
        probe.machine_open { machine = "raft.kv", memory = limit }
      end
      collectgarbage()
      print("still here")]])
    local pipe = assert(io.popen(workshop.interpreter() .. " " .. script))
    local text = pipe:read("*a")
    pipe:close()
    os.remove(script)
    assert.equal("still here\n", text)
  end)

  it("refuses a command at every limit, and never crashes", function()
    local halted, fine = 0, 0
    for limit = 200000, 400000, 5000 do
      local machine = probe.machine_open {
        machine = "raft.kv", memory = limit,
      }
      local index, code = 0, nil
      while machine and not code and index < 300 do
        index = index + 1
        local _
        _, _, code = machine:apply { {
          index = index, command = { "set", "key" .. index, ("x"):rep(300) },
        } }
      end
      if machine then
        machine:close()
      end
      halted = halted + (code == "no_memory" and 1 or 0)
      fine = fine + (code == nil and 1 or 0)
    end
    assert.equal(41, halted + fine)
    assert.is_true(halted > 3 and fine > 3)
  end)

  it("is told: bytes now and at the peak", function()
    local machine = assert(probe.machine_open { machine = "raft.kv" })
    local before = machine:status()
    assert(machine:apply { {
      command = { "set", "a", ("x"):rep(1e6) } } })
    local after = machine:status()
    assert.is_true(after.bytes > before.bytes + 6e5) -- garbage went, too
    assert.is_true(after.peak >= after.bytes)
    machine:close()
  end)
end)
