-- SPDX-License-Identifier: MIT
local probe = require "raft.probe"

local function troubled(given)
  local options = given or {}
  options.troubled = true
  local disk = probe.disk(options)
  disk:perform { operation = "make" }
  return disk
end

local function ask(disk, request)
  local result = disk:perform(request)
  assert.equal("ok", result.status)
  return result
end

local function new_file(disk)
  return ask(disk, { operation = "create", name = "a" }).file
end

describe("fault_disk", function ()
  it("does nothing when nothing is ordered", function ()
    local disk = troubled()
    local file = new_file(disk)
    ask(disk, { operation = "write", file = file, bytes = "abc" })
    ask(disk, { operation = "sync", file = file })
    assert.equal("abc", disk:contents "a")
    assert.is_nil(disk:pass(0))
  end)

  it("makes a sync wait, and everything behind it", function ()
    local disk = troubled()
    local file = new_file(disk)
    disk:trouble { slow = 1000 }
    ask(disk, { operation = "write", file = file, bytes = "abc" })
    local sync = disk:submit { operation = "sync", file = file }
    local write = disk:submit { operation = "write", file = file,
      bytes = "xyz" }
    assert.equal(1, disk:pass(999))
    assert.is_nil(disk:result(sync))
    assert.is_nil(disk:result(write))
    assert.is_nil(disk:pass(1))
    assert.equal("ok", disk:result(sync).status)
    assert.equal("ok", disk:result(write).status)
    assert.equal("xyz", disk:contents "a")
  end)

  it("lets go what waits when it is mended", function ()
    local disk = troubled()
    local file = new_file(disk)
    disk:trouble { slow = 1000 }
    local sync = disk:submit { operation = "sync", file = file }
    disk:trouble { slow = 0 }
    disk:drain()
    assert.equal("ok", disk:result(sync).status)
  end)

  it("fails the Nth write or sync, once, in its turn", function ()
    local disk = troubled()
    local file = new_file(disk)
    disk:trouble { fail = 2 }
    ask(disk, { operation = "write", file = file, bytes = "abc" })
    local failed = disk:perform { operation = "sync", file = file }
    assert.equal("io", failed.status)
    ask(disk, { operation = "sync", file = file })
  end)

  it("does nothing of what fails", function ()
    local disk = troubled()
    local file = new_file(disk)
    disk:trouble { fail = 1 }
    local failed = disk:perform { operation = "write", file = file,
      bytes = "abc" }
    assert.equal("io", failed.status)
    assert.equal("", disk:contents "a")
  end)

  it("is full when what is left is used up, by what files grow alone",
  function ()
    local disk = troubled()
    local file = new_file(disk)
    disk:trouble { left = 10 }
    ask(disk, { operation = "allocate", file = file, size = 8 })
    ask(disk, { operation = "write", file = file, bytes = "12345678" })
    local failed = disk:perform { operation = "write", file = file,
      offset = 8, bytes = "abc" }
    assert.equal("disk_full", failed.status)
    ask(disk, { operation = "write", file = file, offset = 8, bytes = "ab" })
    failed = disk:perform { operation = "create", name = "b" }
    assert.equal("disk_full", failed.status)
    disk:trouble { left = -1 }
    ask(disk, { operation = "create", name = "b" })
    ask(disk, { operation = "write", file = file, offset = 10,
      bytes = "abc" })
  end)

  it("knows how long a file is that it opens", function ()
    local disk = troubled()
    local file = new_file(disk)
    ask(disk, { operation = "allocate", file = file, size = 8 })
    ask(disk, { operation = "close", file = file })
    file = ask(disk, { operation = "open", name = "a" }).file
    disk:trouble { left = 0 }
    ask(disk, { operation = "write", file = file, bytes = "12345678" })
    local failed = disk:perform { operation = "allocate", file = file,
      size = 9 }
    assert.equal("disk_full", failed.status)
  end)
end)

describe("fault_disk above fault_fs: a sync that fails", function ()
  local function both()
    local disk = troubled { forgets = true }
    local file = new_file(disk)
    ask(disk, { operation = "write", file = file, bytes = "old" })
    ask(disk, { operation = "sync", file = file })
    ask(disk, { operation = "sync_directory" })
    return disk, file
  end

  local function read(disk, file)
    return ask(disk, { operation = "read", file = file, size = 9 }).bytes
  end

  local function fail(disk, request)
    disk:trouble { fail = 1 }
    assert.equal("io", disk:perform(request).status)
  end

  it("loses what it covered, although a later one succeeds", function ()
    local disk, file = both()
    ask(disk, { operation = "write", file = file, bytes = "new" })
    fail(disk, { operation = "sync", file = file })
    assert.equal("new", read(disk, file))
    assert.equal(0, disk:held())
    ask(disk, { operation = "write", file = file, offset = 3,
      bytes = "er" })
    ask(disk, { operation = "sync", file = file })
    assert.equal("newer", read(disk, file))
    disk:kill()
    file = ask(disk, { operation = "open", name = "a" }).file
    assert.equal("older", read(disk, file))
  end)

  it("leaves to be seen what was written last", function ()
    local disk, file = both()
    ask(disk, { operation = "write", file = file, bytes = "new" })
    fail(disk, { operation = "sync", file = file })
    ask(disk, { operation = "write", file = file, offset = 1,
      bytes = "i" })
    ask(disk, { operation = "sync", file = file })
    assert.equal("niw", read(disk, file))
    assert.equal("oid", disk:contents "a")
  end)

  it("does not give what is lost to a loss of power", function ()
    local disk, file = both()
    ask(disk, { operation = "write", file = file, bytes = "new" })
    fail(disk, { operation = "sync", file = file })
    disk:spill()
    assert.equal("old", disk:contents "a")
  end)

  it("of the directory loses names alike", function ()
    local disk = both()
    ask(disk, { operation = "rename", name = "a", target = "b" })
    fail(disk, { operation = "sync_directory" })
    ask(disk, { operation = "sync_directory" })
    assert.equal("ok", disk:perform { operation = "open", name = "b" }.status)
    disk:kill()
    ask(disk, { operation = "open", name = "a" })
  end)
end)

describe("fault_fs: a loss of power", function ()
  local function holding(sectors)
    local disk = probe.disk { forgets = true }
    disk:perform { operation = "make" }
    local file = new_file(disk)
    ask(disk, { operation = "allocate", file = file, size = sectors * 512 })
    for i = 0, sectors - 1 do
      ask(disk, { operation = "write", file = file, offset = i * 512,
        bytes = ("x"):rep(512) })
    end
    return disk, file
  end

  it("that spares contents passes on all that was written", function ()
    local disk = holding(4)
    assert.is_true(disk:spill())
    assert.equal(("x"):rep(4 * 512), disk:contents "a")
    assert.equal(0, disk:held())
  end)

  it("leaves some sectors and not others", function ()
    local seen = {}
    for bits = 1, 40 do
      local disk = holding(1)
      assert.is_true(disk:spill(bits))
      seen[#disk:contents("a"):gsub("%z", "")] = true
    end
    assert.is_true(seen[0] and seen[512])
  end)

  it("keeps no name that was not synced", function ()
    local disk = holding(1)
    ask(disk, { operation = "rename", name = "a", target = "b" })
    assert.is_true(disk:spill())
    assert.same({ "a" }, disk:names())
  end)

  it("on a disk that lies takes what was said to be synced", function ()
    local disk, file = holding(1)
    disk:lie(true)
    ask(disk, { operation = "sync", file = file })
    assert.equal(512, disk:held())
    assert.equal(("\0"):rep(512), disk:contents "a")
    disk:lie(false)
    ask(disk, { operation = "sync", file = file })
    assert.equal(("x"):rep(512), disk:contents "a")
  end)
end)
