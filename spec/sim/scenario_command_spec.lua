-- SPDX-License-Identifier: MIT
--
-- The command luaraft sim as a process: what it prints and its exit codes.

local sim_command = require("spec.sim_command")

local command
local lines_of = sim_command.lines

local function write(name, source)
  return command:write(name, source)
end

local function read(name)
  return command:read(name)
end

local function sim(words)
  return command:sim(words)
end

local HOLDS = [[
local raft = require "raft"
return raft.scenario { run = function(cluster)
  cluster:client():propose { "set", "x", 1 }
  cluster:crash(cluster:await_leader())
end }
]]

local FAILS = [[
local raft = require "raft"
return raft.scenario { run = function(cluster)
  cluster:await_leader()
  assert(cluster:random(40) > 1, "one was drawn")
end }
]]

-- A check of the world fails soon: shrinking is quick.
local TIGHT = 'return { memory_bytes = 150000 }\n'

describe("luaraft sim #once", function()
  lazy_setup(function()
    command = sim_command.open()
    write("holds.lua", HOLDS)
    write("fails.lua", FAILS)
    write("tight.lua", TIGHT)
  end)

  lazy_teardown(function()
    command:close()
  end)

  it("sums up what held, with exit code 0", function()
    local code, out, err = sim "holds.lua --seeds 1..10"
    assert.same({ 0, "" }, { code, err })
    assert.matches("^holds.lua: 10 seeds, %d+ events, [%d.]+ s simulated in"
      .. " [%d.]+ s, %d+ times as fast\n  faults: crashes 10[^\n]*\n$", out)
  end)

  it("says first what failed and how to replay it, with code 1", function()
    local code, out = sim "fails.lua --seeds 1..99 --no-shrink"
    assert.equal(1, code)
    local lines = lines_of(out)
    local seed = lines[1]:match("^fails.lua: seed (%d+): scenario:"
      .. " fails.lua:4: one was drawn %(at %d.%d+ s%)$")
    assert.is_not_nil(seed, lines[1])
    assert.equal("luaraft sim fails.lua --seed " .. seed, lines[2])
    local again, replayed = sim("fails.lua --no-shrink --seed " .. seed)
    assert.equal(1, again)
    assert.equal(lines[1], lines_of(replayed)[1])
  end)

  it("finds the same with several processes", function()
    local _, one = sim "fails.lua --seeds 1..99 --no-shrink"
    local code, two = sim "fails.lua --seeds 1..99 --no-shrink --jobs 3"
    assert.equal(1, code)
    for i = 1, 2 do
      assert.equal(lines_of(one)[i], lines_of(two)[i])
    end
    local function counts(text)
      return text:match("lua: (%d+ seeds, %d+ events)")
    end
    assert.equal(counts(one), counts(two))
    local _, alone = sim "holds.lua --seeds 1..30"
    local _, shared = sim "holds.lua --seeds 1..30 --jobs 3"
    assert.equal(counts(alone), counts(shared))
    assert.matches("30 seeds", shared)
  end)

  it("gives each process as much to do", function()
    local parts = require("raft.cli_sim_jobs").parts
    local function sizes(seeds, count, most)
      local list, from = {}, seeds.first
      for i, part in ipairs(parts(seeds, count, most)) do
        assert.equal(from, part.first) -- none twice, none left out
        list[i], from = part.last - part.first + 1, part.last + 1
      end
      return list
    end
    assert.same({ 64, 64 }, sizes({ first = 1, last = 500 }, 2, 64))
    assert.same({ 44, 44 }, sizes({ first = 113, last = 200 }, 2, 64))
    assert.same({ 2, 2, 1 }, sizes({ first = 7, last = 11 }, 3, 8))
    assert.same({ 1 }, sizes({ first = 7, last = 7 }, 3, 8))
  end)

  it("goes by the gravest of several files", function()
    local code, out = sim "holds.lua fails.lua --seeds 1..40 --no-shrink"
    assert.equal(1, code)
    assert.matches("^holds.lua: 40 seeds", out)
  end)

  it("shows where an error was only when asked", function()
    local _, without = sim "fails.lua --seeds 1..99 --no-shrink"
    local _, with = sim "fails.lua --seeds 1..99 --no-shrink --traceback"
    assert.is_nil(without:find("stack traceback", 1, true))
    assert.is_not_nil(with:find("stack traceback", 1, true))
  end)

  it("refuses what is no scenario with code 2, in one line", function()
    for source, words in pairs {
      ["return {"] = "bad.lua:",
      ["return 7"] = "bad.lua: expected the file to return raft.scenario",
      ["return { los = 3 }"] = 'bad.lua: options: unknown option "los", did'
        .. ' you mean "loss"?',
      ["return require 'raft'.scenario { run = print, machine = 'no' }"]
        = "bad.lua:1: machine: expected a module name or the path of a Lua",
      ["return require 'raft'.scenario { run = print, machine = 'no.lua' }"]
        = "bad.lua:1: machine: cannot read no.lua: No such file",
      ["return require 'raft'.scenario { schedule = {}, of = 'no.lua' }"]
        = "bad.lua:1: raft.scenario: option of: no.lua: No such file",
      ["local n = require 'raft' return n.scenario { nodes = 99 }"]
        = "bad.lua:1: raft.scenario: option nodes: expected a whole number",
    } do
      write("bad.lua", source)
      local code, out, err = sim "bad.lua"
      assert.same({ 2, "" }, { code, out })
      assert.equal("luaraft sim: " .. words, err:sub(1, 13 + #words))
      assert.equal(1, #lines_of(err))
    end
  end)

  it("refuses a wrong command line with code 2", function()
    write("crashes.lua", "return require 'raft'.scenario { schedule = {"
      .. " { at = '1s', 'crash', 3 } } }")
    write("rows.lua", "return { schedule = { { at = '1s', 'crash', 3 } } }")
    for words, said in pairs {
      [""] = "expected a file or %-%-profile NAME, got neither",
      ["nowhere.lua"] = "nowhere.lua: No such file",
      ["--profile everythin"] = 'there is no "everythin", did you mean'
        .. ' "everything"',
      ["holds.lua --seeds 9..1"] = "expected seeds such as 1..1000, got 9..1:"
        .. " the first is above the last",
      ["holds.lua --seed 1 --seeds 1..2"] = "expected one of %-%-seed and"
        .. " %-%-seeds, got both",
      ["holds.lua --time 0s"] = "expected a duration above 0, got 0s",
      ["crashes.lua --nodes 2"] = "crashes.lua:1: options: schedule%[1%]:"
        .. " crash: expected a member, 1 to 2, got the number 3",
      ["rows.lua --nodes 2"] = "rows.lua: options: schedule%[1%]: crash:"
        .. " expected a member, 1 to 2, got the number 3",
      ["holds.lua --sed 1"] = "unknown option",
      ["holds.lua --time 5"] = "expected a duration",
    } do
      local code, out, err = sim(words)
      assert.same({ 2, "" }, { code, out })
      assert.matches(said, err)
      assert.equal(1, #lines_of(err))
    end
  end)

  it("ends with code 3 where a world lacks what is needed", function()
    write("lacks.lua", 'return require "raft".scenario {'
      .. " run = function(cluster)\ncluster:upgrade(1) end }")
    local code, out = sim "lacks.lua"
    assert.equal(3, code)
    assert.matches("^lacks.lua: seed 1: not applicable: lacks.lua:2: the"
      .. " simulator has no upgrade", out)
  end)

  it("goes on until the time is over", function()
    local code, out = sim "holds.lua --time 300ms"
    assert.equal(0, code)
    assert.is_true(tonumber(out:match("(%d+) seeds")) > 1)
  end)

  it("runs profiles, and more members", function()
    local code, out = sim "--profile crashes --seed 3 --nodes 5"
    assert.equal(0, code)
    assert.matches("^profile crashes: 1 seed, ", out)
  end)

  it("prints the trace as text, and as JSON alone", function()
    local _, text = sim "holds.lua --trace text"
    assert.matches("becomes leader", text)
    local code, out = sim "holds.lua --trace json"
    assert.equal(0, code)
    local json = require("raft.json")
    for i, line in ipairs(lines_of(out)) do
      assert.is_true((json.decode(line)), i)
    end
    assert.is_true(#lines_of(out) > 20)
  end)

  it("shows notes, and the name of the scenario", function()
    write("named.lua", [[
      return require("raft").scenario { name = "a story",
        run = function(cluster) cluster:note "it begins" end }
    ]])
    local code, out = sim "named.lua --trace text"
    assert.equal(0, code)
    assert.matches("\na story, seed 1\n", out)
    assert.matches("\n +1000%.000 ms +NOTE it begins\n", out)
  end)

  it("has a bug only in the build with bugs", function()
    write("holds.lua", HOLDS)
    local bugs = #require("raft.core").bugs > 0
    local code, _, err = sim "holds.lua --bug no_deduplicatoin"
    assert.equal(2, code)
    assert.equal("luaraft sim: --bug: " .. (bugs
      and 'there is no "no_deduplicatoin", did you mean "no_deduplication"?'
      or "expected a build with bugs (cmake -DRAFT_WITH_BUGS=ON), got one"
        .. " without") .. "\n", err)
    if bugs then
      local out
      code, out = sim "holds.lua --bug vote_before_sync --no-shrink"
      assert.equal(1, code)
      assert.matches("\nluaraft sim holds.lua %-%-seed 1 "
        .. "%-%-bug vote_before_sync\n", out)
      code, out = sim("holds.lua --bug vote_before_sync --seeds 1..20 "
        .. "--jobs 2 --no-shrink")
      assert.equal(1, code)
      assert.matches("durable_ack", out)
    end
  end)

  it("draws a page", function()
    local code, out = sim "holds.lua --view=page.html"
    assert.equal(0, code)
    assert.matches("  page: page.html\n", out)
    assert.matches("^<!DOCTYPE html>", read "page.html")
  end)

  it("records a schedule that is the same run", function()
    local code, out = sim "holds.lua --seed 4 --record again.lua"
    assert.equal(0, code)
    local _, replayed = sim "again.lua"
    assert.equal(out:match("%d+ events"), replayed:match("%d+ events"))
    assert.matches("crashes 1", replayed)
  end)

  it("makes a failure smaller, into a file that fails alike", function()
    local code, out = sim "tight.lua"
    assert.equal(1, code)
    local path = out:match("  made smaller: (%S+), %d+ rows of %d+, in %d+"
      .. " runs\n$")
    assert.equal("tight-1-small.lua", path)
    local again, small = sim(path .. " --no-shrink")
    assert.equal(1, again)
    assert.matches("^%S+: seed 1: memory: member %d holds", small)
  end)

  it("does what docs/scenarios.md shows", function()
    local page = read("../.." .. command.root .. "/docs/scenarios.md")
    write("majority.lua", page:match("```lua\n(.-)```"))
    local count = 0
    for words in page:match("```sh\n(.-)```"):gmatch("luaraft sim ([^\n]+)") do
      local code, out, err = sim(words)
      assert.same({ 0, "" }, { code, err }, words .. "\n" .. out)
      count = count + 1
    end
    assert.equal(4, count)
  end)
end)
