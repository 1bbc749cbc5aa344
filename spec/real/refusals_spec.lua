-- SPDX-License-Identifier: MIT
--
-- Wrong input at the doors of a real member: one clear line, and an exit code
-- that is not 0.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

describe("luaraft init and serve", function ()
  local folder, host

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  -- One run of the command: its exit code and its lines.
  local function luaraft(...)
    local code, text = Cluster.sh(table.concat({ LUA, "scripts/luaraft", ... },
      " ") .. " < /dev/null")
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    return code, lines
  end

  -- The last line has the text; nothing but log lines comes before it.
  local function refuses(expected_code, text, ...)
    local code, lines = luaraft(...)
    local last = lines[#lines] or ""
    assert.truthy(last:find(text, 1, true), last)
    for i = 1, #lines - 1 do
      assert.truthy(lines[i]:find "^%d%d%d%d%-", lines[i])
    end
    assert.equal(expected_code, code)
  end

  local function members(port)
    return ("1=%s:%d"):format(host, port)
  end

  local function make(name)
    assert(raft.init { id = 1, dir = folder .. "/" .. name,
      members = { host .. ":7101" } })
    return folder .. "/" .. name
  end

  before_each(function ()
    folder, host = Cluster.folder(), Cluster.host()
  end)

  after_each(function ()
    Cluster.sh("rm -rf " .. folder)
  end)

  it("refuse a directory that is not empty, and change nothing", function ()
    write("precious", "x")
    refuses(1, 'expected an empty directory, got one with "precious"',
      "init --id 1 --dir", folder, "--members", members(7101))
    assert.equal("x\n", select(2, Cluster.sh("cat " .. folder
      .. "/precious; echo")))
  end)

  it("refuse a directory that cannot be made", function ()
    write("file", "x")
    for _, name in ipairs { "/file", "/file/1" } do
      refuses(1, name .. ": the directory cannot be made: already there",
        "init --id 1 --dir", folder .. name, "--members", members(7101))
    end
    refuses(1, "(invalid)", "init --id 1 --dir", folder .. "/"
      .. ("x"):rep(256), "--members", members(7101))
    refuses(1, "/proc/none: the directory cannot be made",
      "init --id 1 --dir /proc/none --members", members(7101))
  end)

  it("refuse id 0, an id that is no member and a member list that is none",
    function ()
      refuses(2, "expected a member id, a whole number from 1",
        "init --id 0 --dir", folder .. "/1", "--members", members(7101))
      refuses(1, "expected the id of one of the 1 members, got 2",
        "init --id 2 --dir", folder .. "/1", "--members", members(7101))
      refuses(2, "expected a member id", "init --id 1 --dir", folder .. "/1",
        "--members 0=a:1")
    end)

  it("refuse to serve a directory without a log", function ()
    refuses(1, folder .. "/none: expected a directory made by init, got none "
      .. "(not_initialised)", "serve raft.kv --dir", folder .. "/none")
    refuses(1, folder .. ": expected a log made by init, log-0000000001, got "
      .. "none (not_initialised)", "serve raft.kv --dir", folder)
    assert.equal("", (select(2, Cluster.sh("ls -A " .. folder))))
  end)

  it("refuse a machine with a syntax error, without apply, or not there",
    function ()
      local dir = make "1"
      refuses(1, "bad.lua:2:", "serve", write("bad.lua", "return {\n]"),
        "--dir", dir)
      refuses(1, "apply", "serve", write("none.lua",
        "return { new = function () return {} end }"), "--dir", dir)
      refuses(1, "nowhere.lua", "serve", folder .. "/nowhere.lua", "--dir",
        dir)
    end)

  it("refuse an address in use, and a directory in use", function ()
    local dir = make "1"
    local node = assert(raft.node { dir = dir, machine = "raft.kv" })
    finally(function ()
      node:close()
    end)
    refuses(1, ("cannot listen at %s:7101: address already in use "
      .. "(address_in_use)"):format(host), "serve raft.kv --dir", make "2")
    local me = io.open "/proc/self/stat"
    refuses(1, dir .. ": the directory is in use" .. (me and " by process "
      .. me:read "*n" .. " (locked)" or ""), "serve raft.kv --dir", dir)
    if me then
      me:close()
    end
  end)

  it("refuse to listen beyond this computer unless it is allowed", function ()
    local dir = make "1"
    refuses(1, "expected a loopback address such as 127.0.0.1, or insecure = "
      .. "true, got 0.0.0.0:7199", "serve raft.kv --listen 0.0.0.0:7199 --dir",
      dir)
    local node = assert(raft.node { dir = dir, machine = "raft.kv",
      listen = "0.0.0.0:7198", insecure = true })
    assert.equal("0.0.0.0:7198", node:address())
    node:close()
  end)

  it("refuse a damaged log, naming file and offset", function ()
    local dir = make "1"
    local node = assert(raft.node { dir = dir, machine = "raft.kv" })
    node:close()
    local code, names = Cluster.sh("ls " .. dir)
    assert.equal(0, code)
    local path = dir .. "/" .. names:match "%S+"
    local file = assert(io.open(path, "r+b"))
    file:seek("set", 0)
    file:write(("\255"):rep(64))
    file:close()
    refuses(1, path:gsub("/([^/]+)$", ": %1: expected the magic of a log at "
      .. "offset 0 (corrupt)"), "serve raft.kv --dir", dir)
  end)

  it("name the end of a path that is too long for a line", function ()
    local dir = folder .. ("/long"):rep(40)
    refuses(1, "serve: ..." .. dir:sub(-100) .. ": expected a directory",
      "serve raft.kv --dir", dir)
  end)
end)

describe("raft.node", function ()
  it("raises at the caller's level for a mistake in its options", function ()
    local ok, message = pcall(function ()
      raft.node { dirr = "x", machine = "raft.kv" }
    end)
    assert.is_false(ok)
    assert.truthy(message:find("refusals_spec.lua", 1, true), message)
    assert.truthy(message:find('did you mean "dir"?', 1, true), message)
  end)

  it("is told by status, followed by step, ended by close, once", function ()
    local folder = Cluster.folder()
    finally(function ()
      Cluster.sh("rm -rf " .. folder)
    end)
    assert(raft.init { id = 7, dir = folder .. "/7",
      members = { [7] = Cluster.host() .. ":7107" } })
    local told = {}
    local node = assert(raft.node { dir = folder .. "/7",
      machine = "raft.kv", on_log = function (record)
        told[#told + 1] = record.text
      end })
    local ok, status
    repeat
      assert(node:step "10ms")
      ok, status = node:status { state_hash = true }
      assert(ok, status)
    until status.role == "leader"
    assert.equal(7, status.id)
    assert.equal(16, #status.state_hash)
    assert.equal(24, #status.turn_us)
    assert(node:step()) -- what was told before it said that it leads
    assert.truthy(table.concat(told, "\n"):find("to=leader", 1, true))
    assert.is_number(node:fd())
    node:close()
    node:close()
    assert.has_error(function ()
      node:step()
    end)
  end)

  it("is ended by the collector without a call into Lua", function ()
    local folder = Cluster.folder()
    finally(function ()
      Cluster.sh("rm -rf " .. folder)
    end)
    assert(raft.init { id = 1, dir = folder .. "/1",
      members = { Cluster.host() .. ":7101" } })
    local told = 0
    local function start()
      return assert(raft.node { dir = folder .. "/1", machine = "raft.kv",
        on_log = function ()
          told = told + 1
        end })
    end
    assert.is_table(start())
    collectgarbage()
    collectgarbage()
    assert.equal(0, told)
    start():close() -- the directory and the port are free again
  end)
end)
