-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local helper = require "spec.helper"
local probe = require "raft.probe"

local bytes_of = canonical.bytes

describe("wire_is_utf8", function ()
  it("agrees with decoding, on all sequences of two bytes and edges of more",
    function ()
      for first = 0, 255 do
        for second = 0, 255 do
          local text = string.char(first, second)
          assert(canonical.is_utf8(text) == probe.is_utf8(text),
            canonical.hex(text))
        end
      end
      local edges = { 0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff }
      for first = 0xc0, 0xff do
        for _, second in ipairs(edges) do
          for _, third in ipairs(edges) do
            for _, fourth in ipairs(edges) do
              local text = string.char(first, second, third, fourth)
              assert(canonical.is_utf8(text) == probe.is_utf8(text),
                canonical.hex(text))
              text = text:sub(1, 3)
              assert(canonical.is_utf8(text) == probe.is_utf8(text),
                canonical.hex(text))
            end
          end
        end
      end
    end)

  it("sees one bad byte anywhere in a long text", function ()
    for at = 0, 40 do
      assert.is_false(probe.is_utf8(("x"):rep(at) .. "\255"
        .. ("x"):rep(40 - at)))
      assert.is_true(probe.is_utf8(("x"):rep(at) .. "\195\164"
        .. ("x"):rep(40 - at)))
    end
    assert.is_true(probe.is_utf8 "")
    assert.is_false(probe.is_utf8(("x"):rep(8) .. "\195"))
  end)
end)

describe("wire_key_compare", function ()
  it("orders by bytes, a prefix before what it begins", function ()
    helper.check(3000, function (random)
      local stem = random:bytes(0, 3)
      local a = stem .. random:bytes(0, 3)
      local b = stem .. random:bytes(0, 3)
      local expected = canonical.key_less(a, b) and -1
        or canonical.key_less(b, a) and 1 or 0
      assert.equal(expected, probe.key_compare(a, b))
    end)
    assert.equal(-1, probe.key_compare("aa", "b"))
    assert.equal(1, probe.key_compare("\255", "z"))
    assert.equal(-1, probe.key_compare("", "\0"))
  end)
end)

describe("wire_cursor: skip", function ()
  it("steps over one value and stops there", function ()
    assert.equal(1, probe.value_skip(bytes_of "0101"))
    assert.equal(7, probe.value_skip(bytes_of "82010102 9201c3 0304"))
    assert.equal(5, probe.value_skip(bytes_of "df00000000 0001"))
  end)

  it("refuses what is cut, at every length", function ()
    for _, name in ipairs { "value", "propose", "error", "append" } do
      local bytes = probe.sample_encode(name)
      assert.equal(#bytes, probe.value_skip(bytes))
      for size = 0, #bytes - 1 do
        assert.is_nil((probe.value_skip(bytes:sub(1, size))))
      end
    end
  end)

  it("knows every head, with an empty length behind it", function ()
    local sizes = { [0xc0] = 1, [0xc2] = 1, [0xc3] = 1, [0xc4] = 2,
      [0xc5] = 3, [0xc6] = 5, [0xca] = 5, [0xcb] = 9, [0xcc] = 2,
      [0xcd] = 3, [0xce] = 5, [0xcf] = 9, [0xd0] = 2, [0xd1] = 3,
      [0xd2] = 5, [0xd3] = 9, [0xd9] = 2, [0xda] = 3, [0xdb] = 5,
      [0xdc] = 3, [0xdd] = 5, [0xde] = 3, [0xdf] = 5 } -- ext is no value
    for head = 0, 255 do
      local size = sizes[head]
      if head < 0x80 or head >= 0xe0 then
        size = 1
      elseif head < 0xa0 then
        size = 1 + head % 16 * (head < 0x90 and 2 or 1)
      elseif head < 0xc0 then
        size = 1 + head % 32
      end
      local bytes = string.char(head) .. ("\0"):rep(40)
      assert.equal(size, (probe.value_skip(bytes)), head)
    end
  end)

  it("refuses ext, 0xc1 and counts beyond the bytes", function ()
    for _, hex in ipairs { "c1", "d40100", "c70100", "d8" .. ("00"):rep(17),
      "ddffffffff00", "dfffffffff0000", "92", "9101" .. "c1", "93c0c1c0",
      "9393000000" } do
      local size = probe.value_skip(bytes_of(hex))
      assert.equal(hex == "9101c1" and 2 or nil, size, hex)
    end
  end)
end)

describe("wire_value: admit", function ()
  it("takes values that are not canonical", function ()
    for _, hex in ipairs { "cc05", "d90161", "ca3fc00000", "dc0001c0",
      "82a16201a16101", "810101", "c40161", "82a16101a16102" } do
      assert.is_true(probe.value_admit(bytes_of(hex)), hex)
    end
  end)

  it("refuses keys that no Lua table of values has", function ()
    for _, hex in ipairs { "81c001", "81c201", "819001", "818001",
      "81cb3ff800000000000001" } do
      local ok, message, code = probe.value_admit(bytes_of(hex))
      assert.is_nil(ok)
      assert.equal("malformed", code)
      assert.equal("value: at byte 1: a key that is neither string nor "
        .. "integer", message)
    end
  end)
end)

describe("wire_number", function ()
  it("carries 64 bits", function ()
    for _, value in ipairs { 0, 127, 128, 2 ^ 32, 2 ^ 53 - 1,
      "0020000000000000", "ffffffffffffffff", "8000000000000000" } do
      assert.equal(value,
        probe.number_decode(probe.number_encode { value = value }))
    end
  end)

  it("refuses all else", function ()
    for _, hex in ipairs { "ff", "c0", "a131", "90", "", "0101",
      "cb3ff0000000000000" } do
      assert.is_nil((probe.number_decode(bytes_of(hex))), hex)
    end
  end)
end)

describe("core/wire under memory that ends", function ()
  it("every encoder leaves its buffer as it was and loses nothing, at every "
    .. "allocation", function ()
    for _, name in ipairs(probe.sample_names()) do
      local n = 0
      repeat
        n = n + 1
        local status, as_before, live = probe.sample_fail(name, n)
        assert.equal(0, live, name)
        if status ~= "ok" then
          assert.equal("no_memory", status, name)
          assert.is_true(as_before, name .. " at " .. n)
        end
      until status == "ok"
      assert.is_true(n > 1, name)
    end
  end)
end)

describe("core/wire's bytes", function ()
  it("are those first recorded", function ()
    local fixture = require "spec.fixture.wire"
    local count = 0
    for _, name in ipairs(probe.sample_names()) do
      assert.equal((fixture[name]:gsub("%s+", "")),
        canonical.hex(probe.sample_encode(name)), name)
      count = count + 1
    end
    for _ in pairs(fixture) do
      count = count - 1
    end
    assert.equal(0, count)
  end)
end)

describe("wire_cursor", function ()
  local KINDS = { "next", "value", "array", "map", "unsigned", "boolean",
    "string" }

  it("stays where it was when it cannot take what is asked for", function ()
    local taken = {}
    helper.check(3000, function (random)
      local bytes = "x" .. (random:boolean() and random:bytes(0, 9)
        or canonical.encode(random:pick { 7, 1000, 70000, true, "text",
          ("x"):rep(300), { 1, { 2 } }, { a = 1 } })
          :sub(1, random:integer(0, 12)))
      for _, kind in ipairs(KINDS) do
        local at, could = probe.cursor_take(bytes, kind, 1000)
        assert.equal(could, at > 1)
        assert.is_true(at <= #bytes)
        taken[kind] = taken[kind] or could
      end
    end)
    for _, kind in ipairs(KINDS) do
      assert.is_true(taken[kind])
    end
  end)

  it("takes a number up to its bound", function ()
    for number, could in pairs { [999] = true, [1000] = true,
      [1001] = false } do
      assert.equal(could, (select(2, probe.cursor_take(
        "x" .. canonical.encode(number), "unsigned", 1000))))
    end
  end)
end)
