-- SPDX-License-Identifier: MIT
--
-- How large a command may be: to the byte, at each door, and through all of
-- them to every log.

local Cluster = require "spec.real.cluster"
local core = require "raft.core"
local probe = require "raft.probe"
local raft = require "raft"

local LIMIT = 4096
local HEAD = 80 -- of an entry: core/wire/entry.h
local PORT = 7100

local function encoded(value)
  return assert(select(2, core.encode(value)))
end

-- A command of so many bytes, encoded.
local function command_of(size)
  local command = { "set", "k", "" }
  command[3] = ("x"):rep(size - #encoded { "set", "k", ("x"):rep(1000) }
    + 1000)
  assert(#encoded(command) == size)
  return command
end

local AT = command_of(LIMIT - HEAD)
local PAST = command_of(LIMIT - HEAD + 1)
local WORDS = ("expected a value of at most %d bytes, got one of %d"):format(
  LIMIT - HEAD, LIMIT - HEAD + 1)

describe("a command at the limit of an entry", function ()
  local cluster

  after_each(function ()
    cluster:close()
  end)

  it("goes through to every log, and one byte more is refused with both "
    .. "sizes", function ()
    cluster = Cluster.new { count = 3, member = { machine = "raft.kv",
      limits = { entry_bytes = "4KiB", append_bytes = "4KiB" } } }
    cluster:start_all()
    local leader = cluster:leader()
    local client = cluster:client()
    assert(client:propose { "set", "k", "before" })
    local last = cluster:status(leader).last
    local ok, message, code = client:propose(PAST)
    assert.same({ "too_large", WORDS }, { code, message, ok })
    assert.equal(last, cluster:status(leader).last)
    assert(client:propose(AT))
    assert.equal(last + 1, cluster:status(leader).last)

    -- Any language: [0, 7, "propose", [command]]
    local socket = assert(probe.socket_connect(cluster.host, PORT + leader))
    for _, one in ipairs { { PAST, WORDS }, { AT } } do
      assert(probe.socket_send(socket, encoded { 0, 7, "propose",
        { one[1] } }))
      local text = assert(probe.socket_receive(socket, 5000))
      assert.equal(one[2] ~= nil, text:find("expected a value of at most", 1,
        true) ~= nil)
      assert.truthy(text:find(one[2] or "\148\1\7\192", 1, true))
    end
    probe.socket_close(socket)
    assert.equal(last + 2, cluster:status(leader).last)

    -- It is in each log, and comes back.
    for id = 1, 3 do
      cluster:kill(id)
      cluster:wait_end(id)
    end
    cluster:start_all()
    cluster:leader()
    local rows = cluster:settle()
    assert.equal(rows[1].state_hash, rows[2].state_hash)
    assert.equal(rows[1].state_hash, rows[3].state_hash)
    for id = 1, 3 do
      local one = assert(raft.client { cluster.addresses[id],
        session = false })
      local done, found = one:query({ "get", "k" }, { read = "stale" })
      assert(done, found)
      assert.equal(AT[3], type(found) == "table" and found[1] or found)
      one:close()
    end
    client:close()
  end)
end)
