-- SPDX-License-Identifier: MIT
--
-- luaraft wal on directories of members: one that runs, one that has a
-- snapshot and has let go of old segments, one that was damaged.

local Cluster = require "spec.real.cluster"
local json = require "raft.json"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"
local LIMITS = { segment_bytes = "16KiB", batch_bytes = "8KiB",
  entry_bytes = "4KiB", append_bytes = "4KiB", snapshot_bytes = "24KiB",
  retained_entries = 2 }

describe("luaraft wal #once", function ()
  local cluster, at

  local function luaraft(format, ...)
    return Cluster.sh(LUA .. " scripts/luaraft wal " .. format:format(...))
  end

  local function flip(path, offset)
    local file = assert(io.open(path, "r+b"))
    file:seek("set", offset)
    local byte = file:read(1):byte()
    file:seek("set", offset)
    file:write(string.char((byte + 1) % 256))
    file:close()
  end

  lazy_setup(function ()
    cluster = Cluster.new { count = 1, member = { machine = "raft.kv",
      limits = LIMITS } }
    at = cluster:dir_of(1)
    cluster:start_all()
    local client = cluster:client()
    for i = 1, 150 do
      assert(client:propose { "set", "x" .. i % 5, ("v"):rep(600) })
    end
    client:close()
  end)

  lazy_teardown(function ()
    cluster:close()
  end)

  it("reads a directory in use, and says by whom", function ()
    local code, text = luaraft("%s", at)
    assert.equal(0, code, text)
    assert.truthy(text:find("in use by process " .. cluster.pids[1], 1, true),
      text)
    assert.truthy(text:find "snapshot%-%d+ +1%-%d+ ", text)
    code, text = luaraft("%s verify", at)
    assert.equal(0, code, text)
    assert.truthy(text:find "with [1-9]%d* blocks: all sound\n$", text)
  end)

  it("reads while the log is being written, without false alarm", function ()
    local client = cluster:client()
    local pending = 0
    for _ = 1, 40 do
      for i = 1, 5 do
        pending = pending + 1
        client:propose({ "set", "y" .. i, ("w"):rep(900) }, function ()
          pending = pending - 1
        end)
      end
      local ok, found = raft.inspect(at, { blocks = true })
      assert.is_true(ok)
      assert.same({}, found.problems)
      client:step "1ms"
    end
    while pending > 0 do
      client:step "100ms"
    end
    client:close()
  end)

  it("a log that was shortened begins behind its snapshot", function ()
    local ok, found = raft.inspect(at)
    assert.is_true(ok)
    assert.is_true(found.log.base > 1)
    assert.is_true(found.snapshots[#found.snapshots].index >= found.log.base)
    local code, text = luaraft("%s dump --from %.0f --to %.0f", at,
      found.log.last - 1, found.log.last)
    assert.equal(0, code)
    local indexes = {}
    for line in text:gmatch "[^\n]+" do
      local good, entry = json.decode(line)
      assert.is_true(good)
      assert.same({ "set", ("w"):rep(900) }, { entry.value[1],
        entry.value[3] })
      indexes[#indexes + 1] = entry.index
    end
    assert.same({ found.log.last - 1, found.log.last }, indexes)
  end)

  it("a damaged snapshot is told with file and offset", function ()
    local copy = cluster.dir .. "/copy"
    os.execute(("cp -r %s %s"):format(at, copy))
    local ok, found = raft.inspect(copy)
    assert.is_true(ok)
    assert.is_nil(found.holder)
    local name = found.snapshots[1].name
    flip(copy .. "/" .. name, 512 + 100)
    local code, text = luaraft("%s list", copy)
    assert.equal(0, code, "a list does not read the blocks: " .. text)
    code, text = luaraft("%s verify", copy)
    assert.equal(1, code)
    assert.truthy(text:find(name .. ": the block at offset 512 is damaged", 1,
      true), text)
    -- Without a snapshot the log begins in the middle of nowhere.
    os.execute(("rm %s/snapshot-*"):format(copy))
    code, text = luaraft("%s", copy)
    assert.equal(1, code)
    assert.truthy(text:find("and no snapshot has those before", 1, true),
      text)
  end)

  it("a snapshot of another directory is told", function ()
    local copy = cluster.dir .. "/foreign"
    local other = Cluster.folder()
    os.execute(("cp -r %s %s"):format(at, copy))
    assert(raft.init { id = 1, dir = other .. "/d", members = { "a:1" } })
    os.execute(("cp %s/d/log-* %s; rm %s/log-00000000[1-9]*; rm -r %s"):format(
      other, copy, copy, other))
    local ok, found = raft.inspect(copy)
    assert.is_true(ok)
    local text = {}
    for i, one in ipairs(found.problems) do
      text[i] = one.message
    end
    assert.truthy(table.concat(text, "\n"):find("made elsewhere", 1, true))
  end)
end)
