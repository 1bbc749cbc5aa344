-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local ordered = require("raft.ordered")

describe("ordered: pairs, next, keys", function()
  local function walked(t)
    local keys = {}
    for key in ordered.pairs(t) do
      keys[#keys + 1] = key
    end
    return keys
  end

  it("gives numbers by value, strings by bytes, booleans",
    function()
      local t = {
        [3] = 1, [1] = 1, [2] = 1, [-5] = 1, [1.5] = 1, b = 1, a = 1, Z = 1,
        aa = 1, ["\255"] = 1, [""] = 1, [true] = 1, [false] = 1,
      }
      local expected = { -5, 1, 1.5, 2, 3, "", "Z", "a", "aa", "b", "\255",
        false, true }
      assert.same(expected, walked(t))
      assert.same(expected, ordered.keys(t))
      local key, seen = nil, {}
      for _ = 1, #expected do
        key = ordered.next(t, key)
        seen[#seen + 1] = key
      end
      assert.same(expected, seen)
      assert.is_nil(ordered.next(t, key))
    end)

  it("has a twin in sorting with one comparison, on random tables",
    function()
      helper.check(200, function(random)
        local t, list = {}, {}
        for _ = 1, random:integer(0, 60) do
          local key = random:integer(-40, 40)
          if random:integer(0, 1) == 1 then
            key = ("k"):rep(random:integer(0, 3)) .. key
          end
          if t[key] == nil then
            t[key] = true
            list[#list + 1] = key
          end
        end
        table.sort(list, ordered.less)
        assert.same(list, walked(t))
      end)
    end)

  it("orders strings as the canonical encoding does", function()
    local core = require("raft.core")
    helper.check(200, function(random)
      local t = {}
      for _ = 1, random:integer(0, 12) do t[random:bytes(0, 3)] = true end
      local _, bytes = core.encode(t)
      local at = 0
      for key in ordered.pairs(t) do
        local _, encoded = core.encode(key)
        at = assert(bytes:find(encoded, at + 1, true), "out of order")
      end
    end)
  end)

  it("walks an empty table not at all", function()
    assert.same({}, walked {})
    assert.is_nil(ordered.next {})
  end)

  it("leaves out what was removed on the way, and what was added", function()
    local t, seen = { 1, 2, 3, 4 }, {}
    for key in ordered.pairs(t) do
      seen[#seen + 1] = key
      t[3], t.new = nil, true
    end
    assert.same({ 1, 2, 4 }, seen)
  end)

  it("goes on with next after the key was removed", function()
    local t = { a = 1, b = 2, c = 3 }
    assert.equal("a", ordered.next(t))
    t.a = nil
    assert.equal("b", (ordered.next(t, "a")))
    ordered.forget()
    t.b = nil
    assert.equal("c", (ordered.next(t, "b")))
    assert.equal("a", ordered.next { a = 1 })
  end)

  it("takes up a walk of another table in between", function()
    local one, two = { a = 1, b = 2 }, { x = 1, y = 2 }
    assert.equal("a", ordered.next(one))
    assert.equal("x", ordered.next(two))
    assert.equal("b", (ordered.next(one, "a")))
    assert.equal("y", (ordered.next(two, "x")))
  end)

  it("refuses keys without an order, at the caller's line", function()
    local here = debug.getinfo(1, "l").currentline
    for offset, fn in ipairs {
      function() local _ = ordered.pairs { [{}] = 1 } end,
      function() local _ = ordered.keys { [print] = 1 } end,
      function() local _ = ordered.next { [{}] = 1 } end,
      function() local _ = ordered.less({}, 1) end,
    } do
      local ok, message = pcall(fn)
      assert.is_false(ok)
      assert.truthy(message:find("ordered_spec.lua:" .. here + 1 + offset
        .. ": a table with a ", 1, true), message)
    end
  end)

  it("refuses what is no table", function()
    assert.has_error(function()
      ordered.pairs(nil)
    end, "bad argument #1 to 'pairs' (table expected, got no value)")
    assert.has_error(function()
      ordered.next(5)
    end, "bad argument #1 to 'next' (table expected, got number)")
  end)

  it("honours __pairs", function()
    local t = setmetatable({}, { __pairs = function()
      return next, { here = 1 }, nil
    end })
    assert.same({ "here" }, walked(t))
  end)
end)

describe("ordered: sort", function()
  it("is stable and agrees with counting, on random lists", function()
    helper.check(300, function(random)
      local list = {}
      for i = 1, random:integer(0, 70) do
        list[i] = { value = random:integer(0, 9), place = i }
      end
      local expected = {}
      for value = 0, 9 do
        for _, item in ipairs(list) do
          if item.value == value then
            expected[#expected + 1] = item
          end
        end
      end
      ordered.sort(list, function(a, b)
        return a.value < b.value
      end)
      for i = 1, #expected do
        assert.equal(expected[i], list[i])
      end
      assert.equal(#expected, #list)
    end)
  end)

  it("compares with < unless told otherwise", function()
    local list = { 3, 1, 2 }
    ordered.sort(list)
    assert.same({ 1, 2, 3 }, list)
    list = { "b", "a", "C" }
    ordered.sort(list)
    assert.same({ "C", "a", "b" }, list)
  end)

  it("refuses a comparison or a list that is none", function()
    assert.has_error(function()
      ordered.sort(nil)
    end, "bad argument #1 to 'sort' (table expected, got no value)")
    assert.has_error(function()
      ordered.sort({}, 1)
    end, "bad argument #2 to 'sort' (function expected, got number)")
  end)

  it("survives a comparison that contradicts itself", function()
    local list = {}
    for i = 1, 100 do
      list[i] = i
    end
    ordered.sort(list, function()
      return true
    end)
    assert.equal(100, #list)
  end)
end)
