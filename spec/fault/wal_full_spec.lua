-- SPDX-License-Identifier: MIT
--
-- wal_full_spec - a disk without room for another segment.

local desk = require "spec.wal_desk"

local ROOM = { segment_bytes = 16384, batch_bytes = 2048 }

-- Fills a disk that holds two segments and the file being made of a third,
-- until the log says that it is full. Returns the next index.
local function filled()
  local log, disk = desk.fresh(ROOM)
  disk:capacity(2 * 16384 + 8192)
  local index = 2
  while not log:events().full do
    desk.write(log, disk, index, 2, { index, index, 1000 })
    index = index + 1
    assert.is_true(index < 100)
  end
  assert.equal(index - 1, log:events().durable)
  return log, disk, index
end

describe("wal: a full disk", function ()
  it("is told while nearly a whole segment is left", function ()
    local log, disk, index = filled()
    assert.is_true(log:status().full)
    assert.equal(1, log:events().full_calls)
    for i = index, index + 5 do -- what was on its way is still written
      desk.write(log, disk, i, 2, { i, i, 1000 })
      assert.equal(i, log:events().durable)
    end
    assert.same({ desk.segment(1), desk.segment(2) }, disk:names())
  end)

  it("keeps a reserve for terms and votes", function ()
    local log, disk, index = filled()
    local i = index
    while log:events().durable == i - 1 do
      desk.write(log, disk, i, 2, { i, i, 1000 })
      i = i + 1
    end
    assert.is_true(i > index + 5)
    -- The entry that has no room waits; the log closes without it.
    log:close()
    assert.is_true(log:events().closed)
    log:free()
    disk:kill()
    log = desk.opened(disk, ROOM)
    assert.equal(i - 2, log:told().last)
    assert.is_true(log:events().full)
    for vote = 1, 4 do
      log:persist { ticket = vote, term = 2 + vote, vote = 1 }
      disk:drain()
      assert.equal(vote, log:events().durable)
    end
    desk.close(log, disk)
    log = desk.opened(disk, ROOM)
    assert.equal(6, log:told().term)
    assert.equal(1, log:told().vote)
  end)

  it("lets a vote go before an entry that has no room, whatever comes then",
    function ()
      local log, disk, index = filled()
      local i = index
      while log:events().durable == i - 1 do
        desk.write(log, disk, i, 2, { i, i, 1000 })
        i = i + 1
      end
      local stuck = i - 1
      assert.equal(0, log:events().voted)
      for vote = 1, 4 do
        log:persist { ticket = stuck + vote, term = 2 + vote, vote = vote }
        disk:drain()
        assert.equal(stuck + vote, log:events().voted)
        assert.equal(stuck - 1, log:events().durable)
      end
      -- Power is lost: the vote is there, and the entry is not.
      local image = disk:copy()
      image:kill()
      local other = desk.opened(image, ROOM)
      assert.same({ 6, 4, stuck - 1 },
        { other:told().term, other:told().vote, other:told().last })
      -- There is room: the entry is written, and the vote does not go back.
      disk:capacity(0)
      log:pass(1000000)
      assert.equal(stuck + 4, log:events().durable)
      log:close()
      disk:drain()
      log:free()
      log = desk.opened(disk, ROOM)
      assert.same({ 6, 4, stuck },
        { log:told().term, log:told().vote, log:told().last })
    end)

  it("does not write an older vote with what has waited", function ()
    local seen = {}
    for nth = 0, 7 do -- writes until the disk fails
      local log, disk, index = filled()
      local i = index
      while log:events().durable == i - 1 do
        desk.write(log, disk, i, 2, { i, i, 1900 })
        i = i + 1
      end
      desk.write(log, disk, i, 2, { i, i, 1900 }) -- a batch of its own
      log:persist { ticket = i + 1, term = 7, vote = 3 }
      disk:drain()
      assert.equal(i + 1, log:events().voted)
      disk:capacity(0)
      disk:fail("write", nth, "io")
      log:pass(1000000)
      log:close()
      disk:drain()
      log:free()
      disk:kill()
      log = desk.opened(disk, ROOM)
      assert.same({ 7, 3 }, { log:told().term, log:told().vote })
      seen[log:told().last - i] = true
    end
    assert.same({ [-2] = true, [-1] = true, [0] = true }, seen)
  end)

  it("opens and reads on a disk without a free byte", function ()
    local log, disk, index = filled()
    desk.close(log, disk)
    disk:capacity(disk:used())
    log = desk.opened(disk, ROOM)
    assert.equal(index - 1, log:told().last)
    assert.equal("ok", (log:read(1, index - 1)))
    log:persist { ticket = 1, term = 3, vote = 2 }
    disk:drain()
    assert.equal(1, log:events().durable)
  end)

  it("opens for the first time on a disk without a free byte", function ()
    local disk = desk.made(ROOM)
    disk:capacity(disk:used())
    local log = desk.opened(disk, ROOM)
    assert.is_true(log:events().full)
    log:persist { ticket = 1, term = 3, vote = 2 }
    disk:drain()
    assert.equal(1, log:events().durable)
  end)

  it("is tried again every second, and told when there is room",
  function ()
    local log, disk, index = filled()
    assert.is_true(log:deadline() <= 1000000)
    log:pass(1000000)
    assert.is_true(log:events().full)
    disk:capacity(0)
    log:pass(1000000)
    assert.is_false(log:events().full)
    assert.equal(2, log:events().full_calls)
    for i = index, index + 40 do
      desk.write(log, disk, i, 2, { i, i, 1000 })
      assert.equal(i, log:events().durable)
    end
  end)

  it("writes what waited as soon as there is room", function ()
    local log, disk, index = filled()
    local i = index
    while log:events().durable == i - 1 do
      desk.write(log, disk, i, 2, { i, i, 1000 })
      i = i + 1
    end
    disk:capacity(0)
    log:pass(1000000)
    assert.equal(i - 1, log:events().durable)
  end)
end)
