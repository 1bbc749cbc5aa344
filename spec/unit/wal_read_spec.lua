-- SPDX-License-Identifier: MIT
--
-- Old entries read back from a log, and a log that is closed.

local probe = require "raft.probe"
local desk = require "spec.wal_desk"

describe("wal: read", function ()
  local function filled()
    local log, disk = desk.fresh()
    for i = 2, 30 do
      desk.write(log, disk, i, 2, { i, i, 300 })
    end
    return log, disk
  end

  it("gives any range, from any segment, in any order", function ()
    local log = filled()
    for _, range in ipairs { { 1, 30 }, { 30, 1 }, { 2, 1 }, { 9, 14 },
      { 25, 6 }, { 3, 2 } } do
      local status, read = log:read(range[1], range[2])
      assert.equal("ok", status)
      assert.equal(range[2], #read)
      for i, bytes in ipairs(read) do
        local index = range[1] + i - 1
        assert.equal(index == 1 and desk.first_entry()
          or desk.entry(index, 2, 300), bytes)
      end
    end
  end)

  it("gives no more than max_bytes, but at least one", function ()
    local log = filled()
    local _, read = log:read(2, 20, 3 * 380 + 379)
    assert.equal(3, #read)
    _, read = log:read(2, 20, 1)
    assert.equal(1, #read)
  end)

  it("has no room for more entries than there can be", function ()
    local log = filled()
    local before = log:peak()
    for _, max_bytes in ipairs { 1000, 1e15 } do
      local status, read = log:read(2, 2 ^ 31 - 1, max_bytes)
      assert.equal("ok", status)
      assert.equal(max_bytes == 1000 and 2 or 29, #read)
    end
    assert.is_true(log:peak() - before < 29 * 380 + 10000)
  end)

  it("checks again: a bit that rots after opening is named", function ()
    local log, disk = filled()
    local name = desk.segment(2)
    local batch = probe.wal_scan(disk:contents(name)).batches[2]
    disk:flip(name, batch.offset + 200, 5)
    local index = batch.records[1].a
    local status, text = log:read(index, 1)
    assert.equal("corrupt", status)
    assert.equal(("%s: a record does not match its checksum at offset %d")
      :format(name, batch.offset), text)
    assert.equal("ok", (log:read(index - 1, 1)))
    assert.equal("ok", (log:read(index + 1, 1)))
  end)

  it("says so when entries are not in the log", function ()
    local log = filled()
    assert.equal("invalid", (log:read(31, 1)))
    assert.equal("invalid", (log:read(0, 1)))
  end)

  it("gives the entries that stand, when a batch cut its own", function ()
    local log, disk = desk.fresh()
    log:persist { ticket = 1, term = 2 }
    log:persist { ticket = 2, term = 2, first = 2, entries = {
      desk.entry(2, 2), desk.entry(3, 2), desk.entry(4, 2) } }
    log:persist { ticket = 3, term = 3, first = 3,
      entries = { desk.entry(3, 3) } }
    disk:drain()
    local status, read = log:read(2, 2)
    assert.equal("ok", status)
    assert.same({ desk.entry(2, 2), desk.entry(3, 3) }, read)
    assert.equal("invalid", (log:read(4, 1)))
  end)
end)

describe("wal: close", function ()
  it("waits for what is queued, and proves it with a mark", function ()
    local log, disk = desk.fresh()
    for i = 2, 9 do
      log:persist { ticket = i, term = 2, first = i,
        entries = { desk.entry(i, 2, 800) } }
    end
    log:close()
    assert.is_true(log:events().closed)
    assert.equal(9, log:events().durable)
    assert.equal(0, log:free())
    disk:kill()
    assert.equal(9, desk.opened(disk, { seed = 2 }):told().last)
  end)

  it("in the middle of opening ends after it, at any moment", function ()
    local steps, ended = 0, false
    while not ended do
      local log, disk = desk.fresh()
      desk.write(log, disk, 1, 2, { 2, 5, 700 })
      log:free()
      disk:kill()
      log = desk.log(disk, { seed = 3 })
      log:begin_open()
      for _ = 1, steps do
        ended = not disk:step() or ended
      end
      log:close()
      assert.is_true(log:events().closed)
      assert.equal("ok", log:told().status)
      assert.equal(0, log:free())
      disk:kill()
      assert.equal(5, desk.opened(disk, { seed = 4 }):told().last)
      steps = steps + 1
    end
    assert.is_true(steps > 10)
  end)

  -- A log whose reader has another segment open than it will need.
  local function read_before()
    local log, disk = desk.fresh()
    for i = 2, 30 do
      desk.write(log, disk, i, 2, { i, i, 300 })
    end
    log:read(12, 1)
    log:rest() -- nothing is left to write
    return log, disk
  end

  it("in the middle of a read ends it, too, at any moment", function ()
    for steps = 0, 12 do
      local log = read_before()
      assert.same({ true, "ok" }, { log:close_in_read(2, 3, steps) })
      assert.is_true(log:events().closed)
      assert.equal(0, log:free())
    end
  end)

  it("ends although the read fails, at any of its steps", function ()
    local seen = {}
    for case = 0, 35 do
      local nth, steps = math.floor(case / 6), case % 6
      local log, disk = read_before()
      disk:fail("any", nth)
      local done, status = log:close_in_read(2, 3, steps)
      assert.is_true(done)
      seen[status] = true
      assert.is_true(log:events().closed)
      assert.equal(0, log:free())
    end
    assert.same({ ok = true, io = true }, seen)
    local log = read_before()
    assert.same({ true, "invalid" }, { log:close_in_read(99, 1, 0) })
    assert.is_true(log:events().closed)
  end)

  it("of a directory that cannot be opened ends, too", function ()
    local disk = probe.disk {}
    disk:put(desk.segment(1), "no log")
    local log = desk.log(disk)
    log:begin_open()
    log:close()
    assert.equal("corrupt", log:told().status)
    assert.is_true(log:events().closed)
    assert.equal(0, log:free())
  end)

  it("ends although the last sync fails", function ()
    local log, disk = desk.fresh()
    log:persist { ticket = 1, term = 2 }
    disk:fail("sync", 0)
    log:close()
    assert.is_true(log:events().closed)
    assert.equal("io", log:events().failed)
    assert.equal(0, log:events().durable)
    assert.equal(0, log:free())
  end)
end)
