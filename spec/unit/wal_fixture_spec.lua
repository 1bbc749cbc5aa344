-- SPDX-License-Identifier: MIT
--
-- wal_fixture_spec - the log as it was first written opens for ever.

local desk = require "spec.wal_desk"
local fixture = require "spec.fixture.log"
local probe = require "raft.probe"

local function bytes_of_digits(digits)
  return (digits:gsub("%s", ""):gsub("%x%x", function (pair)
    return string.char(tonumber(pair, 16))
  end))
end

local function bytes_of(segment)
  local bytes = bytes_of_digits(segment.digits)
  return bytes .. ("\0"):rep(segment.size - #bytes)
end

local function disk_of_fixture()
  local disk = probe.disk {}
  for _, segment in ipairs(fixture) do
    disk:put(segment.name, bytes_of(segment))
  end
  return disk
end

describe("wal: a log in format version 1", function ()
  it("opens, and says what it said then", function ()
    local log = desk.opened(disk_of_fixture())
    local told = log:told()
    assert.equal(5, told.last)
    assert.equal(3, told.term)
    assert.equal(0, told.vote)
    assert.equal(4, told.configuration)
    assert.same({ { member = 2, incarnation = 1002 } }, told.peers)
    assert.same({ { first = 1, term = 1 }, { first = 2, term = 2 },
      { first = 3, term = 3 } }, told.runs)
    local status, read = log:read(1, 5)
    assert.equal("ok", status)
    assert.same({ desk.first_entry(), desk.entry(2, 2, 40),
      desk.entry(3, 3, 10), desk.entry(4, 3, 60, desk.CONFIGURATION),
      desk.entry(5, 3, 1500) }, read)
  end)

  it("is what is written today, byte for byte", function ()
    local log, disk = desk.fresh()
    log:persist { ticket = 1, term = 2, vote = 1, first = 2,
      entries = { desk.entry(2, 2, 40), desk.entry(3, 2, 700) } }
    disk:drain()
    log:persist_peer(2, 2, 1002)
    disk:drain()
    log:persist { ticket = 3, term = 3, vote = 3, first = 3, entries = {
      desk.entry(3, 3, 10), desk.entry(4, 3, 60, desk.CONFIGURATION) } }
    disk:drain()
    desk.write(log, disk, 4, 3, { 5, 5, 1500 })
    desk.close(log, disk)
    for _, segment in ipairs(fixture) do
      assert.equal(bytes_of(segment), disk:contents(segment.name))
    end
    assert.equal(#fixture, #disk:names())
  end)
end)

describe("wal: a snapshot file in format version 1", function ()
  local file = require "spec.fixture.snapshot"
  local head = bytes_of_digits(file.head)
  local bytes = head .. ("\0"):rep(504 - #head) .. bytes_of_digits(file.rest)

  it("is read, and is what is written today", function ()
    local disk = probe.disk {}
    disk:put(file.name, bytes)
    local status, content, told = probe.snapshot_read(disk, file.index)
    assert.same({ "ok", file.content }, { status, content })
    assert.same({ file.index, file.term, file.time },
      { told.index, told.term, told.time })
    disk = probe.disk {}
    local writer = probe.snapshot_writer(disk, { index = file.index,
      term = file.term, time = file.time, salt = 99 })
    disk:drain()
    writer:add(file.content)
    disk:drain()
    writer:finish()
    disk:drain()
    assert.equal(bytes, disk:contents(file.name))
  end)

  it("of a newer format is refused: file, expected, found", function ()
    local disk = probe.disk {}
    local newer = bytes:sub(1, 8) .. "\2\0\0\0" .. bytes:sub(13, 512)
    disk:put(file.name, probe.wal_seal_head(newer, true) .. bytes:sub(513))
    assert.same({ "unsupported", file.name .. ": expected format version 1 "
      .. "without features, got version 2, features 0" },
      { probe.snapshot_read(disk, file.index) })
  end)
end)
