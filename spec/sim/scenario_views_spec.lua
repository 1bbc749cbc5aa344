-- SPDX-License-Identifier: MIT
--
-- What luaraft sim shows while it runs and of a run that failed: progress, a
-- counterexample, histories, the end of a long run, two runs compared, and
-- how an interrupt ends it.

local cli = require("raft.cli")
local history = require("raft.history")
local json = require("raft.json")
local sim_command = require("spec.sim_command")

-- The fifth read is wrong, and nobody but a judge knows.
local WRONG = [[
local raft = require "raft"
local workload = { model = "register" }
function workload:client(cluster, process)
  local client, history, count = cluster:client(), cluster:history(), 0
  while cluster:is_running() do
    count = count + 1
    local op = history:invoke(process, "write", "x", count, cluster:now())
    client:propose { "set", "x", count }
    history:ok(op, nil, cluster:now())
    op = history:invoke(process, "read", "x", nil, cluster:now())
    local value = client:query { "get", "x" }
    history:ok(op, count == 5 and 77 or value, cluster:now())
    cluster:sleep "50ms"
  end
end
return raft.scenario { duration = "2s", concurrency = 1,
  workload = workload,
  nemesis = raft.nemesis.partition { target = "follower",
    every = "400ms", lasts = "100ms" } }
]]

local HOLDS = [[
return require "raft".scenario { run = function(cluster)
  cluster:client():propose { "set", "x", 1 }
  cluster:crash(cluster:await_leader())
end }
]]

describe("luaraft sim: progress", function()
  local path = os.tmpname()

  -- Words to a world that is a terminal, or not.
  local function run(progress, ...)
    local file = assert(io.open(path, "wb"))
    file:write(HOLDS)
    file:close()
    local out, err = {}, {}
    local code = cli.run({ "sim", path, ... }, nil, {
      out = function(text) out[#out + 1] = text end,
      err = function(text) err[#err + 1] = text end, progress = progress })
    return code, table.concat(out), table.concat(err)
  end

  teardown(function()
    os.remove(path)
  end)

  it("says seeds, their rate, failures and faults, and goes in the end",
  function()
    local told, is_shown = {}, false
    local code = run(function(text)
      told[#told + 1], is_shown = text, text ~= nil
    end, "--seeds", "1..20")
    assert.equal(0, code)
    assert.is_true(#told >= 1)
    assert.matches("^[^ ]+: %d+ of 20 seeds, %d+ per second, 0 failures,"
      .. " %d+ faults?$", told[1])
    assert.is_false(is_shown)
  end)

  it("counts on from file to file", function()
    local failing = path .. "fails.lua"
    local file = assert(io.open(failing, "wb"))
    file:write 'return require "raft".scenario { run = function() error "x"'
    file:write " end }\n"
    file:close()
    local last
    local code = cli.run({ "sim", failing, path, "--no-shrink" }, nil, {
      out = function() end, err = function() end,
      progress = function(text) last = text or last end })
    os.remove(failing)
    assert.equal(1, code)
    assert.matches("1 failure,", last)
  end)

  it("is not missed where nobody looks", function()
    local code, _, err = run(nil, "--seeds", "1..3")
    assert.same({ 0, "" }, { code, err })
  end)
end)

describe("luaraft sim: what is shown #once", function()
  local command

  lazy_setup(function()
    command = sim_command.open()
    command:write("wrong.lua", WRONG)
    command:write("holds.lua", HOLDS)
  end)

  lazy_teardown(function()
    command:close()
  end)

  it("on a terminal one line, erased; in a pipe none", function()
    local words = command:words() .. " sim holds.lua --seeds 1..20"
    local code, out = command:shell(
      ("script -qec '%s' /dev/null"):format(words))
    assert.equal(0, code)
    assert.matches("^\rholds.lua: %d+ of 20 seeds, %d+ per second, 0 failures",
      out)
    local erased = out:find("\r\27[K", 1, true)
    assert.is_true(erased < out:find("20 seeds, %d+ events"), out)
    local _, piped, err = command:sim "holds.lua --seeds 1..20"
    assert.is_nil((piped .. err):find("[\r\27]"))
  end)

  it("why no order explains a history, small, and its operations marked",
  function()
    local code, out = command:sim "wrong.lua --no-shrink --view=w.html"
    assert.equal(1, code)
    assert.matches("no order of %d operations? explains what was seen", out)
    assert.matches("read %-> 77", out)
    assert.matches("cannot come next", out)
    assert.is_true(#sim_command.lines(out) < 25, out)
    local page = command:read "w.html"
    assert.matches('"marked":true', page, 1, true)
    -- A nemesis's band, by its own name.
    assert.matches('"name":"partition halves"', page, 1, true)
    local _, text = command:sim "wrong.lua --no-shrink --trace text"
    local marked = 0
    for line in text:gmatch("[^\n]+") do
      if line:find("(of the counterexample)", 1, true) then
        marked = marked + 1
        assert.is_not_nil(line:find("asks: get x", 1, true)
          or line:find("asks: set x", 1, true), line)
      end
    end
    assert.is_true(marked >= 1 and marked <= 3, marked)
  end)

  it("faults as nemeses name them", function()
    local _, out = command:sim "wrong.lua --no-shrink"
    assert.matches("\n  nemeses: partition halves %d+\n", out)
    _, out = command:sim "holds.lua"
    assert.is_nil(out:find("nemeses", 1, true))
  end)

  it("the history, in the form that its name says", function()
    local _, jsonl = command:sim "wrong.lua --no-shrink --history h.jsonl"
    assert.matches("\n  history: h.jsonl\n", jsonl)
    command:sim "wrong.lua --no-shrink --history h.edn"
    local one = assert(history.read(command.folder .. "/h.jsonl"))
    local two = assert(history.read(command.folder .. "/h.edn"))
    assert.is_true(#one:events() > 20)
    assert.matches("^{:", command:read "h.edn")
    assert.matches('^{"', command:read "h.jsonl")
    assert.equal(#one:events(), #two:events())
    one.model = "register"
    assert.equal("not", one:check().verdict)
    local code, _, err = command:sim "wrong.lua --no-shrink --history h.txt"
    assert.equal(1, code)
    assert.equal("luaraft sim: --history: expected a name that ends in .jsonl"
      .. " or .edn, got h.txt\n", err)
    _, _, err = command:sim "holds.lua --history h.edn"
    assert.equal("luaraft sim: --history: the run has none\n", err)
  end)

  it("the end of a run that is longer than what is kept", function()
    command:write("long.lua", [[
return require "raft".scenario { options = { heartbeat_us = 1000 },
  run = function(cluster)
    cluster:sleep "45s"
    error "at the end"
  end }
]])
    local _, out = command:sim "long.lua --no-shrink --trace text"
    assert.matches("%(%d+ earlier records were not kept%)", out)
    local lines = sim_command.lines(out)
    assert.matches("VIOLATION scenario: long.lua:4: at the end",
      lines[#lines], 1, true)
    local before = tonumber(lines[#lines - 1]:match("^ *([%d.]+) ms"))
    assert.is_true(before > 45900, before) -- records up to the end
    command:sim "long.lua --no-shrink --view=long.html"
    assert.matches('"violation":{', command:read "long.html", 1, true)
  end)

  it("two runs that differ, where they do", function()
    local code, out = command:sim "wrong.lua --seeds 1..1 --twice --no-shrink"
    assert.equal(1, code)
    assert.matches("^wrong.lua: seed 1: linearizable", out)
    assert.equal(0, (command:sim "holds.lua --seeds 1..5 --twice --jobs 2"))
    command:write("differs.lua", [[
local core = require "raft.core" -- the one way to a clock
return require "raft".scenario { run = function(cluster)
  local leader = cluster:await_leader()
  if core.now() % 2 == 0 then cluster:kill(leader) end
  cluster:sleep "1s"
end }
]])
    code, out = command:sim "differs.lua --seeds 1..60 --twice --no-shrink"
    assert.equal(1, code)
    local lines = sim_command.lines(out)
    assert.matches("^differs.lua: seed %d+: determinism: two runs differ,"
      .. " first in line %d+: ", lines[1])
    assert.matches("^luaraft sim differs.lua %-%-seed %d+ %-%-twice$",
      lines[2])
  end)

  it("a command that replays, as it is printed", function()
    command:write("it's a file.lua", WRONG)
    local code, out = command:sim [["it's a file.lua" --seeds 3..9 --nodes 5]]
    assert.equal(1, code)
    local lines = sim_command.lines(out)
    local again, replayed = command:shell(lines[2] .. " --no-shrink")
    assert.equal(1, again)
    assert.equal(lines[1], sim_command.lines(replayed)[1])
    assert.equal(lines[2], sim_command.lines(replayed)[2])
    -- The same run to the bit: the same events, and the same records.
    assert.equal(out:match("%d+ events"), replayed:match("%d+ events"))
    local _, one = command:shell(lines[2] .. " --no-shrink --trace json")
    local _, two = command:shell(lines[2] .. " --no-shrink --trace json")
    assert.equal(one, two)
    local ok, head = json.decode(sim_command.lines(one)[1])
    assert.is_true(ok)
    assert.equal(3, head.seed)
  end)
end)

describe("luaraft sim: an interrupt", function()
  it("ends it with 3 and one line, whatever runs, and no process stays",
  function()
    local command = sim_command.open()
    local own = command.folder:match("[^/]+$") .. ".lua" -- nobody else's
    command:write(own, HOLDS)
    command:write("long" .. own, 'return require "raft".scenario { timeout ='
      .. ' "1000min", run = function(c) while true do c:sleep "1s" end end }')
    for _, words in ipairs {
      "--profile everything --time 100s", own .. " --time 100s",
      "long" .. own, "long" .. own .. " --seeds 1..9 --jobs 2",
    } do
      local code, out, err = command:shell(command:words() .. " sim " .. words
        .. " & p=$!; sleep 0.7; kill -INT $p; wait $p")
      assert.same({ 3, "", "luaraft sim: interrupted\n" }, { code, out, err },
        words)
    end
    local pipe = io.popen("ps -eo args")
    local all = pipe:read("*a")
    pipe:close()
    command:close()
    assert.is_nil(all:find(own, 1, true))
  end)
end)
