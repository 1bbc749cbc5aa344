-- SPDX-License-Identifier: MIT
--
-- luaraft chaos --namespaces: members whose hosts are cut off, as TCP sees it.

local Cluster = require "spec.real.cluster"
local Runs = require "spec.real.chaos_runs"

-- Why there are no namespaces here; nil: there are.
local function obstacle()
  if Cluster.sh "test $(id -u) = 0" ~= 0 then
    return "network namespaces need root"
  elseif Cluster.sh "command -v ip && command -v nft" ~= 0 then
    return "ip or nft is not installed"
  end
  local name = "luaraft-spec-" .. math.random(1000000)
  local code, out = Cluster.sh(("ip netns add %s && ip netns del %s"):format(
    name, name))
  return code ~= 0 and "no network namespaces here: " .. out or nil
end

describe("luaraft chaos --namespaces #once", function ()
  local runs
  local why = obstacle()

  -- How often something stands in what a command says on a host: what a
  -- scenario may not read, an exit code tells.
  before_each(function ()
    runs = Runs.new()
    runs:write("count", [[
return function(hosts, id, command, pattern)
  local line = ("exit $(ip netns exec %s-%d %s | grep -o '%s' | wc -l)")
    :format(hosts.tag, id, command, pattern)
  local process = require("raft.core").process_start { "sh", "-c", line }
  return select(2, process:ended(10 * 1000 * 1000))
end
]])
  end)

  after_each(function ()
    runs:close()
  end)

  local function it_with_namespaces(name, fn)
    it(name, function ()
      if why then
        pending(why)
      else
        fn()
      end
    end)
  end

  local function names(tag)
    return select(2, Cluster.sh(("ip netns list | grep -o '^%s-[0-9a-z]*'")
      :format(tag)))
  end

  it_with_namespaces("cuts hosts off: connections stay, nothing passes",
  function ()
    local code, said = runs:run(runs:scenario("cut", [[
local count = require "count"
return raft.scenario { nodes = 3, run = function(cluster)
  local leader, client = cluster:await_leader(), cluster:client()
  client:propose { "set", "x", 1 }
  local hosts = cluster.handle.hosts
  local function established()
    return count(hosts, leader, "cat /proc/net/tcp",
      " 01 [0-9A-F]*:[0-9A-F]* ")
  end
  assert(established() >= 4, "links and clients")
  cluster:partition({ leader }, cluster:others(leader))
  client:propose { "set", "x", 2 }
  assert(established() >= 4, "half open")
  assert(cluster:await_leader() ~= leader)
  local only = cluster:client(leader, { only = true, deadline = "500ms" })
  assert(only:query({ "get", "x" }, { read = "stale" }) == 1)
  cluster:heal()
  cluster:settle()
  assert(only:query({ "get", "x" }, { read = "stale" }) == 2)
  cluster:cut("clients", 1)
  local cut = cluster:client(1, { only = true, deadline = "300ms" })
  assert(not cut:try("query", { "get", "x" }, { read = "stale" }))
  cluster:mend("clients", 1)
  assert(cut:query({ "get", "x" }, { read = "stale", deadline = "3s" }) == 2)
  print("tag " .. hosts.tag)
end }
]]) .. " --namespaces")
    assert.equal(0, code, said)
    assert.equal("", names(said:match "tag (%S+)"))
    assert.equal("", (runs:left()))
  end)

  it_with_namespaces("cuts one way alone, and all ways of all kinds",
  function ()
    local code, said = runs:run(runs:scenario("kinds", [[
local count = require "count"
return raft.scenario { nodes = 5, run = function(cluster)
  cluster:await_leader()
  local hosts = cluster.handle.hosts
  local function silent(id)
    return count(hosts, id, "nft list set inet luaraft silent",
      "10[.]77[.]0[.][0-9]*")
  end
  cluster:cut(1, 2)
  cluster:sleep "1ms"
  assert(silent(2) == 1 and silent(1) == 0)
  cluster:cut(1, 2)
  cluster:mend(1, 2)
  cluster:sleep "1ms"
  assert(silent(2) == 1)
  cluster:mend(1, 2)
  for _, kind in ipairs { "halves", "majority", "isolate", "one_way", "deaf",
    "bridge", "ring", "random" } do
    raft.nemesis.partition { kind = kind, every = "1ms", lasts = "20ms" }
      :run(cluster, nil, 1)
  end
  cluster:heal()
  cluster:sleep "1ms"
  for id = 1, 5 do
    assert(silent(id) == 0)
  end
end }
]]) .. " --namespaces")
    assert.equal(0, code, said)
  end)

  local WAITS = [[
return raft.scenario { nodes = 3, run = function(cluster)
  cluster:await_leader()
  cluster:pause(2)
  cluster:sleep "60s"
end }
]]

  local function start_waiting()
    local pid = runs:start(runs:scenario("waits", WAITS) .. " --namespaces")
    Runs.wait("three members, one of them paused", function ()
      local _, processes = runs:left()
      return processes == 3 and runs:read_paused() or nil
    end)
    assert.equal(5, select(2, names("luaraft-" .. pid):gsub("\n", "")))
    return pid
  end

  it_with_namespaces("leaves none behind at Ctrl-C, and when it is killed",
  function ()
    local pid = start_waiting()
    Cluster.sh("kill -INT " .. pid)
    assert.equal(3, (runs:finish()))
    assert.equal("", names("luaraft-" .. pid))
    Cluster.sh(("rm %s/run.*"):format(runs.dir))
    pid = start_waiting()
    Cluster.sh("kill -KILL " .. pid)
    Runs.wait("the end of all", function ()
      local folders, processes = runs:left()
      return names("luaraft-" .. pid) == "" and processes == 0
        and folders == ""
    end)
  end)

  it_with_namespaces("removes what others left that have ended", function ()
    local alive = Cluster.sh "sh -c 'exit 0'" == 0
      and select(2, Cluster.sh "echo $PPID"):match "%d+"
    local dead = 4194304 + math.random(1000000) -- beyond all that run
    for _, number in ipairs { alive, dead } do
      Cluster.sh(("ip netns add luaraft-%s-9"):format(number))
    end
    finally(function ()
      Cluster.sh(("ip netns del luaraft-%s-9"):format(alive))
    end)
    local code, said = runs:run(runs:scenario("short", [[
return raft.scenario { nodes = 1, run = function() end }
]]) .. " --namespaces")
    assert.equal(0, code, said)
    assert.equal("", names("luaraft-" .. dead))
    assert.equal(("luaraft-%s-9\n"):format(alive), names("luaraft-" .. alive))
  end)

  it_with_namespaces("does what docs/chaos.md says", function ()
    local file = assert(io.open("docs/chaos.md", "rb"))
    local page = file:read "*a"
    file:close()
    local path = assert(io.open(runs.dir .. "/majority.lua", "w"))
    path:write((page:match "```lua\n(.-)```"))
    path:close()
    local code, said = runs:run((page:match
      "```sh\nluaraft chaos ([^\n]+ %-%-namespaces)\n```"))
    assert.equal(0, code, said)
  end)

  it("says in one line that there are none", function ()
    local path = runs:scenario("plain", [[
return raft.scenario { nodes = 1, run = function() end }
]])
    if why and Cluster.sh "test $(id -u) = 0" == 0 then
      pending(why)
      return
    elseif not why and Cluster.sh "unshare -U true" ~= 0 then
      pending "there is no way here to be somebody else than root"
      return
    end
    local code, said = runs:run(path .. " --namespaces",
      not why and "unshare -U" or nil)
    assert.equal(1, code, said)
    assert.truthy(said:find("^luaraft chaos: [^\n]*plain.lua: network "
      .. "namespaces: expected to be root, got user %d+\n$"), said)
  end)
end)
