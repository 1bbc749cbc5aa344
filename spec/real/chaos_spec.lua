-- SPDX-License-Identifier: MIT
--
-- luaraft chaos: scenarios on processes of this computer.

local Cluster = require "spec.real.cluster"
local Runs = require "spec.real.chaos_runs"
local helper = require "spec.helper"
local probe = require "raft.probe"
local raft = require "raft"

describe("luaraft chaos #once", function ()
  local runs

  before_each(function ()
    runs = Runs.new()
  end)

  after_each(function ()
    runs:close()
  end)

  local function nothing_is_left()
    local folders, processes = runs:left()
    assert.equal("", folders)
    assert.equal(0, processes)
  end

  it("§ all faults, mixed, on five members with seven workloads: all holds",
  function ()
    local root = select(2, Cluster.sh("pwd")):gsub("%s+$", "")
    local code, said = runs:run(root .. "/scripts/chaos/everything.lua --time "
      .. (helper.full and "300s" or "15s") .. " --seed " .. helper.seed)
    assert.equal(0, code, said)
    local operations = tonumber(said:match "(%d+) operations")
    assert.is_true(operations > 50, said)
    assert.truthy(said:find "faults: %a+", said)
    nothing_is_left()
  end)

  it("takes the vote of a member and gives it back", function ()
    local path = runs:scenario("votes", [[
return raft.scenario { nodes = 3, run = function(cluster)
  cluster:await_leader()
  local one = raft.nemesis.membership { target = 3, every = "10ms",
                                        lasts = "1s" }
  cluster:spawn(one.run, one, cluster, nil, 1)
  local members = raft.admin(cluster.handle.members[1].dir)
  local function votes()
    local ok, now = members:members()
    return ok and now.members[3].voter
  end
  assert(cluster:wait_until(function() return votes() == false end, "10s"))
  assert(cluster:wait_until(function() return votes() == true end, "10s"))
end }]])
    local code, said = runs:run(path)
    assert.equal(0, code, said)
    nothing_is_left()
  end)

  it("runs a story with its verbs, and sees what they do", function ()
    local path = runs:scenario("story", [[
return raft.scenario { nodes = 3, run = function(cluster)
  local leader, client = cluster:await_leader(), cluster:client()
  client:propose { "set", "x", 1 }
  local rest = cluster:others(leader)
  cluster:snapshot(rest[1])
  assert(cluster:wait_until(function()
    return (cluster:status(rest[1]).snapshot_index or 0) > 0
  end))
  cluster:partition({ leader }, rest)
  local only = cluster:client(leader, { only = true, deadline = "1s" })
  local ok, _, code = only:try("query", { "get", "x" })
  assert(not ok, code)
  assert(only:query({ "get", "x" }, { read = "stale" }) == 1)
  ok, _, code = only:try("query", { "get", "x" }, { read = "stale",
    max_age = "50ms" })
  assert(not ok and code == "too_stale", code)
  client:propose { "set", "x", 2 }
  assert(client:query({ "get", "x" }, { read = "follower" }) == 2)
  cluster:heal()
  cluster:settle()
  cluster:cut("clients", 1)
  local cut = cluster:client(1, { only = true, deadline = "1s" })
  assert(not cut:try("query", { "get", "x" }, { read = "stale" }))
  cluster:mend("clients", 1)
  cluster:pause(2)
  assert(cluster:status(2).paused)
  cluster:resume(2)
  cluster:crash(1)
  assert(cluster:status(1).state == "down")
  cluster:restart(1)
  cluster:await("replica.opened", 1)
  cluster:disk(3, { fail = 1 })
  client:propose { "set", "x", 3 }
  assert(cluster:wait_until(function()
    return cluster:status(3).state == "stopped"
  end))
  cluster:heal_all()
  cluster:settle()
  for id = 1, 3 do
    local own = cluster:client(id, { only = true })
    assert(own:query({ "get", "x" }, { read = "stale" }) == 3)
  end
end }
]])
    local code, said = runs:run(path)
    assert.equal(0, code, said)
    assert.truthy(said:find("faults: crashes 1, pauses 1, disk failures 1", 1,
      true), said)
    nothing_is_left()
  end)

  it("damages a log, which its member refuses; no second disk is taken",
  function ()
    local code, said = runs:run(runs:scenario("rot", [[
return raft.scenario { nodes = 3, run = function(cluster)
  local leader, client = cluster:await_leader(), cluster:client()
  for i = 1, 5 do
    client:propose { "set", "x", i }
  end
  assert(cluster:rot(leader))
  cluster:restart(leader)
  assert(cluster:wait_until(function()
    return cluster:status(leader).state == "stopped"
  end))
  assert(cluster:status(leader).code == "corrupt", cluster:status(leader).code)
  local other = cluster:others(leader)[1]
  local ok, why = cluster:wipe(other)
  assert(not ok and why == "a quorum might not recover")
  cluster:heal_all()
  client:propose { "set", "x", 6 }
end }
]]))
    assert.equal(0, code, said)
    assert.truthy(said:find("rots 1", 1, true), said)
  end)

  it("wipes a disk, whose member the others refuse", function ()
    local code, said = runs:run(runs:scenario("wipe", [[
return raft.scenario { nodes = 3, run = function(cluster)
  local leader, client = cluster:await_leader(), cluster:client()
  for i = 1, 5 do
    client:propose { "set", "x", i }
  end
  assert(cluster:wipe(leader))
  cluster:restart(leader)
  cluster:await("replica.refused .*code=wiped")
  client:propose { "set", "x", 6 }
  local next_leader = cluster:await_leader()
  assert(next_leader ~= leader)
end }
]]))
    assert.equal(0, code, said)
    assert.truthy(said:find("wipes 1", 1, true), said)
  end)

  it("has no way into a member that only serves", function ()
    local lua = rawget(_G, "jit") and "luajit"
      or "lua" .. _VERSION:match "%d.%d"
    local at, dir = Cluster.host() .. ":7101", runs.dir .. "/data"
    assert(raft.init { id = 1, dir = dir, members = { at } })
    local process = assert(raft.core.process_start { lua, "scripts/luaraft",
      "serve", "raft.kv", "--dir", dir, log = runs.dir .. "/log" })
    local client = assert(raft.client { at, deadline = "20s" })
    assert(client:propose { "set", "x", 1 })
    process:write "die 1\nfail 1\ncut 0\n"
    for i = 2, 5 do
      assert(client:propose { "set", "x", i })
    end
    client:close()
    assert.is_nil(process:ended(100000))
    process:signal "TERM"
    assert.same({ "exit", 0 }, { process:ended(10000000) })
  end)

  it("keeps of a failure where it was, and when to look", function ()
    local path = runs:scenario("wrong", [[
local workload = { model = "register" }
function workload:client(cluster)
  local history, leader = cluster:history(), cluster:await_leader()
  local old = cluster:client(leader, { only = true })
  local function write(value)
    local op = history:invoke(1, "write", nil, value, cluster:now())
    cluster:client():propose { "set", "x", value }
    history:ok(op, value, cluster:now())
  end
  write(1)
  cluster:partition({ leader }, cluster:others(leader))
  write(2)
  local op = history:invoke(1, "read", nil, nil, cluster:now())
  history:ok(op, old:query({ "get", "x" }, { read = "stale" }),
    cluster:now())
end
return raft.scenario { nodes = 3, duration = "2s", concurrency = 1,
  workload = workload,
}
]])
    local code, said = runs:run(path)
    assert.equal(1, code, said)
    assert.truthy(said:find("wrong.lua: seed 1: linearizable: the "
      .. "history has no order that explains it (at ", 1, true), said)
    assert.truthy(said:find("kept: wrong-1-chaos/summary.txt", 1, true), said)
    local summary = runs:read "wrong-1-chaos/summary.txt"
    assert.truthy(summary:find "Look first at [%d.]+ s: page.html#t=", summary)
    assert.truthy(summary:find("partition ", 1, true), summary)
    assert.truthy(runs:read "wrong-1-chaos/history.edn"
      :find(":process :nemesis, :type :info, :f :start-partition, ", 1, true))
    local check, verdict = Cluster.sh(("%s scripts/luaraft check --model"
      .. " register %s/wrong-1-chaos/history.jsonl"):format(
        rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d.%d",
        runs.dir))
    assert.equal(1, check, verdict)
    for _, name in ipairs { "page.html", "trace.txt", "trace.jsonl",
      "members/1.log", "members/3/log-0000000001" } do
      assert.truthy(runs:read("wrong-1-chaos/" .. name), name)
    end
    assert.truthy(runs:read "wrong-1-chaos/trace.txt"
      :find("append previous=%d+ entries=%d+ commit=%d+ %(arrives"))
    nothing_is_left()
  end)

  it("draws the moment of a failure that is long gone", function ()
    local chaos, folder = require "raft.chaos", require "raft.chaos_folder"
    local history = { model = "register" }
    function history:client(cluster) -- luacheck: no self
      local list = cluster:history()
      local op = list:invoke(1, "read", nil, nil, cluster:now())
      list:ok(op, 7, cluster:now())
      cluster:sleep "2500ms"
    end
    local scenario = raft.scenario { nodes = 3, duration = "3s",
      concurrency = 1, workload = history }
    local dir, run = runs.dir .. "/own", nil
    Cluster.sh("mkdir " .. dir)
    chaos.run(scenario, { dir = dir, level = "wire", keep_traces = 100,
      watch = function (handle, result, cluster)
        run = folder.collect(handle, result, cluster, { title = "gone" })
      end })
    local first, last = run.records[1].time, run.records[#run.records].time
    assert.is_true(last <= run.window.to and last < 2.9e6, last)
    local sent = 0
    for _, record in ipairs(run.records) do
      sent = sent + (record.kind == "raft.send" and 1 or 0)
    end
    assert.is_true(sent > 20, sent .. " from " .. first)
  end)

  it("tells a mistake with the user's file and line", function ()
    local path = runs:scenario("mistake", [[
return raft.scenario { nodes = 3, run = function(cluster)
  cluster:await_leader()
  cluster:pauze(1)
end }
]])
    local code, said = runs:run(path)
    assert.equal(1, code)
    assert.truthy(said:find(path .. ":4: cluster has no \"pauze\", did you"
      .. " mean \"pause\"?", 1, true), said)
    nothing_is_left()
  end)

  it("says not applicable for what real members have not", function ()
    local verb = runs:scenario("verb", [[
return raft.scenario { nodes = 1, run = function(cluster)
  cluster:machine(1, { fail = 1 })
end }
]])
    local option = runs:scenario("option", [[
return raft.scenario { nodes = 1, options = { spares = 2 },
  run = function() end }
]])
    local code, said = runs:run(verb .. " " .. option)
    assert.equal(3, code, said)
    assert.truthy(said:find("not applicable: " .. verb .. ":3: real members"
      .. " have no machine that fails", 1, true), said)
    assert.truthy(said:find("not applicable: real members have no option"
      .. " spares", 1, true), said)
    nothing_is_left()
  end)

  it("tells in one line what this computer lacks", function ()
    local path = runs:scenario("plain", [[
return raft.scenario { nodes = 1, run = function(cluster)
  cluster:await_leader()
end }
]])
    local taken, port
    repeat
      port = 20000 + math.random(10000)
      local ok, socket = pcall(probe.socket_listen, "127.0.0.1", port)
      taken = ok and socket
    until taken
    local code, said = runs:run(("%s --port %d"):format(path, port - 1))
    probe.socket_close(taken)
    assert.equal(1, code, said)
    assert.truthy(said:find("^luaraft chaos: [^\n]+: member 1 has ended: "
      .. "[^\n]*address[^\n]*\n$"), said)
    code, said = runs:run("nothing.lua")
    assert.equal(2, code)
    assert.truthy(said:find "^luaraft chaos: [^\n]*nothing.lua[^\n]*\n$", said)
    nothing_is_left()
  end)

  it("does what docs/chaos.md says", function ()
    local file = assert(io.open("docs/chaos.md", "rb"))
    local page = file:read "*a"
    file:close()
    local path = assert(io.open(runs.dir .. "/majority.lua", "w"))
    path:write((page:match "```lua\n(.-)```"))
    path:close()
    local count = 0
    for line in page:match "```sh\n(.-)```":gmatch "[^\n]+" do
      local code, said = runs:run(line:match "^luaraft chaos (.*)$")
      assert.equal(0, code, said)
      count = count + 1
    end
    assert.equal(3, count)
    assert.truthy(runs:read "kept/summary.txt":find("Nothing was found.", 1,
      true))
    nothing_is_left()
  end)

  local WAITS = [[
return raft.scenario { nodes = 3, run = function(cluster)
  cluster:await_leader()
  cluster:pause(2)
  cluster:sleep "60s"
end }
]]

  local function all_run()
    local _, processes = runs:left()
    return processes == 3 and runs:read_paused() or nil
  end

  for _, signal in ipairs { "INT", "TERM", "HUP" } do
    it("ends all that it began at SIG" .. signal, function ()
      local pid = runs:start(runs:scenario("waits", WAITS))
      Runs.wait("three members, one of them paused", all_run)
      Cluster.sh(("kill -%s %s"):format(signal, pid))
      local code, said = runs:finish()
      assert.equal(3, code, said)
      assert.equal("luaraft chaos: interrupted\n", said)
      nothing_is_left()
    end)
  end

  it("leaves nothing behind when it is killed itself", function ()
    local pid = runs:start(runs:scenario("waits", WAITS))
    Runs.wait("three members, one of them paused", all_run)
    Cluster.sh("kill -KILL " .. pid)
    Runs.wait("the end of all", function ()
      local folders, processes = runs:left()
      return folders == "" and processes == 0
    end)
  end)
end)
