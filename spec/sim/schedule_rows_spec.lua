-- SPDX-License-Identifier: MIT
--
-- What a schedule may say is told twice, in C and in Lua: both know the same
-- words.

local schedule_rows = require("raft.schedule_rows")

local function source(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- Why a row of this word is refused; nil when it is not, or for what it lacks.
local function unknown(row)
  local ok, message = schedule_rows.check(row, 3)
  return not ok and (message:match("^expected an action or a choice.*")
    or message:match("^%a+: expected one of pre_vote.*")) or nil
end

describe("schedule: a row", function ()
  it("may be of every action that the simulator has", function ()
    local count = 0
    for word in source("bindings/sim_schedule.c"):gmatch(
      '%[SIM_ACTION_[%u_]+%] = { "([%l_]+)"') do
      count = count + 1
      assert.is_nil(unknown { at = 0, word })
    end
    assert.equal(27, count)
    assert.is_not_nil(unknown { at = 0, "stumble" })
  end)

  it("may be of every choice, about every matter", function ()
    local text = source("core/sim/choice.h")
    local choices, matters = 0, 0
    for word in text:gmatch('X%([%u_]+, "([%l_]+)", "') do
      choices = choices + 1
      assert.is_nil(unknown { word, "append" })
    end
    for word in text:gmatch('X%([%u_]+, "([%l_]+)", %u') do
      matters = matters + 1
      assert.is_nil(unknown { "drop", word })
    end
    assert.same({ 12, 25 }, { choices, matters })
    assert.is_not_nil(unknown { "drop", "letter" })
  end)
end)
