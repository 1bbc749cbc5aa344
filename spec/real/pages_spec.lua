-- SPDX-License-Identifier: MIT
--
-- The commands on the pages about members, a lost majority, reads, snapshots
-- and machines do what they say, one after the other, in a folder of their own.

local Cluster = require "spec.real.cluster"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

-- Whoever types commands does not do it in the moment in which a member
-- starts: what wants a directory's member waits for its door.
local SHIM = [[
#!/bin/sh
cd %s || exit 1
verb=$1
for word in "$@"; do
  case "$word" in data/*)
    set -- "$@" "%s/$word"
    tries=0
    until [ -S "%s/$word/admin.sock" ] || [ $tries -gt 400 ]; do
      case $verb in serve|init|join|recover) break ;; esac
      sleep 0.05; tries=$((tries + 1))
    done ;;
  *) set -- "$@" "$word" ;;
  esac
  shift
done
[ $verb != serve ] || { echo $$ >> "%s/pids"; exec >> "%s/log" 2>&1; }
exec %s scripts/luaraft "$@"
]]

local function here()
  local pipe = assert(io.popen "pwd")
  local name = pipe:read "*l"
  pipe:close()
  return name
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- The commands of a page, with an address that is free.
local function commands_of(page)
  local text = {}
  for block in read(page):gmatch "\n```sh\n(.-\n)```" do
    text[#text + 1] = block
  end
  assert(#text > 0, page)
  return (table.concat(text):gsub("127%.%d+%.%d+%.%d+",
    (Cluster.host():gsub("%%", "%%%%"))))
end

local function run(page)
  local dir = Cluster.folder()
  finally(function () Cluster.sh("rm -rf " .. dir) end)
  assert.equal(0, (Cluster.sh("mkdir " .. dir .. "/bin")))
  write(dir .. "/bin/luaraft", SHIM:format(here(), dir, dir, dir, dir,
    LUA))
  write(dir .. "/page", "set -e\n" .. commands_of(page))
  local code, out = Cluster.sh(("chmod +x %s/bin/luaraft\ncd %s\n"
    .. "PATH=%s/bin:$PATH timeout 60 bash -m page > out 2>&1\necho $? > code\n"
    .. "kill $(cat pids) 2> /dev/null\ncat out"):format(dir, dir, dir))
  return tonumber(read(dir .. "/code")), out, code
end

describe("the commands of #once", function ()
  it("docs/grow_and_shrink.md end well", function ()
    local code, out = run "docs/grow_and_shrink.md"
    assert.equal(0, code, out)
    assert.truthy(out:find('{"leader":4}', 1, true), out)
    assert.matches("\n1\n", out) -- what was asked for last
  end)

  it("docs/machines.md keep a database", function ()
    local code, out = run "docs/machines.md"
    assert.equal(0, code, out)
    assert.truthy(out:find('0\n1\n[1,[{"n":2}]]\n[{"n":2,"name":"apples"}]\n',
      1, true), out)
  end)

  it("docs/recover.md end well", function ()
    local code, out = run "docs/recover.md"
    assert.equal(0, code, out)
    assert.matches("\n3    [%d.:]+ +voter +missing\n", out)
    assert.matches("LOST is all that was acknowledged", out, 1, true)
    assert.matches('{"cluster":"%x+","dir":"[^"]+/data/1.new","id":1,', out)
    assert.matches("\n3\n.*\n3\n$", out) -- before others join, and after
  end)

  it("docs/reads.md end well", function ()
    local code, out = run "docs/reads.md"
    assert.equal(0, code, out)
    assert.truthy(out:find("null\n1\n1\n1\n1\n1\n1\n", 1, true), out)
    assert.matches("\nconfiguration %d+, leases of 200 ms\n", out)
    assert.matches("expected index 9999 to be applied, this member has %d+ "
      .. "%(too_stale%)", out)
  end)

  it("docs/snapshots.md end well", function ()
    local code, out = run "docs/snapshots.md"
    assert.equal(0, code, out)
    assert.truthy(out:find('{"index":4}', 1, true), out)
  end)
end)
