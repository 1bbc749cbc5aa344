-- SPDX-License-Identifier: MIT
--
-- check_spec.lua - history:check and luaraft check: models, counterexamples,
-- what is printed, exit codes.

local check_report = require "raft.check_report"
local cli = require "raft.cli"
local history = require "raft.history"
local json = require "raft.json"

-- One operation after the other: { f, value, seen } each.
local function one_by_one(model, rows)
  local h = history.new { model = model }
  for _, row in ipairs(rows) do
    h:ok(h:invoke(1, row[1], row.key, row[2]), row[3])
  end
  return h
end

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local BANK = {
  init = function ()
    return { a = 10, b = 0 }
  end,
  step = function (state, input, output)
    if input.f == "read" then
      return output.value.a == state.a and output.value.b == state.b, state
    end
    local move = input.value
    state[move.from] = state[move.from] - move.amount
    state[move.to] = state[move.to] + move.amount
    return true, state
  end,
  looks = { read = true },
}

describe("history:check", function ()
  it("goes by a model of one's own", function ()
    local move = { from = "a", to = "b", amount = 3 }
    assert.equal("linearizable", one_by_one(BANK, { { "transfer", move },
      { "read", nil, { a = 7, b = 3 } } }):check().verdict)
    local result = one_by_one(BANK, { { "transfer", move },
      { "read", nil, { a = 7, b = 0 } } }):check()
    assert.equal("not", result.verdict)
    assert.same({ { f = "read", number = 2 } }, {
      { f = result.counterexample.blocked.f,
        number = result.counterexample.blocked.number } })
  end)

  it("lets a transfer of unknown outcome have happened, or not", function ()
    for _, seen in ipairs { { a = 7, b = 3 }, { a = 10, b = 0 } } do
      local h = history.new { model = BANK }
      h:info(h:invoke(1, "transfer", nil, { from = "a", to = "b",
        amount = 3 }))
      h:ok(h:invoke(2, "read"), seen)
      assert.equal("linearizable", h:check().verdict)
    end
  end)

  it("judges each key alone, and one bad key is enough", function ()
    local h = one_by_one("register", { { "write", 1, key = "x" },
      { "read", nil, nil, key = "y" }, { "read", nil, 1, key = "x" } })
    assert.equal("linearizable", h:check().verdict)
    h:ok(h:invoke(1, "read", "y"), 1)
    local result = h:check()
    assert.same({ "not", "y" }, { result.verdict, result.key })
  end)

  -- 1 is written until 20 ms, 2 from 30 to 40; the read begins at 100.
  it("lets a read see what was there so long before its call", function ()
    local h = history.new { model = "register" }
    h:ok(h:invoke(1, "write", nil, 1, 10000), nil, 20000)
    h:ok(h:invoke(1, "write", nil, 2, 30000), nil, 40000)
    local read = h:invoke(2, "read", nil, nil, 100000)
    h:ok(read, 1, 110000)
    for age, verdict in pairs { [0] = "not", [59999] = "not",
      [60000] = "linearizable", [90001] = "linearizable" } do
      h:allow_age(read, age)
      assert.equal(verdict, h:check().verdict, age)
      assert.equal(verdict, h:check { partition = false }.verdict, age)
    end
    local at_its_end = history.new { model = "register" }
    local write = at_its_end:invoke(1, "write", nil, 1, 105000)
    read = at_its_end:invoke(2, "read", nil, nil, 110000)
    at_its_end:ok(write, nil, 120000)
    at_its_end:ok(read, 1, 130000)
    at_its_end:allow_age(read, 50000)
    assert.equal("linearizable", at_its_end:check().verdict)
  end)

  it("wants the time of each event where a read has an age", function ()
    local h = history.new { model = "register" }
    h:ok(h:invoke(1, "write", nil, 1, 10000), nil)
    h:allow_age(h:invoke(2, "read", nil, nil, 20000), 5)
    local ok, message = pcall(h.check, h)
    assert.is_false(ok)
    assert.matches("operation 1 (process 1, write): expected a time of each"
      .. " event, where reads have an age, got none", message, 1, true)
  end)

  it("begins with the state that is given", function ()
    local h = history.new { model = "register", initial = 5 }
    h:ok(h:invoke(1, "read"), 5)
    assert.equal("linearizable", h:check().verdict)
    h.initial = 6
    assert.equal("not", h:check().verdict)
  end)

  it("refuses words and values that the model does not know", function ()
    for _, row in ipairs {
      { "register", { "add", 1 }, "expected one of read, write of model"
        .. ' register, got the string "add"' },
      { "kv", { "put", 7 }, "expected a string, got the number 7" },
      { "counter", { "add", 0.5 }, "expected a whole number, got the number"
        .. " 0.5" },
      { "cas-register", { "cas", 1 }, "expected { old, new }, got the number"
        .. " 1" },
      { "set", { "read", nil, 1 }, "expected a list, got the number 1" },
    } do
      local ok, message = pcall(function ()
        one_by_one(row[1], { row[2] }):check()
      end)
      assert.is_false(ok)
      assert.truthy(message:find(row[3], 1, true), message)
    end
  end)
end)

describe("a counterexample", function ()
  -- A stale read, among much that does not matter.
  local function stale()
    local h = history.new { model = "register" }
    for i = 1, 20 do
      h:ok(h:invoke(1, "write", nil, i))
      h:ok(h:invoke(2, "read"), i)
    end
    h:ok(h:invoke(2, "read"), 7)
    for i = 21, 40 do
      h:ok(h:invoke(1, "write", nil, i))
    end
    return h:check()
  end

  it("holds only what matters, of the shortest prefix", function ()
    local found = stale().counterexample
    -- What was written as 7 was over: two operations show it.
    assert.is_true(#found.operations <= 3)
    assert.equal(41, found.blocked.number)
    assert.equal(41 - #found.operations, found.others)
    assert.equal(41, found.operations[#found.operations].number)
  end)

  it("stays unexplainable without the others", function ()
    local found = stale().counterexample
    local h = history.new { model = "register" }
    for _, one in ipairs(found.operations) do
      h:ok(h:invoke(1, one.f, nil, one.input), one.output)
    end
    assert.equal("not", h:check().verdict)
  end)

  it("keeps a write that could explain a read", function ()
    -- Without the write of 1 nobody could tell a stale 1 from an invented one.
    local found = one_by_one("register", { { "write", 1 }, { "write", 2 },
      { "read", nil, 1 } }):check().counterexample
    local kept = {}
    for i, one in ipairs(found.operations) do
      kept[i] = one.f .. tostring(one.input or one.output)
    end
    assert.same({ "write1", "write2", "read1" }, kept)
    -- The order goes on to where the read comes, not only to where it is lost.
    assert.same({ 2, 2 }, { #found.order, found.state })
  end)

  it("is printed as a time line", function ()
    local h = history.new { model = "register" }
    local write = h:invoke(1, "write", "x", 1)
    h:ok(h:invoke(2, "read", "x"), 1)
    h:ok(h:invoke(2, "read", "x"), nil)
    h:ok(write)
    assert.equal([[
key "x": no order of 2 operations explains what was seen:

  process  operation    time ->
  2        read -> 1    |--|
  2        read -> nil        |==|

1 more until then: it does not matter when they take effect, or whether.

One order that comes furthest:
  process 1: write 1, then the state is 1
  process 2: read -> 1, then the state is 1
  process 2: read -> nil: cannot come next, nor after any other order]],
      check_report.text(h:check()))
  end)
end)

describe("luaraft check", function ()
  local FIXTURES = "spec/fixture/histories/"

  local function run(...)
    local out, err = {}, {}
    local code = cli.run({ "check", ... }, nil, {
      out = function (text)
        out[#out + 1] = text
        return true
      end,
      err = function (text)
        err[#err + 1] = text
      end,
    })
    return code, table.concat(out), table.concat(err)
  end

  it("says linearizable, and ends with 0", function ()
    local code, out, err = run(FIXTURES .. "etcd_002.log")
    assert.same({ 0, "" }, { code, err })
    assert.truthy(out:find("etcd_002.log: linearizable (cas-register, ", 1,
      true), out)
  end)

  it("shows why not, and ends with 1", function ()
    local code, out = run(FIXTURES .. "etcd_002.log",
      FIXTURES .. "etcd_000.log")
    assert.equal(1, code)
    assert.truthy(out:find("etcd_000.log: not linearizable", 1, true))
    assert.truthy(out:find("One order that comes furthest:", 1, true))
  end)

  it("ends with 2 for what it cannot read or does not know", function ()
    for _, words in ipairs {
      { "/nowhere" }, { FIXTURES .. "c10-ok.txt", "--model", "register" },
      { FIXTURES .. "c10-ok.txt", "--model", "kx" },
      { FIXTURES .. "c10-ok.txt", "--limit-states", "0" }, {},
    } do
      local code, out, err = run(unpack(words))
      assert.same({ 2, "" }, { code, out })
      assert.equal(1, select(2, err:gsub("\n", "\n")), err)
    end
  end)

  it("names file and line of what does not fit the model", function ()
    local _, _, err = run(FIXTURES .. "c10-ok.txt", "--model", "register")
    assert.truthy(err:find("c10-ok.txt:1: ", 1, true), err)
  end)

  it("ends with 3 when a limit comes first", function ()
    local code, out = run(FIXTURES .. "etcd_002.log", "--limit-states", "3")
    assert.equal(3, code)
    assert.truthy(out:find("see --limit-states", 1, true), out)
  end)

  it("prints one line of JSON for each file", function ()
    local code, out = run("--json", FIXTURES .. "c10-bad.txt",
      FIXTURES .. "c10-ok.txt")
    assert.equal(1, code)
    local verdicts = {}
    for line in out:gmatch("[^\n]+") do
      local ok, row = json.decode(line)
      assert.is_true(ok)
      verdicts[#verdicts + 1] = row.model .. " " .. row.verdict
      assert.equal(row.verdict == "not", row.counterexample ~= nil)
    end
    assert.same({ "kv not", "kv linearizable" }, verdicts)
  end)
end)
