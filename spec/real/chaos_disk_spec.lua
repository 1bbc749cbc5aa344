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
end)
