-- SPDX-License-Identifier: MIT
--
-- Each rule of scripts/tidy is shown a good sample and a bad one.
local include = require "scripts.rules.include"
local list = require "scripts.rules.list"
local object = require "scripts.rules.object"
local source = require "scripts.rules.source"
local text = require "scripts.rules.text"

-- What a rule says to a file, as "line: text" lines.
local function said(rule, path, content)
  local lines = {}
  for _, one in ipairs(rule { path = path, text = content }) do
    lines[#lines + 1] = ("%d: %s"):format(one.line, one.text)
  end
  return table.concat(lines, "\n")
end

local function refuses(rule, path, content, expected)
  local message = said(rule, path, content)
  assert.is_truthy(message:find(expected, 1, true), '"' .. message .. '"')
end

local function accepts(rule, path, content)
  assert.equal("", said(rule, path, content))
end

describe("tidy: reading C", function ()
  it("takes comments, strings and directives out, and keeps lines", function ()
    local bare = source.bare_c('a /* {\n} */ b "{" c // }\n#define X \\\n {\n'
      .. "d '{' e\n")
    assert.equal("a  \n b   c  \n \n\nd   e\n", bare)
  end)

  it("finds functions, their lines and parameters", function ()
    local found = source.c_functions [[
struct point {
  int x;
};
static const int table[] = { 1, 2 };
int first (void) {
  return 0;
}

static void *second (struct point *a, int (*call) (int, int),
                     int c) {
  if (c) {
    call (1, 2);
  }
}
]]
    assert.equal(2, #found)
    assert.equal("first", found[1].name)
    assert.equal(0, found[1].parameters)
    assert.equal(3, found[1].lines)
    assert.equal("second", found[2].name)
    assert.equal(9, found[2].line)
    assert.equal(6, found[2].lines)
    assert.equal(3, found[2].parameters)
  end)
end)

describe("tidy: reading Lua", function ()
  it("finds functions, their lines and parameters", function ()
    local found = source.lua_functions [==[
-- function comment() end
local s = "function x() " .. [[ function
y() ]]
local function first(a, b)
  for i = 1, 2 do if a then b() elseif b then a() end end
  while a do repeat a() until b end
  return function (...) return ... end
end
]==]
    assert.equal(2, #found)
    assert.equal("function", found[1].name)
    assert.equal(1, found[1].lines)
    assert.equal("first", found[2].name)
    assert.equal(4, found[2].line)
    assert.equal(5, found[2].lines)
    assert.equal(2, found[2].parameters)
  end)
end)

describe("tidy: sizes", function ()
  local function c_function(lines, head)
    return (head or "int f (void)") .. " {\n" .. ("  g ();\n"):rep(lines - 2)
      .. "}\n"
  end

  it("bounds files by their kind", function ()
    for _, case in ipairs {
      { "core/raft/log.c", 600 }, { "core/raft/log.h", 300 },
      { "core/raft/raft.h", 400 }, { "lua/raft/kv.lua", 400 },
      { "spec/unit/log_spec.lua", 500 },
    } do
      accepts(text.file_size, case[1], ("x\n"):rep(case[2]))
      refuses(text.file_size, case[1], ("x\n"):rep(case[2] + 1),
        ("%d lines, the limit is %d"):format(case[2] + 1, case[2]))
    end
    accepts(text.file_size, "docs/architecture.md", ("x\n"):rep(9999))
  end)

  it("bounds lines at 80 columns, not bytes", function ()
    accepts(text.line_length, "a.c", ("é"):rep(80) .. "\n")
    refuses(text.line_length, "a.c", "x\n" .. ("é"):rep(81) .. "\n",
      "2: 81 columns")
    refuses(text.line_length, "scripts/x", "#!/bin/sh\n" .. ("x"):rep(81),
      "2: 81 columns")
    accepts(text.line_length, "README.md", ("x"):rep(200))
  end)

  it("bounds functions at 70 lines", function ()
    accepts(text.function_size, "a.c", c_function(70))
    refuses(text.function_size, "a.c", "\n" .. c_function(71),
      "2: f: 71 lines, the limit is 70")
    refuses(text.function_size, "a.lua", "function M.f()\n"
      .. ("  g()\n"):rep(69) .. "end\n", "1: M.f: 71 lines")
    refuses(text.function_size, "scripts/x", "#!/usr/bin/env lua5.4\n"
      .. "function M.f()\n" .. ("  g()\n"):rep(69) .. "end\n", "2: M.f: 71")
  end)

  it("lets a pure dispatch have 100, and no more", function ()
    local function dispatch(rows, before)
      return "int f (int x) {\n" .. ("  g ();\n"):rep(before)
        .. "  switch (x) {\n" .. ("    case 1: return 2;\n"):rep(rows)
        .. "  }\n}\n"
    end
    accepts(text.function_size, "a.c", dispatch(96, 0))
    refuses(text.function_size, "a.c", dispatch(97, 0), "the limit is 100")
    refuses(text.function_size, "a.c", dispatch(60, 12), "the limit is 70")
  end)

  it("does not take describe for a function, but it for one", function ()
    local body = ("  x()\n"):rep(80)
    accepts(text.function_size, "spec/a_spec.lua",
      'describe("a", function ()\n' .. body .. "end)\n")
    refuses(text.function_size, "spec/a_spec.lua",
      'it("a", function ()\n' .. body .. "end)\n", "82 lines")
  end)

  it("bounds parameters at 6", function ()
    accepts(text.parameters, "a.c", "int f (A a, B b, C c, D d, E e, F f) {\n}")
    refuses(text.parameters, "a.c",
      "int f (A a, B b, C c, D d,\n       E e, F f, G g) {\n}",
      "1: f: 7 parameters, the limit is 6")
    refuses(text.parameters, "a.lua", "local function f(a, b, c, d, e, f, g)"
      .. "\nend", "7 parameters")
  end)
end)

describe("tidy: words", function ()
  it("wants a licence line near the top", function ()
    accepts(text.licence, "a.c", "/* SPDX-License-Identifier: MIT\n")
    refuses(text.licence, "a.c", "\n\n\n/* SPDX-License-Identifier: MIT\n",
      "no SPDX-License-Identifier")
    refuses(text.licence, "scripts/x", "#!/bin/sh\nset -e\n", "no SPDX")
    accepts(text.licence, "README.md", "text\n")
  end)

  it("refuses unfinished work and paths of one machine", function ()
    for _, sample in ipairs {
      "/* TO" .. "DO: later */", "// FIX" .. "ME", "-- XX" .. "X", "HA" .. "CK",
      "a Place" .. "holder", "not " .. "implemented yet", "empty for " .. "now",
      "cd /ho" .. "me/someone", "/wo" .. "rk/main/core", "/Us" .. "ers/x",
    } do
      refuses(text.banned_words, "docs/a.md", "x\n" .. sample .. "\n", "2: ")
    end
    for _, sample in ipairs {
      "XX" .. "XH3", "for nowhere", "a to" .. "do list", "network/maintain",
    } do
      accepts(text.banned_words, "docs/a.md", sample .. "\n")
    end
  end)

  it("refuses tabs, trailing white space and a missing newline", function ()
    accepts(text.white_space, "a", "a b\n\nc\n")
    refuses(text.white_space, "a", "a\tb\n", "1: a tab")
    refuses(text.white_space, "a", "a\nb \n", "2: white space at the end")
    refuses(text.white_space, "a", "a\r\n", "1: a carriage return")
    refuses(text.white_space, "a", "a\nb", "2: no newline at the end")
  end)

  it("refuses clocks in specs of the simulator", function ()
    local bad = "local t = os" .. ".time()\n"
    refuses(text.clock_in_spec, "spec/a_spec.lua", "\n" .. bad, "2: a wall")
    accepts(text.clock_in_spec, "spec/real/a_spec.lua", bad)
    accepts(text.clock_in_spec, "lua/raft/a.lua", bad)
    accepts(text.clock_in_spec, "spec/unit/a_spec.lua", "-- " .. bad)
  end)

  it("refuses a .gitignore that hides lua/", function ()
    accepts(text.ignored_sources, ".gitignore", "/build/\n*.o\n/lua_modules\n")
    refuses(text.ignored_sources, ".gitignore", "*.o\n/lua\n", "2: lua/ is")
    refuses(text.ignored_sources, ".gitignore", "lua/\n", "1: lua/ is")
  end)
end)

describe("tidy: includes", function ()
  it("lets a room know the rooms below it", function ()
    accepts(include.direction, "core/wal/log.c",
      '#include "wal/wal.h"\n#include "base/error.h"\n#include <string.h>\n')
    refuses(include.direction, "core/raft/log.c",
      '\n#include "wal/wal.h"\n', "2: core/raft must not know core/wal")
    refuses(include.direction, "core/client/client.c",
      '#include "replica/replica.h"\n', "must not know core/replica")
    refuses(include.direction, "core/raft/log.c", '#include "log.h"\n',
      "has no room before it")
    refuses(include.direction, "core/raft/log.c", '#include "uw/log.h"\n',
      "is no room of core/")
    refuses(include.direction, "core/other/a.c", "", "core/other is no room")
  end)

  it("keeps lua.h in bindings/, and the world in core/uv", function ()
    accepts(include.direction, "bindings/raft.c", "#include <lua.h>\n")
    accepts(include.direction, "core/uv/loop.c", "#include <uv.h>\n")
    refuses(include.direction, "core/uv/loop.c", "#include <lua.h>\n",
      "1: <lua.h> is for bindings/ only")
    for _, name in ipairs { "uv.h", "time.h", "unistd.h", "pthread.h",
      "sys/socket.h" } do
      refuses(include.direction, "core/sim/world.c",
        "# include <" .. name .. ">\n", "must not use <" .. name .. ">")
    end
    refuses(include.direction, "core/raft/raft.c", "#include <stdio.h>\n",
      "core/raft must not use <stdio.h>")
  end)

  it("lets each room know only rooms that are lower", function ()
    local seen = 0
    for room, below in pairs(include.BELOW) do
      for other in below:gmatch("%S+") do
        local back = " " .. include.BELOW[other] .. " "
        assert.is_nil(back:find(" " .. room .. " ", 1, true), room)
        seen = seen + 1
      end
    end
    assert.is_true(seen > 20)
  end)

  it("keeps the build with bugs in one header", function ()
    local line = "#ifdef RAFT_WITH_BUGS\n"
    accepts(include.bug_build, "core/base/bug.h", line)
    accepts(include.bug_build, "bindings/module.c", line)
    refuses(include.bug_build, "core/raft/vote.c", line, "only core/base/bug.h")
  end)
end)

describe("tidy: objects", function ()
  local function texts(found)
    local lines = {}
    for i, one in ipairs(found) do
      lines[i] = one.text
    end
    return lines
  end

  it("reads what nm prints", function ()
    assert.same({
      { file = "core/raft/log.o", kind = "T", name = "raft_log_append" },
      { file = "core/raft/log.o", kind = "U", name = "memcpy" },
    }, object.symbols("core/raft/log.o:\n0000000000000010 T raft_log_append\n"
      .. "                 U memcpy\n"))
  end)

  it("finds impurity in ring 0", function ()
    local base = object.symbols "0 T raft_allocate\n U malloc\n"
    local function purity(lines)
      return texts(object.purity(object.symbols(lines), base))
    end
    assert.same({}, purity("0 T raft_step\n U raft_allocate\n U memcpy\n"
      .. "0 r table\n0 t help\n"))
    assert.same({ "core/raft asks for rand" }, purity " U rand\n")
    assert.same({ "core/raft asks for malloc" }, purity " U malloc\n")
    for _, kind in ipairs { "b", "B", "d", "D", "C" } do
      assert.same({ "core/raft has state: count" },
        purity("0 " .. kind .. " count\n"))
    end
  end)

  it("finds variables outside structs, but not constants", function ()
    assert.same({}, object.state(object.symbols
      "0 r names\n0 D raft_memory_plain\n"))
    assert.same({ "a variable outside every struct: calls.0" },
      texts(object.state(object.symbols "0 b calls.0\n")))
  end)

  it("finds calls into the world", function ()
    local function calls(room, name, more)
      return texts(object.calls(object.symbols("core/" .. room .. "/a.o:\n U "
        .. name .. "\n" .. (more or ""))))
    end
    for _, name in ipairs { "printf", "exit", "getenv", "time", "rand",
      "clock_gettime", "fopen", "malloc", "abort" } do
      assert.same({ "core/wal must not call " .. name }, calls("wal", name))
    end
    assert.same({ "core/sim must not call getrandom" },
      calls("sim", "getrandom"))
    assert.same({}, calls("uv", "getenv"))
    assert.same({}, calls("sim", "malloc"))
    assert.same({}, calls("wire", "msgpack_pack_object"))
    assert.same({}, calls("wal", "strlen"))
    assert.same({}, calls("base", "malloc"))
    assert.same({}, calls("wal", "raft_checksum",
      "core/base/c.o:\n0 T raft_checksum\n"))
  end)

  it("finds the folder of a checkout in an object", function ()
    assert.same({}, object.folder("a.o", "\0log.c\0core/raft\0", "/a/b"))
    assert.equal("a.o",
      object.folder("a.o", "\0/a/b/core/raft/log.c\0", "/a/b")[1].path)
  end)

  it("lets a module export how it is opened, and nothing else", function ()
    local function exports(lines)
      return texts(object.exports(object.symbols(lines)))
    end
    assert.same({}, exports "0 T luaopen_raft_core\n")
    assert.same({ "exports raft_step" },
      exports "0 T luaopen_raft_core\n0 T raft_step\n")
    assert.same({ "exports nothing: it cannot be opened" }, exports "")
  end)
end)

describe("tidy: lists of sources", function ()
  local CMAKE = [[
set (a_sources
  core/a/one.c
  bindings/two.c
)
  raft_module (${version} core bindings/module.c
]]
  local ROCKSPEC = [[
build = { modules = {
    -- begin modules
    raft = "lua/raft/init.lua",
    -- end modules
    ["raft.core"] = { sources = {
        -- begin sources
        "bindings/module.c",
        "bindings/two.c",
        "core/a/one.c",
        -- end sources
    } } } }
]]
  local DISK = { "bindings/module.c", "bindings/two.c", "bindings/probe.c",
    "bindings/probe_a.c", "core/a/one.c", "core/a/one.h",
    "lua/raft/init.lua" }
  local ALL = { "bindings/module.c", "bindings/two.c", "core/a/one.c" }

  it("reads the three lists", function ()
    assert.same(ALL, list.in_cmake(CMAKE))
    assert.same(ALL, list.on_disk(DISK))
    assert.same(ALL, list.in_rockspec(list.rockspec(ROCKSPEC)))
    assert.same({}, list.modules(DISK, list.rockspec(ROCKSPEC)))
  end)

  it("names what is in one list only", function ()
    assert.same({ { path = "b", text = "is in B, not in A" },
      { path = "a", text = "is in A, not in B" } },
      list.compare({ "a", "c" }, { "b", "c" }, "A", "B"))
    assert.same({}, list.compare({ "a" }, { "a" }, "A", "B"))
  end)

  it("names modules that are not installed, or do not exist", function ()
    local rockspec = list.rockspec(ROCKSPEC)
    assert.same({ { path = "lua/raft/kv.lua",
      text = "is not installed by the rockspec as raft.kv" } },
      list.modules({ "lua/raft/init.lua", "lua/raft/kv.lua" }, rockspec))
    assert.same({ { path = "raft", text = "is in the rockspec, not in lua/" } },
      list.modules({}, rockspec))
  end)

  it("wants the command installed exactly when it is there", function ()
    local without = { build = {} }
    local with = { build = { install = { bin = {
      luaraft = "scripts/luaraft" } } } }
    local there, gone = { "scripts/luaraft", "scripts/x" }, { "scripts/x" }
    assert.same({}, list.command(there, with))
    assert.same({}, list.command(gone, without))
    assert.equal("scripts/luaraft", list.command(there, without)[1].path)
    assert.equal("is in the rockspec, not there",
      list.command(gone, with)[1].text)
  end)

  it("writes both lists between their marks", function ()
    local new = list.sync(ROCKSPEC, { "core/a/one.c", "core/b/two.c" },
      { "lua/raft/init.lua", "lua/raft/kv.lua", "spec/a_spec.lua" })
    local rockspec = list.rockspec(new)
    assert.same({ "core/a/one.c", "core/b/two.c" },
      list.in_rockspec(rockspec))
    assert.equal("lua/raft/kv.lua", rockspec.build.modules["raft.kv"])
    assert.equal("lua/raft/init.lua", rockspec.build.modules.raft)
    assert.equal(new, list.sync(new, { "core/a/one.c", "core/b/two.c" },
      { "lua/raft/init.lua", "lua/raft/kv.lua" }))
  end)
end)
