-- SPDX-License-Identifier: MIT
--
-- Clients that know nothing of luaraft but docs/protocol.md: the examples,
-- each against three members, one of them without a process.

local Cluster = require "spec.real.cluster"
local raft = require "raft"

local MSGPACK = "build/npm" -- where npm puts the package of client.mjs

-- A sanitizer of ours is not for the programs of others.
local UNLOADED = "unset LD_PRELOAD\n"

local function has(program)
  return (Cluster.sh("command -v " .. program)) == 0
end

local function line_count(path)
  local count = 0
  for _ in io.lines(path) do
    count = count + 1
  end
  return count
end

local EXAMPLES = {
  { name = "Python", file = "client.py", command = "python3 %s %s",
    needs = "/usr/bin/python3", first = "PATH=/usr/bin:$PATH" },
  { name = "Node.js", file = "client.mjs", needs = "npm",
    command = "cp %s " .. MSGPACK .. " && node " .. MSGPACK
      .. "/client.mjs %s",
    before = "[ -d " .. MSGPACK .. "/node_modules/@msgpack ] || npm install"
      .. " --silent --no-audit --no-fund --prefix " .. MSGPACK
      .. " @msgpack/msgpack@3" },
  { name = "Neovim", file = "client_nvim.lua", needs = "nvim", by_name = true,
    command = "nvim --headless -u NONE -c 'luafile %s' -c qa 2>&1" },
  { name = "plain Lua", file = "client_plain.lua", needs = "lua5.3",
    command = "env -u LUA_PATH -u LUA_CPATH lua5.3 %s %s" },
}

describe("docs/protocol.md #once", function ()
  it("has the numbers and names of errors as they are", function ()
    local count = 0
    for line in io.lines "docs/protocol.md" do
      local number, name = line:match "^| (%d+) | `([%w_]+)` |"
      if number then
        count = count + 1
        assert.equal(tonumber(number), raft.errors[name].number)
      end
    end
    assert.equal(13, count)
  end)
end)

describe("docs/examples #once", function ()
  it("has clients of at most 20 lines, comments and all, each run here",
    function ()
      local is_run = {}
      for _, example in ipairs(EXAMPLES) do
        is_run["docs/examples/" .. example.file] = true
      end
      local code, out = Cluster.sh "ls docs/examples/client*"
      assert.equal(0, code)
      for path in out:gmatch "[^\n]+" do
        assert.is_true(is_run[path], path)
        local count = line_count(path)
        assert.is_true(count <= 20, ("%s: %d lines"):format(path, count))
      end
    end)
end)

describe("a client from elsewhere #once", function ()
  local cluster, addresses, running

  lazy_setup(function ()
    cluster = Cluster.new { member = { machine = "raft.kv" } }
    cluster:start_all()
    local leader = cluster:leader()
    local gone = leader % 3 + 1
    cluster:kill(gone)
    cluster:wait_end(gone)
    -- First one without a process, then one that does not lead.
    addresses = { cluster.addresses[gone], cluster.addresses[gone % 3 + 1],
      cluster.addresses[leader] }
    if gone % 3 + 1 == leader then
      addresses[2] = cluster.addresses[leader % 3 + 2] or cluster.addresses[1]
    end
    running = table.concat(addresses, ",")
  end)

  lazy_teardown(function ()
    cluster:close()
  end)

  for _, example in ipairs(EXAMPLES) do
    it("in " .. example.name .. " proposes, and asks what has become of it",
      function ()
        if not has(example.needs) then
          pending(example.needs .. " is not installed")
          return
        end
        local path = "docs/examples/" .. example.file
        if example.before then
          local code, out = Cluster.sh(("%smkdir -p %s; %s"):format(UNLOADED,
            MSGPACK, example.before))
          if code ~= 0 then
            pending("npm has no @msgpack/msgpack here: " .. out:sub(1, 200))
            return
          end
        end
        local client = assert(raft.client(cluster.addresses))
        local before = select(2, assert(client:query { "get", "visits" })) or 0
        local command = (example.by_name and "MEMBERS=" .. running
          or example.first or "") .. " "
          .. example.command:format(path, running)
        local code, out = Cluster.sh(("%sout=$(%s); code=$?; echo \"$out\";"
          .. " (exit $code)"):format(UNLOADED, command))
        assert.same({ 0, ("%d"):format(before + 5) },
          { code, (out:gsub("%s+$", "")) })
        assert.same({ true, before + 5 },
          { client:query { "get", "visits" } })
        client:close()
      end)
  end
end)
