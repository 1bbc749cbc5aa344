-- SPDX-License-Identifier: MIT
--
-- The command luaraft with real members: what it prints, its exit codes.

local Cluster = require("spec.real.cluster")

local LUA = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d.%d")

describe("luaraft with real members #once", function()
  local cluster

  -- What a command line printed to stdout, its exit code, what to stderr.
  local function luaraft(format, ...)
    local command = LUA .. " scripts/luaraft " .. format:format(...)
    local err = cluster.dir .. "/err"
    local code, out = Cluster.sh(command .. " 2> " .. err)
    local file = assert(io.open(err))
    local text = file:read("*a")
    file:close()
    return code, out, text
  end

  lazy_setup(function()
    cluster = Cluster.new { member = { machine = "raft.kv" } }
    cluster:start_all()
    cluster:leader()
  end)

  lazy_teardown(function()
    cluster:close()
  end)

  local function to()
    return table.concat(cluster.addresses, ",")
  end

  it("proposes and queries: results as JSON on stdout, code 0", function()
    assert.same({ 0, "null\n", "" },
      { luaraft([[propose --to %s '["set","x",{"n":[1,2.5,"a"]}]']], to()) })
    assert.same({ 0, '{"n":[1,2.5,"a"]}\n', "" },
      { luaraft([[query --to %s '["get","x"]']], to()) })
    assert.same({ 0, '{"n":[1,2.5,"a"]}\n', "" },
      { luaraft([[query --read linear --to %s '["get","x"]']], to()) })
    assert.same({ 0, '{"n":[1,2.5,"a"]}\n', "" },
      { luaraft([[propose --to %s '["set","x",9007199254740991]']], to()) })
    assert.same({ 0, "9007199254740991\n", "" },
      { luaraft([[query --to %s '["get","x"]']], to()) })
  end)

  it("reads a command from stdin, and fails when stdout is full", function()
    local file = assert(io.open(cluster.dir .. "/json", "w"))
    file:write('["set","y",7]\n')
    file:close()
    assert.same({ 0, "null\n", "" }, { luaraft("propose --to %s - < %s/json",
      to(), cluster.dir) })
    assert.same({ 0, "7\n", "" },
      { luaraft([[query --to %s '["get","y"]']], to()) })
    local full = io.open("/dev/full", "w")
    if full then
      full:close()
      assert.same({ 1, "", "luaraft: stdout cannot be written: No space left on"
        .. " device\n" }, { luaraft([[query --to %s '["get","y"]' > /dev/full]],
        to()) })
    end
  end)

  it("a command that the machine refuses: its message, code 1", function()
    assert.same({ 1, "",
      "luaraft propose: unknown command 'dance' (apply_failed)\n" },
      { luaraft([[propose --to %s '["dance"]']], to()) })
  end)

  it("status prints a line per member; one that is not there is said",
    function()
      local code, out, err = luaraft("status --to %s", to())
      assert.same({ 0, "" }, { code, err })
      local leaders = select(2, out:gsub(" leader +%d", ""))
      assert.equal(1, leaders, out)
      assert.truthy(out:find(cluster.addresses[3], 1, true))
      code, out = luaraft("status --json --to %s", cluster.addresses[1])
      assert.equal(0, code)
      assert.truthy(out:find('"id":1', 1, true))
      code, out, err = luaraft("status --timeout 300ms --to %s:1",
        cluster.host)
      assert.equal(1, code)
      assert.truthy(err:find("(unreachable)", 1, true))
      assert.falsy(out:find(cluster.host, 1, true))
    end)

  it("nobody there: nothing was sent, code 1", function()
    local code, out, err = luaraft("propose --timeout 300ms --to %s:1 1",
      cluster.host)
    assert.same({ 1, "" }, { code, out })
    assert.truthy(err:find("^luaraft propose: [^\n]*nothing was sent: "
      .. "cannot connect to [%d.]+:1: connection refused %(unreachable%)\n$"),
      err)
  end)

  it("no answer in time: the outcome is unknown, code 3", function()
    local slow = Cluster.new { count = 1,
      member = { machine = "spec/real/machines/busy.lua", sandbox = false } }
    finally(function()
      slow:close()
    end)
    slow:start_all()
    slow:leader()
    local code, out, err = luaraft(
      [[propose --timeout 500ms --to %s '["spin",2]']], slow.addresses[1])
    assert.same({ 3, "" }, { code, out })
    assert.truthy(err:find("^luaraft propose: [^\n]*unknown %(timeout%)\n$"),
      err)
  end)
end)
