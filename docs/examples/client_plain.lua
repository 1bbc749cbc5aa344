-- SPDX-License-Identifier: MIT
local socket, msgpack = require "socket", require "MessagePack" -- of Debian
local function call(method, ...) -- asks one of HOST:PORT,... after the other
  for host, port in (arg[1] .. ","):rep(99):gmatch "([^,]+):(%d+)" do
    local member = socket.connect(host, port)
    if member and member:send(msgpack.pack { 0, 1, method, { ... } }) then
      local read = msgpack.unpacker(function() return member:receive(1) end)
      local _, _, got = pcall(read)
      member:close()
      if got and not got[3] then return got[4] end
      if got and not ("3 4 7"):find(got[3][1]) then error(got[3][2], 0) end
    end -- not_leader, overloaded, unknown: another one
    socket.sleep(0.1)
  end
end

local session = call "open_session" -- what is sent again is applied once
call("propose", { "add", "visits", 2 }, session, 1, 1)
call("propose", { "add", "visits", 3 }, session, 2, 2)
print(call("query", { "get", "visits" }, "linear"))
