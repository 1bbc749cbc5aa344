-- SPDX-License-Identifier: MIT
--
-- sandbox.lua - the environment of a replicated machine.
--
-- Holds:     the globals that a machine sees. What differs between members
--            (time, chance, addresses, the order of a hash table, when memory
--            is collected, rounding of libm, the system) is replaced or not
--            there; reaching for it says what to use instead.
-- Invariant: what a machine can observe depends on its commands alone, and
--            on how often it was asked nothing.
-- Limits:    # of a table with holes, and .. of a float (sandbox_text.lua),
--            are operators: they cannot be replaced. Do not use them so.
-- Rule:      for a lua_State of its own: it changes the metatable of strings.

-- luacheck: read globals bit bit32 utf8 rawlen unpack
-- luacheck: read globals table.unpack table.pack table.move

local guard = require("raft.sandbox_guard")
local ordered = require("raft.ordered")
local pattern = require("raft.sandbox_pattern")
local text = require("raft.sandbox_text")

local sandbox = {}

local error, next, rawset, select = error, next, rawset, select
local setmetatable, type = setmetatable, type

local SYSTEM = "a machine's commands may not depend on the system"
local ABSENT = {
  debug = "it shows what differs between members",
  io = SYSTEM,
  os = SYSTEM .. "; the time is entry.time",
}
local ABSENT_FUNCTIONS = {
  collectgarbage = "when memory is collected differs between members",
  dofile = "use require",
  loadfile = "use require",
  print = "a machine answers; it does not print",
}
local LIBM = "its last digits differ between systems"
local ABSENT_FIELDS = {
  math = {
    acos = LIBM, asin = LIBM, atan = LIBM, atan2 = LIBM, cos = LIBM,
    cosh = LIBM, exp = LIBM, log = LIBM, log10 = LIBM, pow = LIBM,
    sin = LIBM, sinh = LIBM, tan = LIBM, tanh = LIBM,
    randomseed = "random numbers come with the entry",
  },
  string = {
    dump = "bytecode is not portable",
    pack = "its sizes differ between systems",
    packsize = "its sizes differ between systems",
    unpack = "its sizes differ between systems",
  },
  coroutine = { close = "it catches errors" },
}

local MATH = {
  "abs", "ceil", "deg", "floor", "fmod", "frexp", "huge", "ldexp", "max",
  "maxinteger", "min", "mininteger", "modf", "pi", "rad", "sqrt",
  "tointeger", "type", "ult",
}
local STRING = {
  "byte", "char", "find", "gmatch", "gsub", "len", "lower", "match",
  "reverse", "sub", "upper",
}
local BASE = {
  "_VERSION", "assert", "error", "getmetatable", "ipairs", "rawequal",
  "rawget", "select", "tonumber", "type",
}

local function chosen(from, names)
  local made = {}
  for i = 1, #names do
    made[names[i]] = from[names[i]]
  end
  return made
end

local function refuse_absent(name, why)
  error(name .. " is not in the sandbox: " .. why, 3)
end

local function read_only(name)
  return function(_, key)
    error(name .. " cannot be changed in the sandbox: tried to set '"
      .. (type(key) == "string" and key or type(key))
      .. "'; state belongs into the machine", 2)
  end
end

-- A table that shows 'content' and cannot be changed.
local function protected(made, name, content)
  local absent = ABSENT_FIELDS[name]
  if absent then
    setmetatable(content, {
      __index = function(_, key)
        if absent[key] then
          refuse_absent(name .. "." .. key, absent[key])
        end
      end,
    })
  end
  local shown = setmetatable({}, {
    __index = content,
    __metatable = false,
    __newindex = read_only(name),
    __pairs = function()
      return ordered.pairs(content)
    end,
  })
  made.content[shown] = content
  return shown
end

local function missing(name, why)
  return setmetatable({}, {
    __index = function(_, key)
      refuse_absent(type(key) == "string" and name .. "." .. key or name, why)
    end,
    __metatable = false,
    __newindex = read_only(name),
  })
end

local function table_library(texts)
  local made = {
    concat = texts.concat,
    insert = table.insert,
    move = table.move,
    pack = table.pack or function(...)
      return { n = select("#", ...), ... }
    end,
    remove = table.remove,
    sort = ordered.sort,
    unpack = table.unpack or unpack,
  }
  made.move = made.move or function(from, first, last, at, to)
    to = to or from
    if at > first and to == from then
      for i = last - first, 0, -1 do
        to[at + i] = from[first + i]
      end
    else
      for i = 0, last - first do
        to[at + i] = from[first + i]
      end
    end
    return to
  end
  return made
end

local function add_base(made, content, guards, texts)
  local contents = made.content
  content.tostring = texts.tostring
  content.pcall, content.xpcall = guards.pcall, guards.xpcall
  content.load, content.setmetatable = guards.load, guards.setmetatable
  content.unpack = table.unpack or unpack
  content.rawlen = rawlen or function(value)
    return #value
  end
  content.rawset = function(t, key, value)
    if contents[t] then
      read_only("a library")(t, key)
    end
    return rawset(t, key, value)
  end
  content.pairs, content.next = ordered.pairs, ordered.next
end

local function add_absent(content)
  for name, why in next, ABSENT do
    content[name] = missing(name, why)
  end
  for name, why in next, ABSENT_FUNCTIONS do
    content[name] = function()
      error(name .. " is not in the sandbox: " .. why, 2)
    end
  end
end

local function add_libraries(made, content, host, guards, texts)
  local math_content = chosen(math, MATH)
  local string_content = chosen(string, STRING)
  math_content.random = host.random
  string_content.format, string_content.rep = texts.format, texts.rep
  pattern.bound(string_content, host)
  content.coroutine = protected(made, "coroutine", guards.coroutine)
  content.math = protected(made, "math", math_content)
  content.raft = protected(made, "raft", { null = host.null, map = host.map })
  content.string = protected(made, "string", string_content)
  content.table = protected(made, "table", table_library(texts))
  for name, library in next, { bit = bit, bit32 = bit32, utf8 = utf8 } do
    local copy = {}
    for key, value in next, library do
      copy[key] = value
    end
    content[name] = protected(made, name, copy)
  end
  local strings = debug.getmetatable("")
  strings.__index, strings.__metatable = content.string, false
end

--- The sandbox of this lua_State.
-- @param host what bindings/machine_host.c gives: { random, handler, caught,
--   died, exhausted, null, map }; gains 'late' and 'begin'
-- @return { env = the globals, globals = what env shows, tostring = …,
--   compile = function(source, name), ordered = raft.ordered as it is seen }
function sandbox.new(host)
  local made = { content = {} }
  local texts = text.new(host)
  local guards = guard.new(host)
  local content = chosen(_G, BASE)
  made.env = protected(made, "the table of globals", content)
  guards.env = made.env
  add_base(made, content, guards, texts)
  add_absent(content)
  add_libraries(made, content, host, guards, texts)
  content._G = made.env
  made.globals, made.tostring = content, texts.tostring
  made.ordered = protected(made, "raft.ordered", {
    keys = ordered.keys, less = ordered.less, next = ordered.next,
    pairs = ordered.pairs, sort = ordered.sort,
  })
  host.begin = ordered.forget
  ordered.trust_comparison()
  function made.compile(source, name)
    return guard.compile(source, name, made.env)
  end
  return made
end

return sandbox
