-- SPDX-License-Identifier: MIT
--
-- Enemies that greet as a member of the cluster: each is hung up on, with one
-- line in the log, and the member goes on.

local Cluster = require "spec.real.cluster"
local probe = require "raft.probe"

describe("a connection that greets as a member", function ()
  local cluster, socket

  before_each(function ()
    -- Member 2 never runs: its place is taken by the spec.
    cluster = Cluster.new { count = 2, member = { machine = "raft.kv" } }
    cluster:start(1)
    socket = cluster:greet(1, 2)
  end)

  after_each(function ()
    probe.socket_close(socket)
    cluster:close()
  end)

  local function pre_vote(group)
    return probe.message_encode({ kind = "message", now = 0, wall = 0,
      random = 0, message = { kind = "pre_vote", from = 2, to = 1, term = 9,
        last_index = 1, last_term = 1 } }, group, {})
  end

  local function is_dropped(bytes, code)
    -- What comes before its incarnation is durable is not read at all.
    cluster:wait("the end of the connection", function ()
      probe.socket_send(socket, bytes)
      return probe.socket_receive(socket, 20) == ""
    end)
    local line = "replica.malformed peer=2 code=" .. code .. "\n"
    cluster:wait("the line", function ()
      return cluster:log_of(1):find(line, 1, true)
    end)
    local log = cluster:log_of(1)
    assert.equal(1, select(2, log:gsub("replica%.malformed", "")), log)
    assert.equal(1, cluster:status(1).messages_refused)
  end

  it("is heard when it speaks truly", function ()
    assert(probe.socket_send(socket, pre_vote(0)))
    assert.is_nil(probe.socket_receive(socket, 200))
    assert.equal(0, cluster:status(1).messages_refused)
  end)

  it("is ended for bytes that are no message", function ()
    is_dropped("\193", "malformed")
  end)

  it("is ended for a message that claims more than any may have",
    function ()
      is_dropped("\147\2\164raft\198\255\255\255\255", "malformed")
    end)

  it("is ended for a request, as only clients have them", function ()
    is_dropped("\148\0\1\166status\144", "malformed")
  end)

  it("is ended for a wrong checksum", function ()
    local bytes = pre_vote(0)
    is_dropped(bytes:sub(1, -2)
      .. string.char((bytes:byte(-1) + 1) % 128), "corrupt")
  end)

  it("is ended for a message of another group", function ()
    is_dropped(pre_vote(5), "malformed")
  end)
end)
