-- SPDX-License-Identifier: MIT
--
-- Each choice of a world is for itself: one outcome less leaves the others as
-- they were, until the members themselves do something else.

local sim = require "raft.sim"

local OPTIONS = { seed = 5, clients = 2, duration_us = 2000 * 1000,
                  loss = 30, reorder = 20, duplicate = 60, corrupt = 5,
                  crash = 1, fault_us = 400 * 1000, record = 1 }

local function record(more)
  local result = sim.run(sim.mix(OPTIONS, more))
  assert(result.ok, result.violation and result.violation.text)
  return result.schedule
end

-- What a choice is about and what came of it, in one word each.
local function by_matter(schedule, kind)
  local found = {}
  for _, row in ipairs(schedule.schedule) do
    if row[1] == kind then
      local key = table.concat({ row[2], row.from or row.client or "",
        row.to or row.member or "", row.nth }, " ")
      assert.is_nil(found[key])
      found[key] = row.by or true
    end
  end
  return found
end

describe("sim: choices", function ()
  it("of one kind do not depend on the others", function ()
    local all = by_matter(record {}, "delay")
    local without = by_matter(record { loss = 0, reorder = 0, duplicate = 0,
      corrupt = 0, fault_us = 0 }, "delay")
    local same, other = 0, 0
    for key, by in pairs(without) do
      if all[key] then
        same = same + (all[key] == by and 1 or 0)
        other = other + (all[key] ~= by and 1 or 0)
      end
    end
    print(("the same delay: %d, another: %d"):format(same, other))
    assert.equal(0, other)
    assert.is_true(same > 300)
  end)

  it("of one member do not depend on how many members there are", function ()
    local three = by_matter(record { members = 3 }, "delay")
    local five = by_matter(record { members = 5 }, "delay")
    for key, by in pairs(three) do
      if five[key] then
        assert.equal(by, five[key])
      end
    end
  end)

  it("depend on the seed", function ()
    local one, two = by_matter(record {}, "delay"),
      by_matter(record { seed = 6 }, "delay")
    local same, count = 0, 0
    for key, by in pairs(one) do
      if two[key] then
        count = count + 1
        same = same + (two[key] == by and 1 or 0)
      end
    end
    assert.is_true(count > 300 and same < count / 50)
  end)

  it("are listed with what they are about", function ()
    local kinds = {}
    for seed = 1, 10 do
      for _, row in ipairs(record { seed = seed }.schedule) do
        kinds[row[1] .. (row.at and "" or " " .. row[2])] = row
      end
    end
    for _, name in ipairs { "delay append", "delay vote_result",
      "delay sync", "delay apply", "delay reply", "drop append",
      "late append_result", "twice append", "crash", "start", "invoke" } do
      assert.is_table(kinds[name], name)
    end
    assert.equal("number", type(kinds["drop append"].nth))
    assert.equal("number", type(kinds["drop append"].from))
    assert.equal("number", type(kinds["delay sync"].member))
    assert.equal("number", type(kinds["delay reply"].client))
    assert.equal("table", type(kinds.invoke[4]))
  end)
end)
