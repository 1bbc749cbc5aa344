-- SPDX-License-Identifier: MIT
--
-- Enemies at a live port, while a normal client's writes go on.

local Cluster = require "spec.real.cluster"
local helper = require "spec.helper"
local probe = require "raft.probe"

local PORT = 7101

-- [0, 1, "status", []]
local ASK = "\148\0\1\166status\144"

describe("a live port", function ()
  local cluster, sockets

  before_each(function ()
    sockets = {}
  end)

  after_each(function ()
    for _, socket in ipairs(sockets) do
      probe.socket_close(socket)
    end
    cluster:close()
  end)

  local function start(given)
    given.machine = "raft.kv"
    cluster = Cluster.new { count = 1, member = given }
    cluster:start_all()
    cluster:leader()
  end

  local function memory_kib()
    local file = assert(io.open("/proc/" .. cluster.pids[1] .. "/status"))
    local text = file:read "*a"
    file:close()
    return tonumber(text:match "VmRSS:%s+(%d+)")
  end

  -- Inputs first … last, as many on one connection as it takes.
  local function attack(first, last)
    local socket, said
    for i = first, last do
      if socket == nil then
        socket = assert(probe.socket_connect(cluster.host, PORT))
        said = 0
      end
      -- Input n of a seed is reached through those before it.
      local taken = probe.socket_send(socket,
        probe.hostile_input(helper.seed * 1000003 + i, 1 + i % 20))
      said = said + 1
      if not taken or said == 8 or probe.socket_receive(socket, 0) == "" then
        probe.socket_close(socket)
        socket = nil
      end
    end
    if socket then
      probe.socket_close(socket)
    end
  end

  it("takes hostile inputs, and nobody else notices", function ()
    local count = helper.full and 100000 or 5000
    start {}
    local client = cluster:client()
    local term = cluster:status(1).term
    attack(1, 1000) -- what is kept for reuse has its size after it
    local before = memory_kib()
    for i = 1001, count, 50 do
      attack(i, i + 49)
      assert.is_true((client:propose { "set", "i", i }))
    end
    client:close()
    local status = cluster:status(1)
    assert.equal(term, status.term)
    assert.equal("leader", status.role)
    assert.is_true(cluster:is_running(1))
    if not probe.is_sanitized() then
      assert.is_true(memory_kib() - before < 8 * 1024,
        ("from %d to %d KiB"):format(before, memory_kib()))
    end
  end)

  it("lets a client in though others hold connections and say nothing",
    function ()
      start { limits = { connections = 4 } }
      for i = 1, 200 do
        sockets[i] = assert(probe.socket_connect(cluster.host, PORT))
      end
      local client = cluster:client()
      assert.is_true((client:propose { "set", "a", 1 }))
      client:close()
      local status = cluster:status(1)
      assert.is_true(status.sockets <= 4 + 64)
      assert.is_true(status.sockets_refused > 100)
    end)

  it("hangs up on who asks and does not read", function ()
    start { limits = { connection_bytes = 4096, entry_bytes = 4096 } }
    local socket = assert(probe.socket_connect(cluster.host, PORT))
    local ends = Cluster.now() + 30
    local is_open = true
    while is_open and Cluster.now() < ends do
      is_open = probe.socket_send(socket, ASK:rep(100))
    end
    probe.socket_close(socket)
    assert.is_false(is_open)
    local client = cluster:client()
    assert.is_true((client:propose { "set", "a", 1 }))
    client:close()
  end)

  it("ends a connection that begins with a member's greeting of another "
    .. "cluster", function ()
    start {}
    local socket = assert(probe.socket_connect(cluster.host, PORT))
    -- [2, "hello", [{ role = "member", protocol = 1, … }]], no cluster
    assert(probe.socket_send(socket, "\147\2\165hello\145\130\164role"
      .. "\166member\168protocol\1"))
    local got = probe.socket_receive(socket, 5000)
    probe.socket_close(socket)
    assert.equal("", got)
  end)
end)
