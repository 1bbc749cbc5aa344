-- SPDX-License-Identifier: MIT
--
-- Scenarios with a mistake: one line with the user's file and line, never an
-- internal trace or a hang.

local scenario_file = require("raft.scenario_file")
local workshop = require("spec.workshop")

local LONG = "more than 10000000 instructions without waiting for anything:"
  .. " a loop without end?"

-- What loading a file, or its run, is refused with; FILE stands for its name.
local function refusal(source)
  local path = workshop.write(source)
  local loaded, message = scenario_file.load(path)
  if loaded then
    local result = loaded:run { seed = 1 }
    assert.is_false(result.ok)
    message = result.violation and result.violation.text
      or "not applicable: " .. tostring(result.not_applicable)
  end
  os.remove(path)
  return (message:gsub(path:gsub("%p", "%%%0"), "FILE"))
end

local function in_run(body)
  return 'local raft = require "raft"\nreturn raft.scenario {\n'
    .. "run = function(cluster)\n" .. body .. "\nend }\n"
end

local function in_file(fields)
  return 'local raft = require "raft"\nreturn raft.scenario { ' .. fields
    .. " }\n"
end

describe("raft.scenario: a mistake in the options", function()
  for _, row in ipairs {
    { 'FILE:2: raft.scenario: unknown option "machin", did you mean'
      .. ' "machine"?', in_file 'machin = "raft.kv"' },
    { "FILE:2: raft.scenario: option nodes: expected a whole number from 1 to"
      .. ' 15, got the string "5"', in_file 'nodes = "5"' },
    { "FILE:2: raft.scenario: option run: expected a function, got the number"
      .. " 7", in_file "run = 7" },
    { "FILE:2: raft.scenario: option duration: expected a duration such as"
      .. ' "150ms", "5s" or "2min", got the number 5',
      in_file "workload = {}, duration = 5" },
    { "FILE:2: raft.scenario: expected one of run, workload, schedule, got"
      .. " none", in_file "" },
    { "FILE:2: raft.scenario: expected one of run, workload, schedule, got"
      .. " run and workload",
      in_file "run = function() end, workload = {}" },
    { "FILE:2: raft.scenario: option workload: expected an object with the"
      .. " method 'client', got a table without", in_file "workload = {}" },
    { "FILE:2: raft.scenario: option nemesis: expected a table, got the"
      .. ' string "partition"',
      in_file "workload = { client = print }, nemesis = 'partition'" },
    { "FILE:2: raft.scenario: option nemesis: expected an object with the"
      .. " method 'run', got a table without",
      in_file "workload = { client = print }, nemesis = {}" },
    { 'FILE:2: options: unknown option "los", did'
      .. ' you mean "loss"?',
      in_file "run = print, options = { los = 3 }" },
    { "FILE:1: raft.scenario: expected a table of options, got nothing",
      'return require "raft".scenario()' },
    { "FILE: expected the file to return raft.scenario { … }, got nothing",
      "" },
    { 'FILE:2: raft.nemesis has no "partitoin", did you mean "partition"?',
      in_file "workload = {}, nemesis = raft.nemesis.partitoin {}" },
    { 'FILE:2: raft.workload has no "regster", did you mean "register"?',
      in_file "workload = raft.workload.regster {}" },
    { "FILE:1: raised a hand", "error 'raised a hand'" },
    { "FILE:2: more than 1000000 lines before the file returns: a loop without"
      .. " end?", "local i = 0\nwhile true do i = i + 1 end" },
    { "FILE:2: raft.scenario: option duration: expected a duration such as"
      .. ' "150ms", "5s" or "2min", got the string "5"',
      in_file "workload = {}, duration = '5'" },
    { "FILE:2: raft.scenario: expected a schedule beside of, got run",
      in_file "run = print, of = 'x.lua'" },
    { "FILE:2: raft.scenario: expected of beside live, got none",
      in_file "schedule = {}, live = true" },
    { "FILE:2: raft.scenario: expected at most 15 members with spares, got 3"
      .. " and 13 spares", in_file "run = print, options = { spares = 13 }" },
    { "FILE:2: raft.scenario: schedule[1]: drop: expected one of pre_vote,"
      .. " pre_vote_result, vote, vote_result, append, append_result, message,"
      .. " dial, greeting, down, redial, connect, connected, request, reply,"
      .. " hang_up, disconnected, client, sync, write, change, apply, claim,"
      .. " process, run, got nothing", in_file "schedule = { { 'drop' } }" },
    { "FILE:2: raft.scenario: schedule[1]: crash: expected a member, 1 to 3,"
      .. " got the number 99", in_file
      "schedule = { { at = '1s', 'crash', 99 } }" },
    { "FILE:2: raft.scenario: schedule[1]: expected an action or a choice,"
      .. ' such as "crash" or "drop", got the string'
      .. ' "crahs"', in_file "schedule = { { at = '1s', 'crahs', 1 } }" },
    { "FILE:2: raft.scenario: schedule[2]: expected a row, got nothing",
      in_file "schedule = { { at = '1s', 'crash', 1 }, nil, 3 }" },
    { "FILE:2: raft.scenario: schedule: expected a list of rows, got the"
      .. ' string "crash" as a place in it',
      in_file "schedule = { crash = 1 }" },
    { "FILE:2: raft.scenario: schedule[1]: expected a row such as"
      .. ' { at = "1s", "crash", 1 }, got the number 3',
      in_file "schedule = { 3 }" },
    { "FILE:2: raft.scenario: schedule[1]: invoke: expected a client, 1 to 64,"
      .. " got the number 77", in_file
      "schedule = { { at = '1s', 'invoke', 77, 'write' } }" },
    { "FILE:2: raft.scenario: schedule[1]: partition: expected a member, 1 to"
      .. " 3, 0 for clients, or a list of them, got nothing", in_file
      "schedule = { { at = '1s', 'partition', { 1 }, nil, { nil, 2 } } }" },
  } do
    it(row[1], function()
      assert.equal(row[1], refusal(row[2]))
    end)
  end

  it("says where a file does not parse", function()
    assert.matches("^FILE:2: ", refusal "return\n{")
  end)

  it("says which machine is not there", function()
    local path = workshop.write(in_file
      'run = function() end, machine = "nowhere"')
    local ok, message = pcall(function()
      return scenario_file.load(path):run {}
    end)
    os.remove(path)
    assert.is_false(ok)
    assert.matches(path .. ":2: machine: expected a module name or the"
      .. " path of a Lua file, got 'nowhere'; looked for", message, 1, true)
  end)
end)

describe("raft.scenario: a mistake in run", function()
  for _, row in ipairs {
    { "FILE:4: assertion failed!", "assert(1 == 2)" },
    { "FILE:4: no x", "assert(nil, 'no x')" },
    { "FILE:4: no x", "error 'no x'" },
    { "FILE:4: raised a table", "error {}" },
    { "FILE:4: attempt to call", "nope()" },
    { 'FILE:4: cluster has no "partitoin", did you mean "partition"?',
      "cluster:partitoin({ 1 }, { 2 })" },
    { "FILE:4: cluster:crash: expected a member, 1 to 3, got nothing",
      "cluster:crash(nil)" },
    { "FILE:4: cluster:crash: expected a member, 1 to 3, got the number 4",
      "cluster:crash(4)" },
    { "FILE:4: cluster:crash: expected a member, 1 to 3, got nothing",
      "cluster:crash(cluster:leader())" },
    { "FILE:4: cluster:partition: expected a member, 1 to 3, got nothing",
      "cluster:partition({ 1, nil, 3 }, { nil, 2 })" },
    { "FILE:4: stack overflow", "local function f() return f() + 1 end f()" },
    { "FILE:4: " .. LONG, "while true do pcall(function() while true do end"
      .. " end) end" },
    { "FILE:4: cluster:others: expected a member, 1 to 3, got nothing",
      "cluster:others(nil)" },
    { "FILE:4: cluster:partition: expected a member, 1 to 3, got the string"
      .. ' "a"', "cluster:partition({ 1 }, { 'a' })" },
    { "FILE:4: cluster:partition: expected two or more lists of members, got"
      .. " 1", "cluster:partition({ 1 })" },
    { "FILE:4: cluster:sleep: expected a duration such as"
      .. ' "150ms", "5s" or "2min", got the number 5', "cluster:sleep(5)" },
    { "FILE:4: cluster:random: expected a whole number from 1 or a list that"
      .. " is not empty, got the number 0", "cluster:random(0)" },
    { 'FILE:4: cluster:network: unknown option "los", did you mean "loss"?',
      "cluster:network { los = 3 }" },
    { 'FILE:4: cluster:network: option loss: expected a share such as "2%",'
      .. ' or permille, got the string "2"', "cluster:network { loss = '2' }" },
    { 'FILE:4: cluster:disk: unknown option "slo", did you mean "slow"?',
      "cluster:disk(1, { slo = true })" },
    { 'FILE:4: cluster:clock: option jump: expected a duration such as "2s"'
      .. ' or "-500ms", got the number 5', "cluster:clock(1, { jump = 5 })" },
    { 'FILE:4: cluster:client: unknown option "sesion", did you mean'
      .. ' "session"?', "cluster:client { sesion = false }" },
    { 'FILE:4: client:try: expected "propose" or "query", got the string'
      .. ' "ask"', "cluster:client():try('ask', 1)" },
    { 'FILE:4: a client has no "proposee", did you mean "propose"?',
      "cluster:client():proposee(1)" },
    { "FILE:4: client:query: option read: expected one of linear, lease,"
      .. " follower, stale, got"
      .. ' the string "dirty"',
      "cluster:client():query(1, { read = 'dirty' })" },
    { "FILE:4: client:propose: the command cannot be sent: value: a"
      .. " function cannot be", "cluster:client():propose(print)" },
    { "FILE:4: client:propose: expected a string or a whole number as a key,"
      .. " got true (apply_failed)",
      "cluster:client():propose { 'set', true, 1 }" },
    { "FILE:4: cluster:spawn: expected a function, got nothing",
      "cluster:spawn(nil)" },
    { "FILE:5: in a coroutine", "cluster:spawn(function()\n"
      .. "error 'in a coroutine' end)" },
    { "FILE:5: attempt to index", "local function deeper(t)\n"
      .. "return t.x.y end\ndeeper {}" },
    { "FILE:4: cluster:sleep: expected to be called in run or in a function"
      .. " given to cluster:spawn, got a coroutine of another kind",
      "local ok, m = coroutine.resume(coroutine.create(function()"
      .. " cluster:sleep('1s') end)) error(m, 0)" },
    { "FILE:4: " .. LONG, "while true do end" },
    { "FILE:5: " .. LONG, "local function f()\nwhile true do end end\nf()" },
    { "FILE:4: " .. LONG, "coroutine.wrap(function() while true do end end)()"
    },
    { "FILE:4: " .. LONG, "while true do pcall(error) end" },
    { "FILE:4: expected an end by 601 s of the world's time, got none",
      "while true do cluster:sleep '1min' end" },
    { "FILE:4: cluster:await_leader: expected a leader within 2ms, got none",
      "cluster:await_leader '2ms'" },
    { "not applicable: FILE:4: the simulator has no upgrade",
      "cluster:upgrade(1)" },
  } do
    it(row[1], function()
      local text = refusal(in_run(row[2]))
      assert.equal(row[1], text:sub(1, #row[1]))
    end)
  end

  for name, instead in pairs {
    ["math.random()"] = "cluster:random(n)", ["os.time()"] = "cluster:now()",
    ["os.clock()"] = "cluster:now()", ["io.open('x')"] = "verbs of the cluster",
  } do
    it("may not call " .. name, function()
      local text = refusal(in_run(name))
      assert.equal(("FILE:4: %s is not for scenarios, a run is decided by its"
        .. " seed: use %s"):format(name:match("^[%w.]+"), instead), text)
    end)
  end

  it("sees tables in the order of their keys, with pairs and next", function()
    assert.equal("FILE:4: 1 a b c 1", refusal(in_run(
      "local t, s = { c = 1, a = 1, b = 1, 1 }, '' for k in pairs(t) do"
      .. " s = s .. k .. ' ' end error(s .. next(t))")))
  end)
end)

-- A workload and a nemesis that are right, but for what a row says.
local function in_parts(given)
  return ([[
local raft = require "raft"
local w, n = {}, {}
function w:client(c, process) local h = c:history()
  %s
  h:ok(h:invoke(process, "read", "x", nil, c:now()), 1, c:now()) end
function w:finish(c) %s end
function w:judge(h) %s return true end
function n:run(c)
  %s end
%s
return raft.scenario { workload = w, nemesis = n, duration = "300ms" }]])
    :format(given.client or "", given.finish or "", given.judge or "",
      given.nemesis or "", given.more or "")
end

describe("raft.scenario: a mistake in workload, nemesis or judge", function()
  local LOOP = "while true do end"
  for _, row in ipairs {
    { "FILE:4: " .. LONG, { client = LOOP } },
    { "FILE:9: " .. LONG, { nemesis = LOOP } },
    { "FILE:6: " .. LONG, { finish = LOOP } },
    { "FILE:4: attempt to call", { client = "nope()" } },
    { "FILE:9: cluster:crash: expected a member, 1 to 3, got nothing",
      { nemesis = "c:crash(nil)" } },
    { 'FILE:9: cluster has no "kil", did you mean "kill"?',
      { nemesis = "c:kil(1)" } },
    { "FILE:6: raised a hand", { finish = "error 'raised a hand'" } },
    { "FILE:7: raised a hand", { judge = "error 'raised a hand'" } },
    { "FILE:7: raised a table", { judge = "error {}" } },
    { "FILE:7: attempt to index", { judge = "local t = nil; t.x = 1" } },
    { "FILE:10: in the model", { more = "w.model = { init = function() return"
      .. " 0 end, step = function() error 'in the model' end }" } },
    { 'FILE:11: raft.scenario: option workload: model: unknown model'
      .. ' "regster", did you mean "register"?', { more =
      "w.model = 'regster'" } },
    { "FILE:11: raft.scenario: option workload: model: expected a model, one"
      .. " of append, cas-register, counter, kv, queue, register, set, the"
      .. " path of a Lua file, or a table, got the number 3",
      { more = "w.model = 3" } },
    { "FILE:11: raft.scenario: option workload: model: cannot open"
      .. " /nowhere/m.lua", { more = "w.model = '/nowhere/m.lua'" } },
    { "FILE:11: raft.scenario: option workload: model: option init:"
      .. " expected a function, got the number 3",
      { more = "w.model = { init = 3 }" } },
    { "FILE:11: raft.scenario: option workload: model: initial state: FILE:10:"
      .. " init: value: a function cannot be encoded", { more = "w.model = {"
      .. " init = function() return print end, step = print }" } },
    { "FILE:10: step: value: a function cannot be encoded", { more =
      "w.model = { init = function() return 0 end, step = function() return"
      .. " true, print end }" } },
    { "FILE:7: judge: expected true, or nil and a message, got nothing",
      { judge = "do return end" } },
    { "FILE:7: judge: expected true, or nil and a message, got the boolean"
      .. " false and no message", { judge = "do return false end" } },
    { 'FILE:10: setup: no', { more = "function w:setup() error"
      .. " 'setup: no' end" } },
    { "FILE:10: nemesis.kill: option every: expected",
      { more = "n = raft.nemesis.kill { every = 5 }" } },
  } do
    it(row[1], function()
      local text = refusal(in_parts(row[2]))
      assert.equal(row[1], text:sub(1, #row[1]))
    end)
  end

  it("FILE:7: a judge without end #full", function()
    local text = refusal(in_parts { judge = LOOP })
    assert.equal("FILE:7: " .. LONG:gsub("than 1", "than 100"), text)
  end)
end)

describe("raft.scenario: a mistake in the machine", function()
  local function with_machine(source)
    local machine = workshop.write(source)
    local text = refusal('return require "raft".scenario { machine = '
      .. ("%q"):format(machine) .. ", run = function(cluster)\n"
      .. "cluster:client():propose(1) end }")
    os.remove(machine)
    return (text:gsub(machine:match "[^/]*$", "MACHINE"))
  end

  it("that does not end names the machine's line", function()
    assert.equal("member 1: MACHINE:2: more than 10000000 instructions: a"
      .. " loop without end?", (with_machine("return { new = function() return"
      .. " { apply = function()\nwhile true do end end } end }")
      :gsub("member %d", "member 1")))
  end)

  it("that does not load names it too", function()
    assert.matches("^member %d: machine: MACHINE:1: at the top$",
      with_machine "error 'at the top'")
  end)

  it("that raises tells the one who proposed", function()
    assert.matches("^FILE:2: client:propose: MACHINE:2: no %(apply_failed%)$",
      with_machine("return { new = function() return { apply = function()\n"
      .. "error 'no' end } end }"))
  end)
end)
