-- SPDX-License-Identifier: MIT
--
-- scenario_file.lua - a file with a scenario, loaded.
--
-- Holds:     the globals that such a file sees, and what is refused there.
-- Invariant: nothing that differs between two runs is within reach: chance
--            and time come from the cluster, pairs goes in the order of keys.
-- Rule:      modules that a scenario requires are found beside it first, and
--            see the same globals; modules of the toolkit are as they are.

local blame = require "raft.blame"
local guard = require "raft.sandbox_guard"
local ordered = require "raft.ordered"
local scenario = require "raft.scenario"
local wording = require "raft.wording"

local scenario_file = {}

-- What each of them is for, in a scenario.
local INSTEAD = {
  ["math.random"] = "cluster:random(n)",
  ["math.randomseed"] = "the seed of the run",
  ["os.time"] = "cluster:now()",
  ["os.clock"] = "cluster:now()",
  ["os.date"] = "cluster:now()",
  ["os.getenv"] = "options of the scenario",
  ["os.execute"] = "verbs of the cluster",
  ["os.exit"] = "error(message)",
  ["os.remove"] = "verbs of the cluster",
  ["os.rename"] = "verbs of the cluster",
  ["os.tmpname"] = "verbs of the cluster",
  ["io.open"] = "verbs of the cluster",
  ["io.popen"] = "verbs of the cluster",
  ["io.lines"] = "verbs of the cluster",
  ["io.read"] = "options of the scenario",
  ["io.write"] = "print",
}

local KEPT = { "assert", "error", "getmetatable", "ipairs", "pcall", "print",
  "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable",
  "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION" }

local LIBRARIES = { "string", "table", "coroutine", "utf8", "math" }

local function refuse(env, path)
  local library, name = path:match("^(%w+)%.(%w+)$")
  env[library] = env[library] or {}
  env[library][name] = function()
    blame.raise(("%s is not for scenarios, a run is decided by its seed: use"
      .. " %s"):format(path, INSTEAD[path]))
  end
end

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local source, why = file:read("*a")
  file:close()
  if not source then
    return nil, path .. ": " .. tostring(why)
  end
  return source:sub(1, 1) == "#" and "--" .. source or source
end

local function compile(path, env)
  local source, message = read_file(path)
  if not source then
    return nil, message
  end
  return guard.compile(source, "@" .. path, env)
end

local function find(name, templates)
  local file_name = name:gsub("%.", "/")
  for template in templates:gmatch("[^;]+") do
    local path = template:gsub("%?", (file_name:gsub("%%", "%%%%")))
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
  end
end

local function new_require(env, folder)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" then
      blame.raise("require: "
        .. select(2, wording.expected("a module's name", name)))
    elseif name == "raft" or name:find("^raft%.") then
      return require(name)
    elseif loaded[name] ~= nil then
      return loaded[name]
    end
    local path = find(name, folder .. "?.lua;" .. package.path)
    if not path then
      blame.raise(("require: there is no module '%s' beside the scenario or"
        .. " on package.path"):format(name))
    end
    local chunk, message = compile(path, env)
    if not chunk then
      error(message, 0)
    end
    local value = chunk(name)
    loaded[name] = value == nil and true or value
    return loaded[name]
  end
end

local function environment(folder)
  local env = {}
  for _, name in ipairs(KEPT) do
    env[name] = rawget(_G, name)
  end
  for _, library in ipairs(LIBRARIES) do
    local copy = {}
    for name, value in pairs(rawget(_G, library) or {}) do
      copy[name] = value
    end
    env[library] = rawget(_G, library) and copy
  end
  for path in pairs(INSTEAD) do
    refuse(env, path)
  end
  env.pairs, env.next = ordered.pairs, ordered.next
  env.require = new_require(env, folder)
  env._G = env
  return env
end

-- What went wrong while the file ran, as one line.
local function explain(problem, path)
  local text = type(problem) == "string" and problem
    or "raised a " .. type(problem)
  if not text:find("^[^\n]-:%d+: ") then
    text = path .. ": " .. text
  end
  return (text:gsub("[\r\n]+", " "))
end

--- Loads a file that returns a scenario, or a table of options of sim.run.
-- @return the scenario or the table; or nil and one line that says why not
function scenario_file.load(path)
  local folder = path:match("^(.*/)[^/]*$") or "./"
  local chunk, message = compile(path, environment(folder))
  if not chunk then
    return nil, message
  end
  local ok, value = blame.follow(chunk, "@" .. path)
  if not ok then
    return nil, explain(value, path)
  elseif scenario.is(value) then
    value.folder, value.path = folder, path
    value.name = value.given.name or path
    return value
  elseif type(value) ~= "table" then
    return nil, ("%s: %s"):format(path, select(2, wording.expected(
      "the file to return raft.scenario { … }", value)))
  end
  return value
end

return scenario_file
