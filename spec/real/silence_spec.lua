-- SPDX-License-Identifier: MIT
--
-- Others that vanish without a word, and names instead of numbers.

local Cluster = require "spec.real.cluster"
local probe = require "raft.probe"
local raft = require "raft"

describe("a real member", function ()
  local cluster

  after_each(function ()
    if cluster then
      cluster:close()
      cluster = nil
    end
  end)

  it("gives up a dial whose greeting nobody answers, and dials again",
    function ()
      cluster = Cluster.new { member = { machine = "raft.kv" } }
      local listener = probe.socket_listen(cluster.host, 7103)
      finally(function ()
        probe.socket_close(listener)
      end)
      cluster:start(1)
      local first = assert(probe.socket_accept(listener, 5000))
      assert.matches("hello", probe.socket_receive(first, 5000))
      assert.equal("", probe.socket_receive(first, 5000))
      local second = assert(probe.socket_accept(listener, 5000))
      assert.matches("hello", probe.socket_receive(second, 5000))
      probe.socket_close(first)
      probe.socket_close(second)
    end)

  it("hangs up on who connects and does not greet #full", function ()
    cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    cluster:start(1)
    cluster:leader()
    local socket = assert(probe.socket_connect(cluster.host, 7101))
    assert(probe.socket_send(socket, "\147\2")) -- and then nothing
    assert.equal("", probe.socket_receive(socket, 20000))
    probe.socket_close(socket)
  end)

  it("finds others by their names", function ()
    cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    local port = 20000 + cluster.host:byte(5) * 100 + cluster.host:byte(-1)
    local at = "localhost:" .. port
    cluster.sh("rm -rf " .. cluster:dir_of(1))
    assert(raft.init { id = 1, dir = cluster:dir_of(1), members = { at } })
    local node = assert(raft.node { dir = cluster:dir_of(1),
      machine = "raft.kv" })
    local client = assert(raft.client { at })
    assert.same({ true }, { client:propose { "set", "a", 1 } })
    client:close()
    node:close()
  end)

  it("says which name it cannot find", function ()
    cluster = Cluster.new { count = 1, member = { machine = "raft.kv" } }
    local at = "no-such-host.invalid:7101"
    cluster.sh("rm -rf " .. cluster:dir_of(1))
    assert(raft.init { id = 1, dir = cluster:dir_of(1), members = { at } })
    local node, message = raft.node { dir = cluster:dir_of(1),
      machine = "raft.kv" }
    assert.is_nil(node)
    assert.matches("cannot find no-such-host.invalid:7101: ", message, 1,
      true)
    assert.is_nil(message:find "\n")
  end)
end)
