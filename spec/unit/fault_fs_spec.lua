-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local probe = require "raft.probe"
local desk = require "spec.wal_desk"

-- A disk behind the decorator: names and contents of probe.disk look below.
local function forgetful()
  local disk = probe.disk { forgets = true }
  disk:perform { operation = "make" }
  return disk
end

local function ask(disk, request)
  local result = disk:perform(request)
  assert.equal("ok", result.status)
  return result
end

local function read(disk, file, offset, size)
  return ask(disk, { operation = "read", file = file, offset = offset,
    size = size }).bytes
end

describe("fault_fs: a write", function ()
  it("is seen by its process and by nobody else until it is synced",
  function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "allocate", file = file, size = 8 })
    ask(disk, { operation = "write", file = file, offset = 2,
      bytes = "xyz" })
    assert.equal("\0\0xyz\0\0\0", read(disk, file, 0, 8))
    assert.equal("yz", read(disk, file, 3, 2))
    assert.equal(("\0"):rep(8), disk:contents "a")
    assert.equal(3, disk:held())
    ask(disk, { operation = "sync", file = file })
    assert.equal("\0\0xyz\0\0\0", disk:contents "a")
    assert.equal(0, disk:held())
  end)

  it("is forgotten when the process is killed", function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "write", file = file, bytes = "old" })
    ask(disk, { operation = "sync", file = file })
    ask(disk, { operation = "write", file = file, bytes = "new" })
    disk:kill()
    file = ask(disk, { operation = "open", name = "a" }).file
    assert.equal("old", read(disk, file, 0, 3))
  end)

  it("behind the end makes the file longer, for its process", function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "write", file = file, offset = 4,
      bytes = "x" })
    assert.equal("\0\0\0\0x", read(disk, file, 0, 10))
    local again = ask(disk, { operation = "open", name = "a" })
    assert.equal(5, again.size)
    assert.equal("\0x", read(disk, again.file, 3, 10))
    assert.equal("", disk:contents "a")
  end)

  it("that is asked for before a sync is read as it was", function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "write", file = file, bytes = "one" })
    local id = disk:submit { operation = "read", file = file, size = 3 }
    disk:submit { operation = "sync", file = file }
    disk:drain()
    assert.equal("one", disk:result(id).bytes)
  end)

  it("keeps its turn: all answers come in order", function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    local ids = {
      disk:submit { operation = "write", file = file, bytes = "1" },
      disk:submit { operation = "sync", file = file },
      disk:submit { operation = "write", file = file, bytes = "2" },
      disk:submit { operation = "rename", name = "a", target = "b" },
      disk:submit { operation = "sync_directory" },
      disk:submit { operation = "sync", file = file } }
    local done = 0
    while disk:step() do
      for i, id in ipairs(ids) do
        assert.is_true((disk:result(id) ~= nil) == (i <= done)
          or i == done + 1)
      end
      while done < #ids and disk:result(ids[done + 1]) do
        done = done + 1
      end
    end
    assert.equal(#ids, done)
    assert.equal("2", disk:contents "b")
  end)

  it("tells its failure when it is synced", function ()
    local disk = forgetful()
    local file = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "write", file = file, bytes = "x" })
    disk:fail("write", 0)
    assert.equal("io",
      disk:perform { operation = "sync", file = file }.status)
  end)
end)

describe("fault_fs: a rename", function ()
  it("is seen by its process and by nobody else until the directory is "
    .. "synced", function ()
    local disk = forgetful()
    ask(disk, { operation = "create", name = "a" })
    ask(disk, { operation = "rename", name = "a", target = "b" })
    assert.equal("b\0", ask(disk, { operation = "list" }).bytes)
    assert.same({ "a" }, disk:names())
    ask(disk, { operation = "open", name = "b" })
    assert.equal("exists",
      disk:perform { operation = "create", name = "b" }.status)
    ask(disk, { operation = "sync_directory" })
    assert.same({ "b" }, disk:names())
  end)

  it("over another file hides that one at once", function ()
    local disk = forgetful()
    local old = ask(disk, { operation = "create", name = "b" }).file
    ask(disk, { operation = "write", file = old, bytes = "old" })
    ask(disk, { operation = "sync", file = old })
    local new = ask(disk, { operation = "create", name = "a" }).file
    ask(disk, { operation = "write", file = new, bytes = "new" })
    ask(disk, { operation = "sync", file = new })
    ask(disk, { operation = "rename", name = "a", target = "b" })
    assert.equal("b\0", ask(disk, { operation = "list" }).bytes)
    local file = ask(disk, { operation = "open", name = "b" }).file
    assert.equal("new", read(disk, file, 0, 3))
    assert.equal("old", disk:contents "b")
    disk:kill()
    assert.equal("a\0b\0", ask(disk, { operation = "list" }).bytes)
  end)

  it("that is held does not stand in the way of a new file", function ()
    local disk = forgetful()
    ask(disk, { operation = "create", name = "new" })
    ask(disk, { operation = "rename", name = "new", target = "1" })
    ask(disk, { operation = "create", name = "new" })
    ask(disk, { operation = "rename", name = "new", target = "2" })
    assert.equal("1\0002\0", ask(disk, { operation = "list" }).bytes)
    ask(disk, { operation = "sync_directory" })
    assert.same({ "1", "2" }, disk:names())
  end)

  it("of a name that was used and removed before is the latest's",
  function ()
    local disk = forgetful()
    ask(disk, { operation = "create", name = "new" })
    ask(disk, { operation = "remove", name = "new" })
    ask(disk, { operation = "create", name = "new" })
    assert.equal("new\0", ask(disk, { operation = "list" }).bytes)
    ask(disk, { operation = "rename", name = "new", target = "1" })
    ask(disk, { operation = "sync_directory" })
    assert.same({ "1" }, disk:names())
  end)
end)

-- A log on the decorated disk loses at a kill what a power loss would take.
describe("fault_fs under a log", function ()
  local function run(random, options)
    local disk = probe.disk { forgets = true }
    desk.made(options, disk)
    local log = desk.opened(disk, options)
    local index = 2
    for _ = 1, random:integer(1, 20) do
      log:persist { ticket = index, term = 2, first = index,
        entries = { desk.entry(index, 2, random:integer(0, 900)) } }
      index = index + 1
      for _ = 1, random:integer(0, 6) do
        disk:step()
      end
    end
    local durable = log:events().durable
    log:free()
    disk:kill()
    local again = desk.log(disk, { seed = 2 })
    local status = again:open()
    local last = status == "ok" and again:told().last or 0
    again:free()
    return durable, last
  end

  it("loses nothing that was reported durable, 200 times", function ()
    local lost_some = false
    helper.check(200, function (random)
      local durable, last = run(random)
      assert.is_true(last >= math.max(durable, 1))
      lost_some = lost_some or last > 1
    end)
    assert.is_true(lost_some)
  end)

  local it_with_bugs = probe.with_bugs and it or function () end

  it_with_bugs("loses it when the sync call is missing", function ()
    for _, bug in ipairs { "skip_sync", "skip_directory_sync" } do
      local lost = 0
      helper.check(50, function (random)
        local durable, last = run(random, { bug = bug })
        if last < durable then
          lost = lost + 1
        end
      end)
      assert.is_true(lost > 0, bug .. " is not seen")
    end
  end)
end)
