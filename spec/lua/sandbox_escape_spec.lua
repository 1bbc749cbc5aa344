-- SPDX-License-Identifier: MIT
--
-- Every way out of the sandbox that was thought of, each tried. A way out is
-- anything that could differ between two members that applied the same
-- commands: addresses, the system, time, chance, the order of hash tables, the
-- moment of a collection.

local workshop = require("spec.workshop")

local try = workshop.try

describe("sandbox: no way out", function()
  -- Each body must fail, with a message that has these words in it.
  local REFUSED = {
    { "return os.time()", "the time is entry.time" },
    { "return os.getenv('HOME')", "os.getenv is not in the sandbox" },
    { "return io.open('/etc/passwd')", "io.open is not in the sandbox" },
    { "return debug.getregistry()", "debug.getregistry is not in the" },
    { "print(1)", "print is not in the sandbox" },
    { "collectgarbage()", "collectgarbage is not in the sandbox" },
    { "dofile('x')", "use require" },
    { "loadfile('x')", "use require" },
    { "return string.dump(function() end)", "bytecode is not portable" },
    { "return math.sin(1)", "its last digits differ" },
    { "return math.exp(1) + math.log(2)", "its last digits differ" },
    { "math.randomseed(1)", "random numbers come with the entry" },
    { "return string.pack('j', 1)", "its sizes differ" },
    { "setmetatable({}, { __mode = 'k' })", "weak tables" },
    { "setmetatable({}, { __gc = function() end })", "finalizers" },
    { "setmetatable({}, { __gc = true })", "finalizers" },
    { "setmetatable({}, { __close = function() end })", "errors could be" },
    { "local m = {} setmetatable({}, m) m.__mode = 'k'", "weak tables" },
    { "local t = setmetatable({}, {}) getmetatable(t).__mode = 'v'",
      "weak tables" },
    { "local m = {} setmetatable({}, m) rawset(m, '__mode', 'k')",
      "weak tables" },
    { "local m = {} setmetatable({}, m) m['__' .. 'gc'] = 1 error('other')",
      "other" },
    { "for _ in pairs { [{}] = 1 } do end", "a table as a key" },
    { "for _ in pairs { [function() end] = 1 } do end", "a function as" },
    { "for _ in next, { [coroutine.create(print)] = 1 } do end",
      "a thread as" },
    { "for _ in pairs { [raft.null] = 1 } do end", "a userdata as" },
    { "local t = require('raft.ordered').keys { [{}] = 1 }", "a table as" },
    { "return ('%p'):format({})", "'%p' shows an address" },
    { "return string.format('%5p', print)", "'%p' shows an address" },
    { "return {} < {}", "compare" },
    { "count = 1", "tried to set 'count'" },
    { "_G.count = 1", "tried to set 'count'" },
    { "rawset(_G, 'count', 1)", "tried to set 'count'" },
    { "string.format = nil", "string cannot be changed" },
    { "rawset(math, 'random', nil)", "tried to set 'random'" },
    { "os.time = nil", "os cannot be changed" },
    { "getmetatable(_G).__index = nil", "attempt to index" },
    { "getmetatable('').__index = nil", "attempt to index" },
    { "setmetatable(_G, {})", "protected metatable" },
    { "setmetatable('', {})", "table expected" },
    { "setmetatable(raft.map {}, {})", "protected metatable" },
    { "require 'os'", "was not loaded when the machine was" },
    { "require 'raft.core'", "was not loaded when the machine was" },
    { "local t = {} table.sort(t, 1)", "function expected" },
    { "return package.loaded", "attempt to index" },
    { "return ffi.new('int')", "attempt to index" },
    { "return jit.version", "attempt to index" },
    { "return getfenv(0)", "attempt to call" },
    { "return setfenv(1, {})", "attempt to call" },
    { "return newproxy(true)", "attempt to call" },
    { "return module('x')", "attempt to call" },
    { "coroutine.close(coroutine.create(function() end))", "catches errors" },
    { "return ('x'):rep(1e9)", "resulting string too large" },
    { "return string.rep('ab', 1, ('x'):rep(64)):rep(2 ^ 40)",
      "resulting string too large" },
    { "assert(load('\27Lua'))", "got bytecode" },
    { "assert(load('\27LJ\2'))", "got bytecode" },
    { "local n = 0 assert(load(function() n = n + 1 "
      .. "return ({ '\27', 'Lua' })[n] end))", "got bytecode" },
    { "return load('return os')().time()", "the time is entry.time" },
    { "return load('x = 1')()", "tried to set 'x'" },
    { "return coroutine.wrap(function() return debug.getinfo(1) end)()",
      "debug.getinfo is not in the sandbox" },
    { "return xpcall(error, debug.traceback)", "debug.traceback is not in" },
    { "return load(string.dump(function() end))", "bytecode is not" },
    { "return os.setlocale('de_DE')", "os.setlocale is not in the sandbox" },
    { "return pcall(os.setlocale, 'C')", "os.setlocale is not in the" },
    { "return pcall(io.stdout.write)", "io.stdout is not in the sandbox" },
    { "return require('ffi')", "was not loaded when the machine was" },
    { "return require('jit')", "was not loaded when the machine was" },
    { "return require('debug')", "was not loaded when the machine was" },
    { "return require('_G')", "was not loaded when the machine was" },
    { "return (''):rep(1e18, 'x')", "resulting string too large" },
    { "return getmetatable('').__name", "attempt to index" },
    { "return ('').format('%p', {})", "'%p' shows an address" },
    { "return ('%s'):format(setmetatable({}, { __tostring = function() "
      .. "return 7 end }))", "must return a string" },
    { "return math.random(2 ^ 53)", "a whole number below 2^53" },
    { "return load('return next', 'x', 'b')", "cannot be encoded" },
    { "return unpack({}, 1, 1e7)", "too many results to unpack" },
    { "return table.concat({}, 'x', 1, 3)", "at index 1 in table" },
    { "return { print }", "value[1]: a function cannot be encoded" },
    { "return coroutine.create(print)", "a thread cannot be encoded" },
  }

  for _, case in ipairs(REFUSED) do
    it("refuses: " .. case[1]:gsub("[%c]", "?"), function()
      local status, message = try(case[1])
      assert.equal("apply_failed", status)
      assert.truthy(tostring(message):find(case[2], 1, true),
        "expected " .. case[2] .. "\n     got " .. tostring(message))
    end)
  end

  -- Each expression must be exactly this text.
  local SHOWN = {
    { "tostring({})", "table" },
    { "tostring(print)", "function" },
    { "tostring(coroutine.create(print))", "thread" },
    { "tostring(coroutine.running() or 'main')", _VERSION == "Lua 5.1"
      and "main" or "thread" },
    { "tostring(setmetatable({}, { __name = 'Shop' }))", "Shop" },
    { "('%s %s'):format({}, print)", "table function" },
    { "('%s'):format(raft.null)", "null" },
    { "select(2, pcall(error))", "nil" },
    { "select(2, pcall(error, {}))", "table" },
    { "select(2, pcall(function() local t = nil; t.x = {} end))", false },
    { "tostring(getmetatable(''))", "false" },
    { "tostring(getmetatable(_G))", "false" },
    { "tostring(getmetatable(string))", "false" },
    { "select(2, pcall(collectgarbage, 'count'))", "collectgarbage is not in"
      .. " the sandbox: when memory is collected differs between members" },
    { "coroutine.wrap(function() return tostring(coroutine.running()) end)()",
      "thread" },
    { "select(2, xpcall(error, function(e) return tostring(e) end, {}))",
      "table" },
    { "select(2, pcall(error, setmetatable({}, { __name = 'E' })))", "E" },
    { "tostring(print) == tostring(error)", "true" },
    { "tostring(require)", "function" },
    { "tostring(raft.map {})", "raft.map" },
    { "(('x'):gsub('x', tostring))", "x" },
    { "('%s'):format(coroutine.create(print))", "thread" },
    { "package", "nil" }, { "arg", "nil" }, { "jit", "nil" },
    { "ffi", "nil" },
    { "load('return os', 'x', 't', {})()", "nil" },
    { "next({}, 'no key')", "nil" },
    -- Numbers have one text, whatever they are.
    { "0 / 0", "nan" }, { "-(0 / 0)", "nan" },
    { "('%g'):format(0 / 0)", "nan" }, { "('%g'):format(-(0 / 0))", "nan" },
    { "1 / 0", "inf" }, { "('%.3f'):format(-1 / 0)", "-inf" },
    { "-0.0", "0" }, { "10 / 2", "5" }, { "1e15", "1000000000000000" },
    { "('%d'):format(3.0)", "3" }, { "-7 % 3", "2" }, { "7 % -3", "-2" },
    { "tonumber('0x1p4')", "16" }, { "tonumber('1_0')", "nil" },
    { "1e300 * 1e10", "inf" },
    { "type(_G._G)", "table" },
    { "tostring(_G == _G._G)", "true" },
  }

  for _, case in ipairs(SHOWN) do
    it("shows no address: " .. case[1], function()
      local status, text = try("return tostring(" .. case[1] .. ")")
      assert.equal("ok", status)
      if case[2] then
        assert.equal(case[2], text)
      end
      assert.falsy(text:find("0x", 1, true))
    end)
  end

  it("hides the addresses in what is raised", function()
    local status, message = try "error({})"
    assert.same({ "apply_failed", "{}" }, { status, message })
    status, message = try "error(print)"
    assert.same({ "apply_failed", "function" }, { status, message })
    status, message = try("error(setmetatable({}, { __tostring = function() "
      .. "return 'mine' end }))")
    assert.same({ "apply_failed", "mine" }, { status, message })
    status, message = try("error(setmetatable({}, { __tostring = function() "
      .. "error 'again' end }))")
    assert.same({ "apply_failed", "an error without a text" },
      { status, message })
  end)

  it("takes a late __mode out again, and says so only once", function()
    local machine = assert(workshop.open(workshop.around [[
      if command == 1 then
        self.meta = {}
        self.t = setmetatable({}, self.meta)
        self.meta.__mode = "k"
      end
      return self.meta.__mode]]))
    local results = assert(machine:apply {
      { index = 1, command = 1 }, { index = 2, command = 2 },
    })
    assert.equal("apply_failed", results[1].status)
    assert.same({ status = "ok" }, results[2])
    machine:close()
  end)

  it("finds a late __mode also when a question made it", function()
    local machine = assert(workshop.open [[
      local meta = {}
      local held = setmetatable({}, meta)
      return { new = function()
        return {
          apply = function() return meta.__mode, held end,
          query = function() meta.__mode = "k" end,
        }
      end }]])
    local status, message = machine:query("?")
    assert.equal("apply_failed", status)
    assert.truthy(message:find("weak tables", 1, true))
    assert.same({ { status = "ok" } },
      assert(machine:apply { { index = 1, command = 1 } }))
    machine:close()
  end)

  it("finds a late __mode among many metatables", function()
    local machine = assert(workshop.open(workshop.around [[
      if command == 1 then
        self.all = {}
        for i = 1, 5000 do
          self.all[i] = setmetatable({}, { __index = {} })
        end
      elseif command == 2 then
        getmetatable(self.all[4000]).__mode = "k"
      end]]))
    local failed = 0
    for index = 1, 12 do
      local result = assert(machine:apply {
        { index = index, command = index } })[1]
      failed = failed + (result.status == "apply_failed" and 1 or 0)
    end
    assert.equal(1, failed)
    machine:close()
  end)
end)

describe("sandbox: the host's locale", function()
  local function run(command)
    local pipe = assert(io.popen(command .. " 2>&1"))
    local text = pipe:read("*a")
    return pipe:close() and text
  end

  it("changes nothing in a machine", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    run("localedef -i de_DE -f ISO-8859-1 " .. folder .. "/de_DE")
    local script = workshop.write(([[
      local set = os.setlocale("de_DE")
      local workshop = require("spec.workshop")
      local status, seen = workshop.try [=[
        return { tostring(0.5), ("%%.1f"):format(0.5), "Z" < "a",
          (("\228"):find("%%a")) == nil, ("\228"):upper() == "\228",
          tostring(tonumber "0.5"), 0.5 .. "" }]=]
      io.write(set or "none", " ", status)
      for i = 1, 7 do io.write(" ", tostring(seen[i])) end
      io.write(" ", ("%%.1f"):format(0.5))]]):gsub("%%%%", "%%"))
    local lua = workshop.interpreter()
    local text = run("LOCPATH=" .. folder .. " " .. lua .. " " .. script)
    os.remove(script)
    os.execute("rm -r " .. folder)
    assert.truthy(text, "cannot run " .. tostring(lua))
    local set, rest = text:match("^(%S+) (.*)$")
    assert.truthy(set == "none" or set == "de_DE", text)
    assert.equal("ok 0.5 0.5 true true true 0.5 0.5",
      (rest:gsub(" [^ ]*$", "")))
    -- Where that locale could be made, it does change the host (not LuaJIT,
    -- which formats numbers itself).
    if set == "de_DE" and not rawget(_G, "jit") then
      assert.equal("0,5", rest:match("[^ ]*$"))
    end
  end)
end)
