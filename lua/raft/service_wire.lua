-- SPDX-License-Identifier: MIT
--
-- service_wire.lua - TCP for services that are not ours: connections and
-- listeners that never wait.
--
-- Holds:  luasocket, as far as it is needed, with descriptors to poll.
-- Rule:   a connection to this computer is there at once, or refused at once:
--         the kernel answers, whatever the process does.

local CONNECT_SECONDS = 0.5 -- of a kernel that has much to do
local CHUNK = 65536

local Wire = {}
Wire.__index = Wire

local service_wire = {}

local function library()
  local ok, socket = pcall(require, "socket")
  if not ok then
    error("services need luasocket: apt-get install lua-socket, or luarocks"
      .. " install luasocket", 0)
  end
  return socket
end

local function new(tcp)
  tcp:settimeout(0)
  tcp:setoption("tcp-nodelay", true)
  return setmetatable({ tcp = tcp, fd = tcp:getfd(), out = "" }, Wire)
end

--- @return a connection; or nil, message
function service_wire.connect(host, port)
  local tcp = library().tcp()
  tcp:settimeout(CONNECT_SECONDS)
  local ok, message = tcp:connect(host, port)
  if not ok then
    tcp:close()
    return nil, message
  end
  return new(tcp)
end

--- Sends, as much as goes; the rest with the next call.
-- @return false: the connection has ended
function Wire:send(bytes)
  self.out = self.out .. bytes
  local last, message, partial = self.tcp:send(self.out)
  self.out = self.out:sub((last or partial or 0) + 1)
  return last ~= nil or message == "timeout"
end

--- What has come. @return bytes, perhaps none; nil: the connection has ended
function Wire:receive()
  local bytes, message, partial = self.tcp:receive(CHUNK)
  bytes = bytes or partial or ""
  if bytes == "" and message ~= "timeout" then
    return nil
  end
  return bytes
end

--- The ports of both ends: of this one, of the other one.
function Wire:ports()
  local _, own = self.tcp:getsockname()
  local _, other = self.tcp:getpeername()
  return tonumber(own), tonumber(other)
end

function Wire:close()
  self.tcp:close()
end

--- A listener at a port that is free. @return it: accept(), port, fd, close()
function service_wire.listen(host)
  local tcp = assert(library().bind(host, 0))
  tcp:settimeout(0)
  local _, port = tcp:getsockname()
  return { tcp = tcp, fd = tcp:getfd(), port = tonumber(port),
    accept = function()
      local made = tcp:accept()
      return made and new(made)
    end,
    close = function()
      tcp:close()
    end }
end

return service_wire
