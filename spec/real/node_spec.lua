-- SPDX-License-Identifier: MIT
--
-- Three nodes and a client in one process: every thread of core/uv at once,
-- also for the sanitizer of races, under which no shell runs.

local host_of = require("spec.real.cluster").host
local raft = require "raft"

describe("three nodes in one process", function ()
  local folder, nodes, addresses, client

  local function dir(id)
    return ("%s-%d"):format(folder, id)
  end

  local function start(id)
    nodes[id] = assert(raft.node { dir = dir(id), machine = "raft.kv",
      limits = { segment_bytes = 65536 }, on_log = function () end })
  end

  before_each(function ()
    local host = host_of()
    folder, nodes, addresses = os.tmpname(), {}, {}
    for id = 1, 3 do
      addresses[id] = ("%s:%d"):format(host, 7100 + id)
    end
    for id = 1, 3 do
      assert(raft.init { id = id, dir = dir(id), members = addresses,
        limits = { segment_bytes = 65536 } })
      start(id)
    end
    client = assert(raft.client { addresses[1], addresses[2], addresses[3],
      deadline = "30s" })
  end)

  after_each(function ()
    client:close()
    for id = 1, 3 do
      nodes[id]:close()
      for segment = 1, 99 do
        os.remove(("%s/log-%010d"):format(dir(id), segment))
      end
      os.remove(dir(id) .. "/log-new")
      os.remove(dir(id))
    end
    os.remove(folder)
  end)

  local function put(first, last)
    local failed = 0
    for i = first, last do
      client:propose({ "set", "k" .. i, ("x"):rep(500) .. i },
        function (ok)
          failed = failed + (ok and 0 or 1)
        end)
    end
    client:run()
    assert.equal(0, failed)
  end

  it("serve, are asked, end and start again while writes go on #tsan",
    function ()
      put(1, 200)
      for id = 1, 3 do
        assert(nodes[id]:step())
        local ok, status = nodes[id]:status { state_hash = true }
        assert(ok, status)
        nodes[id]:close()
        put(200 * id, 200 * id + 100)
        start(id)
      end
      put(1000, 1100)
      local ok, value = client:query { "get", "k1" }
      assert.same({ true, ("x"):rep(500) .. 1 }, { ok, value })
    end)

  it("tell on their descriptors, which a host's loop can watch #tsan",
    function ()
      put(1, 1)
      local seen = {}
      for id = 1, 3 do
        assert.is_false(seen[nodes[id]:fd()] or false)
        seen[nodes[id]:fd()] = true
        assert(nodes[id]:step "10ms")
        assert(nodes[id]:step())
      end
    end)
end)
