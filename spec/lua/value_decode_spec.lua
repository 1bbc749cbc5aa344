-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local core = require "raft.core"
local fixture = require "spec.fixture.values"
local helper = require "spec.helper"
local probe = require "raft.probe"
local random_value = require("spec.random_value").value

local HAS_INTEGERS = rawget(math, "tointeger") ~= nil -- Lua 5.3 and later

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

describe("raft.decode", function ()
  it("gives values that encode to the same bytes, on random values",
    function ()
      helper.check(2000, function (random)
        local bytes = bytes_of(random_value(random, 0))
        assert.equal(bytes, bytes_of(value_of(bytes)))
      end)
    end)

  it("reads every recorded value back", function ()
    for _, row in ipairs(fixture) do
      local bytes = canonical.bytes(row[3])
      assert.equal(bytes, bytes_of(value_of(bytes)), row[1])
    end
    assert.is_nil(value_of(canonical.bytes("c0")))
    assert.same({ 1, core.null, 3 }, value_of(canonical.bytes("9301c003")))
    assert.same({ a = { 1.5, "x" } },
      value_of(canonical.bytes("81a16192cb3ff8000000000000a178")))
  end)

  it("gives whole numbers the form that Lua prints alike", function ()
    local three = value_of(canonical.bytes("cb4008000000000000"))
    assert.equal("3", tostring(three))
    assert.equal("0", tostring(value_of(canonical.bytes(
      "cb8000000000000000"))))
    assert.equal(0.5, value_of(canonical.bytes("ca3f000000")))
  end)

  it("refuses integers that this Lua cannot hold", function ()
    local function code_of(hex)
      local _, _, code = core.decode(canonical.bytes(hex))
      return code
    end
    local expected = not HAS_INTEGERS and "not_representable" or nil
    assert.equal(expected, code_of "cf0020000000000000")
    assert.equal(expected, code_of "d3ffe0000000000000")
    assert.equal(expected, code_of "81cf002000000000000001")
    assert.equal(nil, code_of "cf001fffffffffffff")
    assert.equal(nil, code_of "d3ffe0000000000001")
    assert.equal("not_representable", code_of "91cf8000000000000000")
  end)

  it("refuses what is no value, and says where", function ()
    for hex, place in pairs {
      [""] = "at byte 0", ["c1"] = "at byte 0", ["d40100"] = "at byte 0",
      ["9201"] = "at byte 0", ["0100"] = "at byte 1", ["a26"] = "at byte 0",
      ["81c001"] = "at byte 1", ["819001"] = "at byte 1",
      ["81cb3ff800000000000001"] = "at byte 1", ["9201c1"] = "at byte 2",
      [("91"):rep(64) .. "90"] = "at byte 64: deeper than 64",
      [("81a161"):rep(65) .. "90"] = "deeper than 64",
    } do
      local ok, message, code = core.decode(canonical.bytes(hex))
      assert.is_nil(ok)
      assert.equal("malformed", code)
      assert.matches(place, message, 1, true)
    end
  end)

  it("reserves nothing for a length that lies", function ()
    local lie = ("\221\255\255\255\255"):rep(60) .. ("\192"):rep(1000)
    local nested = ("\220\3\232"):rep(60) .. ("\192"):rep(1000)
    collectgarbage()
    collectgarbage()
    local before = collectgarbage "count"
    collectgarbage "stop"
    local taken = 0
    for _ = 1, 100 do
      taken = taken + (core.decode(lie) and 1 or 0)
      taken = taken + (core.decode(nested) and 1 or 0)
    end
    local after = collectgarbage "count"
    collectgarbage "restart"
    assert.equal(0, taken)
    assert.is_true(after - before < 100, after - before) -- KiB
  end)
end)

describe("raft_value: check", function ()
  it("takes a form exactly when encoding gives it again", function ()
    local hits, misses = 0, 0
    local random = helper.random(7)
    for _ = 1, 20000 do
      local bytes = bytes_of(random_value(random, 2))
      if not random:one_in(4) and #bytes > 0 then
        local at = random:integer(1, #bytes)
        bytes = bytes:sub(1, at - 1) .. string.char(random:integer(0, 255))
          .. bytes:sub(at + 1)
      end
      local ok, value = core.decode(bytes)
      if ok then
        local is_same = bytes_of(value) == bytes
        assert.equal(is_same, probe.value_check(bytes) == true,
          canonical.hex(bytes))
        hits = hits + (is_same and 1 or 0)
        misses = misses + (is_same and 0 or 1)
      end
    end
    assert.is_true(hits > 1000 and misses > 500, hits .. " " .. misses)
  end)

  it("names offset and rule", function ()
    for hex, rule in pairs {
      ["cc05"] = "at byte 0: a number is not in its shortest form",
      ["d105dc"] = "at byte 0: a number is not in its shortest form",
      ["d005"] = "at byte 0: a number is not in its shortest form",
      ["cd0005"] = "shortest form", ["d2ffffff80"] = "shortest form",
      ["d3ffffffff80000000"] = "shortest form",
      ["cb4008000000000000"] = "a float that is integral",
      ["ca3fc00000"] = "not 64 bits wide",
      ["cb7ff8000000000001"] = "another NaN",
      ["cb8000000000000000"] = "a float that is integral",
      ["d90161"] = "a string with a head", ["c40161"] = "a string with a head",
      ["a1ff"] = "a string with a head", ["da000161"] = "a string with",
      ["c50001ff"] = "a string with a head",
      ["dc000101"] = "a container whose head",
      ["df00000000"] = "a container whose head",
      ["82a16201a16101"] = "at byte 4: keys out of order",
      ["82a16101a16101"] = "keys out of order, or one twice",
      ["82a161010101"] = "keys out of order",
      ["8202010101"] = "keys out of order",
      ["810101"] = "a map with the keys of an array",
      ["8201010201"] = "a map with the keys of an array",
      ["9181c001"] = "at byte 2: a key that is neither",
      ["9200"] = "cut", ["0000"] = "at byte 1: bytes behind",
    } do
      local ok, message, code = probe.value_check(canonical.bytes(hex))
      assert.is_nil(ok, hex)
      assert.equal("malformed", code)
      assert.matches(rule, message, 1, true)
    end
  end)
end)
