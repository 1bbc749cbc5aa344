-- SPDX-License-Identifier: MIT
--
-- driver_command.lua - a service that is reached by command lines.
--
--   driver = require "raft.driver_command" {
--     start = "my-server --host {host} --port {port} --data {dir}",
--     get = "my-client {host}:{port} get {key}",
--     set = "my-client {host}:{port} set {key} {value}",
--     refused = 75,
--   }
--
-- Holds:  lines of a shell, in which {id}, {host}, {port}, {dir}, {key},
--         {value} and {new} (of cas) stand for what is meant, quoted. One line
--         per word that a workload uses: get, set, cas, add.
-- Rule:   exit code 0 is done, and what was printed is the answer; 'refused'
--         says that nothing was done, so that another member is asked; after
--         any other nobody knows.

local core = require "raft.core"
local options = require "raft.options"

local SCHEMA = {
  add = { "string" }, cas = { "string" }, get = { "string" },
  set = { "string" },
  name = { "string", default = "the command line" },
  refused = { "whole", min = 1, max = 255, default = 75 },
  start = { "string", required = true },
}

local function quoted(value)
  return "'" .. tostring(value):gsub("'", "'\\''") .. "'"
end

-- What is in braces and not known stays: a later step may know it.
local function fill(line, values)
  return (line:gsub("{(%l+)}", function(name)
    local value = values[name]
    if type(value) == "number" then
      value = ("%.0f"):format(value)
    end
    return value ~= nil and quoted(value) or nil
  end))
end

-- ---- one request, a process ------------------------------------------------

local Request = {}
Request.__index = Request

function Request:send(line)
  self.path = os.tmpname()
  self.process = core.process_start { "/bin/sh", "-c",
    fill(line, self.place), log = self.path }
  return self.process ~= nil
end

-- "0\nwhat was printed", once it has ended.
function Request:receive()
  local how, code = self.process:ended(0)
  if not how then
    return ""
  end
  local file = io.open(self.path, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  self:close()
  return ("%d\n%s"):format(how == "exit" and code or 255, text)
end

function Request:close()
  if self.process then
    self.process:close()
    os.remove(self.path)
    self.process = nil
  end
end

-- ---- the driver ------------------------------------------------------------

local NAMES = { get = { "key" }, set = { "key", "value" },
  add = { "key", "value" }, cas = { "key", "value", "new" } }

return function(given)
  local lines = options.check("raft.driver_command", given, SCHEMA)
  local driver = { name = lines.name }

  function driver.start(place)
    return { "/bin/sh", "-c", "exec " .. fill(lines.start, place) }
  end

  function driver.connect(place)
    return setmetatable({ place = place, fd = -1 }, Request)
  end

  function driver.encode(command)
    local line, values = lines[command[1]], {}
    if not line or not NAMES[command[1]] then
      error({ not_applicable = ("there is no line for %s"):format(
        tostring(command[1])) }, 0)
    end
    for i, name in ipairs(NAMES[command[1]]) do
      values[name] = command[i + 1]
    end
    return fill(line, values)
  end

  function driver.decode(bytes, command)
    local code, text = bytes:match("^(%d+)\n(.-)%s*$")
    if tonumber(code) == lines.refused then
      return "refused"
    elseif code ~= "0" then
      return "failed", text
    elseif command[1] == "cas" then
      return "ok", text == "true" or text == "1", ""
    end
    return "ok", text ~= "" and (tonumber(text) or text) or nil, ""
  end

  return driver
end
