-- SPDX-License-Identifier: MIT
--
-- service_proxy.lua - ways between processes that are not ours, which can be
-- cut: each is a port of this process that passes bytes on.
--
--   member 2 ─► 127.1.2.3:40001 ("2>1") ─► member 1
--   any member ─► 127.1.2.3:40001 (a door) ─► member 1
--
-- Holds:     one listener per ordered pair, or a door per member, where a
--            service knows one address of each; and their connections.
-- Knows not: what is said.
-- Invariant: bytes of one connection keep their order, and none is lost while
--            the connection lives: a cut way holds them back, as TCP does.
-- Rule:      a way that is cut from one to another holds what the one says; a
--            reset ends all connections of both ways.
-- Rule:      who comes through a door is known by whose socket it is
--            (service_owner.lua); one whom nobody knows is sent away.

local wire = require "raft.service_wire"

local Proxy = {}
Proxy.__index = Proxy

local service_proxy = {}

local function key_of(from, to)
  return ("%d>%d"):format(from, to)
end

local function add_way(self, from, to)
  local listener = wire.listen(self.host)
  listener.from, listener.to = from, to
  self.ways[key_of(from or 0, to)] = listener
  self.ways[#self.ways + 1] = listener
end

--- @param given { host = "127.1.2.3", nodes = 3, port = function of an id:
-- where it listens, is_cut = function (from, to), who = function of a
-- connection that came to a door: from whom; nil: no doors, but pairs }
function service_proxy.new(given)
  local self = setmetatable({ host = given.host, port = given.port,
    is_cut = given.is_cut, who = given.who, ways = {}, links = {} }, Proxy)
  for to = 1, given.nodes do
    if self.who then
      add_way(self, nil, to)
    end
    for from = 1, self.who and 0 or given.nodes do
      if from ~= to then
        add_way(self, from, to)
      end
    end
  end
  return self
end

--- Where a member finds another one; from nobody: where its door is.
function Proxy:port_of(from, to)
  return self.ways[key_of(self.who and 0 or from, to)].port
end

local function close(link)
  link.is_over = true
  link.near:close()
  link.far:close()
end

local function accept(self, way)
  local near = way.accept()
  if not near then
    return
  end
  local from = way.from or self.who(near)
  local far = from and wire.connect(self.host, self.port(way.to))
  if not far then
    near:close()
    return
  end
  self.links[#self.links + 1] = { from = from, to = way.to, near = near,
    far = far }
end

-- What one end says goes to the other, unless that way is cut.
local function pass(self, link, source, target, from, to)
  if self.is_cut(from, to) then
    return
  end
  local bytes = source:receive()
  if not bytes or (bytes ~= "" or target.out ~= "")
     and not target:send(bytes) then
    close(link)
  end
end

--- The descriptors on which something may come.
function Proxy:descriptors(list)
  for _, way in ipairs(self.ways) do
    list[#list + 1] = way.fd
  end
  for _, link in ipairs(self.links) do
    if not self.is_cut(link.from, link.to) then
      list[#list + 1] = link.near.fd
    end
    if not self.is_cut(link.to, link.from) then
      list[#list + 1] = link.far.fd
    end
  end
end

--- Passes on what has come.
function Proxy:turn()
  for _, way in ipairs(self.ways) do
    accept(self, way)
  end
  local alive = {}
  for _, link in ipairs(self.links) do
    pass(self, link, link.near, link.far, link.from, link.to)
    if not link.is_over then
      pass(self, link, link.far, link.near, link.to, link.from)
    end
    alive[#alive + 1] = not link.is_over and link or nil
  end
  self.links = alive
end

--- Ends the connections between two members.
function Proxy:reset(one, other)
  for _, link in ipairs(self.links) do
    if link.from == one and link.to == other
       or link.from == other and link.to == one then
      close(link)
    end
  end
end

function Proxy:close()
  for _, link in ipairs(self.links) do
    close(link)
  end
  for _, way in ipairs(self.ways) do
    way.close()
  end
  self.links, self.ways = {}, {}
end

return service_proxy
