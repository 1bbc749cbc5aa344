-- SPDX-License-Identifier: MIT
--
-- driver.lua - services that are not ours, under the same nemeses, workloads
-- and judges: what luaraft chaos has to know of one.
--
--   return raft.scenario { driver = "redis", nodes = 3, … }
--
-- A driver is a table:
--   name, binaries = { "redis-server" }
--   start(place) → { "redis-server", "--port", … }   the words of one process;
--     place = { id = 1, dir = "…", host = "127.1.2.3", port = 7101, nodes = 3,
--     host_of = function(id), port_of = function(id): where this member finds
--     another one, door_of = function(id): where all others find it, leader =
--     who leads, by operators }
--   encode(command) → bytes        one request of a client
--   decode(bytes, command) → "more" | "ok", result, rest | "refused": nothing
--     was done, ask another | "failed": nobody knows
-- and, where it is not a TCP connection that carries requests:
--   connect(place) → { send = , receive = , close = , fd = -1 }, as
--     service_wire.lua (driver_command.lua has one)
-- and, where one member takes the writes:
--   has_leader = true              clients ask the leader alone
--   promote(place) → { { id = 2, bytes = "…" }, … }  what members are told
--   cuts = true                    members reach each other by port_of alone,
--                                  so that ways between them can be cut;
--          "doors"                 by door_of alone: every one of them has one
--                                  address, the same for all others
--   peer_port = 1000               how far from the port of clients members
--                                  listen for each other; 0
--
-- Holds:  the drivers of the toolkit by name, and those in files of users.

local wording = require "raft.wording"

local driver = {}

local KNOWN = { "etcd", "redis" }
local METHODS = { "start", "encode", "decode" }

local function check(made, name)
  if type(made) ~= "table" then
    error(("driver %s: %s"):format(name,
      select(2, wording.expected("a table", made))), 0)
  end
  for _, method in ipairs(METHODS) do
    if type(made[method]) ~= "function" then
      error(("driver %s: expected a function '%s', got %s"):format(name,
        method, wording.describe(made[method])), 0)
    end
  end
  return made
end

local function is_there(binary)
  local status = os.execute("command -v '" .. binary .. "' > /dev/null 2>&1")
  return status == true or status == 0
end

--- A driver whose programs are there. Raises one line when they are not.
-- @param name "redis", "etcd", a file that returns one, or a driver
-- @param folder where such a file is looked for
function driver.load(name, folder)
  local made = name
  if type(name) == "string" then
    for _, known in ipairs(KNOWN) do
      made = known == name and require("raft.driver_" .. name) or made
    end
  end
  if type(made) == "string" then
    if not made:find("%.lua$") then
      local near = wording.nearest(made, KNOWN)
      error(('there is no driver "%s", %s'):format(made,
        near and ('did you mean "%s"?'):format(near)
          or "expected one of " .. table.concat(KNOWN, ", ") .. " or a file"),
        0)
    end
    local path = made:sub(1, 1) == "/" and made or (folder or "") .. made
    local chunk, message = loadfile(path)
    made = (chunk or error(message, 0))()
  end
  check(made, tostring(name))
  for _, binary in ipairs(made.binaries or {}) do
    if not is_there(binary) then
      error(("driver %s: expected the program %s on PATH, got none"):format(
        made.name or tostring(name), binary), 0)
    end
  end
  return made
end

return driver
