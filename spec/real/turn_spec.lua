-- SPDX-License-Identifier: MIT
--
-- A client's turn that begins at the very end of a millisecond. libuv counts
-- whole ones and runs timers before it waits, too: now and then the turn's
-- timer is over by then, and nothing but the turn itself would end the wait.

local Cluster = require "spec.real.cluster"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

-- In a process of its own, since a turn without an end would take this one
-- along. It meets the moment in one turn of some hundreds.
local TURNS = [[
local raft = require "raft"
local client = raft.client { "127.0.0.1:1" }
local now = raft.core.now
for i = 1, 1500 do
  while now() % 1000 < 999 - i % 8 do end
  client:step "1ms"
end
print "ended"
]]

describe("a turn of a client", function ()
  it("ends though its time was over before the wait began", function ()
    assert.same({ 0, "ended\n" }, { Cluster.sh(("timeout 60 %s -e '%s'")
      :format(LUA, TURNS)) })
  end)
end)
