-- SPDX-License-Identifier: MIT
--
-- check_twin_spec.lua - the search against trying every order, on thousands of
-- small histories of each model, most of them nearly right.

local helper = require "spec.helper"
local history = require "raft.history"
local naive = require "spec.naive_check"

-- One operation of each model: a word, what it is given, and what a run in
-- which everything happens at once answers.
local DRAWN = {
  register = function (random)
    if random:boolean() then
      return "write", random:integer(1, 3)
    end
    return "read"
  end,
  ["cas-register"] = function (random)
    local word = random:pick { "read", "write", "cas" }
    if word == "cas" then
      return word, { random:integer(1, 3), random:integer(1, 3) }
    end
    return word, word == "write" and random:integer(1, 3) or nil
  end,
  kv = function (random)
    local word = random:pick { "get", "append", "append", "put", "cas" }
    local text = random:pick { "a", "b", "ab" }
    if word == "cas" then
      return word, { text, random:pick { "a", "c" } }
    end
    return word, word ~= "get" and text or nil
  end,
  append = function (random)
    if random:boolean() then
      return "append", random:integer(1, 3)
    end
    return "read"
  end,
  counter = function (random)
    if random:boolean() then
      return "add", random:integer(0, 3) - 1
    end
    return "read"
  end,
  set = function (random)
    if random:boolean() then
      return "add", random:integer(1, 3)
    end
    return "read"
  end,
  queue = function (random)
    if random:boolean() then
      return "enqueue", random:integer(1, 2)
    end
    return "dequeue"
  end,
}

local NAMES = { "append", "cas-register", "counter", "kv", "queue",
                "register", "set" }

-- What an operation saw, a little wrong now and then.
local function answer(random, model, f, seen)
  if not random:one_in(8) then
    return seen
  elseif f == "read" and (model == "append" or model == "set") then
    return { random:integer(1, 3) }
  elseif f == "cas" then
    return not seen
  elseif f == "get" then
    return random:pick { "a", "ab", "" }
  elseif f == "read" or f == "dequeue" then
    return random:integer(0, 3)
  end
  return seen
end

-- It happens now: at some moment between call and return.
local function happen(model, states, one)
  if one.done then
    return
  end
  local _, next, seen = naive.models[model].step(states[one.key], one.f,
    one.value)
  one.done, one.seen = true, seen
  if one.ends ~= 9 then -- what fails takes no effect
    states[one.key] = next
  end
end

local function finish(random, h, model, states, one)
  if one.ends == 9 then
    h:fail(one.number)
  elseif one.ends == 8 then
    h:info(one.number)
  else
    happen(model, states, one)
    h:ok(one.number, answer(random, model, one.f, one.seen))
  end
end

local function draw(random, model)
  local h = history.new { model = model }
  local keys = random:pick { { "x" }, { "x", "y" } }
  local states, running = {}, {}
  for _, key in ipairs(keys) do
    states[key] = naive.models[model].init()
  end
  local fresh = 0
  for _ = 1, random:integer(2, 7) do
    local one = { key = random:pick(keys), ends = random:choose(10) }
    one.f, one.value = DRAWN[model](random)
    fresh = fresh + 1
    one.number = h:invoke(fresh, one.f, one.key, one.value)
    running[#running + 1] = one
    for _, other in ipairs(running) do
      if random:one_in(3) then
        happen(model, states, other)
      end
    end
    while #running > 0 and random:choose(5) < 3 do
      finish(random, h, model, states,
        table.remove(running, random:integer(1, #running)))
    end
  end
  return h
end

describe("core/check against every order", function ()
  for _, name in ipairs(NAMES) do
    it("agrees on " .. name, function ()
      local seen = { linearizable = 0, ["not"] = 0 }
      helper.check(helper.full and 20000 or 2000, function (random)
        local h = draw(random, name)
        local expected = naive.check(h, naive.models[name])
        local divided = h:check { counterexample = false }
        local whole = h:check { counterexample = false, partition = false }
        assert.equal(expected, divided.verdict)
        assert.equal(expected, whole.verdict)
        seen[expected] = seen[expected] + 1
      end)
      -- Both answers are common, or nothing was compared.
      assert.is_true(seen.linearizable > 100)
      assert.is_true(seen["not"] > 100)
    end)

    it("agrees on " .. name .. " as a model in Lua", function ()
      local model = naive.as_user_model(name)
      helper.check(helper.full and 5000 or 500, function (random)
        local h = draw(random, name)
        assert.equal(naive.check(h, naive.models[name]),
          h:check({ model = model, counterexample = false }).verdict)
      end)
    end)
  end
end)
