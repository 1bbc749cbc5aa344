-- SPDX-License-Identifier: MIT
--
-- caller.lua - a machine without a sandbox that tries to be a client of its
-- own cluster; answers what it was told.

local Caller = {}
Caller.__index = Caller

function Caller.new()
  return setmetatable({}, Caller)
end

function Caller:apply(address) -- luacheck: ignore 212
  local _, message = pcall(require("raft").client, { address })
  return message
end

function Caller:snapshot() -- luacheck: ignore 212
  return 0
end

function Caller:restore() -- luacheck: ignore 212
end

return Caller
