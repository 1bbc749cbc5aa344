-- SPDX-License-Identifier: MIT
--
-- What chaos reads and damages of a member that is down: as quick after an
-- hour as after a second.

local chaos_disk = require "raft.chaos_disk"
local host_of = require("spec.real.cluster").host
local raft = require "raft"

local LIMITS = { segment_bytes = 65536 }

-- A cluster of two in this process, after some writes.
local function directories(writes)
  local host, folder = host_of(), os.tmpname()
  local dirs, nodes, addresses = {}, {}, {}
  for id = 1, 2 do
    addresses[id] = ("%s:%d"):format(host, 7100 + id)
    dirs[id] = ("%s-%d"):format(folder, id)
  end
  for id = 1, 2 do
    assert(raft.init { id = id, dir = dirs[id], members = addresses,
      limits = LIMITS })
    nodes[id] = assert(raft.node { dir = dirs[id], machine = "raft.kv",
      limits = LIMITS, on_log = function () end })
  end
  local client = assert(raft.client { addresses[1], addresses[2],
    deadline = "30s" })
  for i = 1, writes do
    client:propose({ "set", "k" .. i, i }, function (ok)
      assert(ok)
    end)
    if i % 500 == 0 then
      client:run()
    end
  end
  client:close()
  nodes[1]:close()
  nodes[2]:close()
  return dirs, function ()
    os.execute(("rm -rf %s %s-1 %s-2"):format(folder, folder, folder))
  end
end

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

-- Shortens a segment to end with a batch that has an entry (5), as a kill may.
-- @return its bytes; where that batch begins
local function end_with_entry(path)
  local bytes, at, ends = read_all(path), 0, 0
  for sector = 512, #bytes - 1, 512 do
    if bytes:find("^BATC", sector + 1) and bytes:byte(sector + 65) == 5 then
      local low, high = bytes:byte(sector + 5, sector + 6)
      at, ends = sector, sector + low + high * 256
    end
  end
  assert(at > 512)
  local file = assert(io.open(path, "wb"))
  file:write(bytes:sub(1, ends))
  file:close()
  return bytes:sub(1, ends), at
end

-- In thousands; LuaJIT does not count what it compiles.
local function instructions_of(fn, ...)
  local thousands = 0
  debug.sethook(function ()
    thousands = thousands + 1
  end, "", 1000)
  local one, two = fn(...)
  debug.sethook()
  return thousands, one, two
end

describe("the disk of a member that is down", function ()
  local dirs, remove

  setup(function ()
    dirs, remove = directories(3000)
  end)

  teardown(function ()
    remove()
  end)

  it("names whom it knows, whatever the length of its log", function ()
    local thousands, peers = instructions_of(chaos_disk.peers, dirs[1])
    assert.same({ [2] = true }, peers)
    assert.is_true(thousands < 100, thousands)
    assert.same({}, chaos_disk.peers(dirs[1] .. "-not"))
  end)

  it("is damaged in one byte of what a later batch proves", function ()
    local dice = require("raft.dice").new(7)
    local thousands, is_done, must_refuse = instructions_of(chaos_disk.rot,
      dirs[1], function (bound)
        return dice:number(bound)
      end)
    assert.same({ true, true }, { is_done, must_refuse })
    assert.is_true(thousands < 150, thousands)
    local found = select(2, assert(raft.inspect(dirs[1])))
    assert.equal(1, #found.problems)
    assert.matches("damaged at offset %d+", found.problems[1].message)
    assert.is_false((chaos_disk.rot(dirs[1] .. "-not", math.random)))
  end)

  it("is not damaged in its last batch, which nothing proves yet", function ()
    local segments = select(2, assert(raft.inspect(dirs[2]))).segments
    local path = dirs[2] .. "/" .. segments[1].name
    local bytes, at = end_with_entry(path)
    local first = true
    assert.is_true((chaos_disk.rot(dirs[2], function (bound)
      local drawn = first and 1 or bound -- the last entry of that segment
      first = false
      return drawn
    end)))
    local damaged = read_all(path)
    assert.is_false(bytes:sub(1, at) == damaged:sub(1, at))
    assert.is_true(bytes:sub(at + 1) == damaged:sub(at + 1))
  end)

  it("may be mended where a snapshot holds the same", function ()
    local name = dirs[2] .. "/snapshot-0000000000000042"
    assert(io.open(name, "w")):close()
    local is_done, must_refuse = chaos_disk.rot(dirs[2], function ()
      return 1
    end)
    assert.same({ true, false }, { is_done, must_refuse })
  end)
end)
