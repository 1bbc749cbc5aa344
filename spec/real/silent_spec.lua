-- SPDX-License-Identifier: MIT
--
-- raft.client and servers that accept connections and never say a word, as a
-- process that is stopped, or a computer that is gone.

local Cluster = require "spec.real.cluster"
local probe = require "raft.probe"
local raft = require "raft"

describe("a client of a server that never answers", function ()
  local host, listener, client

  before_each(function ()
    host = Cluster.host()
    listener = probe.socket_listen(host, 7101)
  end)

  after_each(function ()
    client:close()
    probe.socket_close(listener)
  end)

  it("ends each call by its deadline, in all three faces", function ()
    client = raft.client { host .. ":7101", deadline = "200ms" }
    local function silent(code, text, ok, message, got)
      assert.is_nil(ok)
      assert.equal(code, got)
      assert.truthy(message:find(text, 1, true), message)
      assert.truthy(message:find(host .. ":7101: no answer", 1, true), message)
    end
    local read = "the deadline passed before an answer came: "
    silent("timeout", read, client:query { "get", "x" })
    silent("unreachable", "nothing was sent: ", client:propose { "set", 1 })
    silent("timeout", read, client:status(1))
    local told = 0
    client:query({ "get", "x" }, function (...)
      told = told + 1
      silent("timeout", read, ...)
    end)
    client:go(function ()
      silent("timeout", read, client:query { "get", "x" })
      told = told + 1
    end)
    client:run()
    assert.equal(2, told)
  end)

  it("without a session is in doubt of a proposal", function ()
    client = raft.client { host .. ":7101", deadline = "150ms",
      session = false }
    local ok, message, code = client:propose { "set", "x", 1 }
    assert.same({ "timeout", "the deadline passed, the outcome is unknown" },
      { code, message, ok })
  end)

  it("makes the silent connection anew", function ()
    client = raft.client { host .. ":7101", deadline = "2s" }
    local call = client:send_query { "get", "x" }
    local first, second
    while not call:is_done() and not second do
      client:step "20ms"
      if not first then
        first = probe.socket_accept(listener, 0)
      else
        second = probe.socket_accept(listener, 0)
      end
    end
    assert.is_number(second)
    local bytes
    repeat
      bytes = probe.socket_receive(first, 1000)
    until not bytes or bytes == ""
    assert.equal("", bytes) -- the client has ended it
    probe.socket_close(first)
    probe.socket_close(second)
  end)

  it("asks another member instead", function ()
    local cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    finally(function ()
      cluster:close()
    end)
    cluster:start_all()
    cluster:leader()
    client = raft.client { host .. ":7101", cluster.addresses[1] }
    for i = 1, 3 do
      assert.is_true((client:propose { "set", "x", i }))
    end
    assert.same({ true, 3 }, { client:query { "get", "x" } })
  end)
end)
