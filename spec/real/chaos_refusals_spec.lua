-- SPDX-License-Identifier: MIT
--
-- luaraft chaos: what a scenario, or its command line, cannot have, in one line
-- each; and two runs are never mixed in one folder.

local Cluster = require "spec.real.cluster"
local Runs = require "spec.real.chaos_runs"

describe("luaraft chaos, asked for what cannot be #once", function ()
  local runs

  before_each(function ()
    runs = Runs.new()
  end)

  after_each(function ()
    runs:close()
  end)

  local QUIET = [[
return raft.scenario { nodes = 1, run = function(cluster)
  cluster:await_leader()
end }
]]

  local function refuses(arguments, text)
    local code, said = runs:run(arguments)
    assert.same({ 2, "luaraft" .. text .. "\n" }, { code, said })
    local folders, processes = runs:left()
    assert.same({ "", 0 }, { folders, processes })
  end

  it("names the argument, what was expected and what came", function ()
    local path = runs:scenario("quiet", QUIET)
    refuses(path .. " --nodes 20",
      ": --nodes: expected a whole number from 1 to 15, got 20")
    refuses(path .. " --port 70000",
      ": --port: expected a whole number from 1 to 65000, got 70000")
    refuses(path .. " --level loud",
      ": --level: expected one of info, debug, wire, got loud")
  end)

  it("refuses a folder to keep in, before the run: two are not mixed",
  function ()
    local path = runs:scenario("quiet", QUIET)
    local code, said = runs:run(path .. " --keep kept")
    assert.equal(0, code, said)
    local summary = runs:read "kept/summary.txt"
    assert.truthy(summary:find("quiet.lua: seed 1, ", 1, true), summary)
    refuses(path .. " --seed 2 --keep kept",
      ' chaos: --keep: expected an empty folder, or none, got kept with'
      .. ' "members" in it')
    assert.equal(summary, runs:read "kept/summary.txt")
    refuses(path .. " --keep quiet.lua/kept",
      " chaos: --keep: the folder quiet.lua/kept cannot be used: not a"
      .. " directory")
    refuses(path .. " --keep /proc/kept",
      " chaos: --keep: the folder /proc/kept cannot be used: no such file or"
      .. " directory")
  end)

  it("gives a folder to one of two that begin at the same moment",
  function ()
    local path = runs:scenario("second", [[
return raft.scenario { nodes = 1, run = function(cluster)
    cluster:sleep "1s"
  end }
]])
    runs:start(path .. " --seed 1 --keep same")
    local codes, said = {}, {}
    codes[2], said[2] = runs:run(path .. " --seed 2 --keep same")
    codes[1], said[1] = runs:finish()
    local winner = codes[1] == 0 and 1 or 2
    assert.same({ 0, 2 }, { codes[winner], codes[3 - winner] }, said[1]
      .. said[2])
    assert.truthy(said[3 - winner]:find('got same with "', 1, true))
    local summary = runs:read "same/summary.txt"
    assert.truthy(summary:find("seed " .. winner, 1, true), summary)
  end)

  it("gives a name of a folder once, before anything is in it", function ()
    local folder, name = require "raft.chaos_folder", runs.dir .. "/found"
    assert.equal(name, folder.new(name))
    assert.equal(name .. "-2", folder.new(name))
    assert.equal(runs.dir .. "/no/found", folder.new(runs.dir .. "/no/found"))
  end)

  it("leaves a folder free where a run had nothing to keep", function ()
    local code, said = runs:run(runs:scenario("never", [[
return raft.scenario { options = { spares = 2 }, run = function() end }
]]) .. " --keep never")
    assert.equal(3, code, said)
    code, said = runs:run(runs:scenario("quiet", QUIET) .. " --keep never")
    assert.equal(0, code, said)
  end)

  it("has no fault that its members can never have", function ()
    local code, said = runs:run(runs:scenario("wipes", [[
return raft.scenario { nodes = 2, duration = "1s",
  workload = raft.workload.register {}, nemesis = raft.nemesis.wipe {} }
]]))
    assert.equal(3, code, said)
    assert.matches("wipes.lua:%d+: nemesis.wipe {} needs at least 3 members,"
      .. " got 2", said)
  end)

  it("keeps each telling of a story in a folder of its own", function ()
    local code, said = runs:run(runs:scenario("quiet", QUIET)
      .. " --time 1ms --keep kept")
    assert.equal(0, code, said)
    assert.truthy(runs:read "kept/quiet-1-chaos/summary.txt", said)
    assert.is_nil(runs:read "kept/summary.txt")
    local wrong = runs:scenario("wrong", [[
return raft.scenario { nodes = 1, run = function() error("so") end }
]])
    for _, name in ipairs { "wrong-1-chaos", "wrong-1-chaos-2" } do
      code, said = runs:run(wrong)
      assert.equal(1, code)
      assert.truthy(said:find("kept: " .. name .. "/summary.txt", 1, true),
        said)
      assert.truthy(runs:read(name .. "/members/1.log"))
    end
  end)

  it("says of a machine without snapshots what the simulator says", function ()
    Cluster.sh("cp spec/real/machines/bare.lua " .. runs.dir)
    local story = runs:scenario("story", [[
return raft.scenario { nodes = 1, machine = "bare.lua", run = function(cluster)
  cluster:await_leader()
  cluster:snapshot(1)
end }
]])
    local nemesis = runs:scenario("nemesis", [[
local idle = { client = function() end }
local given = { nodes = 1, machine = "bare.lua", duration = "10s" }
given.workload, given.nemesis = idle, raft.nemesis.snapshot { every = "100ms" }
return raft.scenario(given)
]])
    local words = ("scenario: %%s: cluster:snapshot: expected a machine with"
      .. " the methods 'snapshot' and 'restore', got %s/bare.lua without")
      :format(runs.dir)
    for _, row in ipairs { { story, 4 }, { nemesis, 5 } } do
      local code, said = runs:run(row[1])
      assert.equal(1, code, said)
      local place = ("%s:%d"):format(row[1], row[2])
      assert.truthy(said:find(words:format(place), 1, true), said)
    end
  end)

  -- What is asked here sends the command two signals, while that reads.
  local ASKED = [[
#!/bin/sh
p=$$
while ! grep -q ^lua /proc/$p/comm; do
  p=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status)
done
for _ in 1 2; do
  sleep 0.2
  kill -HUP $p
done
sleep 0.2
echo 1234
]]

  it("reads to the end what signals come between", function ()
    Cluster.sh(("mkdir %s/bin; cat > %s/bin/id << 'END'\n%sEND\n"
      .. "chmod +x %s/bin/id"):format(runs.dir, runs.dir, ASKED, runs.dir))
    local path = runs:scenario("quiet", QUIET)
    local code, said = runs:run(path .. " --namespaces",
      ("env PATH=%s/bin:$PATH"):format(runs.dir))
    assert.equal(1, code)
    assert.truthy(said:find("luaraft chaos: [^\n]*: network namespaces:"
      .. " expected to be root, got user 1234\n$"), said)
  end)
end)
