-- SPDX-License-Identifier: MIT
--
-- chaos_hosts.lua - a network namespace for each member, so that real TCP sees
-- what is cut: nothing is reset, connections stay open at both ends.
--
--   luaraft-PID-1 ─ eth0 10.77.0.1 ─┐
--   luaraft-PID-2 ─ eth0 10.77.0.2 ─┼─ br0 10.77.0.254, luaraft-PID-hub:
--   luaraft-PID-3 ─ eth0 10.77.0.3 ─┘  this thread and its clients
--
-- Holds:     names, what is cut, a shell in each namespace that tells nft.
-- Knows not: members.
-- Invariant: nothing is made in the namespace that this process began in; its
--            name here is luaraft-PID-home.
-- Rule:      a way is cut where it ends: packets from there are dropped. TCP
--            needs both ways, so a cut of one ends talk in both, in time.
-- Rule:      names carry the number of this process: what belongs to one that
--            does not run any more is removed by the next (sweep).

local core = require "raft.core"

local Hosts = {}
Hosts.__index = Hosts

local chaos_hosts = {}

local CLIENTS = 0
local HUB = 254 -- the last part of its address
local NETWORK = "10.77.0."
local ANSWER_US = 5 * 1000 * 1000 -- for nft, of a computer that has much to do
local LOOK_US = 1000
local SIGNALS = 3 -- each ends one read, and the last of them the process

local function address_of(id)
  return NETWORK .. (id == CLIENTS and HUB or id)
end

-- ---- commands --------------------------------------------------------------

-- Runs a script to its end, also while Ctrl-C is pressed. @return whether it
-- did; and its output on one line
local function sh(script)
  local pipe = io.popen("( trap '' INT TERM HUP; set -e\n" .. script
    .. "\n) 2>&1; echo $?")
  local text
  for _ = 1, SIGNALS do
    text = text or pipe:read("*a")
  end
  text = text or ""
  pipe:close()
  local said, code = text:match("^(.-)(%d+)%s*$")
  return code == "0", ((said or text):gsub("%s+$", ""):gsub("[\r\n]+", "; "))
end

local function own_number()
  local file = io.open("/proc/self/stat", "rb")
  local number = file and file:read("*n")
  if file then
    file:close()
  end
  return number
end

local function obstacle()
  if not own_number() then
    return "expected Linux, got a system without /proc/self"
  end
  local _, user = sh("id -u")
  if user ~= "0" then
    return "expected to be root, got user " .. user
  end
  for _, program in ipairs { "ip", "nft" } do
    if not sh("command -v " .. program) then
      return ("expected the program %s on PATH, got none"):format(program)
    end
  end
end

--- What the names of this process begin with.
function chaos_hosts.tag()
  return ("luaraft-%d"):format(own_number() or 0)
end

-- ---- what others left ------------------------------------------------------

local SWEEP = [[
for name in $(ip netns list | grep -o '^luaraft-[0-9]*-[0-9a-z]*'); do
  number=${name#luaraft-}
  if [ ! -e "/proc/${number%%-*}" ]; then
    ip netns del "$name" || true
  fi
done]]

--- Removes the namespaces of processes that have ended without doing so.
function chaos_hosts.sweep()
  sh(SWEEP)
end

-- ---- making ----------------------------------------------------------------

local ROW = [[
ip netns add TAG-ID
ip link add mID netns TAG-hub type veth peer name eth0 netns TAG-ID
ip -n TAG-hub link set mID master br0 up
ip -n TAG-ID addr add ADDRESS/24 dev eth0
ip -n TAG-ID link set eth0 up
ip -n TAG-ID link set lo up
ip netns exec TAG-ID nft -f TAG.nft]]

local HEAD = [[
ip netns attach TAG-home PID
ip netns add TAG-hub
ip -n TAG-hub link add br0 type bridge
ip -n TAG-hub addr add ADDRESS/24 dev br0
ip -n TAG-hub link set br0 up
ip -n TAG-hub link set lo up
ip netns exec TAG-hub nft -f TAG.nft]]

local RULES = [[
table inet luaraft {
  set silent { type ipv4_addr; }
  chain input {
    type filter hook input priority 0; policy accept;
    ip saddr @silent drop
  }
}
]]

local function filled(text, values)
  return (text:gsub("%u[%u]+", values))
end

local function script_of(self, nodes)
  local rules = self.dir .. "/rules.nft"
  local values = { TAG = self.tag, PID = ("%d"):format(self.number),
    ADDRESS = address_of(CLIENTS) }
  local parts = { filled(HEAD, values) }
  for id = 1, nodes do
    values.ID, values.ADDRESS = tostring(id), address_of(id)
    parts[#parts + 1] = filled(ROW, values)
  end
  return (table.concat(parts, "\n"):gsub("%S+%.nft", "'" .. rules .. "'"))
end

local function enter(self, name)
  local ok, message = core.enter_network(("/run/netns/%s-%s"):format(self.tag,
    name))
  if not ok then
    error(message, 0)
  end
end

--- What fn returns, called in the namespace of one member.
function Hosts:within(id, fn)
  enter(self, id == CLIENTS and "hub" or id)
  local ok, one, two, three = pcall(fn)
  enter(self, "hub")
  if not ok then
    error(one, 0)
  end
  return one, two, three
end

local function start_shells(self, nodes)
  for id = 0, nodes do
    self.shells[id] = assert(self:within(id, function()
      return core.process_start { "/bin/sh", log = self.log }
    end))
  end
end

--- @param given { nodes = 3, dir = a folder that is there }
-- Raises one line when there can be no such hosts.
function chaos_hosts.new(given)
  local why = obstacle()
  if why then
    error("network namespaces: " .. why, 0)
  end
  chaos_hosts.sweep()
  local self = setmetatable({ dir = given.dir, number = own_number(),
    tag = chaos_hosts.tag(), log = given.dir .. "/hosts.log",
    shells = {}, asked = 0, heard = 0 }, Hosts)
  local rules = assert(io.open(self.dir .. "/rules.nft", "w"))
  rules:write(RULES)
  rules:close()
  local ok, said = sh(script_of(self, given.nodes))
  if ok then
    ok, said = pcall(start_shells, self, given.nodes)
  end
  if not ok then
    self:close()
    error("network namespaces: " .. tostring(said), 0)
  end
  return self
end

-- ---- cuts ------------------------------------------------------------------

--- Cuts a way, or mends it; 0 are the clients. It is so after the next flush.
function Hosts:cut(from, to, is_cut)
  local shell = self.shells[to]
  shell:write(("nft %s element inet luaraft silent '{ %s }' && echo done\n")
    :format(is_cut and "add" or "delete", address_of(from)))
  self.asked = self.asked + 1
end

local function read_answers(self)
  self.file = self.file or io.open(self.log, "rb")
  local text = self.file and self.file:read("*a") or ""
  for line in text:gmatch("[^\n]+") do
    if line ~= "done" then
      error("network namespaces: " .. line, 0)
    end
    self.heard = self.heard + 1
  end
  if self.file then
    self.file:seek("cur", 0) -- what was the end is none any more
  end
end

--- Waits until all that was asked for is so.
function Hosts:flush()
  local ends = core.now() + ANSWER_US
  while self.heard < self.asked do
    read_answers(self)
    if self.heard < self.asked then
      if core.now() > ends then
        error("network namespaces: nft does not answer", 0)
      end
      core.poll({}, {}, LOOK_US)
    end
  end
end

--- Where a member listens: "10.77.0.2".
function Hosts:address(id) -- luacheck: no self
  return address_of(id)
end

-- ---- the end ---------------------------------------------------------------

--- Goes home, and removes all of it. Again: nothing happens.
function Hosts:close()
  if self.is_closed then
    return
  end
  self.is_closed = true
  for _, shell in pairs(self.shells) do
    shell:close()
  end
  if self.file then
    self.file:close()
  end
  core.enter_network(("/run/netns/%s-home"):format(self.tag))
  sh(([[for name in $(ip netns list | grep -o '^%s-[0-9a-z]*'); do
    ip netns del "$name" || true
  done]]):format(self.tag))
end

return chaos_hosts
