-- SPDX-License-Identifier: MIT
--
-- A node in a loop that is not ours: its descriptor is readable exactly while
-- step has work. No shell runs here: so the sanitizer of races can look.

local host_of = require("spec.real.cluster").host
local probe = require "raft.probe"
local raft = require "raft"

describe("node:fd", function ()
  local name, dir, node, told

  before_each(function ()
    name, told = os.tmpname(), 0
    dir = name .. "-1"
    assert(raft.init { id = 1, dir = dir,
      members = { host_of() .. ":7101" } })
    node = assert(raft.node { dir = dir, machine = "raft.kv",
      on_log = function ()
        told = told + 1
      end })
  end)

  after_each(function ()
    node:close()
    for segment = 1, 3 do
      os.remove(("%s/log-%010d"):format(dir, segment))
    end
    os.remove(dir .. "/log-new")
    os.remove(dir)
    os.remove(name)
  end)

  it("#tsan is readable when there is something to tell, and only then",
    function ()
      local leads, polled = false, 0
      while not leads do
        assert.is_true(probe.is_readable(node:fd(), 5000))
        local before = told
        assert(node:step())
        assert.is_true(told > before)
        polled = polled + 1
        local _, status = node:status()
        leads = status.role == "leader"
      end
      assert.is_true(polled >= 1)
      assert(node:step())
      assert.is_false(probe.is_readable(node:fd(), 50))
      local before = told
      assert(node:step())
      assert.equal(before, told)
    end)

  it("#tsan is readable for ever when the member has ended", function ()
    node.handle:stop()
    repeat
      assert.is_true(probe.is_readable(node:fd(), 5000))
    until not node:step()
    assert.is_true(probe.is_readable(node:fd(), 0))
  end)
end)

describe("client:fd", function ()
  it("#tsan is readable when the first call has work, before any step",
  function ()
    local client = assert(raft.client { host_of() .. ":7101",
      session = false, deadline = "10s" })
    client:send_query { "get", "x" }
    assert.is_true(probe.is_readable(client:fd(), 5000))
    client:close()
  end)
end)
