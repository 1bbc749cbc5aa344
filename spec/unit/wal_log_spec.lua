-- SPDX-License-Identifier: MIT
local probe = require "raft.probe"
local desk = require "spec.wal_desk"

describe("wal: init", function ()
  it("makes a directory with entry 1, term 1 and no vote", function ()
    local log = desk.opened(desk.made())
    local told = log:told()
    assert.equal(1, told.last)
    assert.equal(1, told.term)
    assert.equal(0, told.vote)
    assert.equal(1, told.configuration)
    assert.equal(1, told.member)
    assert.same({ { first = 1, term = 1 } }, told.runs)
    local status, read = log:read(1, 1)
    assert.equal("ok", status)
    assert.same({ desk.first_entry() }, read)
  end)

  it("refuses a directory with anything in it, and changes nothing",
  function ()
    for _, name in ipairs { "notes.txt", desk.segment(1), "log-1" } do
      local disk = probe.disk {}
      disk:put(name, "x")
      local before = disk:hash()
      local log = desk.log(disk)
      local status, text = log:init(desk.first_entry())
      assert.equal("not_empty", status)
      assert.truthy(text:find(name, 1, true))
      assert.equal(before, disk:hash())
      assert.equal(0, log:free())
    end
  end)

  it("refuses a directory that has a log", function ()
    local disk = desk.made()
    assert.equal("not_empty", (desk.log(disk):init(desk.first_entry())))
  end)

  it("goes on where an init that never ended left its file", function ()
    local disk = probe.disk {}
    disk:put("log-new", "half")
    desk.made(nil, disk)
    assert.same({ desk.segment(1) }, disk:names())
  end)

  it("says that the disk is full, and leaves nothing", function ()
    local disk = probe.disk {}
    disk:capacity(2048)
    local status, text = desk.log(disk):init(desk.first_entry())
    assert.equal("disk_full", status)
    assert.truthy(text:find("log-0000000001: allocate failed", 1, true), text)
    assert.same({}, disk:names())
  end)
end)

describe("wal: open", function ()
  it("says that there is no log, without directory or without files",
  function ()
    local disk = probe.disk {}
    assert.equal("not_initialised", (desk.refused(disk)))
    disk:put("notes.txt", "x")
    assert.equal("not_initialised", (desk.refused(disk)))
    disk:put("log-new", "half")
    assert.equal("not_initialised", (desk.refused(disk)))
  end)

  it("refuses a directory that another process holds", function ()
    local _, disk = desk.fresh()
    disk:become(2)
    local log = desk.log(disk)
    local status, text = log:open()
    assert.equal("locked", status)
    assert.truthy(text:find "the directory")
    disk:release(1)
    assert.equal("ok", (desk.log(disk):open()))
  end)

  it("deletes what a crash left of a segment being made", function ()
    local disk = desk.made()
    disk:put("log-new", "half")
    desk.close(desk.opened(disk), disk)
    assert.same({ desk.segment(1), desk.segment(2) }, disk:names())
  end)

  it("leaves names alone that are not the log's", function ()
    local disk = desk.made()
    disk:put("admin.sock", "")
    disk:put("log-12", "x")
    desk.close(desk.opened(disk), disk)
    assert.equal("x", disk:contents "log-12")
  end)

  it("refuses a gap between segments, naming the file", function ()
    local log, disk = desk.fresh()
    for i = 2, 12 do
      desk.write(log, disk, i, 2, { i, i, 900 })
    end
    desk.close(log, disk)
    disk:remove(desk.segment(3))
    local status, text = desk.refused(disk)
    assert.equal("corrupt", status)
    assert.truthy(text:find(desk.segment(3), 1, true))
  end)

  it("refuses a segment of another life of the directory", function ()
    -- Both fill segment 1 with two batches, but not with the same entries.
    local function life(last)
      local log, disk = desk.fresh()
      desk.write(log, disk, 1, 2, { 2, last, 100 })
      desk.write(log, disk, 2, 2, { last + 1, last + 1, 2400 })
      desk.close(log, disk)
      return disk
    end
    local disk = life(2)
    disk:put(desk.segment(1), life(3):contents(desk.segment(1)))
    local status, text = desk.refused(disk)
    assert.equal("corrupt", status)
    assert.equal(desk.segment(2) .. ": the log before does not fit the "
      .. "checkpoint at offset 512", text)
  end)

  it("refuses a kind of entry below 128 that it does not know", function ()
    local log, disk = desk.fresh()
    log:persist { ticket = 1, term = 2, first = 2,
      entries = { desk.entry(2, 2, 10, 200) } } -- may be skipped
    disk:drain()
    desk.close(log, disk)
    log = desk.opened(disk, { seed = 2 })
    assert.equal(2, log:told().last)
    log:persist { ticket = 1, term = 2, first = 3,
      entries = { desk.entry(3, 2, 10, 99) } }
    disk:drain()
    desk.close(log, disk)
    local status, text = desk.refused(disk)
    assert.equal("unsupported", status)
    assert.truthy(text:find "got kind 99", text)
  end)
end)

describe("wal: a batch", function ()
  it("is one write and one sync; what is queued meanwhile joins the next",
  function ()
    local log, disk = desk.fresh { segment_bytes = 65536,
      batch_bytes = 32768 }
    local before = disk:counts()
    log:persist { ticket = 1, term = 2, first = 2,
      entries = { desk.entry(2, 2) } }
    for ticket = 2, 20 do
      log:persist { ticket = ticket, term = 2, first = ticket + 1,
        entries = { desk.entry(ticket + 1, 2) } }
    end
    disk:drain()
    local after = disk:counts()
    assert.equal(20, log:events().durable)
    assert.equal(2, log:events().durable_calls)
    assert.equal(2, after.writes - before.writes)
    assert.equal(2, after.syncs - before.syncs)
    assert.equal(1, log:status().batch_records[0]) -- [1, 2) records
    assert.equal(1, log:status().batch_records[4]) -- [16, 32)
  end)

  it("is written only after the sync of the one before", function ()
    local log, disk = desk.fresh()
    disk:drain()
    log:persist { ticket = 1, term = 2 }
    log:persist { ticket = 2, term = 3 }
    assert.equal(2, disk:pending()) -- write and sync of the first
    disk:step()
    assert.equal(1, disk:pending())
    assert.equal(0, log:events().durable)
    disk:step()
    assert.equal(1, log:events().durable)
    assert.equal(2, disk:pending())
  end)

  it("has at most batch_bytes, unless one write has more", function ()
    local log, disk = desk.fresh { segment_bytes = 65536,
      batch_bytes = 2048 }
    log:persist { ticket = 1, term = 2 }
    for ticket = 2, 9 do
      log:persist { ticket = ticket, term = 2, first = ticket,
        entries = { desk.entry(ticket, 2, 800) } }
    end
    log:persist { ticket = 10, term = 2, first = 10,
      entries = { desk.entry(10, 2, 5000) } }
    disk:drain()
    for _, batch in ipairs(probe.wal_scan(
      disk:contents(desk.segment(1))).batches) do
      assert.is_true(batch.size <= 2048 or #batch.records == 1)
    end
    assert.equal(10, log:events().durable)
  end)

  it("allocates nothing per entry once its arrays have grown", function ()
    local log, disk = desk.fresh { segment_bytes = 1024 * 1024,
      batch_bytes = 65536 }
    local index = 2
    local function round(count)
      local entries = {}
      for i = 1, count do
        entries[i] = desk.entry(index + i - 1, 2)
      end
      log:persist { ticket = index, term = 2, first = index,
        entries = entries }
      index = index + count
      disk:drain()
    end
    for _ = 1, 70 do -- places grow to 128
      round(50)
    end
    local before = log:allocations()
    for _ = 1, 20 do
      round(50)
    end
    assert.equal(before, (log:allocations()))
  end)

  it("larger than a segment gets a segment of its own size", function ()
    local log, disk = desk.fresh()
    assert.equal("ok", desk.write(log, disk, 1, 2, { 2, 2, 9000 }))
    assert.equal(1, log:events().durable)
    assert.equal("ok", desk.write(log, disk, 2, 2, { 3, 3, 20 }))
    desk.close(log, disk)
    assert.is_true(#disk:contents(desk.segment(2)) > 9000)
    log = desk.opened(disk, { seed = 2 })
    assert.equal(3, log:told().last)
    local status, read = log:read(2, 2)
    assert.equal("ok", status)
    assert.equal(desk.entry(2, 2, 9000), read[1])
  end)
end)

describe("wal: the next segment", function ()
  it("is made before it is needed, with its whole length", function ()
    local log, disk = desk.fresh()
    assert.same({ desk.segment(1), desk.segment(2) }, disk:names(true))
    assert.equal(4096, #disk:contents(desk.segment(2), true))
    assert.equal(2, log:status().segments)
    assert.equal(8192, log:status().bytes)
  end)

  it("begins with a checkpoint of all that came before", function ()
    local log, disk = desk.fresh()
    log:persist_peer(1, 2, 1002)
    log:persist_peer(2, 3, 1003)
    log:persist { ticket = 3, term = 5, vote = 3, first = 2,
      entries = { desk.entry(2, 5, 500), desk.entry(3, 5, 500) } }
    disk:drain()
    desk.write(log, disk, 4, 5, { 4, 4, 1500 })
    local first = probe.wal_scan(disk:contents(desk.segment(2))).batches[1]
    local format = probe.wal_format
    assert.same({ kind = format.checkpoint, size = 0, a = 3, b = 0 },
      first.records[1])
    assert.same({ kind = format.peer, size = 0, a = 2, b = 1002 },
      first.records[2])
    assert.same({ kind = format.peer, size = 0, a = 3, b = 1003 },
      first.records[3])
    assert.same({ kind = format.configuration, size = 140, a = 1, b = 1 },
      first.records[4])
    assert.same({ kind = format.entry, size = 1580, a = 4, b = 5 },
      first.records[5])
  end)
end)

describe("wal: a mark", function ()
  it("comes once the log is quiet, and only once", function ()
    local log, disk = desk.fresh()
    desk.write(log, disk, 1, 2, { 2, 2 })
    local syncs = log:status().syncs
    assert.equal(100000, log:deadline())
    log:pass(99999)
    assert.equal(syncs, log:status().syncs)
    log:pass(1)
    assert.equal(syncs + 1, log:status().syncs)
    assert.is_nil(log:deadline())
    log:pass(1000000)
    assert.equal(syncs + 1, log:status().syncs)
  end)

  it("always has room: damage of a last batch of any size is seen",
  function ()
    for size = 1, 3000, 61 do
      local log, disk = desk.fresh()
      desk.write(log, disk, 1, 2, { 2, 2, size })
      desk.close(log, disk)
      local name, scan
      for number = 2, 1, -1 do
        name = desk.segment(number)
        scan = probe.wal_scan(disk:contents(name))
        if #scan.batches > 1 or (number == 2 and #scan.batches > 0) then
          break
        end
      end
      local last = scan.batches[#scan.batches - 1]
      assert.equal(0, #scan.batches[#scan.batches].records, "no mark")
      disk:flip(name, last.offset + last.size - 512 + 3, 0)
      assert.equal("corrupt", (desk.refused(disk)), "size " .. size)
    end
  end)

  it("holds room for what is queued, and no longer", function ()
    local log, disk = desk.fresh { segment_bytes = 1048576 }
    local ticket = 0
    local function rounds(count)
      for _ = 1, count do
        for member = 2, 4 do
          ticket = ticket + 2
          log:persist_peer(ticket - 1, member, ticket)
          log:persist { ticket = ticket, term = 2, first = 2,
            entries = { desk.entry(2, 2, 20, desk.CONFIGURATION) } }
        end
        disk:drain()
      end
      return select(2, log:allocations())
    end
    local bytes = rounds(20)
    assert.equal(bytes, rounds(200))
  end)
end)
