-- SPDX-License-Identifier: MIT
local helper = require "spec.helper"

describe("helper.random", function ()
  it("gives the same numbers on every Lua", function ()
    local random = helper.random(42)
    local seen = {}
    for i = 1, 6 do
      seen[i] = random:integer(1, 1000)
    end
    assert.same({ 498, 115, 5, 219, 716, 758 }, seen)
  end)

  it("stays inside its range, also beyond 2^31", function ()
    local random = helper.random(7)
    local lowest, highest = math.huge, 0
    for _ = 1, 1000 do
      local number = random:integer(5, 2 ^ 53 - 1)
      assert.is_true(number % 1 == 0)
      lowest = math.min(lowest, number)
      highest = math.max(highest, number)
    end
    assert.is_true(lowest >= 5)
    assert.is_true(highest > 2 ^ 52 and highest < 2 ^ 53)
    for _ = 1, 1000 do
      assert.is_true(random:integer(0, 2 ^ 40) <= 2 ^ 40)
    end
  end)

  it("reaches every value of a small range", function ()
    local random, seen, count = helper.random(3), {}, 0
    for _ = 1, 500 do
      local byte = random:integer(0, 9)
      count = count + (seen[byte] and 0 or 1)
      seen[byte] = true
    end
    assert.equal(10, count)
  end)
end)

describe("helper.check", function ()
  it("is silent when the property holds", function ()
    helper.check(50, function (random)
      assert.is_true(random:integer(1, 3) <= 3)
    end)
  end)

  it("names the seed and the smallest failing choices", function ()
    local ok, said = pcall(helper.check, 1000, function (random)
      local sum = 0
      for _, number in ipairs(random:indexes(0, 20)) do
        sum = sum + number
      end
      assert(sum < 17, "the sum is " .. sum)
    end)
    assert.is_false(ok)
    assert.matches("seed=%d+", said)
    -- One number (choice 1), from the middle range (choice 1): 17.
    assert.matches("smallest choices {1, 1, 17}", said)
    assert.matches("the sum is 17", said)
  end)
end)
