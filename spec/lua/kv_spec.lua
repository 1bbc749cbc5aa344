-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local probe = require("raft.probe")

describe("raft.kv", function()
  local kv, index

  local function apply(...)
    index = index + 1
    local result = assert(kv:apply { { index = index, command = { ... } } })[1]
    if result.status ~= "ok" then
      return nil, result.value
    end
    return result.value
  end

  local function query(...)
    local status, value = kv:query { ... }
    assert.equal("ok", status)
    return value
  end

  before_each(function()
    kv, index = assert(probe.machine_open { machine = "raft.kv" }), 0
  end)

  after_each(function()
    kv:close()
  end)

  it("sets, gets and deletes, and answers with the old value", function()
    assert.is_nil(apply("set", "x", 1))
    assert.equal(1, apply("set", "x", { 2 }))
    assert.same({ 2 }, apply("get", "x"))
    assert.same({ 2 }, query("get", "x"))
    assert.same({ 2 }, apply("delete", "x"))
    assert.is_nil(apply("delete", "x"))
    assert.is_nil(query("get", "x"))
    apply("set", "y", false)
    assert.equal(1, query("size"))
  end)

  it("compares and swaps", function()
    assert.is_true(apply("cas", "x", nil, 1))
    assert.is_false(apply("cas", "x", nil, 2))
    assert.is_false(apply("cas", "x", "1", 2))
    assert.is_true(apply("cas", "x", 1, 2))
    assert.equal(2, query("get", "x"))
    assert.is_true(apply("cas", "x", 2, nil))
    assert.equal(0, query("size"))
  end)

  it("appends and adds", function()
    assert.equal(2, apply("append", "x", "ab"))
    assert.equal(3, apply("append", "x", "c"))
    assert.equal("abc", query("get", "x"))
    assert.equal(5, apply("add", "n", 5))
    assert.equal(3, apply("add", "n", -2))
    local _, message = apply("add", "x", 1)
    assert.equal("add: expected two numbers, got a string and a number",
      message)
    _, message = apply("append", "n", "x")
    assert.equal("append: expected two strings, got a number and a string",
      message)
  end)

  it("counts and lists its keys", function()
    for _, key in ipairs { "b", "a", 10, 9, "aa" } do
      apply("set", key, 1)
    end
    apply("set", "b", 2)
    assert.equal(5, query("size"))
    assert.same({ 9, 10, "a", "aa", "b" }, query("keys"))
    assert.same({ 9, 10 }, query("keys", nil, 2))
    assert.same({ "a", "aa" }, query("keys", 10, 2))
    assert.same({ "b" }, query("keys", "aa"))
    assert.same({ "aa", "b" }, query("keys", "a"))
    apply("delete", 10)
    assert.same({ "a" }, query("keys", 10, 1)) -- also after a lost key
  end)

  it("refuses commands, questions and keys that are none", function()
    local function refusal(...)
      return (select(2, apply(...)))
    end
    assert.equal("unknown command 'put'", refusal("put", "x"))
    assert.equal("unknown command 'nil'", refusal())
    for _, key in ipairs { 1.5, true, {}, 2 ^ 53 } do
      assert.truthy(refusal("set", key, 1):find(
        "expected a string or a whole number as a key", 1, true))
    end
    assert.equal(0, query("size"))
    assert.truthy(kv:digest())
  end)

  it("has one digest for one content, whatever the way there", function()
    local other = assert(probe.machine_open { machine = "raft.kv" })
    local start = kv:digest()
    assert.equal(start, other:digest())
    apply("set", "a", 1)
    apply("set", "b", 2)
    apply("set", "c", 3)
    apply("delete", "c")
    assert(other:apply {
      { index = 1, command = { "set", "b", 2 } },
      { index = 2, command = { "set", "a", 1 } },
    })
    assert.equal(kv:digest(), other:digest())
    apply("delete", "a")
    assert.not_equal(kv:digest(), other:digest())
    apply("delete", "b")
    assert.equal(start, kv:digest())
    other:close()
  end)

  it("agrees with a plain table, on random commands", function()
    helper.check(20, function(random)
      local map, size = {}, 0
      local machine = assert(probe.machine_open { machine = "raft.kv" })
      for i = 1, random:integer(1, 60) do
        local key = "k" .. random:integer(1, 8)
        local value = random:integer(0, 5)
        local word = ({ "set", "delete", "cas" })[random:integer(1, 3)]
        local command, expected = { word, key, value }, map[key]
        if word == "delete" then
          command[3], map[key] = nil, nil
        elseif word == "set" then
          map[key] = value
        else
          command[4], expected = value + 1, map[key] == value
          if expected then
            map[key] = value + 1
          end
        end
        local result = assert(machine:apply {
          { index = i, command = command } })[1]
        assert.equal(expected, result.value)
      end
      for key, value in pairs(map) do
        size = size + 1
        assert.equal(value, (select(2, machine:query { "get", key })))
      end
      assert.equal(size, (select(2, machine:query { "size" })))
      machine:close()
    end)
  end)

  it("is also an ordinary module of the host", function()
    local store = require("raft.kv").new()
    assert.is_nil(store:apply { "set", "x", 1 })
    assert.equal(1, store:query { "get", "x" })
    local image = store:snapshot()
    local again = require("raft.kv").new()
    again:restore(image)
    assert.equal(1, again:query { "size" })
    assert.equal(1, again:query { "get", "x" })
  end)
end)
