-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local probe = require "raft.probe"
local desk = require "spec.wal_desk"

local format = probe.wal_format

-- A segment that holds one batch per write.
local function sample()
  local log, disk = desk.fresh()
  desk.write(log, disk, 1, 2, { 2, 3, 100 })
  log:persist { ticket = 2, term = 3, vote = 2 }
  log:persist_peer(3, 2, 77)
  disk:drain()
  desk.close(log, disk)
  return disk:contents(desk.segment(1)), disk
end

local function u32(bytes, offset)
  local a, b, c, d = bytes:byte(offset + 1, offset + 4)
  return a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
end

local function put(bytes, offset, new)
  return bytes:sub(1, offset) .. new .. bytes:sub(offset + #new + 1)
end

describe("wal_record: a segment", function ()
  it("has the head that its specification says", function ()
    local bytes = sample()
    assert.equal("luaraft\0", bytes:sub(1, 8))
    assert.equal(1, u32(bytes, 8)) -- version
    assert.equal(0, u32(bytes, 12)) -- features
    assert.equal("\136\119\102\85\68\51\34\17", bytes:sub(17, 24)) -- cluster
    assert.equal(1, u32(bytes, 24)) -- member
    assert.equal("\1\255\238\221\204\187\170\153", bytes:sub(33, 40))
    assert.equal(1, u32(bytes, 40)) -- number
    assert.equal(4096, u32(bytes, 48)) -- size
    assert.equal(("\0"):rep(440), bytes:sub(65, 504))
    assert.equal(4096, #bytes)
  end)

  it("has batches at sectors, one behind the other, numbered by one",
  function ()
    local scan = assert(probe.wal_scan((sample())))
    local at = format.sector
    for i, batch in ipairs(scan.batches) do
      assert.equal(at, batch.offset)
      assert.equal(0, batch.size % format.sector)
      assert.equal(i, batch.number)
      at = at + batch.size
    end
    assert.equal(at, scan["end"])
  end)

  it("says in records what was written, and term and vote in each head",
  function ()
    local batches = assert(probe.wal_scan((sample()))).batches
    assert.same({ { kind = format.checkpoint, size = 0, a = 0, b = 0 },
      { kind = format.entry, size = 140, a = 1, b = 1 } },
      batches[1].records)
    assert.same({ { kind = format.entry, size = 180, a = 2, b = 2 },
      { kind = format.entry, size = 180, a = 3, b = 2 } },
      batches[2].records)
    assert.same({}, batches[3].records)
    assert.equal(3, batches[3].term)
    assert.equal(2, batches[3].vote)
    assert.same({ { kind = format.peer, size = 0, a = 2, b = 77 } },
      batches[4].records)
    assert.equal(3, batches[4].term)
  end)

  it("ends with a mark when it was closed: a batch that says nothing new",
  function ()
    local batches = assert(probe.wal_scan((sample()))).batches
    local mark = batches[#batches]
    assert.same({}, mark.records)
    assert.equal(batches[#batches - 1].term, mark.term)
    assert.equal(batches[#batches - 1].vote, mark.vote)
  end)

  it("has a batch nowhere but where it was written", function ()
    local bytes = sample()
    local batch = assert(probe.wal_scan(bytes)).batches[2]
    local copy = bytes:sub(batch.offset + 1, batch.offset + batch.size)
    local scan = assert(probe.wal_scan(bytes))
    local moved = put(bytes, scan["end"], copy)
    assert.equal(#scan.batches, #assert(probe.wal_scan(moved)).batches)
  end)

  it("has no batch under another number, even with the same bytes",
  function ()
    local bytes = sample()
    local batch = assert(probe.wal_scan(bytes)).batches[2]
    local renumbered = put(bytes, batch.offset + 8, "\3")
    assert.equal(1, #assert(probe.wal_scan(renumbered)).batches)
  end)

  it("has other checksums under another salt", function ()
    local one = desk.made { seed = 1 }:contents(desk.segment(1))
    local two = desk.made { seed = 2 }:contents(desk.segment(1))
    assert.is_not.equal(one:sub(513, 1024), two:sub(513, 1024))
    assert.equal(one:sub(513 + 8, 513 + 8 + 31), two:sub(521, 521 + 31))
  end)

  it("reads back what was written, 200 random logs", function ()
    helper.check(200, function (random)
      local log, disk = desk.fresh { segment_bytes = 8192 }
      local sizes, entries = {}, {}
      for i = 1, random:integer(1, 6) do
        sizes[i] = random:integer(0, 700)
        entries[i] = desk.entry(i + 1, 2, sizes[i])
      end
      log:persist { ticket = 1, term = 2, first = 2, entries = entries }
      disk:drain()
      local status, read = log:read(2, #entries)
      log:free()
      assert.equal("ok", status)
      assert.same(entries, read)
    end)
  end)
end)

describe("wal_record: a head of another time", function ()
  local function open_with(offset, new)
    local bytes, disk = sample()
    disk:put(desk.segment(1), probe.wal_seal_head(put(bytes, offset, new)))
    return desk.refused(disk)
  end

  it("with an unknown version is refused, saying which was expected",
  function ()
    local status, text = open_with(8, "\2")
    assert.equal("unsupported", status)
    assert.equal("log-0000000001: expected format version 1, got 2", text)
  end)

  it("with an unknown feature is refused, saying which were expected",
  function ()
    local status, text = open_with(12, "\4")
    assert.equal("unsupported", status)
    assert.equal("log-0000000001: expected feature bits 0x0, got 0x4", text)
  end)

  it("with a flipped bit in the version is rot, not another version",
  function ()
    local _, disk = sample()
    disk:flip(desk.segment(1), 8, 1)
    assert.equal("corrupt", (desk.refused(disk)))
  end)

  it("of another number or size is refused", function ()
    assert.equal("corrupt", (open_with(40, "\2")))
    assert.equal("corrupt", (open_with(48, "\0\32")))
  end)
end)
