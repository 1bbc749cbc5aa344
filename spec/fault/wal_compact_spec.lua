-- SPDX-License-Identifier: MIT
--
-- wal_compact_spec - segments that a snapshot covers go, and a log that was
-- emptied for a snapshot goes on behind it.
--
-- Method: a log of several segments of 4 KiB; power is lost after each request
--         of the disk, with all and with none of the unsynced kept.

local desk = require "spec.wal_desk"

-- Entries 2 … last, one batch each, over several segments.
local function filled(last, options)
  local log, disk = desk.fresh(options)
  for index = 2, last do
    desk.write(log, disk, index, 3, { index, index, 700 })
  end
  return log, disk
end

local function segments(disk)
  local names = {}
  for _, name in ipairs(disk:names()) do
    if name:match("^log%-%d") then names[#names + 1] = name end
  end
  return names
end

local function read_back(log, first, last)
  local status, entries = log:read(first, last + 1 - first)
  assert(status == "ok", entries)
  for i, bytes in ipairs(entries) do
    assert.equal(desk.entry(first + i - 1, 3, 700), bytes)
  end
  return #entries
end

describe("wal: compact", function()
  it("removes the segments that hold nothing else, oldest first", function()
    local log, disk = filled(30)
    local before = segments(disk)
    assert.is_true(#before > 6)
    log:compact(12)
    disk:drain()
    local after = segments(disk)
    assert.is_true(#after < #before)
    assert.not_equal(before[1], after[1])
    assert.equal(before[#before], after[#after])
    assert.is_true(read_back(log, 13, 30) > 0)
    assert.equal(#after, log:status().segments)
    desk.close(log, disk)
  end)

  it("keeps what is not covered, and counts the bytes that are left",
    function()
      local log, disk = filled(30)
      local bytes = log:status().bytes
      log:compact(12)
      disk:drain()
      local left = log:status().bytes
      desk.close(log, disk)
      log = desk.opened(disk, { covered = 12 })
      local told = log:told()
      assert.is_true(left < bytes)
      assert.is_true(told.base > 0 and told.base <= 12)
      assert.equal(30, told.last)
      assert.equal(1, told.configuration)
      assert.equal(3, told.term)
      assert.equal(told.base + 1, told.runs[1].first)
      read_back(log, told.base + 1, 30)
      local status = log:read(told.base, 1)
      assert.equal("invalid", status)
      desk.close(log, disk)
    end)

  it("counts the bytes that are left, of segments of any size", function()
    local log, disk = desk.fresh()
    for index = 2, 40 do
      local size = index % 5 == 0 and 500 * index or 700
      desk.write(log, disk, index, 3, { index, index, size })
      if index % 6 == 0 then
        log:compact(index - 2)
        disk:drain()
        local sum = 0
        for _, name in ipairs(segments(disk)) do
          sum = sum + #disk:contents(name)
        end
        assert.equal(sum, log:status().bytes, index)
      end
    end
    desk.close(log, disk)
  end)

  it("removes one that is open because it was read", function()
    local log, disk = filled(30)
    local before = segments(disk)
    read_back(log, 2, 2)
    log:compact(12)
    disk:drain()
    assert.not_equal(before[1], segments(disk)[1])
    desk.close(log, disk)
  end)

  it("never removes the segment that is written to", function()
    local log, disk = filled(30)
    log:compact(30)
    disk:drain()
    assert.is_true(#segments(disk) >= 1)
    for index = 31, 60 do
      desk.write(log, disk, index, 3, { index, index, 700 })
      log:compact(index)
      disk:drain()
    end
    assert.is_true(#segments(disk) <= 3)
    desk.close(log, disk)
    log = desk.opened(disk, { covered = 60 })
    assert.equal(60, log:told().last)
    desk.close(log, disk)
  end)

  it("without a snapshot that covers them missing segments are damage",
    function()
      local log, disk = filled(30)
      log:compact(12)
      disk:drain()
      desk.close(log, disk)
      local status, text = desk.refused(disk)
      assert.equal("corrupt", status)
      assert.truthy(text:find("the file is missing", 1, true))
      assert.truthy(text:find(segments(disk)[1], 1, true))
    end)

  it("a segment missing in between is damage, unless all before is covered",
    function()
      local log, disk = filled(30)
      desk.close(log, disk)
      disk:remove(segments(disk)[3])
      for _, covered in ipairs { 0, 4 } do
        local status, text = desk.refused(disk, { covered = covered })
        assert.equal("corrupt", status)
        assert.truthy(text:find("the file is missing", 1, true))
      end
      -- A removal that a failed sync has lost comes back with the power.
      log = desk.opened(disk, { covered = 30 })
      assert.equal(30, log:told().last)
      assert.is_true(log:told().base > 4)
      desk.close(log, disk)
    end)

  it("what was cut does not count, also when its segments are gone",
    function()
      local log, disk = filled(30)
      desk.write(log, disk, 31, 4, { 20, 24, 700 })
      log:compact(19)
      disk:drain()
      desk.close(log, disk)
      log = desk.opened(disk, { covered = 19 })
      assert.same({ 19, 24 }, { log:told().base, log:told().last })
      desk.close(log, disk)
      assert.equal("corrupt", (desk.refused(disk, { covered = 18 })))
    end)

  it("a configuration that was cut is not missed, wherever segments end",
    function()
      for at = 8, 14 do
        local log, disk = filled(at)
        assert.equal("ok", log:persist { ticket = at + 1, term = 3,
          first = at + 1, entries = {
            desk.entry(at + 1, 3, 60, desk.CONFIGURATION) } })
        disk:drain()
        for index = at - 1, at + 12 do
          desk.write(log, disk, index + 3, 4, { index, index, 700 })
          log:compact(at - 2)
          disk:drain()
        end
        desk.close(log, disk)
        log = desk.opened(disk, { covered = at - 2 })
        assert.equal(at + 12, log:told().last)
        assert.is_true(log:told().configuration <= 1)
        desk.close(log, disk)
      end
    end)

  it("what is being read is not taken away", function()
    local log, disk = filled(30)
    assert.equal(1, read_back(log, 5, 5))
    log:compact(12)
    disk:drain()
    assert.is_true(read_back(log, 20, 20) == 1)
    desk.close(log, disk)
  end)
end)

describe("wal: reset", function()
  it("empties the log, which goes on behind the snapshot", function()
    local log, disk = filled(10)
    assert.equal("ok", log:persist { ticket = 11, term = 5, first = 101,
      reset = true, entries = {} })
    disk:drain()
    assert.equal(11, log:events().durable)
    assert.equal("invalid", (log:read(5, 1)))
    desk.write(log, disk, 12, 5, { 101, 103, 700 })
    desk.close(log, disk)
    log = desk.opened(disk, { covered = 100 })
    local told = log:told()
    assert.same({ 100, 103, 5, 0 },
      { told.base, told.last, told.term, told.configuration })
    desk.close(log, disk)
  end)

  it("and the segments before it go", function()
    local log, disk = filled(30)
    log:persist { ticket = 31, term = 5, first = 101, reset = true,
      entries = {} }
    disk:drain()
    for index = 101, 120 do
      desk.write(log, disk, index, 5, { index, index, 700 })
    end
    log:compact(100)
    disk:drain()
    desk.close(log, disk)
    log = desk.opened(disk, { covered = 100 })
    assert.same({ 100, 120 }, { log:told().base, log:told().last })
    desk.close(log, disk)
  end)

  it("to an index that no log comes near is damage", function()
    for _, case in ipairs { { 2 ^ 52, "ok" }, { 2 ^ 52 + 1, "corrupt" } } do
      local log, disk = filled(10)
      log:persist { ticket = 11, term = 5, first = case[1], reset = true,
        entries = {} }
      disk:drain()
      desk.close(log, disk)
      log = desk.log(disk, { covered = 2 ^ 53 - 1 })
      assert.equal(case[2], (log:open()))
      log:free()
    end
  end)
end)

-- Each story is told until its Nth request of the disk, for every N.
local function crash_everywhere(story)
  local steps, kept = 0, 0
  while true do
    for _, keep in ipairs { 0, 2 ^ 30 - 1 } do
      local log, disk = filled(14)
      story.act(log)
      local ended = false
      for _ = 1, steps do ended = not disk:step() or ended end
      if ended then return kept end
      disk:crash(keep)
      log:free()
      log = desk.opened(disk, { covered = story.covered })
      story.judge(log:told())
      log:free()
      disk:kill()
      kept = kept + 1
    end
    steps = steps + 1
  end
end

describe("wal: every crash while", function()
  it("segments are removed leaves a log that opens, and all that is left",
    function()
      local judged = crash_everywhere {
        covered = 9,
        act = function(log) log:compact(9) end,
        judge = function(told)
          assert.equal(14, told.last)
          assert.is_true(told.base <= 9)
        end,
      }
      print(judged .. " crashes")
      assert.is_true(judged > 8)
    end)

  it("the log is emptied leaves it as it was, or empty", function()
    local judged = crash_everywhere {
      covered = 20,
      act = function(log)
        log:persist { ticket = 15, term = 5, first = 21, reset = true,
          entries = {} }
      end,
      judge = function(told)
        if told.term == 5 then
          assert.same({ 20, 20 }, { told.base, told.last })
        else
          assert.same({ 0, 14, 3 }, { told.base, told.last, told.term })
        end
      end,
    }
    assert.is_true(judged > 2)
  end)
end)

describe("wal: compact", function()
  it("stops the log when a segment cannot be removed", function()
    local log, disk = filled(30)
    disk:fail("any", 1)
    log:compact(12)
    disk:drain()
    assert.equal("io", log:events().failed)
    local text = log:events().text
    assert.truthy(text:find("^log%-0000000001: .*remov"), text)
    log:free()
  end)
end)
