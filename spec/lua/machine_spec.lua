-- SPDX-License-Identifier: MIT
--
-- A machine in its own lua_State: what it is asked, what it answers, and what
-- is said of a file that is none.

local core = require("raft.core")
local probe = require("raft.probe")
local workshop = require("spec.workshop")

describe("machine: requests", function()
  it("an answer past 1 MiB, or an error text, is an error of its command",
    function()
      local status = workshop.try("return ('x'):rep(1048571)")
      assert.equal("ok", status)
      local message
      status, message = workshop.try("return ('x'):rep(1048572)")
      assert.equal("apply_failed", status)
      assert.truthy(message:find("the answer has 1048577 bytes, the limit is "
        .. "1048576", 1, true))
      status, message = workshop.try("error(('x'):rep(3000000))")
      assert.equal("apply_failed", status)
      assert.equal("an error with a text that is too long", message)
    end)

  it("answers commands in order, each with what apply returned", function()
    local machine = assert(workshop.open(workshop.around [[
      self.held[#self.held + 1] = command
      return { #self.held, command }]]))
    local results = assert(machine:apply {
      { index = 1, command = "a" }, { index = 2, command = { core.null } },
      { index = 3, command = { x = { 1, 2 } } },
    })
    assert.same({ 1, "a" }, results[1].value)
    assert.same({ 2, { core.null } }, results[2].value)
    assert.same({ 3, { x = { 1, 2 } } }, results[3].value)
    assert.same({ "ok", "ok", "ok" }, { results[1].status,
      results[2].status, results[3].status })
    machine:close()
  end)

  it("gives an error to the proposer, with file and line, and goes on",
    function()
      local machine, path = assert(workshop.open(workshop.around [[
        if command == "bad" then error("no such thing") end
        return command]]))
      local results = assert(machine:apply {
        { index = 1, command = "bad" }, { index = 2, command = "good" },
      })
      assert.same({ status = "apply_failed",
        value = path:match "[^/]*$" .. ":5: no such thing" }, results[1])
      assert.same({ status = "ok", value = "good" }, results[2])
      machine:close()
    end)

  it("fails a command whose answer has no encoding, naming the path",
    function()
      local status, message = workshop.try "return { a = { 1, print } }"
      assert.equal("apply_failed", status)
      assert.truthy(message:find("value.a[2]: a function cannot be encoded",
        1, true))
      status, message = workshop.try "local t = {} t.t = t return t"
      assert.equal("apply_failed", status)
      assert.truthy(message:find("a table that contains itself", 1, true))
    end)

  it("fails a command whose bytes are no value", function()
    local machine = assert(workshop.open(workshop.around "return 1"))
    local results = assert(machine:apply {
      { index = 1, bytes = "\193" }, { index = 2, command = 1 },
    })
    assert.equal("apply_failed", results[1].status)
    assert.truthy(results[1].value:find("cannot be decoded", 1, true))
    assert.equal("ok", results[2].status)
    machine:close()
  end)

  it("leaves nothing of a failed answer behind", function()
    local machine = assert(workshop.open(workshop.around [[
      if command == 1 then return { "half", "an", print } end
      return "whole"]]))
    local results = assert(machine:apply {
      { index = 1, command = 1 }, { index = 2, command = 2 },
    })
    assert.equal("whole", results[2].value)
    assert.equal("apply_failed", results[1].status)
    machine:close()
  end)

  it("asks questions, and says when there is no query", function()
    local machine = assert(probe.machine_open { machine = "raft.kv" })
    assert(machine:apply { { command = { "set", "x", 1 } } })
    assert.same({ "ok", 1 }, { machine:query { "get", "x" } })
    local status, message = machine:query { "put" }
    assert.same({ "apply_failed", "unknown question 'put'" },
      { status, message })
    machine:close()
    machine = assert(workshop.open(workshop.around "return 1"))
    status, message = machine:query "?"
    assert.equal("apply_failed", status)
    assert.truthy(message:find("it has no method 'query'", 1, true))
    machine:close()
  end)

  it("hashes digest, else snapshot, in canonical form", function()
    local function digest_of(methods)
      local machine = assert(workshop.open("return { new = function() return {"
        .. " apply = function() end, " .. methods .. " } end }"))
      local hash, message, code = machine:digest()
      machine:close()
      return hash, message, code
    end
    local one = digest_of "snapshot = function() return { b = 1, a = 2 } end"
    assert.equal(one,
      (digest_of "digest = function() return { a = 2, b = 1 } end"))
    assert.equal(one, (digest_of [[
      digest = function() return { a = 2, b = 1 } end,
      snapshot = function() return 3 end]]))
    assert.not_equal(one,
      (digest_of "digest = function() return { a = 2, b = 2 } end"))
    local _, encoded = core.encode { a = 2, b = 1 }
    assert.equal(probe.checksum(encoded, 0), one)
    local hash, message, code = digest_of "query = nil"
    assert.is_nil(hash)
    assert.equal("apply_failed", code)
    assert.truthy(message:find("no method 'digest' or 'snapshot'", 1, true))
  end)

  it("tells what an opened machine already holds", function()
    local machine = assert(workshop.open [[
      return { new = function()
        return { apply = function() end, opened = function() return 41 end }
      end }]])
    assert.equal(41, machine:status().held_index)
    machine:close()
    for _, value in ipairs { "-1", "'x'", "nil", "2 ^ 60" } do
      local _, message, code = workshop.open("return { new = function() return"
        .. " { apply = function() end, opened = function() return " .. value
        .. " end } end }")
      assert.equal("machine", code)
      assert.truthy(message:find("expected an index from opened()", 1, true))
    end
  end)

  it("starts anew each time it is opened, with its options", function()
    local path = workshop.write [[
      local M = {}
      M.__index = M
      function M.new(options)
        return setmetatable({ n = options.start }, M)
      end
      function M:apply() self.n = self.n + 1 return self.n end
      return M]]
    local machine = assert(probe.machine_open {
      machine = path, options = { start = 10 },
    })
    assert.equal(11, assert(machine:apply { { command = 1 } })[1].value)
    assert.equal(12, assert(machine:apply { { command = 1 } })[1].value)
    assert(machine:reopen())
    assert.equal(11, assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
    os.remove(path)
  end)

  it("may end its member, without the sandbox only", function()
    local source = [[
      return { new = function(_, halt)
        return {
          snapshot = function() return halt == nil end,
          apply = function(_, command)
            if command ~= "bad" then return command end
            pcall(halt, "the disk is full")
            return "and goes on"
          end,
        }
      end }]]
    local inside = assert(workshop.open(source))
    local outside = assert(workshop.open(source, { sandbox = false }))
    local bad = { { command = "good" }, { command = "bad" } }
    assert.equal("and goes on", assert(inside:apply(bad))[2].value)
    assert.not_equal(inside:digest(), outside:digest())
    assert.same({ nil, "the disk is full", "machine" },
      { outside:apply(bad) })
    assert.same({ nil, "the disk is full", "machine" },
      { outside:query("anything") })
    inside:close()
    outside:close()
  end)

  it("opens again after it has halted", function()
    local path = workshop.write(workshop.around [[
      if command == "loop" then while true do end end
      return "fine"]])
    local machine = assert(probe.machine_open {
      machine = path, instructions = 100000,
    })
    assert.is_nil(machine:apply { { command = "loop" } })
    assert.is_nil(machine:apply { { command = 1 } })
    assert(machine:reopen())
    assert.equal("fine", assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
    os.remove(path)
  end)

  it("names its VM", function()
    local machine = assert(probe.machine_open { machine = "raft.kv" })
    assert.equal(rawget(_G, "jit") and "LuaJIT" or _VERSION,
      machine:status().vm)
    machine:close()
  end)

  it("shares nothing with the host or with another machine", function()
    local source = workshop.around [[
      self.held.n = (self.held.n or 0) + 1
      return self.held.n]]
    local one = assert(workshop.open(source))
    local two = assert(workshop.open(source))
    assert.equal(1, assert(one:apply { { command = 1 } })[1].value)
    assert.equal(2, assert(one:apply { { command = 1 } })[1].value)
    assert.equal(1, assert(two:apply { { command = 1 } })[1].value)
    one:close()
    two:close()
    assert.equal("X", ("x"):upper())
    assert.equal("table", type(getmetatable("")))
  end)
end)

describe("machine: a file", function()
  local function refusal(source)
    local machine, message, code = workshop.open(source)
    assert.is_nil(machine)
    assert.equal("machine", code)
    assert.falsy(message:find("\n", 1, true))
    return message
  end

  it("with a syntax error is refused with its line", function()
    assert.truthy(refusal("local x = 1\nx ="):find("^machine: FILE:2: "))
  end)

  it("that is bytecode is refused", function()
    assert.equal("machine: FILE: expected Lua source text, got bytecode",
      refusal(string.dump(function() end)))
  end)

  it("without new or apply is refused", function()
    assert.equal("machine: FILE: expected the file to return a table with the"
      .. " functions new and apply, got nil", refusal "")
    assert.equal("machine: FILE: expected a function 'new', got nil",
      refusal "return {}")
    assert.equal("machine: FILE: expected a function 'new', got 5",
      refusal "return { new = 5 }")
    assert.equal("machine: FILE: expected new() to return a table, got nil",
      refusal "return { new = function() end }")
    assert.equal("machine: FILE: expected a method 'apply', got nil",
      refusal "return { new = function() return {} end }")
    assert.equal("machine: FILE: expected a method 'query', got 1",
      refusal("return { new = function() return { apply = print, query = 1 }"
        .. " end }"))
  end)

  it("that raises is refused with file and line", function()
    assert.equal("machine: FILE:1: at the top", refusal "error 'at the top'")
    assert.equal("machine: FILE:2: in new",
      refusal "return { new = function()\nerror 'in new' end }")
    assert.equal("machine: raised a table", refusal "error {}")
  end)

  it("that does not end is refused", function()
    local _, message, code = workshop.open("while true do end",
      { instructions = 100000 })
    assert.same({ "FILE:1: more than 100000 instructions: a loop without end?",
      "machine" }, { message, code })
  end)

  it("that is not there is refused with where it was looked for", function()
    local machine, message, code = probe.machine_open { machine = "no_such" }
    assert.is_nil(machine)
    assert.equal("machine", code)
    assert.truthy(message:find("^machine: expected a module name or the path"
      .. " of a Lua file, got 'no_such'; looked for %S*no_such%S*, "
      .. "%S*no_such%S* and %d+ more$"), message)
    machine, message = probe.machine_open { machine = "./no_such.lua" }
    assert.is_nil(machine)
    assert.equal("machine: cannot read ./no_such.lua: No such file or "
      .. "directory", message)
    message = select(2, probe.machine_open { machine = "./spec" })
    assert.equal("machine: cannot read ./spec: Is a directory", message)
  end)

  it("is named by misuse at once", function()
    for _, case in ipairs {
      { {}, "machine options.machine: expected a module name" },
      { { machine = 5 }, "machine options.machine: expected a string, got 5" },
      { { machine = "kv", memry = 1 }, 'got "memry"' },
      { { machine = "kv", memory = -1 }, "machine options.memory: expected" },
      { { machine = "kv", sandbox = 1 }, "expected true or false, got 1" },
      { { machine = "kv", options = print }, "a function cannot be encoded" },
    } do
      local ok, message = pcall(probe.machine_open, case[1])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)
end)

describe("machine: without the sandbox", function()
  it("has the plain libraries, in a state of its own", function()
    local source = workshop.around [[
      x = (x or 0) + 1
      return { type(os.time()), type(io.open), x, type(package.path) }]]
    local machine = assert(workshop.open(source, { sandbox = false }))
    assert.same({ "number", "function", 1, "string" },
      assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
    assert.is_nil(rawget(_G, "x"))
  end)

  it("may require what the host could", function()
    local machine = assert(workshop.open(workshop.around([[
      return require("raft.core").version]], 'require "dkjson"\n'),
      { sandbox = false }))
    assert.equal(core.version,
      assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
  end)

  it("halts all the same when memory has run out", function()
    local status, _, code = workshop.try(
      "local t = {} for i = 1, 1e8 do t[i] = { i } end",
      { sandbox = false, memory = 24 * 2 ^ 20 })
    assert.same({ "halted", "no_memory" }, { status, code })
  end)
end)

describe("machine: the null machine", function()
  it("answers nil and hashes what was applied", function()
    local function digest(...)
      local machine = assert(probe.machine_null())
      assert.same({ { status = "ok" } },
        assert(machine:apply { { index = 1, command = 1 } }))
      assert(machine:apply { ... })
      assert.same({ "ok" }, { machine:query "?" })
      assert.equal("C", machine:status().vm)
      local hash = machine:digest()
      machine:close()
      return hash
    end
    local one = digest({ index = 2, command = "a" })
    assert.equal(one, digest({ index = 2, command = "a" }))
    assert.not_equal(one, digest())
    assert.not_equal(one, digest({ index = 2, command = "b" }))
    assert.not_equal(one, digest({ index = 3, command = "a" }))
    assert.not_equal(one, digest({ index = 2, command = "a" },
      { index = 2, command = "a" }))
  end)
end)
