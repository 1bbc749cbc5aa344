-- SPDX-License-Identifier: MIT

local dice = require("raft.dice")

describe("raft.dice", function()
  it("gives every number of 1 to its bound, and no other", function()
    local own, seen = dice.new(7), {}
    for _ = 1, 2000 do
      local number = own:number(6)
      assert.is_true(number >= 1 and number <= 6 and number % 1 == 0)
      seen[number] = true
    end
    for number = 1, 6 do assert.is_true(seen[number]) end
  end)

  it("gives the same numbers for a seed, and others for its neighbour",
    function()
      local function first(seed)
        local own, numbers = dice.new(seed), {}
        for i = 1, 20 do numbers[i] = own:number(1000000) end
        return table.concat(numbers, " ")
      end
      assert.equal(first(11), first(11))
      assert.not_equal(first(11), first(12))
    end)

  it("refuses a bound that it cannot draw below, and does not wait", function()
    for _, bound in ipairs { 0, -1, 2 ^ 31, 0 / 0 } do
      local ok, message = pcall(function() dice.new(1):number(bound) end)
      assert.is_false(ok)
      assert.truthy(message:find("expected a bound of 1 to 2147482648", 1,
        true), message)
    end
    assert.is_true(dice.new(1):number(dice.MAX) <= dice.MAX)
  end)
end)
