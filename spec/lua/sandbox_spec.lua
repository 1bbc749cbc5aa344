-- SPDX-License-Identifier: MIT
--
-- What a machine sees in its sandbox, on every VM the same.

local workshop = require("spec.workshop")

local try, value = workshop.try, workshop.value

describe("sandbox: tables", function()
  it("walks keys in order: numbers, strings by bytes, booleans",
    function()
      local source = [[
        local seen = {}
        for key in pairs { b = 1, [true] = 1, aa = 1, [10] = 1, [2.5] = 1,
            a = 1, [false] = 1, [-1] = 1, [1] = 1 } do
          seen[#seen + 1] = tostring(key)
        end
        return table.concat(seen, " ")]]
      local _, seen = try(source)
      assert.equal("-1 1 2.5 10 a aa b false true", seen)
    end)

  it("walks alike whatever the history of the table", function()
    local source = [[
      local function walked(t)
        local seen = {}
        for key in pairs(t) do seen[#seen + 1] = key end
        return table.concat(seen, " ")
      end
      local grown, made = {}, {}
      for i = 1, 300 do grown["k" .. i] = i end
      for i = 1, 300 do if i % 7 ~= 0 then grown["k" .. i] = nil end end
      for i = 294, 7, -7 do made["k" .. i] = i end
      return walked(grown) == walked(made) and #walked(made)]]
    local status, size = try(source)
    assert.equal("ok", status)
    assert.equal("number", type(size))
  end)

  it("gives next in the same order, also when keys go on the way", function()
    assert.equal("a b cc", value [[(function()
      local t, seen, key = { cc = 3, a = 1, b = 2 }, {}, nil
      repeat
        key = next(t, key)
        if key then seen[#seen + 1] = key; t[key] = nil end
      until key == nil
      return table.concat(seen, " ")
    end)()]])
    assert.same({ true }, { value "next {} == nil" })
  end)

  it("does not remember a walk from one command to the next", function()
    local machine = assert(workshop.open(workshop.around [[
      if command == "start" then
        self.map = { a = 1, c = 3 }
        return (next(self.map))
      end
      self.map.b = 2
      return (next(self.map, "a"))]]))
    local results = assert(machine:apply {
      { index = 1, command = "start" }, { index = 2, command = "go on" },
    })
    assert.same({ "a", "b" }, { results[1].value, results[2].value })
    machine:close()
  end)

  it("refuses to walk keys that have no order", function()
    local status, message = try "for _ in pairs { [{}] = 1 } do end"
    assert.equal("apply_failed", status)
    assert.truthy(message:find("FILE:5: a table with a table as a key has no "
      .. "order", 1, true))
    status, message = try "return next({ [print] = 1 })"
    assert.equal("apply_failed", status)
    assert.truthy(message:find("a function as a key", 1, true))
  end)

  it("sorts stably", function()
    assert.equal("b1 b2 b3 a1 a2", value [[(function()
      local t = { "a1", "b1", "b2", "a2", "b3" }
      table.sort(t, function(x, y) return x:sub(1, 1) > y:sub(1, 1) end)
      return table.concat(t, " ")
    end)()]])
  end)

  it("has table.pack, unpack, move and rawlen on every VM", function()
    assert.same({ 3, 2, 7, 2 }, value [[{
      table.pack(1, 2, 3).n, (select(2, table.unpack { 1, 2 })),
      table.move({ 7, 8 }, 1, 2, 3)[3], rawlen { 1, 2 } }]])
  end)

  it("honours __index, __pairs and __tostring of the machine", function()
    assert.same({ 5, "p", "mine" }, value [[{
      setmetatable({}, { __index = function() return 5 end }).x,
      (pairs(setmetatable({}, { __pairs = function()
        return function() end, "p" end }))) and "p",
      tostring(setmetatable({}, { __tostring = function()
        return "mine" end })) }]])
  end)
end)

describe("sandbox: text", function()
  it("writes a number in one way on every VM", function()
    assert.same({ "5", "0.1", "1000000000000000", "1e+16", "-7", "inf",
      "-inf", "nan", "nan" }, value [[{ tostring(10 / 2),
        tostring(0.1), tostring(1e15), tostring(1e16), tostring(-7),
        tostring(1 / 0), tostring(-1 / 0), tostring(0 / 0),
        tostring(-(0 / 0)) }]])
    assert.equal("0", value "tostring(-0.0)")
    assert.equal("5 0.5", value "string.format('%s %s', 10 / 2, 0.5)")
    assert.equal("5,x,0.5", value "table.concat({ 10 / 2, 'x', 0.5 }, ',')")
    assert.equal("nan nan", value "('%.1f %.1f'):format(0 / 0, -(0 / 0))")
  end)

  it("formats as string.format does", function()
    assert.equal("100% 007 ff a  1.50", value
      "string.format('%d%% %03d %x %s %5.2f', 100, 7, 255, 'a', 1.5)")
    local status, message = try "local s = ('%d'):format('x')"
    assert.equal("apply_failed", status)
    assert.truthy(message:find("FILE:5: bad argument #2 to 'format'", 1,
      true))
  end)

  it("compares strings by bytes", function()
    assert.same({ true, true, true }, value
      "{ 'Z' < 'a', 'a' < '\\195\\164', 'a\\0b' < 'a\\0c' }")
  end)
end)

describe("sandbox: entry", function()
  -- The numbers were computed apart, from the definition of splitmix64.
  it("gives index, time and random numbers", function()
    assert.same({ 7, 1000 }, value "{ entry.index, entry.time }")
    local drawn = value [[{ entry.random(6), entry.random(10, 20),
      math.random(100), entry.random(2 ^ 53 - 1), entry.random() }]]
    assert.same({ 6, 18, 41, 84563956301843 }, {
      drawn[1], drawn[2], drawn[3], drawn[4] })
    assert.is_true(drawn[5] > 0 and drawn[5] < 1)
  end)

  it("draws each number of an interval", function()
    local seen = value [[(function()
      local seen = { 0, 0, 0, 0, 0 }
      for _ = 1, 5000 do
        local n = entry.random(5)
        seen[n] = seen[n] + 1
      end
      return seen
    end)()]]
    for n = 1, 5 do
      assert.is_true(seen[n] > 850 and seen[n] < 1150)
    end
  end)

  it("gives the numbers of the entry, whatever was drawn before", function()
    local machine = assert(workshop.open(workshop.around [[
      for _ = 1, command do entry.random() end
      return entry.random(2 ^ 50)]]))
    local function drawn(count, random)
      return assert(machine:apply {
        { index = 1, random = random, command = count } })[1].value
    end
    local third = drawn(2, 5)
    assert.not_equal(third, drawn(3, 5))
    assert.not_equal(third, drawn(2, 6))
    assert.equal(third, drawn(2, 5))
    machine:close()
  end)

  it("draws from an entry only", function()
    local machine, message, code = workshop.open(
      "return { new = function() return { apply = math.random() } end }")
    assert.is_nil(machine)
    assert.equal("machine", code)
    assert.truthy(message:find("random numbers belong to an entry", 1, true))
    machine = assert(workshop.open [[
      return { new = function()
        return { apply = function() end,
          query = function() return math.random(6) end }
      end }]])
    local status, text = machine:query("?")
    assert.equal("apply_failed", status)
    assert.truthy(text:find("random numbers belong to an entry", 1, true))
    machine:close()
  end)

  it("refuses intervals that are none", function()
    for _, call in ipairs { "0", "2, 1", "0.5", "'x'", "2 ^ 60", "0 / 0" } do
      assert.equal("apply_failed", (try("entry.random(" .. call .. ")")), call)
    end
  end)
end)

describe("sandbox: the toolkit inside", function()
  it("has raft.null and raft.map, which go through the codec", function()
    local machine = assert(workshop.open(workshop.around [[
      local raft = require "raft"
      return { command[2] == raft.null, raft.null, tostring(raft.null),
        raft.map {} }]]))
    local core = require("raft.core")
    local results = assert(machine:apply {
      { index = 1, command = { 1, core.null } },
    })
    local seen = results[1].value
    assert.is_true(seen[1])
    assert.equal(core.null, seen[2])
    assert.equal("null", seen[3])
    local _, map = core.encode(seen[4])
    assert.equal("\128", map)
    machine:close()
  end)

  it("has raft.ordered, and nothing else of the toolkit", function()
    local machine = assert(workshop.open(workshop.around(
      "return require('raft.ordered').keys { b = 1, a = 1 }",
      "require 'raft.ordered'\n")))
    assert.same({ "a", "b" },
      assert(machine:apply { { command = 1 } })[1].value)
    machine:close()
    local _, message = workshop.open(workshop.around("",
      "require 'raft.core'\n"))
    assert.equal("machine: FILE:1: require: of the toolkit only raft, raft.kv"
      .. " and raft.ordered are for machines, not 'raft.core'", message)
  end)

  it("has coroutines, pcall, xpcall, load of text", function()
    assert.same({ 1, 2, "dead" }, value [[(function()
      local thread = coroutine.create(function() coroutine.yield(1) end)
      local _, one = coroutine.resume(thread)
      local two = coroutine.wrap(function() return 2 end)()
      coroutine.resume(thread)
      return { one, two, coroutine.status(thread) }
    end)()]])
    assert.same({ false, "why", "handled why", 3 }, value [[(function()
      local ok, why = pcall(error, "why")
      local _, handled = xpcall(error, function(m)
        return "handled " .. m
      end, "why")
      return { ok, why, handled, (load "return 1 + 2")() }
    end)()]])
  end)
end)
