-- SPDX-License-Identifier: MIT
-- client_plain.lua - lua5.3 client_plain.lua HOST:PORT,...
-- Nothing of luaraft is used: lua-socket and lua-messagepack.
local socket, msgpack = require "socket", require "MessagePack"

local function call(method, ...) -- asks one member after the other
  for host, port in (arg[1] .. ","):rep(99):gmatch "([^,]+):(%d+)" do
    local member = socket.connect(host, port)
    if member then
      member:send(msgpack.pack { 0, 1, method, { ... } })
      local read = msgpack.unpacker(function() return member:receive(1) end)
      local _, _, answer = pcall(read)
      member:close()
      local code = answer and answer[3] and answer[3][1]
      if answer and not code then return answer[4] end
      -- not_leader, overloaded, unknown: again
      if not ("3 4 7"):find(code or 7) then error(answer[3][2], 0) end
    end
    socket.sleep(0.1)
  end
end

local session = call "open_session" -- what is sent again is applied once
call("propose", { "add", "visits", 2 }, session, 1, 1)
call("propose", { "add", "visits", 3 }, session, 2, 2)
print(call("query", { "get", "visits" }, "linear"))
