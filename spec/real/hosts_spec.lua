-- SPDX-License-Identifier: MIT
--
-- Three hosts with addresses of their own: network namespaces around a bridge
-- in a fourth. What starts the members are the command lines of docs/deploy.
--
-- Rule: nothing is made in the namespace of this process; all that was made
-- has one prefix and is gone in the end.

local Cluster = require "spec.real.cluster"
local json = require "raft.json"

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- Where each member finds the words that luaraft is called with.
local COMMANDS = {
  { "docs/deploy/luaraft@.service",
    "\nExecStart=/usr/local/bin/luaraft ([^\n]+)\n" },
  { "docs/deploy.md", "\nluaraft (serve [^\n]+)\n" },
  { "docs/deploy/compose.yaml", "\n  command: %[([^\n]+)%]\n" },
}

local function words_of(id, dir)
  local words = read(COMMANDS[id][1]):match(COMMANDS[id][2])
  return (words:gsub("[\",]+", ""):gsub("/etc/luaraft/machine.lua",
    "lua/raft/kv.lua"):gsub("%-%-dir [^ ]+", ("--dir %s/%d"):format(dir, id)))
end

-- The nth block of commands of the page, for one host.
local function block(nth, id, dir)
  for text in read "docs/deploy.md":gmatch "\n```sh\n(.-\n)```" do
    nth = nth - 1
    if nth == 0 then
      return (text:gsub("^id=1", "id=" .. id)
        :gsub("/var/lib/luaraft/%$id", dir .. "/" .. id))
    end
  end
end

describe("docs/deploy.md #once", function ()
  local dir, tag

  local function ip(format, ...)
    local code, out = Cluster.sh("ip " .. format:format(...))
    assert.equal(0, code, out)
  end

  -- Why there are no namespaces here; nil: there are.
  local function obstacle()
    if Cluster.sh "test $(id -u) = 0" ~= 0 then
      return "network namespaces need root"
    elseif Cluster.sh "command -v ip" ~= 0 then
      return "ip is not installed"
    end
    local code, out = Cluster.sh(("ip netns add %s-hub"):format(tag))
    return code ~= 0 and "no network namespaces here: " .. out or nil
  end

  local function build()
    ip("-n %s-hub link add br0 type bridge", tag)
    ip("-n %s-hub link set br0 up", tag)
    for id = 1, 3 do
      ip("netns add %s-%d", tag, id)
      ip("link add p%d netns %s-hub type veth peer name eth0 netns %s-%d", id,
        tag, tag, id)
      ip("-n %s-hub link set p%d master br0 up", tag, id)
      ip("-n %s-%d addr add 10.0.0.%d/24 dev eth0", tag, id, id)
      ip("-n %s-%d link set eth0 up", tag, id)
      ip("-n %s-%d link set lo up", tag, id)
    end
  end

  -- Runs commands on a host, where luaraft is the checkout's.
  local function on(id, commands)
    local path = ("%s/%d.sh"):format(dir, id)
    local file = assert(io.open(path, "w"))
    file:write(("luaraft() { %s scripts/luaraft \"$@\"; }\n"):format(LUA),
      commands)
    file:close()
    return Cluster.sh(("ip netns exec %s-%d sh -e %s"):format(tag, id, path))
  end

  local function serve(id, words)
    local code, out = Cluster.sh(("ip netns exec %s-%d %s scripts/luaraft %s"
      .. " > %s/%d.log 2>&1 < /dev/null & echo $! >> %s/pids"):format(tag, id,
      LUA, words, dir, id, dir))
    assert.equal(0, code, out)
  end

  -- What the members say of themselves to one host, by id.
  local function status(id)
    local _, out = on(id, "luaraft status --json --timeout 2s"
      .. " --to 10.0.0.1:7101,10.0.0.2:7101,10.0.0.3:7101")
    local rows = {}
    for line in out:gmatch "{[^\n]+}" do
      local ok, row = json.decode(line)
      if ok then
        rows[row.id] = row
      end
    end
    return rows
  end

  local function await(what, fn)
    local ends = Cluster.now() + 60
    while true do
      local result = fn()
      if result then
        return result
      end
      assert(Cluster.now() < ends, what)
    end
  end

  before_each(function ()
    dir = Cluster.folder()
    tag = "lr" .. dir:match "%w+$"
  end)

  after_each(function ()
    Cluster.sh(([[
      for pid in $(cat %s/pids); do kill -9 $pid; done
      for name in $(ip netns list | grep -o '^%s-[^ ]*'); do
        ip netns del $name
      done
      rm -rf %s]]):format(dir, tag, dir))
  end)

  it("runs three hosts, without the one that is cut off", function ()
    local why = obstacle()
    if why then
      pending(why)
      return
    end
    build()
    for id = 1, 3 do
      local code, out = on(id, block(1, id, dir))
      assert.equal(0, code, out)
      local words = words_of(id, dir)
      if id == 1 then
        code, out = on(1, "luaraft " .. words:gsub(" %-%-insecure", ""))
        assert.equal(1, code)
        assert.matches("insecure", out)
      end
      serve(id, words)
    end
    local code, out = on(1, block(3, 1, dir))
    assert.equal(0, code, out)
    local leader = await("a leader", function ()
      for id, row in pairs(status(1)) do
        if row.role == "leader" then
          return id
        end
      end
    end)
    local other = leader % 3 + 1
    ip("-n %s-hub link set p%d down", tag, leader)
    assert.equal(0, (on(other, [[
      luaraft propose --timeout 30s '["set", "x", 2]' \
        --to 10.0.0.1:7101,10.0.0.2:7101,10.0.0.3:7101]])))
    assert.equal(1, (on(leader, ([[
      luaraft query --timeout 2s '["get", "x"]' \
        --to 10.0.0.%d:7101]]):format(leader))))
    ip("-n %s-hub link set p%d up", tag, leader)
    await("the one that was cut off to have it", function ()
      local _, seen = on(leader, ([[
        luaraft query --read stale '["get", "x"]' \
          --to 10.0.0.%d:7101]]):format(leader))
      return seen == "2\n"
    end)
  end)

  it("starts a container as the compose file does", function ()
    local words = read(COMMANDS[3][1]):match(COMMANDS[3][2])
    assert.matches("\nCMD [" .. words .. "]\n",
      read "docs/deploy/Containerfile", 1, true)
    assert.matches('\nENTRYPOINT ["lua5.4", "/usr/local/bin/luaraft"]\n',
      read "docs/deploy/Containerfile", 1, true)
  end)

  it("has a unit that systemd takes", function ()
    if Cluster.sh "command -v systemd-analyze" ~= 0 then
      pending "systemd-analyze is not installed"
      return
    end
    local unit = read "docs/deploy/luaraft@.service"
    local function judged(text)
      local path = dir .. "/luaraft@1.service"
      local file = assert(io.open(path, "w"))
      file:write((text:gsub("/usr/local/bin/luaraft", "/bin/true")))
      file:close()
      local code, out = Cluster.sh("systemd-analyze verify --man=no " .. path)
      return code == 0 and out or "exit code " .. code .. ": " .. out
    end
    assert.equal("", judged(unit))
    assert.matches("Unknown key", judged((unit:gsub("Restart=", "Restat="))))
  end)
end)
