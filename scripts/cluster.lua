-- SPDX-License-Identifier: MIT
--
-- cluster.lua - real members as processes on this computer, for scripts/demo
-- and scripts/bench.
--
-- Holds:  addresses, directories, process ids; starting, killing, waiting.
-- Rule:   whoever runs this ends all processes named in DIR/*.pid and removes
--         DIR, whatever happens (the shell scripts trap it). Each wait looks
--         at status again and again, and has an end.

local raft = require("raft")

local Cluster = {}
Cluster.__index = Cluster

local LUARAFT = "lua5.4 scripts/luaraft"
local WAIT = 30 -- seconds; no wait here is longer
local PAUSE = 0.01 -- seconds between two looks at a member

function Cluster.now()
  return raft.core.now() / 1e6
end

local now = Cluster.now

-- An address of this computer that nobody else is likely to use.
local function draw_host()
  local file = assert(io.open("/dev/urandom", "rb"))
  local a, b, c = file:read(3):byte(1, 3)
  file:close()
  return ("127.%d.%d.%d"):format(a % 250 + 2, b, c % 250 + 2)
end

local function sh(format, ...)
  local ok = os.execute(format:format(...))
  return ok == true or ok == 0
end

local function read_all(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

--- Makes the directories of the members in 'dir'.
-- @param given { dir = "…", count = 3, machine = "raft.kv", hosts = of
-- raft.chaos_hosts: then each member has a network of its own }
function Cluster.new(given)
  local self = setmetatable({
    dir = given.dir, machine = given.machine or "raft.kv",
    hosts = given.hosts,
    addresses = {}, pids = {}, rows = {}, asked = {}, lives = {},
  }, Cluster)
  local host, members = draw_host(), {}
  for id = 1, given.count or 3 do
    self.addresses[id] = ("%s:%d"):format(self.hosts
      and self.hosts:address(id) or host, 7100 + id)
    self.lives[id], self.asked[id] = 0, 0
    members[id] = id .. "=" .. self.addresses[id]
  end
  for id in ipairs(self.addresses) do
    assert(sh("%s init --id %d --dir '%s/%d' --members %s --name demo"
      .. " > /dev/null", LUARAFT, id, self.dir, id,
      table.concat(members, ",")), "init failed")
  end
  self.watcher = self:client("2s")
  return self
end

--- A client of all members.
function Cluster:client(deadline)
  local given = { deadline = deadline }
  for id, at in ipairs(self.addresses) do
    given[id] = at
  end
  return assert(raft.client(given))
end

function Cluster:log_of(id)
  return read_all(("%s/%d.log"):format(self.dir, id))
end

local function serve(self, id)
  return sh("%s serve %s --dir '%s/%d' %s >> '%s/%d.log' 2>&1 < /dev/null &"
    .. " echo $! > '%s/%d.pid'", LUARAFT, self.machine, self.dir, id,
    self.hosts and "--insecure" or "", self.dir, id, self.dir, id)
end

function Cluster:start(id)
  assert(self.hosts and self.hosts:within(id, function()
    return serve(self, id)
  end) or not self.hosts and serve(self, id))
  self.pids[id] = read_all(("%s/%d.pid"):format(self.dir, id)):match("%d+")
end

--- SIGKILL, nothing else: the member cannot prepare for it.
function Cluster:kill(id)
  assert(sh("kill -KILL %s", self.pids[id]), "no process to kill")
  self.pids[id], self.rows[id] = nil, nil
  self.lives[id] = self.lives[id] + 1
end

--- SIGSTOP: to all others it is as if its host were cut off.
function Cluster:pause(id)
  assert(sh("kill -STOP %s", self.pids[id]), "no process to stop")
  self.rows[id], self.lives[id] = nil, self.lives[id] + 1
end

function Cluster:resume(id)
  assert(sh("kill -CONT %s", self.pids[id]), "no process to go on")
end

-- All ways to a host and from it, those of clients too.
local function tell_hosts(self, id, is_cut)
  for other = 0, #self.addresses do
    if other ~= id then
      self.hosts:cut(id, other, is_cut)
      self.hosts:cut(other, id, is_cut)
    end
  end
  self.hosts:flush()
end

--- Its host is cut off: nothing passes, and nobody is told.
function Cluster:cut_off(id)
  tell_hosts(self, id, true)
  self.rows[id], self.lives[id] = nil, self.lives[id] + 1
end

function Cluster:mend(id)
  tell_hosts(self, id, false)
end

--- Asks all members again how they are, without waiting: what they said last
-- stands in self.rows, nil for those that do not answer.
function Cluster:look()
  for id in ipairs(self.addresses) do
    local due = self.asked[id]
    if due and due <= now() then
      self:ask(id)
    end
  end
  self.watcher:step()
end

function Cluster:ask(id)
  local life = self.lives[id]
  self.asked[id] = nil
  self.watcher:status(id, { deadline = "500ms" }, function(ok, row)
    self.asked[id] = now() + PAUSE
    if life == self.lives[id] then
      self.rows[id] = ok and row or nil
    end
  end)
end

--- Calls fn until it gives something, and 'meanwhile' between.
function Cluster:wait(what, fn, meanwhile)
  local ends = now() + WAIT
  while true do
    local result = fn()
    if result then
      return result
    elseif now() > ends then
      error(("waited %d s for %s"):format(WAIT, what), 0)
    end
    self:look()
    if meanwhile then
      meanwhile()
    else
      self.watcher:step("5ms")
    end
  end
end

--- The id of the leader of the highest term, as far as 'look' saw; nil: none.
function Cluster:leader()
  local best
  for id in pairs(self.pids) do
    local row = self.rows[id]
    if row and row.role == "leader"
       and (not best or row.term > self.rows[best].term) then
      best = id
    end
  end
  return best
end

--- The id of the leader, once there is one.
function Cluster:wait_leader(meanwhile)
  return self:wait("a leader", function()
    return self:leader()
  end, meanwhile)
end

--- Starts a member and waits until it answers. A process that was just killed
-- may hold the port or the directory for a moment: then it is started again.
function Cluster:restart(id, meanwhile)
  local tries, ends = 0, self.pids[id] and now() + 5 or 0
  return self:wait("member " .. id .. " to come back", function()
    if self.rows[id] then
      return true
    elseif now() > ends then
      tries, ends = tries + 1, now() + 5
      if tries > 5 then
        error(("member %d does not start; it said:\n%s"):format(id,
          self:log_of(id)), 0)
      end
      self:start(id)
    end
  end, meanwhile)
end

local function is_settled(rows, count)
  for id = 1, count do
    local row, first = rows[id], rows[1]
    if not row or row.state_hash_index ~= row.last or row.last ~= first.last
       or row.commit ~= first.last then
      return false
    end
  end
  return true
end

--- Waits until all have applied the same index and none has more.
-- @return that index and each member's status, state hash included
function Cluster:settle()
  local rows
  self:wait("all members to apply the same index", function()
    rows = {}
    for id in ipairs(self.addresses) do
      local ok, row = self.watcher:status(id,
        { state_hash = true, deadline = "10s" })
      rows[id] = ok and row or nil
    end
    return is_settled(rows, #self.addresses)
  end)
  return rows[1].last, rows
end

--- Ends all members and waits for nothing.
function Cluster:stop()
  self.watcher:close()
  for _, pid in pairs(self.pids) do
    sh("kill -TERM %s 2> /dev/null", pid)
  end
end

return Cluster
