-- SPDX-License-Identifier: MIT
--
-- cluster.lua - real members, each a process of this computer, for specs.
--
-- Holds:  a folder, addresses, process ids; starting, killing, waiting.
-- Rule:   whoever makes a cluster closes it in finally(): close() ends every
--         process and removes the folder, whatever became of them.
-- Rule:   nothing sleeps: a wait turns a client's loop and looks again, and
--         has an end.

local raft = require "raft"

local Cluster = {}
Cluster.__index = Cluster

local WAIT = 60 -- seconds; no wait here is longer
local PORT = 7100

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

local function now()
  return raft.core.now() / 1e6
end
Cluster.now = now

--- An address in 127.0.0.0/8 that nobody else is likely to use.
function Cluster.host()
  local file = assert(io.open("/dev/urandom", "rb"))
  local a, b, c = file:read(3):byte(1, 3)
  file:close()
  return ("127.%d.%d.%d"):format(a % 250 + 2, b, c % 250 + 2)
end

function Cluster.folder()
  local pipe = assert(io.popen("mktemp -d ${TMPDIR:-/tmp}/luaraft.XXXXXX"))
  local name = pipe:read "*l"
  pipe:close()
  return assert(name)
end

local function read_all(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

-- A table of strings, numbers and booleans as Lua source.
local function source(value)
  if type(value) ~= "table" then
    return type(value) == "string" and ("%q"):format(value)
      or tostring(value)
  end
  local parts = {}
  for key, inner in pairs(value) do
    parts[#parts + 1] = ("[%s]=%s"):format(source(key), source(inner))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Runs a shell command. @return its exit code, what it printed to both
function Cluster.sh(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo $?"))
  local text = pipe:read "*a"
  pipe:close()
  local printed, code = text:match "^(.-)(%d+)%s*$"
  return tonumber(code), printed
end

--- What a shell runs as luaraft.
Cluster.COMMAND = LUA .. " scripts/luaraft"

--- Directories of members, none of them started.
-- @param given { count = 3, member = options of raft.node for all of them,
-- modules = "build/bugs/lua-5.4": of which build the processes are }
function Cluster.new(given)
  local self = setmetatable({
    dir = Cluster.folder(), host = Cluster.host(), count = given.count or 3,
    member = given.member or {}, addresses = {}, pids = {}, lives = {},
    exits = {}, -- of a member: where the end of its process is told
    environment = given.modules
      and ("LUA_CPATH='%s/?.so;;' "):format(given.modules) or "",
  }, Cluster)
  for id = 1, self.count do
    self.addresses[id] = ("%s:%d"):format(self.host, PORT + id)
  end
  for id = 1, self.count do
    assert(raft.init { id = id, dir = self:dir_of(id), name = "spec",
      members = self.addresses, limits = self.member.limits })
  end
  self.watcher = self:client { deadline = "1s", session = false }
  return self
end

function Cluster:dir_of(id)
  return self.dir .. "/" .. id
end

function Cluster:log_of(id)
  return read_all(self.dir .. "/" .. id .. ".log")
end

--- A client of all members. @param given { deadline = "5s", session = true }
function Cluster:client(given)
  local all = {}
  for key, value in pairs(given or {}) do
    all[key] = value
  end
  for id, at in ipairs(self.addresses) do
    all[id] = at
  end
  return assert(raft.client(all))
end

-- ---- processes ------------------------------------------------------------

--- Starts the process of a member. @param pipe "| head -n 1": where its log
-- goes instead of its file @param more further options of raft.node
function Cluster:start(id, pipe, more)
  local options = { dir = self:dir_of(id) }
  for key, value in pairs(more or {}) do
    options[key] = value
  end
  for key, value in pairs(self.member) do
    options[key] = value
  end
  local path = ("%s/%d.options"):format(self.dir, id)
  local file = assert(io.open(path, "w"))
  file:write(source(options))
  file:close()
  local base = ("%s/%d"):format(self.dir, id)
  local exit = ("%s.exit-%d"):format(base, #self.lives)
  local command = ("%ssh -c 'echo $$ > %s.pid; "
    .. "exec env --default-signal=HUP %s spec/real/member.lua "
    .. '"$(cat %s)"\''):format(self.environment, base, LUA, path)
  local code, pid = Cluster.sh(("rm -f %s.pid\n"
    .. "( exec >> %s.log 2>&1 < /dev/null\n"
    .. "  { %s; echo $? > %s; } 2>&1 %s ) &\n"
    .. "while [ ! -s %s.pid ]; do :; done; cat %s.pid"):format(base, base,
      command, exit, pipe or "", base, base))
  assert(code == 0, pid)
  self.pids[id] = pid:match "%d+"
  self.lives[#self.lives + 1] = { pid = self.pids[id], exit = exit }
  self.exits[id] = exit
end

--- Runs luaraft. @return its exit code, what it printed, what to stderr
function Cluster:luaraft(format, ...)
  local err = self.dir .. "/err"
  local code, out = Cluster.sh(("%s %s 2> %s"):format(Cluster.COMMAND,
    format:format(...), err))
  return code, out, read_all(err)
end

--- Waits until the process of a member has ended. @return its exit code; of
-- one that a signal ended, 128 and the signal's number
function Cluster:exit_code(id)
  return self:wait("the exit code of member " .. id, function ()
    return tonumber(read_all(self.exits[id]))
  end)
end

function Cluster:start_all()
  for id = 1, self.count do
    self:start(id)
  end
end

-- A process that has ended, reaped or not, holds no lock and no port: once the
-- last of its threads is gone, which may be after the first has ended.
local function has_ended(pid)
  local status = read_all(("/proc/%s/status"):format(pid))
  local state = status:match "State:%s+(%a)"
  return state == nil or state == "X"
    or state == "Z" and status:match "Threads:%s+(%d+)" == "1"
end

--- Sends a signal; "KILL" is the default.
function Cluster:kill(id, signal)
  if self.pids[id] then
    Cluster.sh(("kill -%s %s"):format(signal or "KILL", self.pids[id]))
  end
end

--- Waits until the process of a member is gone, and nobody writes about it.
function Cluster:wait_end(id)
  local pid = self.pids[id]
  if pid then
    self:wait("the process of member " .. id .. " to end", function ()
      return has_ended(pid)
    end)
    self:exit_code(id)
    self.pids[id] = nil
  end
end

function Cluster:is_running(id)
  return self.pids[id] ~= nil and not has_ended(self.pids[id])
end

--- Connects to a member and greets as another one that never ran.
-- @return a descriptor of raft.probe
function Cluster:greet(id, as)
  local probe = require "raft.probe"
  local status = self:wait("member " .. id, function ()
    return self:status(id)
  end)
  local socket = assert(probe.socket_connect(self.host, PORT + id))
  assert(probe.socket_send(socket, probe.greeting_encode {
    role = "member", protocol = 1, features = 0, group = 0,
    cluster = status.cluster, member = as, incarnation = 77,
    machine_hash = 0, vm = status.vm, bulk = false }))
  assert(probe.socket_receive(socket, 5000):find("hello", 1, true))
  return socket
end

-- ---- waiting --------------------------------------------------------------

--- Calls fn until it gives something, and turns a client's loop between.
function Cluster:wait(what, fn, client)
  local ends = now() + WAIT
  while true do
    local result = fn()
    if result then
      return result
    elseif now() > ends then
      error(("waited %d s for %s\n%s"):format(WAIT, what, self:logs()), 0)
    end
    (client or self.watcher):step "5ms"
  end
end

--- The last lines of all logs, for a failure's message.
function Cluster:logs()
  local lines = {}
  for id = 1, self.count do
    lines[#lines + 1] = ("member %d: …%s"):format(id,
      self:log_of(id):sub(-1500))
  end
  return table.concat(lines, "\n")
end

--- What a member says of itself; nil when it does not answer.
function Cluster:status(id, given)
  local ok, status = self.watcher:status(id, given)
  return ok and status or nil
end

--- Waits for a leader that a majority follows. @return its id, its status
function Cluster:leader()
  local found
  local id = self:wait("a leader", function ()
    local followers = {}
    for id = 1, self.count do
      local status = self.pids[id] and self:status(id)
      if status and status.leader ~= 0 then
        local key = status.leader .. "/" .. status.term
        followers[key] = (followers[key] or 0) + 1
        if status.role == "leader" then
          found = status
        end
      end
    end
    local key = found and found.id .. "/" .. found.term
    if key and (followers[key] or 0) * 2 > self.count then
      return found.id
    end
  end)
  return id, found
end

--- Waits until all members have applied everything. @return their statuses,
-- with state_hash
function Cluster:settle()
  local rows
  self:wait("all members to apply the same index", function ()
    rows = {}
    for id = 1, self.count do
      rows[id] = self:status(id, { state_hash = true })
      if not rows[id] or rows[id].state_hash_index ~= rows[id].last
         or rows[id].last ~= rows[1].last then
        return false
      end
    end
    return true
  end)
  return rows
end

-- Lives whose shells have not told their ends.
local function open_lives(self)
  local open = {}
  for _, life in ipairs(self.lives) do
    open[#open + 1] = read_all(life.exit) == "" and life or nil
  end
  return open
end

--- Ends everything, waits until all of it is told, and removes the folder:
-- what a shell wrote while that goes on would stay.
function Cluster:close()
  for _, life in ipairs(open_lives(self)) do
    Cluster.sh("kill -KILL " .. life.pid)
  end
  local ok, message = pcall(self.wait, self, "all processes to end",
    function ()
      return #open_lives(self) == 0
    end)
  self.watcher:close()
  Cluster.sh("rm -rf " .. self.dir)
  assert(ok, message)
end

return Cluster
