-- SPDX-License-Identifier: MIT
--
-- planted.lua - answers with the index of the entry, and lies about command
-- 200 where the environment says so. Only without the sandbox.

local Planted = {}
Planted.__index = Planted

local is_wrong = os.getenv("RAFT_SPEC_PLANTED") == "1"

function Planted.new()
  return setmetatable({}, Planted)
end

function Planted:apply(command, entry) -- luacheck: no self
  return command == 200 and is_wrong and -entry.index or entry.index
end

return Planted
