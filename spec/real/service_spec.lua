-- SPDX-License-Identifier: MIT
--
-- Services that are not ours, under luaraft chaos: what Redis loses, what etcd
-- keeps, and how a driver is made.

local Cluster = require "spec.real.cluster"
local Runs = require "spec.real.chaos_runs"

local function has(binary)
  return Cluster.sh("command -v " .. binary .. " > /dev/null") == 0
end

describe("luaraft chaos on other services #once", function ()
  local runs, root

  before_each(function ()
    runs = Runs.new()
    root = select(2, Cluster.sh "pwd"):gsub("%s+$", "")
  end)

  after_each(function ()
    runs:close()
  end)

  local it_on_redis = has "redis-server" and it or function () end
  local it_on_etcd = has "etcd" and it or function () end

  it_on_redis("proves that a failover of Redis loses acknowledged writes",
  function ()
    local code, said = runs:run(root .. "/scripts/chaos/redis_failover.lua")
    assert.equal(1, code, said)
    assert.truthy(said:find("workload: register: not linearizable", 1, true),
      said)
    local summary = runs:read "redis_failover-1-chaos/summary.txt"
    assert.truthy(summary:find("partition 1 2 3", 1, true), summary)
    assert.truthy(summary:find("cannot come next, nor after any other order",
      1, true), summary)
  end)

  it_on_redis("finds nothing in Redis where nothing goes wrong", function ()
    local path = runs:scenario("calm", [[
return raft.scenario { nodes = 3, driver = "redis", duration = "1s",
  concurrency = 3,
  workload = raft.workload.register { keys = 2, pause = "5ms" } }
]])
    local code, said = runs:run(path)
    assert.equal(0, code, said)
    assert.is_true(tonumber(said:match "(%d+) operations") > 50, said)
  end)

  it_on_etcd("#full finds nothing in etcd while members die, stand still and"
    .. " are cut off", function ()
    local code, said = runs:run(root
      .. "/scripts/chaos/etcd_register.lua --time 8s")
    assert.equal(0, code, said)
    assert.is_true(tonumber(said:match "(%d+) operations") > 50, said)
    assert.truthy(said:find("faults: [kp]"), said)
  end)

  -- Who is cut off: nobody hears it, it hears nobody; clients reach all.
  local CUT_OFF = [[
return raft.scenario { nodes = 3, driver = "etcd", run = function(cluster)
  local function own(id)
    return cluster:client(id, { only = true, deadline = "2s" })
  end
  local first, second = own(1), own(2)
  assert(cluster:wait_until(function()
    return first:try("propose", { "set", "x", 1 })
  end, "20s"))
  cluster:partition({ 1 }, { 2, 3 })
  assert(cluster:wait_until(function()
    return second:try("propose", { "set", "x", 2 })
  end, "20s"))
  assert(not own(1):try("query", { "get", "x" }), "it was not cut off")
  cluster:heal()
  local last = own(1)
  assert(cluster:wait_until(function()
    local ok, x = last:try("query", { "get", "x" })
    assert(not ok or x == 2, x)
    return ok
  end, "20s"))
end }
]]

  it_on_etcd("cuts a member of etcd off from the others", function ()
    local code, said = runs:run(runs:scenario("cut_off", CUT_OFF))
    assert.equal(0, code, said)
  end)

  it_on_etcd("#full cuts the host of a member of etcd off", function ()
    if Cluster.sh "test $(id -u) = 0 && command -v nft" ~= 0 then
      pending "network namespaces need root and nft"
      return
    end
    local code, said = runs:run(runs:scenario("cut_off", CUT_OFF)
      .. " --namespaces")
    assert.equal(0, code, said)
  end)

  -- The driver of docs/chaos.md, of a server in a few lines of Lua.
  it("runs a driver of the user's own, as the page has it", function ()
    local file = assert(io.open("docs/chaos.md", "rb"))
    local page = file:read "*a"
    file:close()
    local source = page:match "```\n(local lines.-)```"
    source = source:gsub('"my%-server"', ('%q, %q'):format(
      rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d",
      runs.dir .. "/server.lua"))
    source = source:gsub("…", [[ duration = "1s", concurrency = 2,
      workload = raft.workload.register { keys = 2, pause = "5ms" },
      nemesis = raft.nemesis.pause { every = "300ms", lasts = "100ms" } ]])
    runs:write("server", [[
local socket, map = require "socket", {}
local server = assert(socket.bind(arg[2], tonumber(arg[4])))
local clients = { server }
while true do
  for _, one in ipairs((socket.select(clients))) do
    if one == server then
      clients[#clients + 1] = server:accept()
    else
      local line = one:receive "*l"
      local verb, key, value = (line or ""):match "^(%a+) (%S+) ?(.*)$"
      if verb == "set" then
        map[key] = value
      end
      if verb then
        one:send((map[key] or "nothing") .. "\n")
      else
        for i = #clients, 1, -1 do
          if clients[i] == one then
            table.remove(clients, i)
          end
        end
      end
    end
  end
end
]])
    local code, said = runs:run(runs:scenario("lines", source))
    assert.equal(0, code, said)
    assert.is_true(tonumber(said:match "(%d+) operations") > 50, said)
  end)

  it("runs a service of command lines", function ()
    local path = runs:scenario("words", [[
return raft.scenario { nodes = 2, duration = "1s", concurrency = 2,
  driver = require "raft.driver_command" {
    start = "sleep 1000",
    get = "test {id} = 1 || exit 75; cd {dir} && cat $(basename {key})"
      .. " 2> /dev/null || true",
    set = "test {id} = 1 || exit 75; cd {dir} && echo {value} >"
      .. " $(basename {key}).new && mv $(basename {key}).new"
      .. " $(basename {key})",
  },
  workload = raft.workload.register { keys = 2, pause = "5ms" },
}
]])
    local code, said = runs:run(path)
    assert.equal(0, code, said)
    assert.is_true(tonumber(said:match "(%d+) operations") > 10, said)
    local lossy = runs:scenario("lossy", [[
return raft.scenario { nodes = 1, duration = "1s", concurrency = 1,
  driver = require "raft.driver_command" {
    start = "sleep 1000", get = "echo 1", set = "true",
  },
  workload = raft.workload.register { keys = 1, pause = "5ms" },
}
]])
    code, said = runs:run(lossy)
    assert.equal(1, code, said)
    assert.truthy(said:find("not linearizable", 1, true), said)
  end)

  it("leaves no service behind when it is killed itself", function ()
    local seconds = 1000000 + math.random(8000000)
    local function running()
      return Cluster.sh(("pgrep -fx 'sleep %d' > /dev/null"):format(seconds))
        == 0
    end
    local pid = runs:start(runs:scenario("sleeps", ([[
return raft.scenario { nodes = 2, run = function(cluster)
    cluster:pause(2)
    cluster:sleep "60s"
  end,
  driver = require "raft.driver_command" { start = "sleep %d" },
}
]]):format(seconds)))
    Runs.wait("the service", running)
    Cluster.sh("kill -KILL " .. pid)
    Runs.wait("its end", function ()
      return not running()
    end)
  end)

  it("is not for the simulator", function ()
    local path = runs:scenario("simulated", [[
return raft.scenario { driver = "redis", run = function() end }
]])
    local result = assert(require("raft.scenario_file").load(path)):run {}
    assert.is_false(result.ok)
    assert.truthy(result.not_applicable:find "luaraft chaos")
  end)

  it("says which driver or program is missing", function ()
    local known = runs:scenario("known", [[
return raft.scenario { driver = "rediz", run = function() end }
]])
    local code, said = runs:run(known)
    assert.equal(1, code)
    assert.truthy(said:find('there is no driver "rediz", did you mean'
      .. ' "redis"?', 1, true), said)
    local own = runs:scenario("own", [[
return raft.scenario { run = function() end, driver = { name = "mine",
  binaries = { "no-such-program" }, start = print, encode = print,
  decode = print } }
]])
    code, said = runs:run(own)
    assert.equal(1, code)
    assert.truthy(said:find("driver mine: expected the program"
      .. " no-such-program on PATH, got none", 1, true), said)
  end)

  it("says not applicable for connections that nothing passes on",
  function ()
    local path = runs:scenario("reset", [[
return raft.scenario { nodes = 2, run = function(cluster)
    cluster:reset(1, 2)
  end,
  driver = require "raft.driver_command" { start = "sleep 1000" },
}
]])
    local code, said = runs:run(path)
    assert.equal(3, code, said)
    assert.truthy(said:find("cannot be reset", 1, true), said)
  end)

  it_on_redis("says not applicable for what such a process has not",
  function ()
    local path = runs:scenario("rot", [[
return raft.scenario { driver = "redis", run = function(cluster)
  cluster:disk(1, { slow = "1s" })
end }
]])
    local code, said = runs:run(path)
    assert.equal(3, code, said)
    assert.truthy(said:find(path .. ":3: redis has no slow", 1, true), said)
  end)
end)
