-- SPDX-License-Identifier: MIT
--
-- Members in the loops of others: the examples of docs/embedding.md, each a
-- process that must end, judged by what it prints.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"
local BUILD = os.getenv "RAFT_BUILD" or "build/gcc"

describe("a member in the loop of #once", function ()
  local dir

  before_each(function ()
    dir = Cluster.folder()
    assert(raft.init { id = 1, dir = dir .. "/1",
      members = { Cluster.host() .. ":7101" } })
  end)

  after_each(function ()
    Cluster.sh("rm -rf " .. dir)
  end)

  -- Runs it twice: what the first one added is there when the second adds.
  local function adds(format, ...)
    local command = format:format(...)
    for visits = 1, 2 do
      local code, out = Cluster.sh("export ASAN_OPTIONS=detect_leaks=0;"
        .. "out=$(timeout 60 sh -c '" .. command:gsub("'", "'\\''")
        .. "' 2>&1); code=$?; echo \"$out\" | tr -d '\\r'; (exit $code)")
      assert.equal(0, code, out)
      assert.matches("^wal%.recovered\n", out)
      assert.matches("\nraft%.role\n", out)
      assert.equal(visits, tonumber(out:match "\nvisits:%s+(%d+)\n$"), out)
    end
  end

  it("luv tells, proposes and ends", function ()
    adds("%s docs/examples/loop_luv.lua %s/1", LUA, dir)
  end)

  it("cqueues tells, proposes and ends", function ()
    adds("%s docs/examples/loop_cqueues.lua %s/1", LUA, dir)
  end)

  it("Neovim tells, proposes and ends", function ()
    local file = io.open(BUILD .. "/lua-jit/raft/core.so")
    if not file then
      pending(BUILD .. " has no modules for LuaJIT")
      return
    end
    file:close()
    if Cluster.sh "command -v nvim" ~= 0 then
      pending "nvim is not installed"
      return
    end
    adds("export LUA_PATH='lua/?.lua;lua/?/init.lua' LUA_CPATH='%s/lua-jit/"
      .. "?.so' DIR=%s/1; nvim --headless -u NONE"
      .. " -c 'luafile docs/examples/loop_nvim.lua' -c 'RaftAdd 1'"
      .. " -c 'lua vim.wait(30000, function() return vim.g.visits end)'"
      .. " -c qa", BUILD, dir)
  end)

  it("a program in C tells, proposes and ends", function ()
    local code, out = Cluster.sh(("env -u LD_PRELOAD cc -Wall -Wextra -Werror"
      .. " docs/examples/loop_poll.c $(pkg-config --cflags --libs %s)"
      .. " -o %s/loop_poll"):format(LUA, dir))
    assert.equal(0, code, out)
    -- Its stdin stays open until it has answered.
    adds("touch %s/out; (echo 1; until grep -q visits %s/out; do sleep 0.05;"
      .. " done) | %s/loop_poll %s/1 > %s/out; cat %s/out; rm %s/out", dir,
      dir, dir, dir, dir, dir, dir)
  end)
end)
