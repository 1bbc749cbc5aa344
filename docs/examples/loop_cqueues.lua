-- SPDX-License-Identifier: MIT
-- loop_cqueues.lua - lua loop_cqueues.lua DIR: a member and a client in a
-- cqueues loop. DIR was made by luaraft init. Needs lua-cqueues.
local cqueues, raft = require "cqueues", require "raft"

local node = assert(raft.node { dir = arg[1], machine = "raft.kv",
  on_log = function(record) print(record.kind) end })
local client = raft.client { node:address() }
local loop, is_over = cqueues.new(), false

loop:wrap(function()
  while not is_over and node:step() do
    cqueues.poll({ pollfd = node:fd(), events = "r" }, 0.5)
  end
end)

loop:wrap(function()
  client:propose({ "add", "visits", 1 }, function(ok, visits)
    print("visits:", ok and visits)
    is_over = true
  end)
  while not is_over do
    client:step()
    cqueues.poll({ pollfd = client:fd(), events = "r" },
      client:timeout() or 0.5)
  end
end)

assert(loop:loop())
client:close()
assert(node:close())
