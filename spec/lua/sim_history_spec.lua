-- SPDX-License-Identifier: MIT
--
-- Histories told from the calls of a replay: what each call was, what is taken
-- of its answer, and in which order things began and ended.

local core = require("raft.core")
local history = require("raft.history")
local sim_history = require("raft.sim_history")

local function bytes(value)
  return value ~= nil and select(2, core.encode(value)) or ""
end

-- A schedule of one invoke per op, of the client named there.
local function rows_of(ops)
  local rows = {}
  for i, op in ipairs(ops) do
    rows[i] = { at = i, "invoke", op.client or 1, "write", {}, op = op }
  end
  return rows
end

local function operation(number, given)
  return { number = number, client = given.client or 1,
    kind = given.kind or "write", from = given.from or number * 10,
    to = given.to, youngest = given.youngest or number, code = given.code,
    result_bytes = bytes(given.result) }
end

-- What is told, as "1 invoke write 7", "1 ok write 7".
local function told(rows, operations, workload)
  local lines = {}
  local record = sim_history.of(rows, operations, workload or {})
  for i, event in ipairs(record:events()) do
    lines[i] = ("%s %s %s %s"):format(tostring(event.process), event.type,
      event.f, tostring(event.value))
  end
  return lines
end

describe("sim_history: of a replay", function()
  it("takes of an answer what the history took of it", function()
    for saw, value in pairs { nothing = "nil", value = "7", other = "8" } do
      local rows = rows_of { { f = "write", value = 7, saw = saw ~= "other"
        and saw or nil } }
      assert.same({ "1 invoke write 7", "1 ok write " .. value },
        told(rows, { operation(1, { to = 20, code = "ok", result = 8 }) }))
    end
  end)

  it("asks the workload, when that observes", function()
    local workload = { observe = function(_, f, result)
      return f .. result
    end }
    assert.same({ "1 invoke read nil", "1 ok read read8" },
      told(rows_of { { f = "read" } },
        { operation(1, { to = 20, code = "ok", result = 8 }) }, workload))
  end)

  it("says fail where nothing was done, and else info", function()
    for _, row in ipairs {
      { "write", "timeout", "info" }, { "write", "overloaded", "fail" },
      { "write", "result_lost", "info" }, { "read", "timeout", "fail" },
    } do
      local lines = told(rows_of { { f = "f" } }, { operation(1,
        { to = 20, kind = row[1], code = row[2] }) })
      assert.equal("1 " .. row[3] .. " f nil", lines[2], row[2])
    end
    assert.equal(1, #told(rows_of { { f = "f" } }, { operation(1, {}) }))
  end)

  it("knows what began before an end, also in one microsecond", function()
    local rows = rows_of { { f = "a" }, { f = "b", client = 2 } }
    local function both(youngest)
      return { operation(1, { from = 5, to = 5, code = "ok",
          youngest = youngest }),
        operation(2, { client = 2, from = 5, to = 9, code = "ok" }) }
    end
    assert.same({ "1 invoke a nil", "1 ok a nil", "2 invoke b nil",
      "2 ok b nil" }, told(rows, both(1)))
    assert.same({ "1 invoke a nil", "2 invoke b nil", "1 ok a nil",
      "2 ok b nil" }, told(rows, both(2)))
  end)

  it("gives each of two calls of one client a process", function()
    local rows = rows_of { { f = "a" }, { f = "b" },
      { f = "c", process = "final" } }
    local lines = told(rows, { operation(1, {}), operation(2, {}),
      operation(3, {}) })
    assert.same({ "1 invoke a nil", "101 invoke b nil",
      "final invoke c nil" }, lines)
  end)

  it("leaves out calls that were no operations", function()
    local rows = rows_of { { f = "a" }, { f = "b" } }
    rows[1].op = nil
    assert.same({ "1 invoke b nil" },
      told(rows, { operation(1, {}), operation(2, {}) }))
  end)
end)

describe("sim_history: ties", function()
  it("mark the rows of calls with what they were", function()
    local record = history.new()
    local ties = sim_history.new(record)
    local function call(client, result)
      ties:made(client, { results = { true, result } })
    end
    call(1, 1) -- before any operation
    local op = record:invoke(1, "write", "x", 5, 0)
    call(1, "done")
    call(1, "again") -- belongs to nothing
    record:ok(op, 5, 1)
    op = record:invoke("final", "read", "x", nil, 2)
    call(2, 5)
    record:ok(op, 5, 3)
    local rows = {}
    for i, client in ipairs { 1, 1, 1, 2 } do
      rows[i] = { at = i, "invoke", client }
    end
    ties:mark(rows)
    assert.is_nil(rows[1].op)
    assert.same({ f = "write", key = "x", value = 5, saw = "value" },
      rows[2].op)
    assert.is_nil(rows[3].op)
    assert.same({ f = "read", key = "x", process = "final" }, rows[4].op)
    local again = { { at = 9, "invoke", 2 }, { "drop", "vote" } }
    sim_history.carry(rows, again)
    assert.equal(rows[4].op, again[1].op)
  end)
end)
