-- SPDX-License-Identifier: MIT
--
-- sandbox_guard.lua - errors that a machine may catch, and those it may not.
--
-- Holds:     pcall, xpcall, coroutines, setmetatable, load.
-- Invariant: running out of memory, of stack or of instructions is never the
--            same on every member, so nothing here lets a machine go on after
--            it: the error travels on, whoever tries to catch it, and the
--            member halts. An error that the machine raised itself is data.
-- How:       host.handler sees each error where it is raised; an error that it
--            did not see was none of the machine's. host.caught and
--            host.died raise again what must not be caught.

-- luacheck: read globals loadstring setfenv
-- luacheck: read globals coroutine.isyieldable

local guard = {}

local error, rawget, rawset = error, rawget, rawset
local next, select, type = next, select, type
local getmetatable = debug.getmetatable
local real_xpcall = xpcall
local real_setmetatable = setmetatable
local create, resume = coroutine.create, coroutine.resume
local load, loadstring, setfenv = load, loadstring, setfenv
local string_byte, table_concat = string.byte, table.concat

-- xpcall with arguments: the VM's own where it takes them, since a coroutine
-- may yield across it; Lua 5.1 has neither.
local function with_arguments(host)
  local ok, value = real_xpcall(function(value)
    return value
  end, function() end, true)
  return ok and value and real_xpcall or host.xpcall
end

local function add_calls(made, host)
  local call = with_arguments(host)
  local handler, caught = host.handler, host.caught

  local function finish(ok, ...)
    if not ok then
      caught((...))
    end
    return ok, ...
  end

  function made.pcall(...)
    if select("#", ...) == 0 then
      error("bad argument #1 to 'pcall' (value expected)", 2)
    end
    local fn = ...
    return finish(call(fn, handler, select(2, ...)))
  end

  -- The machine's handler runs after the stack was unwound: there is no
  -- debug library that could tell the difference.
  local function handled(own, ok, ...)
    if ok then
      return ok, ...
    end
    caught((...))
    return false, own((...))
  end

  function made.xpcall(fn, own, ...)
    if type(own) ~= "function" then
      error("bad argument #2 to 'xpcall' (function expected, got "
        .. type(own) .. ")", 2)
    end
    return handled(own, call(fn, handler, ...))
  end
end

local NESTED_MAX = 150 -- coroutines that resume each other: LuaJIT has no
                       -- bound of its own and ends the process

local function add_coroutines(made, host)
  local died = host.died
  local depth = 0

  local function entering()
    if depth >= NESTED_MAX then
      host.exhausted("C stack overflow")
    end
    depth = depth + 1
  end

  local function resumed(thread, ok, ...)
    depth = depth - 1
    if not ok then
      died(thread, (...))
    end
    return ok, ...
  end

  local function wrapped(thread, ok, ...)
    depth = depth - 1
    if ok then
      return ...
    end
    died(thread, (...))
    error((...), 0)
  end

  made.coroutine = {
    create = create,
    isyieldable = coroutine.isyieldable,
    running = coroutine.running,
    status = coroutine.status,
    yield = coroutine.yield,
    resume = function(thread, ...)
      if type(thread) ~= "thread" then
        error("bad argument #1 to 'resume' (coroutine expected)", 2)
      end
      entering()
      return resumed(thread, resume(thread, ...))
    end,
    wrap = function(fn)
      local thread = create(fn)
      return function(...)
        entering()
        return wrapped(thread, resume(thread, ...))
      end
    end,
  }
end

local REFUSED = {
  __gc = "finalizers run when memory is collected",
  __mode = "weak tables lose entries when memory is collected",
  __close = "errors could be replaced while they travel",
}

local function refusal(meta)
  for name, why in next, REFUSED do
    if rawget(meta, name) ~= nil then
      return "a metatable with " .. name .. " is not in the sandbox: " .. why
        .. ", which differs between members"
    end
  end
end

local SCAN = 1024 -- metatables looked through per command, on average

-- A metatable that gets one of them later is found after the command: host
-- looks through all metatables in use and takes the field out again.
local function add_metatables(made, host)
  local in_use = real_setmetatable({}, { __mode = "k" })
  local to_skip = 0

  function made.setmetatable(table, meta)
    if type(table) ~= "table" then
      error("bad argument #1 to 'setmetatable' (table expected, got "
        .. type(table) .. ")", 2)
    elseif meta ~= nil and type(meta) ~= "table" then
      error("bad argument #2 to 'setmetatable' (nil or table expected)", 2)
    elseif meta then
      local why = refusal(meta)
      if why then
        error(why, 2)
      end
      in_use[meta] = true
    end
    if rawget(getmetatable(table) or {}, "__metatable") ~= nil then
      error("cannot change a protected metatable", 2)
    end
    return real_setmetatable(table, meta)
  end

  function host.late()
    local found, count = nil, 0
    if to_skip > 0 then
      to_skip = to_skip - 1
      return nil
    end
    for meta in next, in_use do
      local why = refusal(meta)
      count = count + 1
      if why then
        found = why
        for name in next, REFUSED do
          rawset(meta, name, nil)
        end
      end
    end
    to_skip = (count - count % SCAN) / SCAN
    return found
  end
end

local function whole_text(chunk)
  if type(chunk) ~= "function" then
    return chunk
  end
  local pieces = {}
  while true do
    local piece = chunk()
    if piece == nil or piece == "" then
      return table_concat(pieces)
    elseif type(piece) ~= "string" then
      return nil, "reader function must return a string"
    end
    pieces[#pieces + 1] = piece
  end
end

--- Source text as a function whose globals are 'env'.
-- @return the function, or nil and a message
function guard.compile(source, name, env)
  if string_byte(source, 1) == 27 then
    return nil, "expected Lua source text, got bytecode"
  elseif setfenv then
    local fn, message = loadstring(source, name)
    return fn and setfenv(fn, env), message
  end
  return load(source, name, "t", env)
end

local function add_load(made, host)
  -- The compiler catches errors too; its own messages never look like these.
  local function compiled(fn, message)
    if not fn and (message == "not enough memory"
                   or message == "C stack overflow") then
      host.exhausted(message)
    end
    return fn, message
  end

  function made.load(chunk, name, _, env)
    local source, message = whole_text(chunk)
    if type(source) ~= "string" then
      if message then
        return nil, message
      end
      error("bad argument #1 to 'load' (string or function expected, got "
        .. type(chunk) .. ")", 2)
    end
    return compiled(guard.compile(source, name or "=(load)",
      env or made.env))
  end
end

--- The functions, for one lua_State.
-- @param host what bindings/machine_host.c gives
-- @return { pcall = …, xpcall = …, setmetatable = …, load = …,
--           coroutine = {…} }; 'env' is set by the sandbox
function guard.new(host)
  local made = {}
  add_calls(made, host)
  add_coroutines(made, host)
  add_metatables(made, host)
  add_load(made, host)
  return made
end

return guard
