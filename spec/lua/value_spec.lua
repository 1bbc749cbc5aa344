-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local core = require "raft.core"
local fixture = require "spec.fixture.values"
local helper = require "spec.helper"
local probe = require "raft.probe"
local random_key = require("spec.random_value").key
local random_value = require("spec.random_value").value

local to_integer = rawget(math, "tointeger") -- Lua 5.3 and later
local HAS_INTEGERS = to_integer ~= nil

local function bytes_of(value)
  local ok, bytes = core.encode(value)
  assert(ok, bytes)
  return bytes
end

local function value_of(bytes)
  local ok, value = core.decode(bytes)
  assert(ok, value)
  return value
end

local function refusal(value)
  local ok, message, code = core.encode(value)
  assert.is_nil(ok)
  assert.equal("invalid", code)
  return message
end

describe("raft.encode", function ()
  it("gives the recorded bytes of every recorded value", function ()
    for _, row in ipairs(fixture) do
      local what, make, hex = row[1], row[2], row[3]
      assert.equal(hex, canonical.hex(bytes_of(make(core))), what)
    end
  end)

  it("agrees with its twin in Lua, on random values", function ()
    helper.check(2000, function (random)
      local value = random_value(random, 0)
      assert.equal(canonical.hex(canonical.encode(value)),
        canonical.hex(bytes_of(value)))
    end)
  end)

  it("agrees with its twin where heads grow", function ()
    for _, size in ipairs { 15, 16, 31, 32, 255, 256, 65535, 65536 } do
      local list, map = {}, { x = true }
      for i = 1, size do
        list[i], map[i] = false, i
      end
      for _, value in ipairs { ("x"):rep(size), ("\255"):rep(size), list,
        map } do
        assert.is_true(canonical.encode(value) == bytes_of(value))
      end
    end
  end)

  it("does not depend on how a table came to its content", function ()
    helper.check(300, function (random)
      local keys = random:list(0, 30, random_key)
      local one, other = {}, {}
      for _, key in ipairs(keys) do
        one[key] = #tostring(key)
      end
      for i = 1, 40 do
        other[i], other["junk" .. i] = i, i
      end
      for i = 1, 40 do
        other[i], other["junk" .. i] = nil, nil
      end
      for _, key in ipairs(random:shuffle(keys)) do
        other[key] = #tostring(key)
      end
      assert.equal(bytes_of(one), bytes_of(other))
    end)
  end)

  it("has one form for equal numbers, whatever their type", function ()
    assert.equal(bytes_of(3), bytes_of(6 / 2))
    assert.equal(bytes_of(0), bytes_of(-0.0))
    assert.equal(bytes_of { [2] = 1 }, bytes_of { [4 / 2] = 1 })
  end)

  it("keeps integers that no double can hold, where Lua has them",
    function ()
      if HAS_INTEGERS then
        local large = to_integer(2 ^ 53) + 1
        assert.equal("cf0020000000000001", canonical.hex(bytes_of(large)))
        assert.equal("d38000000000000000",
          canonical.hex(bytes_of(to_integer(-2 ^ 63))))
        assert.equal(large, value_of(bytes_of(large)))
        assert.equal("81cf00200000000000010a",
          canonical.hex(bytes_of { [large] = 10 }))
      else
        assert.equal("cb4340000000000001",
          canonical.hex(bytes_of(2 ^ 53 + 2)))
      end
    end)

  it("takes the null of other libraries for null", function ()
    local ok, cjson = pcall(require, "cjson")
    if ok then
      assert.equal("91c0", canonical.hex(bytes_of { cjson.null }))
    end
    assert.equal("c0", canonical.hex(bytes_of(core.null)))
  end)

  it("sees the raw table, whatever its metatable says", function ()
    local t = setmetatable({ 1 }, {
      __index = function () error "asked" end,
      __len = function () error "asked" end,
      __pairs = function () error "asked" end,
    })
    assert.equal("9101", canonical.hex(bytes_of(t)))
  end)
end)

describe("raft.encode: what it refuses", function ()
  it("names the path to a value that cannot be encoded", function ()
    assert.equal("value.a[3]: a function cannot be encoded",
      refusal { a = { 1, 2, print } })
    assert.equal("value: a thread cannot be encoded",
      refusal(coroutine.create(function () end)))
    assert.equal("value[\"a b\"]: a userdata cannot be encoded",
      refusal { ["a b"] = io.stdout })
    assert.equal("value[-1].x: a function cannot be encoded",
      refusal { [-1] = { x = print } })
  end)

  it("names the path to a key that cannot be one", function ()
    assert.equal("value.list: a boolean cannot be a key",
      refusal { list = { [true] = 1 } })
    assert.equal("value: a table cannot be a key", refusal { [{}] = 1 })
    assert.matches("no integer, or too large", refusal { [1.5] = 1 })
    assert.matches("no integer, or too large", refusal { [2 ^ 70] = 1 })
    assert.matches("no integer, or too large", refusal { [1 / 0] = 1 })
    assert.matches("^value.a: ", refusal { a = { [0.5] = 1 }, b = 1 })
  end)

  it("refuses a cycle, and not a table that stands twice", function ()
    local cycle = { x = {} }
    cycle.x.y = { cycle.x }
    assert.equal("value.x.y[1]: a table that contains itself",
      refusal(cycle))
    local twice = { 1 }
    assert.equal("9291019101", canonical.hex(bytes_of { twice, twice }))
  end)

  it("takes 64 tables in tables and not 65", function ()
    local inner = {}
    local outer = inner
    for _ = 2, 64 do
      outer = { outer }
    end
    assert.equal(("91"):rep(63) .. "90", canonical.hex(bytes_of(outer)))
    inner[1] = {}
    local message = refusal(outer)
    assert.matches("deeper than 64 tables$", message)
    assert.matches("^value%[1%]%[1%]", message)
    assert.is_true(#message < 256)
  end)

  it("cuts a path that is too long to be told", function ()
    local value = { print }
    for _ = 1, 30 do
      value = { [("k"):rep(30)] = value }
    end
    local message = refusal(value)
    assert.matches("%.%.%.: a function cannot be encoded$", message)
    assert.is_true(#message < 256)
  end)

  it("raises for a missing argument only", function ()
    assert.has_error(function () core.encode() end)
    assert.has_error(function () core.decode() end)
    assert.is_true((core.encode(nil)))
  end)
end)

describe("raft.null and raft.map", function ()
  it("null is one value, is true, and says its name", function ()
    assert.equal(core.null, value_of(canonical.bytes "91c0")[1])
    assert.equal("null", tostring(core.null))
    assert.is_truthy(core.null)
    assert.equal(core.null, value_of(canonical.bytes "81a178c0").x)
  end)

  it("an empty map stays a map through the codec", function ()
    assert.equal("80", canonical.hex(bytes_of(core.map {})))
    assert.equal("80", canonical.hex(bytes_of(value_of "\128")))
    assert.equal("9180", canonical.hex(bytes_of(value_of "\145\128")))
  end)

  it("the mark goes with the first key, so that a restored map is as one "
    .. "that was never saved", function ()
    local lived = core.map {}
    lived.x = 1
    local restored = value_of(bytes_of(lived))
    lived.x, restored.x = nil, nil
    assert.equal(bytes_of(lived), bytes_of(restored))
    local unmarked = { x = 1 }
    restored = value_of(bytes_of(unmarked))
    unmarked.x, restored.x = nil, nil
    assert.equal(bytes_of(unmarked), bytes_of(restored))
  end)

  it("clearing a key that is not there leaves the mark", function ()
    local map = core.map {}
    map.x = nil
    assert.equal("80", canonical.hex(bytes_of(map)))
    assert.has_error(function () map[0 / 0] = 1 end)
    assert.equal("80", canonical.hex(bytes_of(map)))
  end)

  it("a table with keys says itself what it is", function ()
    assert.equal("9101", canonical.hex(bytes_of(core.map { 1 })))
    assert.equal("81a16101", canonical.hex(bytes_of(core.map { a = 1 })))
    local map = core.map {}
    assert.equal(map, core.map(map))
    assert.has_error(function () core.map(1) end)
    assert.has_error(function () core.map(setmetatable({}, {})) end)
  end)
end)

describe("raft.encode and raft.decode under memory that ends", function ()
  local value = { list = { 1, 2, { a = 1, b = core.null } }, x = ("y"):rep(99),
    [5] = core.map {}, [6] = {} }
  local bytes = bytes_of(value)

  it("the buffer is left as it was, at every allocation of it", function ()
    local n = 0
    repeat
      n = n + 1
      local status, as_before = probe.value_encode_fail(value, n)
      assert.is_true(status == "ok" or status == "no_memory")
      assert.equal(status ~= "ok", as_before)
    until status == "ok"
    assert.is_true(n > 3)
  end)

  it("nothing is lost when Lua raises, at every allocation of Lua",
    function ()
      local how, live, size = probe.value_lua_fail(bytes, 10 ^ 6)
      if how ~= "refused" then
        assert.equal("ok", how)
        assert.equal(0, live)
        assert.equal(#bytes, size)
        local n = 0
        repeat
          n = n + 1
          how, live = probe.value_lua_fail(bytes, n)
          assert.equal(0, live)
          assert.is_true(how == "ok" or how == "raised", how)
        until how == "ok"
        assert.is_true(n > 10, n)
      end
    end)
end)
