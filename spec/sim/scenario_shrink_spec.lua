-- SPDX-License-Identifier: MIT
--
-- Failures that only Lua sees are made smaller, too: what is written is a
-- scenario that fails the same way.

local sim_command = require("spec.sim_command")

-- From the seventh transfer on, what leaves account 2 is lost.
local BANK = [[
local Bank = {}
Bank.__index = Bank
function Bank.new()
  return setmetatable({ balances = { 10, 10, 10, 10, 10 }, count = 0 }, Bank)
end
function Bank:apply(command)
  local balances, from, to = self.balances, command[2], command[3]
  self.count = self.count + 1
  if balances[from] < command[4] then return false end
  balances[from] = balances[from] - command[4]
  if self.count < 7 or from ~= 2 then
    balances[to] = balances[to] + command[4]
  end
  return true
end
function Bank:query() return self.balances end
return Bank
]]

local BANK_SCENARIO = [[
local raft = require "raft"
return raft.scenario { nodes = 3, machine = "loses.lua", duration = "3s",
  workload = raft.workload.bank {},
  nemesis = raft.nemesis.mix { raft.nemesis.kill {},
    raft.nemesis.partition {}, every = "500ms" } }
]]

-- A register that forgets every fifth write; a workload of the user's own,
-- whose history has a model.
local FORGETS = [[
local Register = {}
Register.__index = Register
function Register.new() return setmetatable({ count = 0 }, Register) end
function Register:apply(command)
  self.count = self.count + 1
  if self.count % 5 ~= 0 then self.value = command[3] end
  return "done"
end
function Register:query() return self.value end
return Register
]]

local OWN_WORKLOAD = [[
local raft = require "raft"
local workload = { model = "register" }
function workload:client(cluster, process)
  local client, history = cluster:client(), cluster:history()
  local number = process * 1000
  while cluster:is_running() do
    number = number + 1
    local op = history:invoke(process, "write", "x", number, cluster:now())
    client:propose { "set", "x", number }
    history:ok(op, number, cluster:now())
    op = history:invoke(process, "read", "x", nil, cluster:now())
    history:ok(op, client:query { "get", "x" }, cluster:now())
    cluster:sleep "20ms"
  end
end
return raft.scenario { machine = "forgets.lua", duration = "2s",
  concurrency = 2, workload = workload }
]]

-- Only this code knows what is wrong.
local STORY = [[
local raft = require "raft"
return raft.scenario { options = { loss = 200 }, run = function(cluster)
  cluster:await_leader()
  local client = cluster:client()
  for i = 1, 20 do
    local began = cluster:now()
    client:propose { "set", "x", i }
    assert(cluster:now() - began < 500000, "too slow")
  end
end }
]]

-- A workload whose history cannot be told from its calls.
local LIES = [[
local raft = require "raft"
local workload = {}
function workload:client(cluster, process)
  local history, i = cluster:history(), 0
  while cluster:is_running() do
    i = i + 1
    local op = history:invoke(process, "write", nil, i, cluster:now())
    cluster:sleep "20ms"
    history:ok(op, i, cluster:now())
  end
end
function workload:judge(history)
  if #history:events() > 40 then return nil, "too much was done" end
  return true
end
return raft.scenario { workload = workload, duration = "4s",
  concurrency = 4 }
]]

describe("luaraft sim: a failure that only Lua sees #once", function()
  local command

  lazy_setup(function()
    command = sim_command.open()
    command:write("loses.lua", BANK)
    command:write("forgets.lua", FORGETS)
    command:write("bank.lua", BANK_SCENARIO)
    command:write("own.lua", OWN_WORKLOAD)
    command:write("story.lua", STORY)
    command:write("lies.lua", LIES)
  end)

  lazy_teardown(function()
    command:close()
  end)

  -- Runs until a seed fails. @return the name of the failure, the file that
  -- was written, the rows there, those before
  local function shrunk(path)
    local code, out = command:sim(path .. " --seeds 1..50")
    assert.equal(1, code, out)
    local name = out:match("^%S+: seed %d+: ([%w_]+): ")
    local small, rows, before = out:match(
      "\n  made smaller: (%S+), (%d+) rows of (%d+), in %d+ runs")
    assert.is_not_nil(small, out)
    return name, small, tonumber(rows), tonumber(before)
  end

  local function fails_alike(small, name)
    local code, out = command:sim(small .. " --no-shrink")
    assert.equal(1, code, out)
    assert.equal(name, out:match("^%S+: seed %d+: ([%w_]+): "))
    return out
  end

  it("a workload's invariant, judged from the calls alone", function()
    local name, small, rows, before = shrunk "bank.lua"
    assert.equal("workload", name)
    assert.is_true(rows <= 25 and before > 100, rows .. " of " .. before)
    assert.matches("workload: bank: %a", fails_alike(small, name))
    local text = command:read(small)
    assert.matches('of = "bank.lua"', text, 1, true)
    assert.matches('op = { f = "transfer", key = 1, value = {', text, 1, true)
  end)

  it("a history without an order, with a workload of the user's own",
  function()
    local name, small, rows = shrunk "own.lua"
    assert.equal("linearizable", name)
    assert.is_true(rows <= 12, rows)
    assert.matches("no order of %d operations explains",
      fails_alike(small, name))
    assert.matches('saw = "value"', command:read(small), 1, true)
  end)

  it("holds as soon as the machine is right", function()
    local _, small = shrunk "bank.lua"
    command:write("loses.lua", (BANK:gsub("self.count < 7", "true")))
    local code, out = command:sim(small)
    command:write("loses.lua", BANK)
    assert.equal(0, code, out)
  end)

  it("a story: what it does stays, and chance gets less", function()
    local name, small, rows, before = shrunk "story.lua"
    assert.equal("scenario", name)
    assert.is_true(rows <= 25 and before > 2 * rows, rows .. " of " .. before)
    assert.matches("story.lua:8: too slow", fails_alike(small, name))
    assert.matches("live = true", command:read(small))
  end)

  it("a judge of what no call tells: less time, fewer clients", function()
    local name, small, rows = shrunk "lies.lua"
    assert.same({ "workload", 0 }, { name, rows })
    assert.matches("too much was done", fails_alike(small, name))
    local text = command:read(small)
    assert.matches('duration = "%d+ms"', text)
    assert.matches("concurrency = %d", text)
  end)

  it("is found beside the folder it was made in", function()
    os.execute("mkdir " .. command.folder .. "/deeper")
    local _, small = shrunk "bank.lua"
    os.execute(("cd %s && mv %s deeper/"):format(command.folder, small))
    local code, _, err = command:sim("deeper/" .. small .. " --no-shrink")
    assert.same({ 1, "" }, { code, err })
  end)
end)
