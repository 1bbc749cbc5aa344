-- SPDX-License-Identifier: MIT
--
-- machine.lua - a replicated machine: from its name to its methods.
--
-- Holds:     finding the file, loading it and what it requires, checking it.
-- Runs:      in the lua_State of the machine (bindings/machine.c), outside of
--            the sandbox that it makes for the machine.
-- Invariant: once 'open' has returned no further file is loaded, so that the
--            hash over all sources is known before the first command.
-- Rule:      the text of an error begins with the name of a source, and a
--            machine may keep it. So sources are named by what is the same on
--            every member, never by where their files stand.

-- luacheck: read globals package.searchers package.loaders jit.off jit.flush
-- luacheck: read globals loadstring

local machine_error = require "raft.machine_error"

local machine = {}

local error, ipairs, next, type = error, ipairs, next, type
local io_open = io.open
local string_find, string_gsub = string.find, string.gsub
local string_gmatch, string_match = string.gmatch, string.match
local string_sub = string.sub
local table_concat, table_sort = table.concat, table.sort
local math_min = math.min

-- Modules of the toolkit that a machine may use.
local TOOLKIT = { ["raft.kv"] = true }

local METHODS = { "apply", "query", "snapshot", "restore", "digest", "opened" }

-- What cannot be used: raised without position, the text says where.
local function refuse(...)
  error(table_concat { ... }, 0)
end

local function read_file(path)
  local file, message = io_open(path, "rb")
  if not file then
    return nil, message
  end
  local source, why = file:read("*a")
  file:close()
  return source, why and path .. ": " .. why
end

-- The file of a module; or nil, and where it was looked for: the first
-- places, since a message has an end.
local function search(name, templates)
  local tried = {}
  local file_name = string_gsub(name, "%.", "/")
  for template in string_gmatch(templates, "[^;]+") do
    local path = string_gsub(template, "%?", (string_gsub(file_name, "%%",
      "%%%%")))
    local file = io_open(path, "rb")
    if file then
      file:close()
      return path
    end
    tried[#tried + 1] = path
  end
  local more = #tried > 2 and " and " .. #tried - 2 .. " more" or ""
  return nil, table_concat(tried, ", ", 1, math_min(2, #tried)) .. more
end

--- The file of a machine, by module name ("kv", "shop.orders") or by path
-- ("machines/kv.lua").
-- @return path, or nil and a message
function machine.find(name, templates)
  if string_find(name, "/", 1, true) or string_match(name, "%.lua$") then
    local source, message = read_file(name)
    if not source then
      return nil, "machine: cannot read " .. message
    end
    return name
  end
  local path, tried = search(name, templates)
  if not path then
    return nil, "machine: expected a module name or the path of a Lua file,"
      .. " got '" .. name .. "'; looked for " .. tried
  end
  return path
end

-- Where "beside the machine" is: first where its package begins, then its
-- own folder.
local function beside(name, path)
  local folder = string_match(path, "^(.*/)[^/]*$") or "./"
  local templates = folder .. "?.lua;" .. folder .. "?/init.lua"
  local inner = string_gsub(name, "%.", "/")
  local at = #path - #inner - #".lua"
  if at > 0 and string_sub(path, at + 1) == inner .. ".lua" then
    local root = string_sub(path, 1, at)
    if root ~= folder then
      templates = root .. "?.lua;" .. root .. "?/init.lua;" .. templates
    end
  end
  return templates
end

-- Every source that was loaded, in an order and with names that do not depend
-- on where the files are.
local function all_sources(sources)
  local names = {}
  for name in next, sources do
    names[#names + 1] = name
  end
  table_sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    parts[#parts + 1] = name .. "\0" .. #sources[name] .. "\0"
    parts[#parts + 1] = sources[name]
  end
  return table_concat(parts)
end

-- Of the machine itself its file's name; of what it requires the module's.
local function chunk_name(path, key)
  if key == "" then
    return string_match(path, "[^/]*$")
  end
  return string_gsub(key, "%.", "/") .. ".lua"
end

local function load_file(loader, path, key)
  local source, why = read_file(path)
  if not source then
    refuse("machine: cannot read ", why)
  end
  loader.sources[key] = source
  if string_sub(source, 1, 1) == "#" then
    source = "--" .. source
  end
  local chunk, message = loader.compile(source, "@" .. chunk_name(path, key))
  if not chunk then
    if message == "not enough memory" then
      loader.host.exhausted(message)
    end
    local line, rest = string_match(message, "^[^\n]-:(%d+): (.*)$")
    refuse("machine: ", path, line and ":" .. line or "", ": ",
      rest or message)
  end
  return chunk
end

local function find_required(loader, name)
  if string_match(name, "^raft%.") then
    if not TOOLKIT[name] then
      return nil, "of the toolkit only raft, raft.kv and raft.ordered are for"
        .. " machines, not '" .. name .. "'"
    end
    local path, tried = search(name, loader.templates)
    return path, "'" .. name .. "' is not installed; looked for "
      .. (tried or "")
  elseif string_find(name, "..", 1, true) or string_find(name, "[/\\%z]") then
    return nil, "expected the name of a module beside the machine, got '"
      .. name .. "'"
  end
  local path, tried = search(name, loader.beside)
  return path, "'" .. name .. "' is not beside the machine, and a machine"
    .. " loads nothing else; looked for " .. (tried or "")
end

-- require as the machine sees it.
local function new_require(loader)
  local loaded, LOADING = loader.loaded, {}
  return function(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got "
        .. type(name) .. ")", 2)
    end
    local value = loaded[name]
    if value == LOADING then
      error("require: '" .. name .. "' requires itself", 2)
    elseif value ~= nil then
      return value
    elseif loader.frozen then
      error("require: '" .. name .. "' was not loaded when the machine was;"
        .. " require it at the top of the file", 2)
    end
    local path, message = find_required(loader, name)
    if not path then
      error("require: " .. message, 2)
    end
    loaded[name] = LOADING
    value = load_file(loader, path, name)(name)
    if value == nil then
      value = true
    end
    loaded[name] = value
    return value
  end
end

-- The plain libraries; sources beyond the machine's own file are not hashed.
-- In a pretended world they show what they may show elsewhere.
local function plain_loader(loader, seed)
  if seed then
    require("raft.unsteady").install(_G, seed)
  end
  local compile = require("raft.sandbox_guard").compile
  package.path = loader.beside .. ";" .. package.path
  loader.compile = function(source, name)
    return compile(source, name, _G)
  end
  loader.tostring = tostring
end

-- What require of this state finds is a source, too: the toolkit's modules,
-- and without a sandbox those beside the machine.
local function name_modules()
  local load = rawget(_G, "loadstring") or load
  local function find(name)
    local path = search(name, package.path)
    local source = path and read_file(path)
    if not source then
      return nil
    end
    local chunk, message = load(source, "@" .. chunk_name(path, name))
    if not chunk then
      refuse(path, ": ", message)
    end
    return chunk, path
  end
  local searchers = package.searchers or package.loaders
  for i = #searchers, 2, -1 do
    searchers[i + 1] = searchers[i]
  end
  searchers[2] = find
end

local function sandboxed_loader(loader, host)
  local made = require("raft.sandbox").new(host)
  loader.compile, loader.tostring = made.compile, made.tostring
  loader.loaded = {
    raft = made.globals.raft, ["raft.ordered"] = made.ordered,
  }
  made.globals.require = new_require(loader)
end

local function check(path, class, tostring)
  if type(class) ~= "table" then
    refuse("machine: ", path, ": expected the file to return a table with",
      " the functions new and apply, got ", tostring(class))
  end
  if type(class.new) ~= "function" then
    refuse("machine: ", path, ": expected a function 'new', got ",
      tostring(class.new))
  end
end

local function check_instance(path, instance, tostring)
  if type(instance) ~= "table" then
    refuse("machine: ", path, ": expected new() to return a table, got ",
      tostring(instance))
  end
  for _, name in ipairs(METHODS) do
    local method = instance[name]
    if type(method) ~= "function" and (method ~= nil or name == "apply") then
      refuse("machine: ", path, ": expected a method '", name, "', got ",
        tostring(method))
    end
  end
end

-- Instead of the machine: what its commands(random) gives, as answers.
local function source_of_commands(class)
  local function apply(_, _, entry)
    return { class.commands(entry.random) }
  end
  local function has_commands()
    return type(class.commands) == "function"
  end
  return { new = function()
    return { apply = apply, query = has_commands }
  end }
end

--- Makes the machine.
-- @param host what bindings/machine_host.c gives
-- @param options { machine = "kv", sandbox = true, counted = false,
--   unsteady = a seed, see unsteady.lua, commands = true: only what gives
--   commands, options = what new() gets }
-- @return the instance, all sources as one string, the text of an error, and a
-- function that makes a new instance
function machine.open(host, options)
  if options.counted and jit then
    jit.off() -- compiled code calls no count hook
    jit.flush()
  end
  local templates = package.path
  name_modules()
  local path, message = machine.find(options.machine, templates)
  if not path then
    refuse(message)
  end
  local loader = {
    host = host, sources = {}, templates = templates,
    beside = beside(options.machine, path),
  }
  if options.unsteady then
    require("raft.unsteady").collect(options.unsteady)
  end
  if options.sandbox then
    sandboxed_loader(loader, host)
  else
    plain_loader(loader, options.unsteady)
  end
  local class = load_file(loader, path, "")(options.machine)
  check(path, class, loader.tostring)
  loader.frozen = true
  if options.commands then
    class = source_of_commands(class)
  end
  local halt = not options.sandbox and host.halt or nil
  local function new()
    local instance = class.new(options.options, halt)
    check_instance(path, instance, loader.tostring)
    return instance
  end
  local function text(value)
    local result = machine_error.text(value, loader.tostring)
    return result
  end
  local instance = new()
  return instance, all_sources(loader.sources), text, new
end

return machine
