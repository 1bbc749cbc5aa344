-- SPDX-License-Identifier: MIT
--
-- service_ways.lua - the ways between members of a service that is not ours,
-- and those to their clients: what is cut of them.
--
-- Holds:     how often each way is cut; the ports through which members reach
--            each other (service_proxy.lua), unless they have hosts of their
--            own (chaos_hosts.lua).
-- Knows not: processes, protocols.
-- Rule:      what cannot be cut ends the run as not applicable.

local not_applicable = require("raft.chaos_process").not_applicable
local owner = require "raft.service_owner"
local proxy = require "raft.service_proxy"

local World = {}

local CLIENTS = 0

-- ---- cuts ------------------------------------------------------------------

local function way(from, to)
  return ("%d>%d"):format(from, to)
end

--- Whether nothing passes from one to the other; 0 are the clients.
function World:is_cut(from, to)
  return (self.cuts[way(from, to)] or 0) > 0
end

local function check_ways(self, from, to)
  if from ~= CLIENTS and to ~= CLIENTS and not self.driver.cuts
     and not self.hosts then
    not_applicable(("the ways between members of %s cannot be cut"):format(
      self.driver.name))
  end
end

-- Hosts of their own are cut off; else what goes through this process.
local function change(self, from, to, by)
  local was = self:is_cut(from, to)
  self.cuts[way(from, to)] = math.max((self.cuts[way(from, to)] or 0) + by, 0)
  if self.hosts and self:is_cut(from, to) ~= was then
    self.hosts:cut(from, to, not was)
  end
end

function World:cut(from, to)
  check_ways(self, from, to)
  change(self, from, to, 1)
  self.records:note(self.turned, "sim.cut", 0, { from = from, to = to })
end

function World:mend(from, to)
  change(self, from, to, -1)
  self.records:note(self.turned, "sim.mend", 0, { from = from, to = to })
end

function World:heal()
  for from = CLIENTS, self.nodes do
    for to = CLIENTS, self.nodes do
      change(self, from, to, -math.huge)
    end
  end
  self.records:note(self.turned, "sim.heal")
end

function World:reset(from, to)
  if from == CLIENTS or to == CLIENTS then
    self.calls:reset(from == CLIENTS and to or from)
  elseif self.proxy then
    self.proxy:reset(from, to)
  else
    not_applicable(("connections between members of %s cannot be reset%s")
      :format(self.driver.name, self.hosts and " with --namespaces" or ""))
  end
  self.counts.resets = self.counts.resets + 1
  self.records:note(self:now(), "sim.reset", 0, { from = from, to = to })
end

-- ---- ports -----------------------------------------------------------------

--- Where a member listens for the others.
function World:peer_port(id)
  return self.port + id + (self.driver.peer_port or 0)
end

-- Whose connection has come to a door of the proxy.
local function who_came(self, link)
  local pids = {}
  for id, member in ipairs(self.members) do
    pids[id] = member.process and member.process:pid()
  end
  local own, other = link:ports()
  return own and other and owner.of(own, other, pids)
end

--- What passes bytes between members, where their driver can do with it.
function World:new_proxy()
  return proxy.new { host = self.host, nodes = self.nodes,
    port = function(id)
      return self:peer_port(id)
    end,
    is_cut = function(from, to)
      return self:is_cut(from, to)
    end,
    who = self.driver.cuts == "doors" and function(link)
      return who_came(self, link)
    end or nil }
end

return World
