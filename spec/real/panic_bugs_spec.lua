-- SPDX-License-Identifier: MIT
--
-- A failed assertion stops one member, with a line that names it, and its
-- process says so. The assertion is provoked with a bug of the bug build: an
-- AppendEntries that agrees cuts the whole log, the configuration included.

local Cluster = require "spec.real.cluster"
local probe = require "raft.probe"
local raft = require "raft"

local APPEND = { kind = "append", from = 2, to = 1, term = 9,
  previous_index = 0, previous_term = 0, commit = 0 }

describe("a real member whose assertion fails", function ()
  local cluster, socket

  after_each(function ()
    if socket then
      probe.socket_close(socket)
      cluster:close()
      socket = nil
    end
  end)

  local function provoke()
    socket = cluster:greet(1, 2)
    local bytes = probe.message_encode({ kind = "message", now = 0, wall = 0,
      random = 0, message = APPEND }, 0, {})
    cluster:wait("the end of the connection", function ()
      probe.socket_send(socket, bytes)
      return probe.socket_receive(socket, 20) == ""
    end)
  end

  for _, bug in ipairs(probe.with_bugs and { "truncate_always" } or {}) do
    it("ends its process with 4, and says which", function ()
      cluster = Cluster.new { count = 2, member = { machine = "raft.kv",
        bug = bug } }
      cluster:start(1)
      provoke()
      assert.equal(4, cluster:exit_code(1))
      assert.matches("member: assert: [^\n]+ membership%.c:%d+ %(panic%)\n",
        cluster:log_of(1))
    end)

    it("is one of two in a process, and the other goes on", function ()
      cluster = Cluster.new { count = 2, member = { machine = "raft.kv" } }
      local node = assert(raft.node { dir = cluster:dir_of(1),
        machine = "raft.kv", bug = bug })
      local other = cluster.dir .. "/other"
      assert(raft.init { id = 1, dir = other,
        members = { Cluster.host() .. ":7105" } })
      local neighbour = assert(raft.node { dir = other,
        machine = "raft.kv" })
      provoke()
      local ok, message, code
      repeat
        ok, message, code = node:step "5ms"
      until not ok
      assert.equal("panic", code)
      assert.matches("^assert: .+ membership%.c:%d+$", message)
      local client = assert(raft.client { neighbour:address() })
      assert.same({ true }, { client:propose { "set", "a", 1 } })
      client:close()
      assert(neighbour:close())
      node:close()
    end)
  end
end)
