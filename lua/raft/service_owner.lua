-- SPDX-License-Identifier: MIT
--
-- service_owner.lua - whose process the other end of a connection on this
-- computer is.
--
-- Holds:     a reading of /proc, as Linux has it.
-- Knows not: what is said. A service whose members know one address of each
--            other says who it is in words of its own; the kernel says it for
--            all of them.
-- Rule:      nobody is found where it cannot be known; nobody is guessed.

local service_owner = {}

-- The number of the socket that has these ports, from its side.
local function inode_of(own, other)
  local wanted = (":%04X %%x+:%04X "):format(own, other)
  local file = io.open("/proc/net/tcp", "rb")
  for line in file and file:lines() or function() end do
    if line:find(wanted) then
      file:close()
      local at = 0
      for word in line:gmatch("%S+") do
        at = at + 1
        if at == 10 then
          return word
        end
      end
    end
  end
  if file then
    file:close()
  end
end

--- Who of these processes made a connection.
-- @param port, other as this end has them
-- @param pids { [1] = 4711 }: a process of each
-- @return the key of its process, or nil
function service_owner.of(port, other, pids)
  local inode = inode_of(other, port)
  local keys, places = {}, {}
  for key, pid in pairs(pids) do
    keys[tostring(pid)] = key
    places[#places + 1] = ("/proc/%d/fd"):format(pid)
  end
  if not inode or inode == "0" or not places[1] then
    return nil
  end
  local pipe = io.popen(("find %s -lname 'socket:\\[%s\\]' 2> /dev/null")
    :format(table.concat(places, " "), inode))
  local found = pipe:read("*a"):match("^/proc/(%d+)/")
  pipe:close()
  return found and keys[found]
end

return service_owner
