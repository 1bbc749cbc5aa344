-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"
local ordered = require "raft.ordered"

local function walk(t)
  local list = {}
  for key, value in ordered.pairs(t) do
    list[#list + 1] = { key, value }
  end
  return list
end

local function walk_by_next(t)
  local list = {}
  local key, value = ordered.next(t)
  while key ~= nil do
    list[#list + 1] = { key, value }
    key, value = ordered.next(t, key)
  end
  return list
end

local function random_key(random)
  local kind = random:integer(1, 3)
  if kind == 1 then
    return random:integer(-20, 20)
  elseif kind == 2 then
    return random:bytes(0, 3)
  end
  return random:integer(-20, 20) + 0.5
end

-- A table with a history: keys come and go before the content stands.
local function fill(random, pairs_of_content)
  local t = {}
  for _ = 1, random:integer(0, 30) do
    t[random_key(random)] = true
  end
  for key in pairs(t) do
    t[key] = nil
  end
  for _, pair in ipairs(random:shuffle(pairs_of_content)) do
    t[pair[1]] = pair[2]
  end
  return t
end

describe("ordered.pairs", function ()
  it("visits numbers by value, then strings, then booleans", function ()
    local t = { [true] = 9, b = 6, aa = 8, a = 5, [""] = 4, [2] = 2, [1] = 1,
      [2.5] = 3, [-1] = 0, [false] = 8.5, B = 4.5, ["b\0"] = 8.2 }
    local keys = {}
    for _, pair in ipairs(walk(t)) do
      keys[#keys + 1] = pair[1]
    end
    assert.same({ -1, 1, 2, 2.5, "", "B", "a", "b", "aa", "b\0", false, true },
      keys)
  end)

  it("compares strings by bytes, not as a locale would", function ()
    local t = { ["a"] = 1, ["Z"] = 1, ["\255"] = 1, ["_"] = 1 }
    local keys = {}
    for _, pair in ipairs(walk(t)) do
      keys[#keys + 1] = pair[1]
    end
    assert.same({ "Z", "_", "a", "\255" }, keys)
  end)

  it("is the same whatever the table's history, as is next", function ()
    helper.check(200, function (random)
      local content, seen = {}, {}
      for i = 1, random:integer(0, 15) do
        local key = random_key(random)
        if not seen[key] then
          seen[key] = true
          content[#content + 1] = { key, i }
        end
      end
      local first, second = fill(random, content), fill(random, content)
      assert.same(walk(first), walk(second))
      assert.same(walk(first), walk_by_next(second))
      assert.equal(#content, #walk(first))
    end)
  end)

  it("leaves out what was removed and what was added on the way", function ()
    local t, seen = { a = 1, b = 2, c = 3 }, {}
    for key in ordered.pairs(t) do
      seen[#seen + 1] = key
      t.b = nil
      t.d = 4
      t.a = 7 -- a change of what was visited already
    end
    assert.same({ "a", "c" }, seen)
  end)

  it("refuses keys that no two processes could order alike", function ()
    for _, key in ipairs { {}, print, coroutine.create(walk) } do
      local ok, message = pcall(walk, { [key] = 1 })
      assert.is_false(ok)
      assert.matches("has no order: use numbers, strings or booleans",
        message, 1, true)
    end
  end)

  it("refuses what is no table, naming it", function ()
    local ok, message = pcall(ordered.pairs, nil)
    assert.is_false(ok)
    assert.matches("table expected, got no value", message, 1, true)
    assert.is_false((pcall(ordered.next, "x")))
  end)
end)

describe("ordered.next", function ()
  it("goes on after a key that is gone", function ()
    local t = { a = 1, b = 2, c = 3 }
    local key = ordered.next(t, "a")
    assert.equal("b", key)
    t.b = nil
    assert.equal("c", (ordered.next(t, "b")))
    assert.is_nil(ordered.next(t, "c"))
  end)

  it("says at once that a table is empty", function ()
    assert.is_nil(ordered.next({}))
  end)

  it("keeps two walks apart", function ()
    local a, b = { 1, 2, 3 }, { x = 1, y = 2 }
    assert.equal(1, (ordered.next(a)))
    assert.equal("x", (ordered.next(b)))
    assert.equal(2, (ordered.next(a, 1)))
    assert.equal("y", (ordered.next(b, "x")))
    assert.equal(3, (ordered.next(a, 2)))
    assert.is_nil(ordered.next(b, "y"))
  end)
end)

describe("ordered.sort", function ()
  local function by_key(a, b)
    return a.key < b.key
  end

  it("keeps equal elements in their order, at every length", function ()
    helper.check(150, function (random)
      local list = random:list(0, 60, function (_, i)
        return { key = random:integer(0, 4), at = i }
      end)
      local count = #list
      ordered.sort(list, by_key)
      assert.equal(count, #list)
      for i = 2, count do
        local a, b = list[i - 1], list[i]
        assert.is_true(a.key < b.key or (a.key == b.key and a.at < b.at))
      end
    end)
  end)

  it("sorts as table.sort does where no two are equal", function ()
    helper.check(50, function (random)
      local list, twin = {}, {}
      for i = 1, random:integer(0, 100) do
        list[i] = i
      end
      random:shuffle(list)
      for i = 1, #list do
        twin[i] = list[i]
      end
      ordered.sort(list)
      table.sort(twin)
      assert.same(twin, list)
    end)
  end)

  it("ends also with a comparison that contradicts itself", function ()
    local list = {}
    for i = 1, 100 do
      list[i] = i
    end
    ordered.sort(list, function ()
      return true
    end)
    assert.equal(100, #list)
  end)

  it("refuses what cannot be sorted", function ()
    assert.is_false((pcall(ordered.sort, 7)))
    assert.is_false((pcall(ordered.sort, {}, 7)))
  end)
end)
