-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local helper = require "spec.helper"
local probe = require "raft.probe"

local scan = probe.wire_scan
local bytes_of = canonical.bytes

-- The size of the object at the front, by plain recursion: the twin. Knows
-- only complete objects.
local FIXED = { [0xc0] = 0, [0xc2] = 0, [0xc3] = 0, [0xca] = 4, [0xcb] = 8,
  [0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8, [0xd0] = 1, [0xd1] = 2,
  [0xd2] = 4, [0xd3] = 8, [0xd4] = 2, [0xd5] = 3, [0xd6] = 5, [0xd7] = 9,
  [0xd8] = 17 }
local LENGTH = { [0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2,
  [0xc9] = 4, [0xd9] = 1, [0xda] = 2, [0xdb] = 4, [0xdc] = 2, [0xdd] = 4,
  [0xde] = 2, [0xdf] = 4 }

local function number_at(bytes, at, width)
  local number = 0
  for i = at, at + width - 1 do
    number = number * 256 + bytes:byte(i)
  end
  return number
end

local function size_of(bytes, at)
  local head = bytes:byte(at)
  local size, values = 1, 0
  if head >= 0x80 and head <= 0x8f then
    values = (head - 0x80) * 2
  elseif head >= 0x90 and head <= 0x9f then
    values = head - 0x90
  elseif head >= 0xa0 and head <= 0xbf then
    size = 1 + head - 0xa0
  elseif FIXED[head] then
    size = 1 + FIXED[head]
  elseif LENGTH[head] then
    local count = number_at(bytes, at + 1, LENGTH[head])
    size = 1 + LENGTH[head]
    if head >= 0xde then
      values = count * 2
    elseif head >= 0xdc then
      values = count
    else
      size = size + count + (head >= 0xc7 and head <= 0xc9 and 1 or 0)
    end
  end
  for _ = 1, values do
    size = size + size_of(bytes, at + size)
  end
  return size
end

-- A random object with every kind of head, also ext and long forms.
local function random_object(random, depth)
  local kind = random:integer(1, depth < 5 and 6 or 4)
  if kind == 1 then
    return string.char(random:pick { 0, 0x7f, 0xe0, 0xff, 0xc0, 0xc2, 0xc3 })
  elseif kind == 2 then
    local head = random:pick { 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0,
      0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 }
    return string.char(head) .. ("\1"):rep(FIXED[head])
  elseif kind <= 4 then
    local size = random:integer(0, 40)
    local head = random:pick { 0xa0, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
      0xd9, 0xda, 0xdb }
    if head == 0xa0 then
      size = size % 32
      return string.char(0xa0 + size) .. ("\2"):rep(size)
    end
    local more = head >= 0xc7 and head <= 0xc9 and 1 or 0
    return string.char(head) .. ("\0"):rep(LENGTH[head] - 1)
      .. string.char(size) .. ("\3"):rep(size + more)
  end
  local count = random:integer(0, 5)
  local head = random:pick { 0x80, 0x90, 0xdc, 0xdd, 0xde, 0xdf }
  local parts = {}
  if head < 0xa0 then
    parts[1] = string.char(head + count)
  else
    parts[1] = string.char(head) .. ("\0"):rep(LENGTH[head] - 1)
      .. string.char(count)
  end
  if head == 0x80 or head >= 0xde then
    count = count * 2
  end
  for _ = 1, count do
    parts[#parts + 1] = random_object(random, depth + 1)
  end
  return table.concat(parts)
end

describe("wire_scan: feed", function ()
  it("finds the same objects whatever the steps, as its twin does",
    function ()
      helper.check(500, function (random)
        local bytes, sizes = "", {}
        for i = 1, random:integer(1, 4) do
          local object = random_object(random, 0)
          bytes = bytes .. object
          sizes[i] = size_of(object, 1)
          assert.equal(#object, sizes[i])
        end
        for _, step in ipairs { 1, 2, 3, 7, 64, 10000 } do
          local found, code = scan(bytes, step, {})
          assert.same(sizes, found)
          assert.is_nil(code)
        end
      end)
    end)

  it("can be cut anywhere: nothing is found before the last byte", function ()
    for _, name in ipairs(probe.sample_names()) do
      local bytes = probe.sample_encode(name)
      if name ~= "first_entry" then
        for size = 0, #bytes - 1 do
          local found, code = scan(bytes:sub(1, size), 1, {})
          assert.same({}, found)
          assert.is_nil(code)
        end
        assert.same({ #bytes }, (scan(bytes, 1, {})))
      end
    end
  end)

  it("refuses the byte that MessagePack does not use", function ()
    local _, code, at = scan(bytes_of "93c0c1c0", 1, {})
    assert.equal("malformed", code)
    assert.equal(2, at)
  end)

  it("refuses depth above the limit, on the byte that opens it", function ()
    local _, code, at = scan(("\145"):rep(10), 1, { depth = 4 })
    assert.equal("malformed", code)
    assert.equal(4, at)
    assert.is_nil((select(2, scan(bytes_of "91919190", 1, { depth = 4 }))))
    assert.equal("malformed",
      (select(2, scan(bytes_of "9191919190", 1, { depth = 4 }))))
    assert.equal("malformed", (select(2, scan(bytes_of "90", 1,
      { depth = 0 }))))
  end)

  it("lets a value of full depth through inside a request", function ()
    local value = ("\145"):rep(63) .. "\144"
    local params = "\149" .. value .. "\0\0\0\0"
    local request = probe.rpc_request(1, "propose", params)
    assert.same({ #request }, (scan(request, 1, {})))
  end)
end)

describe("wire_scan: what is too large", function ()
  it("is known from the head, before the bytes have come", function ()
    for hex, limits in pairs {
      ["dbffffffff"] = { bytes = 1000 },     -- a string of 4 GiB
      ["c600001000"] = { bytes = 4096 },     -- with its head one too many
      ["ddffffffff"] = { elements = 1000 },  -- an array of 2^32
      ["ddfffffffe"] = { bytes = 1000 },     -- whose elements need bytes
      ["dfffffffff"] = { elements = 1000 },
      ["df7fffffff"] = { bytes = 1000 },
      ["9493dd00000100"] = { elements = 256 },
    } do
      local found, code, at = scan(bytes_of(hex), 1, limits)
      assert.same({}, found)
      assert.equal("too_large", code, hex)
      assert.equal(#hex / 2 - 1, at, hex)
    end
  end)

  it("is judged to the byte and to the element", function ()
    local array = bytes_of "9401a26162c0c3" -- 7 bytes, 5 elements
    assert.same({ 7 }, (scan(array, 1, { bytes = 7, elements = 5 })))
    assert.equal("too_large", (select(2, scan(array, 1, { bytes = 6 }))))
    assert.equal("too_large", (select(2, scan(array, 1, { elements = 4 }))))
    assert.same({ 2 }, (scan(bytes_of "a161", 1, { bytes = 2 })))
    assert.equal("too_large",
      (select(2, scan(bytes_of "a161", 1, { bytes = 1 }))))
    assert.equal("too_large", (select(2, scan("\1", 1, { bytes = 0 }))))
    assert.equal("too_large", (select(2, scan("\1", 1, { elements = 0 }))))
  end)

  it("counts what siblings of open containers still need", function ()
    -- four elements are promised, each of which has at least one byte
    local _, code, at = scan(bytes_of "94a3616263", 1, { bytes = 7 })
    assert.equal("too_large", code)
    assert.equal(1, at)
  end)

  it("starts anew for each object", function ()
    assert.same({ 3, 3, 3 },
      (scan(bytes_of("9201c3"):rep(3), 2, { bytes = 3, elements = 3 })))
  end)
end)
