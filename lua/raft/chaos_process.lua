-- SPDX-License-Identifier: MIT
--
-- chaos_process.lua - one member as a process of this computer.
--
-- Holds:     its directory, its process, what it told of itself last, and the
--            orders that must hold in every one of its lives.
-- Knows not: other members; why it is ended (chaos_world.lua).
-- Rule:      what ends a process waits until it is gone: its lock and its port
--            are free then.

local blame = require "raft.blame"
local core = require "raft.core"

local Process = {}
Process.__index = Process

local chaos_process = {}

local DYING_US = 500 * 1000 -- for a process that loses power
local STATUS_US = 300 * 1000 -- for an answer of a member that runs
local NOTHING = "\144" -- an empty array

-- ---- how a process is started ----------------------------------------------

-- The interpreter that runs this program.
local function interpreter()
  local arg = rawget(_G, "arg") or {}
  local at = -1
  while arg[at - 1] do
    at = at - 1
  end
  if arg[at] then
    return arg[at]
  end
  return rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d.%d")
end

local CODE = [[
package.path, package.cpath = %q, %q
require("raft.chaos_member").run(%q)
]]

--- @param given { id = 1, dir = the folder of all, options = of raft.node,
-- within = function of a function: calls it where the process shall be }
function chaos_process.new(given)
  local base = ("%s/%d"):format(given.dir, given.id)
  return setmetatable({
    id = given.id, dir = base, log = base .. ".log", state = "down",
    options = given.options, options_path = base .. ".options",
    standing = {}, names = {}, paused = false, life = 0, term = 0,
    modules = given.modules or package.cpath,
    within = given.within or function(fn)
      return fn()
    end,
  }, Process)
end

local function write_options(self)
  local given = { id = self.id, dir = self.dir }
  for name, value in pairs(self.options) do
    given[name] = value
  end
  local file, message = io.open(self.options_path, "wb")
  local ok = file
  if file then
    ok, message = file:write(select(2, assert(core.encode(given))))
    file:close()
  end
  if not ok then
    error(tostring(message), 0)
  end
end

--- Starts it, unless it runs.
function Process:start()
  if self.process then
    return false
  end
  write_options(self)
  local process, message = self.within(function()
    return core.process_start {
      interpreter(), "-e", CODE:format(package.path, self.modules,
        self.options_path),
      log = self.log,
    }
  end)
  if not process then
    error(("member %d: %s"):format(self.id, message), 0)
  end
  self.process, self.state, self.life = process, "opening", self.life + 1
  self.code, self.detail, self.role, self.paused = nil, nil, nil, false
  self.faulted = self.standing.left and true or false
  for _, name in ipairs(self.names) do
    if self.standing[name] then
      process:write(self.standing[name] .. "\n")
    end
  end
  return true
end

-- ---- orders ----------------------------------------------------------------

--- Orders something now.
function Process:order(line)
  if self.process then
    self.process:write(line .. "\n")
  end
end

--- Orders something for this life and all that come, under a name; a line of
-- false takes it back, which 'undo' orders.
function Process:stand(name, line, undo)
  self:remember(name, line)
  self:order(line or undo)
end

--- The same for the lives that come.
function Process:remember(name, line)
  if self.standing[name] == nil then
    self.names[#self.names + 1] = name
  end
  self.standing[name] = line
end

-- ---- ending ----------------------------------------------------------------

local function gone(self)
  self.process:close()
  self.process, self.state, self.role, self.paused = nil, "down", nil, false
end

--- The process alone ends; what was not synced is lost with it.
function Process:kill()
  if not self.process then
    return false
  end
  gone(self)
  return true
end

--- Power is lost. @param bits which sectors were written; -1: all
function Process:crash(bits)
  if not self.process then
    return false
  end
  if not self.paused and self.state == "up" then
    self:order(("die %.0f"):format(bits))
    self.process:ended(DYING_US)
  end
  gone(self)
  return true
end

function Process:pause()
  if not self.process or self.paused then
    return false
  end
  self.paused = self.process:signal("STOP")
  return true
end

function Process:resume()
  if not self.process or not self.paused then
    return false
  end
  self.process:signal("CONT")
  self.paused = false
  return true
end

--- Whether it has ended by itself since it was asked last.
function Process:has_ended()
  if self.process and self.process:ended(0) then
    gone(self)
    self.state = "stopped"
    return true
  end
  return false
end

-- ---- asking ----------------------------------------------------------------

--- What it says of itself, asked through its directory, which no cut meets.
-- @return a table as raft.node's status; nil: it does not answer
function Process:status()
  if self.state ~= "up" or self.paused then
    return nil
  end
  return (core.ask(self.dir, "status", NOTHING, STATUS_US))
end

--- Asks for something of an operator, and does not wait for its end.
function Process:operate(method, params)
  if self.state == "up" and not self.paused then
    core.ask(self.dir, method, select(2, assert(core.encode(params))),
      STATUS_US)
  end
end

--- What a line of its log says of it. @param record of chaos_records.lua
function Process:hear(record)
  local text = record.text
  local role = text:match("^raft%.role .- to=([%w_]+)")
  if role then
    self.role = role
  elseif text:find("^chaos%.open") then
    self.state = "up"
  elseif text:find("^chaos%.ended") then
    self.code, self.detail = text:match("^chaos%.ended code=(%S+) (.*)$")
  end
  self.term = math.max(self.term, record.term)
end

--- The last lines of its log, for who looks for the cause.
function Process:last_lines()
  local file = io.open(self.log, "rb")
  if not file then
    return ""
  end
  file:seek("set", math.max(file:seek("end") - 2000, 0))
  local text = file:read("*a")
  file:close()
  return text
end

--- Raises what ends a run as not applicable, at the user's line.
function chaos_process.not_applicable(text)
  error({ not_applicable = (blame.place() or "") .. text }, 0)
end

return chaos_process
