-- SPDX-License-Identifier: MIT
local canonical = require "spec.canonical"
local helper = require "spec.helper"
local probe = require "raft.probe"

local ENTRY = { kind = "command", group = 7, term = 3, index = 9,
  session = 4, sequence = 6, first_unacknowledged = 5,
  time = 1700000000000000, random = "ffffffffffffffff",
  payload_checksum = probe.checksum("payload", 0) }

local function with(changes)
  local copy = {}
  for key, value in pairs(ENTRY) do
    copy[key] = value
  end
  for key, value in pairs(changes) do
    copy[key] = value
  end
  return copy
end

local function put(bytes, offset, byte) -- offset as in entry.h, from 0
  return bytes:sub(1, offset) .. string.char(byte) .. bytes:sub(offset + 2)
end

describe("wire_entry", function ()
  local bytes = probe.entry_encode(ENTRY, "payload")

  it("has the layout that is written down", function ()
    assert.equal(87, #bytes)
    assert.equal("03000000" .. "07000000" .. "0700000000000000"
      .. "0300000000000000" .. "0900000000000000" .. "0400000000000000"
      .. "0600000000000000" .. "0500000000000000" .. "00401e18240a0600"
      .. "ffffffffffffffff", canonical.hex(bytes:sub(1, 72)))
    assert.equal("payload", bytes:sub(81))
  end)

  it("is read back", function ()
    local read = probe.entry_decode(bytes)
    assert.same(with { payload = "payload", intact = true }, read)
    assert.same(read, probe.entry_decode(bytes .. "more"))
  end)

  it("of random content is read back", function ()
    helper.check(300, function (random)
      local entry = with { term = random:integer(1, 2 ^ 53 - 1),
        index = random:integer(1, 2 ^ 53 - 1),
        session = random:integer(0, 2 ^ 53 - 1),
        time = random:integer(0, 2 ^ 53 - 1) }
      local payload = random:bytes(0, 40)
      entry.payload_checksum = probe.checksum(payload, 0)
      local read = probe.entry_decode(probe.entry_encode(entry, payload))
      entry.payload, entry.intact = payload, true
      -- what is below 2^53 comes back as a number
      if type(read.payload_checksum) == "number" then
        entry.payload_checksum = read.payload_checksum
      end
      assert.same(entry, read)
    end)
  end)

  it("is malformed when cut anywhere", function ()
    for size = 0, #bytes - 1 do
      local ok, _, code = probe.entry_decode(bytes:sub(1, size))
      assert.is_nil(ok)
      assert.equal("malformed", code)
    end
  end)

  it("is malformed with a zero, a reserved bit or a number too large",
    function ()
      local limit = "0020000000000000"
      for _, changes in ipairs { { number = 0 }, { term = 0 }, { index = 0 },
        { flags = 1 }, { flags = 128 }, { term = limit }, { index = limit },
        { session = limit }, { sequence = limit },
        { first_unacknowledged = limit }, { time = limit } } do
        assert.is_nil((probe.entry_decode(
          probe.entry_encode(with(changes), "x"))))
      end
      assert.is_nil((probe.entry_decode(put(bytes, 2, 1))))
      assert.is_nil((probe.entry_decode(put(bytes, 3, 1))))
      assert.is_table((probe.entry_decode(probe.entry_encode(
        with { number = 200, group = "ffffffffffffffff" }, "x"))))
    end)

  it("tells a payload that was damaged, at every bit", function ()
    for offset = 80, 86 do
      for bit = 0, 7 do
        local byte = bytes:byte(offset + 1)
        local is_set = math.floor(byte / 2 ^ bit) % 2 == 1
        local changed = put(bytes, offset, byte + (is_set and -1 or 1)
          * 2 ^ bit)
        assert.is_false(probe.entry_decode(changed).intact)
      end
    end
  end)
end)
