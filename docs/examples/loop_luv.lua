-- SPDX-License-Identifier: MIT
-- loop_luv.lua - lua loop_luv.lua DIR: a member and a client in a luv loop.
-- DIR was made by luaraft init. Needs lua-luv (the rock luv).
local raft, uv = require "raft", require "luv"

local node = assert(raft.node { dir = arg[1], machine = "raft.kv",
  on_log = function(record) print(record.kind) end })
local client = raft.client { node:address() }
local member, caller, clock = uv.new_poll(node:fd()),
  uv.new_poll(client:fd()), uv.new_timer()

-- The client wants to be called again after a time, too.
local function turn()
  client:step()
  clock:stop()
  local seconds = client:timeout()
  if seconds then
    clock:start(math.ceil(seconds * 1000), 0, turn)
  end
end

member:start("r", function() node:step() end)
caller:start("r", turn)
client:propose({ "add", "visits", 1 }, function(ok, visits)
  print("visits:", ok and visits)
  uv.stop()
end)
turn()
uv.run()

member:close()
caller:close()
clock:close()
uv.run()
client:close()
assert(node:close())
