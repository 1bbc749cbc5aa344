-- SPDX-License-Identifier: MIT
--
-- workshop.lua - machines of a few lines, for specs of sandbox and machine.
--
-- Holds:  open, from whole source text; try, one command to a machine of which
--         only the body of apply is given.

local probe = require("raft.probe")

local workshop = {}

--- Writes a file that the spec removes; its name has a "/" in it.
function workshop.write(source, path)
  path = path or os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(source)
  file:close()
  return path
end

--- A machine from source text: as probe.machine_open; second the path.
function workshop.open(source, options)
  local path = workshop.write(source)
  local given = { machine = path }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local machine, message, code = probe.machine_open(given)
  os.remove(path)
  if not machine then
    return nil, (message:gsub(path, "FILE"):gsub(path:match "[^/]*$",
      "FILE")), code
  end
  return machine, path
end

--- Source text of a machine around the body of apply.
function workshop.around(body, top)
  return (top or "") .. [[
    local M = {}
    M.__index = M
    function M.new() return setmetatable({ held = {} }, M) end
    function M:snapshot() return self.held end
    function M:apply(command, entry) ]] .. body .. [[

    end
    return M]]
end

--- What becomes of one command.
-- @return "ok" | "apply_failed", value; or "halted", message, code
function workshop.try(body, options, command)
  local machine, path, code = workshop.open(workshop.around(body), options)
  if not machine then
    return "not opened", path, code
  end
  local results, message
  results, message, code = machine:apply {
    { index = 7, time = 1000, random = "0123456789abcdef", command = command },
  }
  machine:close()
  if not results then
    return "halted", message, code
  end
  local value = results[1].value
  if type(value) == "string" then
    value = value:gsub("^.*lua_[^:]*:", "FILE:")
  end
  return results[1].status, value
end

--- The value of an expression inside apply; raises when it failed.
function workshop.value(expression, command)
  local status, value = workshop.try("return " .. expression, nil, command)
  if status ~= "ok" then
    error(expression .. ": " .. status .. ": " .. tostring(value), 2)
  end
  return value
end

--- The command of the Lua that runs the specs.
function workshop.interpreter()
  local index = -1
  while arg[index - 1] do
    index = index - 1
  end
  return arg[index]
end

return workshop
