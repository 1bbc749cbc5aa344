-- SPDX-License-Identifier: MIT
--
-- chaos_runs.lua - the command luaraft chaos, run by specs.
--
-- Holds:  a folder for scenarios and what is kept of them, the command's exit
--         code and what it said, and whether anything of it is left.
-- Rule:   whoever makes one closes it; close() removes the folder.

local Cluster = require "spec.real.cluster"

local Runs = {}
Runs.__index = Runs

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

function Runs.new()
  return setmetatable({ dir = Cluster.folder() }, Runs)
end

--- Writes a file of Lua. @return its path
function Runs:write(name, text)
  local path = ("%s/%s.lua"):format(self.dir, name)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

--- Writes a scenario. @return its path
function Runs:scenario(name, text)
  return self:write(name, "local raft = require \"raft\"\n" .. text)
end

-- The shell line of a run; its members' folders are in this one.
local function line_of(self, arguments, through)
  local root = select(2, Cluster.sh("pwd")):gsub("%s+$", "")
  local environment = ("unset LUA_PATH LUA_CPATH; export TMPDIR=%s/tmp"
    .. " RAFT_BUILD=%s/%s"):format(self.dir, root, os.getenv("RAFT_BUILD")
      or "build/gcc")
  return ("mkdir -p %s/tmp && cd %s && %s; exec %s %s"
    .. " %s/scripts/luaraft chaos %s"):format(self.dir, self.dir, environment,
    through or "", LUA, root, arguments)
end

--- Runs it to its end. @param through "unshare -U": a command that runs it
-- @return its exit code, what it said
function Runs:run(arguments, through)
  return Cluster.sh("( " .. line_of(self, arguments, through) .. " )")
end

--- Begins it. @return the number of its process
function Runs:start(arguments)
  local base = self.dir .. "/run"
  Cluster.sh(("( ( %s ) > %s.out 2>&1 < /dev/null & p=$!; echo $p > %s.pid;"
    .. " wait $p; echo $? > %s.code ) > /dev/null 2>&1 &\n"
    .. "while [ ! -s %s.pid ]; do :; done"):format(
      line_of(self, arguments), base, base, base, base))
  return self:read "run.pid":match "%d+"
end

--- Waits for the end of what was begun. @return its exit code, what it said
function Runs:finish()
  local code = Runs.wait("the command to end", function ()
    return self:read "run.code"
  end)
  return tonumber(code), self:read "run.out"
end

--- Looks again and again until fn gives something.
function Runs.wait(what, fn)
  local ends = Cluster.now() + 60
  repeat
    local result = fn()
    if result then
      return result
    end
    Cluster.sh "sleep 0.05"
  until Cluster.now() > ends
  error("waited 60 s for " .. what, 0)
end

--- What is left of a run: names of folders, and how many processes.
function Runs:left()
  local _, folders = Cluster.sh(("ls %s/tmp"):format(self.dir))
  local _, count = Cluster.sh(("grep -l %s/tmp /proc/[0-9]*/cmdline"
    .. " 2> /dev/null | grep -v /self/ | xargs -r -n 1 dirname | while read"
    .. " p; do grep -q [c]haos_member $p/cmdline 2> /dev/null && echo x; done"
    .. " | wc -l"):format(self.dir))
  return folders, tonumber(count:match "%d+")
end

--- Whether a member stands still.
function Runs:read_paused()
  local _, text = Cluster.sh(("for p in $(grep -l %s/tmp /proc/[0-9]*/cmdline"
    .. " 2> /dev/null); do grep State ${p%%cmdline}status; done"):format(
      self.dir))
  return text:find("(stopped)", 1, true) ~= nil
end

function Runs:read(name)
  local file = io.open(self.dir .. "/" .. name, "rb")
  local text = file and file:read "*a"
  if file then
    file:close()
  end
  return text
end

--- What was begun has ended when its shell has told so, in this folder.
function Runs:close()
  local pid = self:read "run.pid"
  if pid and not self:read "run.code" then
    Cluster.sh("kill -KILL " .. pid)
    self:finish()
  end
  Cluster.sh("rm -rf " .. self.dir)
end

return Runs
