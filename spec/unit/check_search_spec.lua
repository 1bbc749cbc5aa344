-- SPDX-License-Identifier: MIT
--
-- check_search_spec.lua - the search itself: orders, limits, memory, length.

local core = require "raft.core"
local history = require "raft.history"

-- A register: one operation per row, { action, bytes }, called and returned in
-- the order of 'events'.
local function search(rows, events, more)
  local given = {
    actions = {}, firsts = {}, seconds = {}, components = {},
    events = events, initial = "", states = 1e6, bytes = 2 ^ 28,
  }
  for i, row in ipairs(rows) do
    given.actions[i], given.firsts[i] = row[1], row[2]
    given.seconds[i], given.components[i] = row[3] or false, 0
  end
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return core.check(given)
end

-- Writes and reads by three processes that are not quite in step: what is
-- read was written, by one of those under way.
local function busy(count)
  local h = history.new { model = "register" }
  local running, value = {}, nil
  for i = 1, count do
    local process = i % 3
    if running[process] then
      h:ok(running[process].number, running[process].seen)
    end
    if i % 2 == 0 then
      value = i % 5
      running[process] = { number = h:invoke(process, "write", nil, value) }
    else
      running[process] = { number = h:invoke(process, "read"), seen = value }
    end
  end
  return h
end

describe("core/check: orders", function ()
  it("tells an order that explains", function ()
    local one = search({ { "write", "a" }, { "read", "a" }, { "read", "" } },
      { 1, 2, 3, -3, -2, -1 })
    assert.equal("linearizable", one:run(100))
    local order, states, blocked = one:furthest()
    assert.same({ 3, 1, 2 }, order)
    assert.same({ "", "a", "a" }, { one:state(states[1]),
      one:state(states[2]), one:state(states[3]) })
    assert.is_nil(blocked)
  end)

  it("tells how far it came, and whose return nothing passes", function ()
    local one = search({ { "write", "a" }, { "read", "a" }, { "read", "b" },
      { "write", "c" } }, { 1, -1, 2, -2, 3, -3, 4, -4 })
    assert.equal("not", one:run(100))
    local order, _, blocked = one:furthest()
    assert.same({ 1, 2 }, order)
    assert.equal(3, blocked)
  end)

  it("keeps to the order of what did not overlap", function ()
    assert.equal("not", search({ { "write", "a" }, { "write", "b" },
      { "read", "a" } }, { 1, -1, 2, -2, 3, -3 }):run(100))
    assert.equal("linearizable", search({ { "write", "a" }, { "write", "b" },
      { "read", "a" } }, { 1, 2, -1, -2, 3, -3 }):run(100))
  end)

  it("lets what never returns happen late, or never", function ()
    local rows = { { "write", "a" }, { "read", "" }, { "read", "a" } }
    assert.equal("linearizable", search(rows, { 1, 2, -2 }):run(100))
    assert.equal("linearizable", search(rows, { 1, 2, -2, 3, -3 }):run(100))
    assert.equal("not", search(rows, { 1, 3, -3, 2, -2 }):run(100))
  end)

  it("takes the empty history for linearizable", function ()
    assert.equal("linearizable", search({}, {}):run(1))
  end)

  it("goes through 20000 operations without using C's stack", function ()
    local result = busy(20000):check()
    assert.equal("linearizable", result.verdict)
    assert.is_true(result.states < 60000)
  end)
end)

describe("core/check: limits", function ()
  it("stops at the limit of states and says so", function ()
    local result = busy(200):check { states = 5 }
    assert.equal("unknown", result.verdict)
    assert.equal("states", result.reason)
    assert.equal(5, result.states)
  end)

  it("stops at the limit of memory and says so", function ()
    local result = busy(2000):check { bytes = "64KiB" }
    assert.equal("unknown", result.verdict)
    assert.equal("memory", result.reason)
  end)

  it("goes on where its budget ended", function ()
    local one = search({ { "write", "a" }, { "read", "a" } },
      { 1, -1, 2, -2 })
    assert.equal("running", one:run(1))
    assert.equal("linearizable", one:run(1))
  end)

  it("says unknown, never anything wrong, whichever allocation fails",
    function ()
      local check = require "raft.check"
      for _, bad in ipairs { false, true } do
        local h = busy(60)
        if bad then
          local read = h:invoke("last", "read")
          h:ok(read, 77)
        end
        local right, unknown = h:check().verdict, 0
        local nth = 0
        repeat
          nth = nth + 1
          local result = check.try(h, {
            partition = true, counterexample = true, states = 1e6,
            bytes = 2 ^ 28, fail_at = nth,
          })
          if result.verdict == "unknown" then
            unknown = unknown + 1
            assert.equal("memory", result.reason)
          else
            assert.equal(right, result.verdict)
          end
        until result.verdict ~= "unknown"
        assert.is_true(unknown > 10)
      end
    end)
end)

describe("core/check: misuse", function ()
  it("refuses events that are no history", function ()
    local rows = { { "write", "a" } }
    for _, events in ipairs { { -1 }, { 1, 1 }, { 1, -1, -1 }, { 2 }, { 0 },
                              { "x" } } do
      assert.has_error(function ()
        search(rows, events)
      end)
    end
  end)

  it("refuses unknown actions and closed searches", function ()
    assert.has_error(function ()
      search({ { "wrote", "a" } }, { 1 })
    end)
    local one = search({}, {})
    one:close()
    one:close()
    assert.has_error(function ()
      one:run(1)
    end, "expected an open search, got a closed one")
  end)
end)

describe("core/check: reductions", function ()
  it("takes states that nobody can tell apart for one", function ()
    local h = history.new { model = "kv" }
    local numbers = {}
    for i = 1, 9 do
      numbers[i] = h:invoke(i, "append", "x", tostring(i))
    end
    for i = 1, 9 do
      h:ok(numbers[i])
    end
    h:ok(h:invoke(1, "put", "x", "z"))
    h:ok(h:invoke(1, "get", "x"), "never")
    local result = h:check { counterexample = false }
    assert.equal("not", result.verdict)
    assert.is_true(result.states < 600) -- 2^9, not 9!
  end)

  it("lets equal operations of unknown outcome stand in for each other",
    function ()
      local h = history.new { model = "register" }
      for i = 1, 16 do
        h:info(h:invoke(i, "write", nil, i % 2))
      end
      for i = 1, 12 do
        h:ok(h:invoke(100, "read"), i % 2)
      end
      h:ok(h:invoke(100, "write", nil, 5))
      h:ok(h:invoke(100, "read"), 6)
      local result = h:check { counterexample = false }
      assert.equal("not", result.verdict)
      assert.is_true(result.states < 400)
    end)

  it("adds in one order when nobody looks", function ()
    local h = history.new { model = "counter" }
    local numbers = {}
    for i = 1, 12 do
      numbers[i] = h:invoke(i, "add", nil, 2 ^ i)
    end
    for i = 1, 12 do
      h:ok(numbers[i])
    end
    h:ok(h:invoke(1, "read"), 1)
    local result = h:check { counterexample = false }
    assert.equal("not", result.verdict)
    assert.is_true(result.states < 20) -- not 2^12
  end)

  it("uses that of two equal operations which returns first", function ()
    -- 1 was written twice: before 2, and once more after it.
    assert.equal("linearizable", search({ { "write", "1" }, { "write", "1" },
      { "write", "2" }, { "read", "1" }, { "read", "2" }, { "read", "1" } },
      { 1, 2, 3, 4, -4, -3, -1, 5, -5, 6, -6, -2 }):run(1000))
  end)
end)
