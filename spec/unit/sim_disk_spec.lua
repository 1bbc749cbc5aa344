-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local probe = require "raft.probe"

local SECTOR = 512
local unpack = table.unpack or unpack -- luacheck: ignore

local function sectors(letters)
  local parts = {}
  for letter in letters:gmatch "." do
    parts[#parts + 1] = letter:rep(SECTOR)
  end
  return table.concat(parts)
end

-- The letters of a file's sectors; "." for zeros.
local function letters(bytes)
  local out = {}
  for at = 1, #bytes, SECTOR do
    local letter = bytes:sub(at, at)
    out[#out + 1] = letter == "\0" and "." or letter
  end
  return table.concat(out)
end

local Disk = {}
Disk.__index = Disk

-- A disk with one synced file "a" of four sectors of zeros.
local function new_disk()
  local self = setmetatable({ disk = probe.disk {} }, Disk)
  self.disk:perform { operation = "make" }
  self.file = self:ask { operation = "create", name = "a" }.file
  self:ask { operation = "allocate", file = self.file, size = 4 * SECTOR }
  self:ask { operation = "sync", file = self.file }
  self:ask { operation = "sync_directory" }
  return self
end

function Disk:ask(request)
  local result = self.disk:perform(request)
  assert.equal("ok", result.status)
  return result
end

function Disk:write(offset, bytes)
  return self:ask { operation = "write", file = self.file, offset = offset,
    bytes = bytes }
end

function Disk:seen()
  return letters(self.disk:contents "a")
end

function Disk:stored()
  return letters(self.disk:contents("a", true))
end

describe("sim_disk: bytes", function ()
  it("are seen at once and stored after the sync", function ()
    local it_ = new_disk()
    it_:write(0, sectors "xy")
    assert.equal("xy..", it_:seen())
    assert.equal("....", it_:stored())
    it_:ask { operation = "sync", file = it_.file }
    assert.equal("xy..", it_:stored())
    assert.equal(0, it_.disk:unsynced())
  end)

  it("survive power loss sector by sector, in every combination",
  function ()
    local found = {}
    for mask = 0, 7 do
      local it_ = new_disk()
      it_:write(0, sectors "xyz")
      assert.equal(3, it_.disk:crash(mask))
      assert.equal(it_:seen(), it_:stored())
      found[#found + 1] = it_:seen()
    end
    assert.same({ "....", "x...", ".y..", "xy..", "..z.", "x.z.", ".yz.",
      "xyz." }, found)
  end)

  it("written twice may survive as first written", function ()
    local found = {}
    for mask = 0, 3 do
      local it_ = new_disk()
      it_:write(0, sectors "x")
      it_:write(0, sectors "y")
      it_.disk:crash(mask)
      found[#found + 1] = it_:seen()
    end
    assert.same({ "....", "x...", "y...", "y..." }, found)
  end)

  it("of one request are one change per sector", function ()
    local it_ = new_disk()
    it_:write(100, ("x"):rep(SECTOR))
    assert.equal(2, it_.disk:unsynced())
  end)

  it("survive a kill, and are as unsynced as before", function ()
    local it_ = new_disk()
    it_:write(0, sectors "x")
    it_.disk:kill()
    assert.equal("x...", it_:seen())
    assert.equal("....", it_:stored())
    it_.disk:crash(0)
    assert.equal("....", it_:seen())
  end)

  it("agree with a naive twin over random writes, syncs and crashes",
  function ()
    helper.check(200, function (random)
      local it_ = new_disk()
      local seen, stored, changes = { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, {}
      local function show(list)
        local out = {}
        for i, value in ipairs(list) do
          out[i] = value == 0 and "." or string.char(96 + value)
        end
        return table.concat(out)
      end
      for _ = 1, random:integer(1, 20) do
        local what = random:integer(1, 6)
        if what <= 4 then
          local at, value = random:integer(1, 4), random:integer(1, 26)
          it_:write((at - 1) * SECTOR, sectors(string.char(96 + value)))
          seen[at] = value
          changes[#changes + 1] = { at = at, value = value }
        elseif what == 5 then
          it_:ask { operation = "sync", file = it_.file }
          for _, change in ipairs(changes) do
            stored[change.at] = change.value
          end
          changes = {}
        else
          local mask = random:integer(0, 2 ^ math.min(#changes, 20) - 1)
          it_.disk:crash(mask)
          for i, change in ipairs(changes) do
            if math.floor(mask / 2 ^ (i - 1)) % 2 == 1 then
              stored[change.at] = change.value
            end
          end
          seen, changes = { unpack(stored) }, {}
          it_.file = it_:ask { operation = "open", name = "a" }.file
        end
        assert.equal(show(seen), it_:seen())
        assert.equal(show(stored), it_:stored())
      end
    end)
  end)
end)

describe("sim_disk: a failed sync", function ()
  it("stores what chance says, and a later sync proves nothing", function ()
    for mask = 0, 3 do
      local it_ = new_disk()
      it_:write(0, sectors "xy")
      it_.disk:choose(mask)
      it_.disk:fail("sync", 0)
      local result = it_.disk:perform { operation = "sync",
        file = it_.file }
      assert.equal("io", result.status)
      assert.equal("xy..", it_:seen())
      assert.equal(0, it_.disk:unsynced()) -- the pages are clean
      it_:ask { operation = "sync", file = it_.file }
      local expected = ({ [0] = "....", "x...", ".y..", "xy.." })[mask]
      assert.equal(expected, it_:stored())
      it_.disk:crash(2 ^ 20 - 1)
      assert.equal(expected, it_:seen())
    end
  end)

  it("is repaired only by writing again", function ()
    local it_ = new_disk()
    it_:write(0, sectors "x")
    it_.disk:fail("sync", 0)
    it_.disk:perform { operation = "sync", file = it_.file }
    it_:write(0, sectors "x")
    it_:ask { operation = "sync", file = it_.file }
    assert.equal("x...", it_:stored())
  end)
end)

describe("sim_disk: lengths", function ()
  it("are seen at once and stored after the sync", function ()
    local it_ = new_disk()
    it_:write(4 * SECTOR, sectors "x")
    assert.equal("....x", it_:seen())
    assert.equal("....", it_:stored())
    local lost = it_.disk:copy()
    lost:crash(2) -- the sector without the length
    assert.equal("....", letters(lost:contents "a"))
    it_.disk:crash(1) -- the length without the sector
    assert.equal(".....", it_:seen())
  end)
end)

describe("sim_disk: names", function ()
  it("are stored after the directory's sync, not the file's", function ()
    local it_ = new_disk()
    local file = it_:ask { operation = "create", name = "b" }.file
    it_:ask { operation = "sync", file = file }
    assert.same({ "a", "b" }, it_.disk:names())
    assert.same({ "a" }, it_.disk:names(true))
    it_:ask { operation = "sync_directory" }
    assert.same({ "a", "b" }, it_.disk:names(true))
  end)

  it("of a rename survive power loss or not, never both or none",
  function ()
    for mask = 0, 1 do
      local it_ = new_disk()
      it_:ask { operation = "rename", name = "a", target = "b" }
      assert.same({ "b" }, it_.disk:names())
      assert.equal(1, it_.disk:crash(mask))
      assert.same({ mask == 0 and "a" or "b" }, it_.disk:names())
    end
  end)

  it("are replaced by a rename, whole", function ()
    local it_ = new_disk()
    it_:write(0, sectors "x")
    it_:ask { operation = "create", name = "b" }
    it_:ask { operation = "rename", name = "a", target = "b" }
    assert.same({ "b" }, it_.disk:names())
    assert.equal("x...", letters(it_.disk:contents "b"))
    it_:write(0, sectors "y") -- the handle follows
    assert.equal("y...", letters(it_.disk:contents "b"))
  end)

  it("of a removal come back when it is lost", function ()
    local it_ = new_disk()
    it_:ask { operation = "remove", name = "a" }
    assert.same({}, it_.disk:names())
    it_.disk:crash(0)
    assert.same({ "a" }, it_.disk:names())
  end)

  it("after a failed directory sync are clean, stored or not", function ()
    for mask = 0, 1 do
      local it_ = new_disk()
      it_:ask { operation = "rename", name = "a", target = "b" }
      it_.disk:choose(mask)
      it_.disk:fail("sync", 0)
      assert.equal("io",
        it_.disk:perform { operation = "sync_directory" }.status)
      it_:ask { operation = "sync_directory" }
      assert.same({ "b" }, it_.disk:names())
      assert.same({ mask == 0 and "a" or "b" }, it_.disk:names(true))
    end
  end)
end)

describe("sim_disk: requests", function ()
  it("are performed in order, one per step", function ()
    local it_ = new_disk()
    local one = it_.disk:submit { operation = "write", file = it_.file,
      bytes = sectors "x" }
    local two = it_.disk:submit { operation = "read", file = it_.file,
      size = SECTOR }
    assert.is_nil(it_.disk:result(one))
    assert.is_true(it_.disk:step())
    assert.equal("ok", it_.disk:result(one).status)
    assert.is_nil(it_.disk:result(two))
    assert.is_true(it_.disk:step())
    assert.equal(sectors "x", it_.disk:result(two).bytes)
    assert.is_false(it_.disk:step())
  end)

  it("that wait are dropped at a kill, without an answer", function ()
    local it_ = new_disk()
    local id = it_.disk:submit { operation = "write", file = it_.file,
      bytes = sectors "x" }
    it_.disk:kill()
    assert.is_false(it_.disk:step())
    assert.is_nil(it_.disk:result(id))
    assert.equal("....", it_:seen())
    assert.equal("io", it_.disk:perform { operation = "sync",
      file = it_.file }.status) -- the handle is gone too
  end)

  it("fail as planned, the Nth of a kind", function ()
    local it_ = new_disk()
    it_.disk:fail("write", 1)
    it_:write(0, sectors "x")
    local result = it_.disk:perform { operation = "write", file = it_.file,
      offset = SECTOR, bytes = sectors "y" }
    assert.equal("io", result.status)
    assert.equal("x...", it_:seen())
    it_:write(SECTOR, sectors "y")
    assert.equal("xy..", it_:seen())
  end)

  it("say what is not there", function ()
    local disk = probe.disk {}
    assert.equal("not_found", disk:perform { operation = "lock" }.status)
    disk:perform { operation = "make" }
    assert.equal("not_found",
      disk:perform { operation = "open", name = "a" }.status)
    disk:perform { operation = "create", name = "a" }
    assert.equal("exists",
      disk:perform { operation = "create", name = "a" }.status)
    assert.equal("not_found",
      disk:perform { operation = "remove", name = "b" }.status)
  end)

  it("of a second process find the lock taken, until it is gone",
  function ()
    local it_ = new_disk()
    it_:ask { operation = "lock" }
    it_:ask { operation = "lock" } -- the same process may ask again
    it_.disk:become(2)
    assert.equal("locked", it_.disk:perform { operation = "lock" }.status)
    it_.disk:release(1)
    it_:ask { operation = "lock" }
    it_.disk:crash(0)
    it_.disk:become(1)
    it_:ask { operation = "lock" }
  end)
end)

describe("sim_disk: space", function ()
  it("ends at the capacity; allocated bytes can still be written",
  function ()
    local it_ = new_disk()
    it_.disk:capacity(5 * SECTOR)
    it_:write(0, sectors "wxyz")
    it_:write(4 * SECTOR, sectors "v")
    assert.equal(5 * SECTOR, it_.disk:used())
    assert.equal("disk_full", it_.disk:perform { operation = "write",
      file = it_.file, offset = 5 * SECTOR, bytes = "u" }.status)
    assert.equal("disk_full", it_.disk:perform { operation = "allocate",
      file = it_.file, size = 6 * SECTOR }.status)
    assert.equal("wxyzv", it_:seen())
  end)
end)

describe("sim_disk: a copy", function ()
  it("is a disk of its own, with all that is unsynced", function ()
    local it_ = new_disk()
    it_:write(0, sectors "xy")
    it_:ask { operation = "create", name = "b" }
    local copy = it_.disk:copy()
    assert.equal(it_.disk:hash(), copy:hash())
    it_:write(0, sectors "z")
    copy:crash(1)
    assert.equal("x...", letters(copy:contents "a"))
    assert.same({ "a" }, copy:names())
    assert.equal("zy..", it_:seen())
    assert.is_not.equal(it_.disk:hash(), copy:hash())
  end)

  it("hashes alike however it came to its bytes", function ()
    local one, two = new_disk(), new_disk()
    one:write(0, sectors "xy")
    one:ask { operation = "sync", file = one.file }
    two:write(SECTOR, sectors "y")
    two:ask { operation = "sync", file = two.file }
    two:write(2 * SECTOR, sectors "z")
    two:write(0, sectors "x")
    two:write(2 * SECTOR, ("\0"):rep(SECTOR))
    two:ask { operation = "sync", file = two.file }
    assert.equal(one.disk:hash(), two.disk:hash())
    two:write(0, sectors "x") -- the same bytes, but unsynced
    assert.is_not.equal(one.disk:hash(), two.disk:hash())
  end)
end)
