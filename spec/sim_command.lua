-- SPDX-License-Identifier: MIT
--
-- sim_command.lua - the command luaraft sim as a process, in a folder of its
-- own.
--
-- Holds:  open and close the folder, write and read files there; run.

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d.%d")

local Command = {}
Command.__index = Command

local sim_command = {}

function sim_command.open()
  return setmetatable({ root = io.popen("pwd"):read("*l"),
    folder = io.popen("mktemp -d"):read("*l") }, Command)
end

function Command:close()
  os.execute("rm -r " .. self.folder)
end

function Command:write(name, source)
  local file = assert(io.open(self.folder .. "/" .. name, "wb"))
  file:write(source)
  file:close()
  return self.folder .. "/" .. name
end

function Command:read(name)
  local file = assert(io.open(self.folder .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- What a shell does in the folder, where the command is called luaraft.
-- @return the exit code, stdout, stderr; the folder's name is written DIR
function Command:shell(line)
  local path = package.path:gsub("%./", self.root .. "/")
    :gsub(";lua/", ";" .. self.root .. "/lua/")
    :gsub("^lua/", self.root .. "/lua/")
  local pipe = assert(io.popen(("cd %s && export RAFT_BUILD= LUA_PATH='%s'"
    .. " LUA_CPATH='%s'; luaraft() { %s %s/scripts/luaraft \"$@\"; };"
    .. " { %s\n} 2>%s/err; echo code=$?"):format(self.folder, path,
    package.cpath:gsub("build/", self.root .. "/build/"), LUA, self.root,
    line, self.folder)))
  local out = pipe:read("*a")
  pipe:close()
  local text, code = out:match("^(.-)code=(%d+)\n$")
  local function short(one)
    return (one:gsub(self.folder:gsub("%p", "%%%0"), "DIR"))
  end
  return tonumber(code), short(text), short(self:read("err"))
end

--- luaraft sim with these words.
function Command:sim(words)
  return self:shell("luaraft sim " .. words)
end

--- The interpreter and the script, as words.
function Command:words()
  return LUA .. " " .. self.root .. "/scripts/luaraft"
end

function sim_command.lines(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

return sim_command
