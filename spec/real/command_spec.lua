-- SPDX-License-Identifier: MIT
--
-- The command where something that it needs is missing: one line that says
-- what to run.

local Cluster = require "spec.real.cluster"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

describe("luaraft #once", function ()
  local function told(environment)
    local code, text = Cluster.sh(("env %s %s scripts/luaraft --version 2>&1")
      :format(environment, LUA))
    assert.equal(1, code)
    assert.truthy(text:find "^luaraft: cannot load [^\n]+\n$", text)
    return text
  end

  it("in a checkout that was not built says how to build it", function ()
    local text = told("RAFT_BUILD=build/never LUA_CPATH=nowhere "
      .. "LUA_CPATH_5_3=nowhere LUA_CPATH_5_4=nowhere")
    assert.truthy(text:find("cannot load raft.core: not there for Lua ", 1,
      true), text)
    assert.truthy(text:find("build it: cmake %-S %. %-B build/never"
      .. " [^\n]*&& ninja %-C build/never"), text)
  end)

  it("without argparse says what installs it", function ()
    assert.equal("luaraft: cannot load argparse: not there for Lua "
      .. (rawget(_G, "jit") and "jit" or _VERSION:match "%d.%d")
      .. "; run ./scripts/setup\n", told("LUA_PATH=nowhere "
      .. "LUA_PATH_5_4=nowhere LUA_PATH_5_3=nowhere"))
  end)
end)
