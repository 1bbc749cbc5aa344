-- SPDX-License-Identifier: MIT
--
-- luaraft lint: machines that are known to be bad are found, each with the
-- right words; those that are shipped are clean.

local cli = require("raft.cli")
local json = require("raft.json")
local lint = require("raft.lint")
local lint_source = require("raft.lint_source")

local FOLDER = "spec/lua/lint_machines/"

local function run(name, more)
  local given = { machine = FOLDER .. name .. ".lua", commands = 60 }
  for key, value in pairs(more or {}) do
    given[key] = value
  end
  return assert(lint.run(given))
end

local function command(...)
  local said = { out = "", err = "" }
  local code = cli.run({ "lint", ... }, nil, {
    out = function(text) said.out = said.out .. text end,
    err = function(text) said.err = said.err .. text end,
  })
  return code, said.out, said.err
end

-- Name, kind, words of the text, where; plain: without the sandbox.
local BAD = {
  { "order", "diverges", "another member answers differently", plain = true },
  { "memory", "diverges", "answer alike, and their states differ", 1,
    plain = true },
  { "chance", "diverges", "answers differently: %d+, not %d+", 6,
    plain = true },
  { "address", "diverges", '"table: 0x%x+", not "table: 0x%x+"', 1,
    plain = true },
  { "weak", "diverges", "another member answers differently",
    plain = true },
  { "asked", "query", "the question .+ changed the state", 3 },
  { "forgetful", "diverges", "a restored machine answers differently: 1,"
    .. " not 31", 31 },
  { "outside", "diverges", "a restored machine answers differently: 5, not",
    31 },
  { "unrestored", "snapshot", "unrestored.lua:21: attempt to index", 30 },
  { "yields", "yields", "apply yields: it must answer at once", 1 },
  { "endless", "halts", "endless.lua:1[45]: more than 10000000 instructions: a"
    .. " loop without end" },
  { "slow", "slow", "a command takes %d%.%d million instructions" },
  { "unencodable", "unencodable", "a function cannot be encoded", 1 },
  { "nan", "nan", "nan.lua:13: [%w ]*index is NaN", 1 },
  { "fractions", "state", "cannot be a key", 1 },
  { "grows", "grows", "grows with every command, by %d+ bytes or more" },
  { "refuses", "unexercised", "every command fails; the first: .*refuses.lua"
    .. ":13: not key %d again", 1 },
  { "broken", "unusable", "broken.lua:8: attempt to index" },
}

describe("lint: a machine that is bad", function()
  for _, case in ipairs(BAD) do
    it("is found: " .. case[1], function()
      local report = run(case[1], { sandbox = not case.plain })
      assert.is_false(report.ok)
      assert.equal(case[2], report.finding.kind)
      assert.matches(case[3], report.finding.text)
      if case[4] then
        assert.equal(case[4], report.finding.index)
        assert.matches('^"key %d"$', report.finding.shown)
      end
    end)
  end

  it("is found again from the printed seed, in the same words", function()
    for _, name in ipairs { "order", "address", "chance" } do
      assert.same(run(name, { sandbox = false, seed = 7 }),
        run(name, { sandbox = false, seed = 7 }))
    end
    assert.not_same(run("address", { sandbox = false, seed = 7 }).finding,
      run("address", { sandbox = false, seed = 8 }).finding)
  end)

  it("is clean in the sandbox when only that was wrong", function()
    local report = run("order")
    assert.is_nil(report.finding)
    assert.equal(60, report.cluster_commands)
  end)

  it("is shown with lines of its file when it has no sandbox", function()
    local remarks = run("order", { sandbox = false }).remarks
    assert.equal(FOLDER .. "order.lua:15", remarks[1].place)
    assert.matches("^pairs: its order differs", remarks[1].text)
  end)
end)

describe("lint: a machine that is shipped", function()
  for _, name in ipairs { "raft.kv", "lua/raft/machines/bank.lua",
      "lua/raft/machines/queue.lua", "lua/raft/machines/rooms.lua",
      "lua/raft/machines/set.lua" } do
    it("is clean: " .. name, function()
      for _, sandbox in ipairs { true, false } do
        local report = assert(lint.run {
          machine = name, commands = 120, sandbox = sandbox })
        assert.is_nil(report.finding and report.finding.text)
        assert.equal(120, report.commands)
        assert.is_true(report.errors < 60)
      end
    end)
  end
end)

describe("lint: commands", function()
  it("are made of the words and fields of a source", function()
    local seen = lint_source.vocabulary { [[
      -- "comment" is no word
      function Shop:apply(order)
        local op = order.op --[=[ "nor" is this ]=]
        if op == "buy" or order.kind == 'sell' then return "a b c" end
      end
      function words.refund(self) end]] }
    assert.same({ "buy", "sell", "refund" }, seen.words)
    assert.same({ "op", "kind" }, seen.fields)
    assert.is_false(seen.is_list)
    seen = lint_source.vocabulary {
      "M.apply = function(self, c) return c[1] end" }
    assert.is_true(seen.is_list)
  end)

  it("of a machine without commands() reach its branches", function()
    local path = os.tmpname() .. ".lua"
    local file = assert(io.open(path, "w"))
    file:write [[
      local M = {} M.__index = M
      function M.new() return setmetatable({ n = 0 }, M) end
      function M:apply(command)
        if type(command) ~= "table" then return self.n end
        if command.verb == "increment" then self.n = self.n + 1
        elseif command.verb == "deadly" then while true do end end
        return self.n
      end
      return M]]
    file:close()
    local report = lint.run { machine = path }
    os.remove(path)
    assert.equal("halts", report.finding.kind)
    assert.matches(":6: more than", report.finding.text)
    assert.matches("deadly", report.finding.shown)
  end)

  it("keep to the number that was asked for, and to the time", function()
    assert.equal(10, run("order", { commands = 10 }).commands)
    assert.equal(1, run("order", { time = "1us" }).commands)
  end)
end)

describe("lint: uses of what differs", function()
  it("are found in code, not in comments and strings", function()
    local found = lint_source.unsteady [[
      local x = os.time() -- os.clock
      local pairs = mine.pairs
      for k in pairs(t) do print("io.open", math.random()) end
      self.next(io)
      --[==[ next(t)
      next(t) ]==] return next(t)]]
    local lines = {}
    for i, use in ipairs(found) do
      lines[i] = use.line .. " " .. use.name
    end
    assert.same({ "1 os.time", "3 pairs", "3 math.random", "4 io",
      "6 next" }, lines)
  end)
end)

describe("luaraft lint", function()
  it("ends with 0, 1 or 2", function()
    local code, out, err = command("raft.kv", "--commands", "30")
    assert.same({ 0, "" }, { code, err })
    assert.matches("fine after 30 commands", out)
    code, out = command(FOLDER .. "chance.lua", "--no-sandbox", "--seed", "3",
      "--commands", "30")
    assert.equal(1, code)
    assert.matches("%[entry 6, command \"key %d\"%]\n  again: luaraft lint "
      .. "spec/lua/lint_machines/chance.lua %-%-seed 3 %-%-commands 30 "
      .. "%-%-no%-sandbox\n", out)
    assert.matches("remark: spec/lua/lint_machines/chance.lua:15: math.random",
      out, 1, true)
    code, out, err = command("nowhere.lua")
    assert.same({ 2, "" }, { code, out })
    assert.matches("^luaraft lint: machine: cannot read nowhere.lua", err)
    assert.equal(2, (command("raft.kv", "--commands", "none")))
    assert.equal(2, (command("raft.kv", "--time", "10")))
  end)

  it("prints one line of JSON when asked", function()
    local code, out = command(FOLDER .. "nan.lua", "--json")
    assert.equal(1, code)
    local _, report = assert(json.decode(out))
    assert.equal("nan", report.finding.kind)
    assert.equal(1, report.finding.index)
    assert.matches('^"key %d"$', report.finding.command)
  end)
end)
