-- SPDX-License-Identifier: MIT
--
-- member.lua - one member as a process, for spec/real/cluster.lua.
--
--   lua spec/real/member.lua '{ dir = "…", machine = "raft.kv" }'
--
-- The argument is the table given to raft.node, as Lua source. Exit codes are
-- those of luaraft serve.

local log = require "raft.log"
local raft = require "raft"

local load_text = rawget(_G, "loadstring") or load
local options = assert(load_text("return " .. arg[1]))()

options.on_log = log.writer("text", function (text)
  io.stderr:write(text)
end)

local node, message, code = raft.node(options)
if node then
  message, code = select(2, node:run())
end
if message then
  io.stderr:write(("member: %s (%s)\n"):format(message, tostring(code)))
  os.exit(code == "panic" and 4 or code == "removed" and 5 or 1)
end
