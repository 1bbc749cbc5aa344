-- SPDX-License-Identifier: MIT
--
-- sandbox_pattern.lua - patterns that cannot exhaust the stack of C.
--
-- Holds:     string.find, gmatch, gsub and match, as far as they need a
--            bound that their VM does not set: Lua 5.1 recurses once per item
--            of a pattern, LuaJIT once per nested gsub with a function. Both
--            end the process when the stack of C is full.
-- Invariant: on the other VMs they are the functions of the VM.
-- Limit:     time. A pattern can take long; the member watches its apply.

-- luacheck: read globals jit

local pattern = {}

local error, select, type, xpcall = error, select, type, xpcall
local real_gsub = string.gsub
local is_jit = type(jit) == "table"

local ITEMS_MAX = 200 -- as later Lua versions have it
local NESTED_MAX = 150 -- gsub calls inside each other, about 10 KiB each

local function check_items(value)
  if type(value) == "string" and #value > ITEMS_MAX
     and select(2, real_gsub(value, "[%%()?*+-]", "")) > ITEMS_MAX then
    error("pattern too complex", 3)
  end
end

local function bound_items(content)
  for _, name in ipairs { "find", "gmatch", "gsub", "match" } do
    local fn = content[name]
    content[name] = function(subject, items, third, fourth)
      if not (name == "find" and fourth) then
        check_items(items)
      end
      if name == "gmatch" then
        return fn(subject, items)
      elseif third == nil and fourth == nil then
        return fn(subject, items)
      end
      return fn(subject, items, third, fourth)
    end
  end
end

local function bound_nesting(content, host)
  local depth = 0

  local function left(ok, ...)
    depth = depth - 1
    if not ok then
      host.caught((...))
      error((...), 0)
    end
    return ...
  end

  function content.gsub(subject, items, replacement, count)
    local kind = type(replacement)
    if kind ~= "function" and kind ~= "table" then
      return real_gsub(subject, items, replacement, count)
    elseif depth >= NESTED_MAX then
      host.exhausted("C stack overflow")
    end
    depth = depth + 1
    return left(xpcall(real_gsub, host.handler, subject, items, replacement,
      count))
  end
end

--- Replaces in 'content', the string library of the sandbox, what needs it.
-- @param host what bindings/machine_host.c gives
function pattern.bound(content, host)
  if is_jit then
    bound_nesting(content, host)
  elseif _VERSION == "Lua 5.1" then
    bound_items(content)
  end
end

return pattern
