-- SPDX-License-Identifier: MIT
--
-- What the end of a link means: with the refusal of the next one, that the
-- other's process is gone; without it, nothing.

local desk = require "spec.desk"

-- How long the others need for a new leader after these ends of their links
-- to it; the leader itself is cut off.
local function time_to_lead(...)
  local made = desk.new { members = 3 }
  local old = desk.leader(made, 3)
  for id = 1, 3 do
    made:cut(old, id, true)
  end
  for _, why in ipairs { ... } do
    for id = 1, 3 do
      if id ~= old then
        made:link_down(id, old, why)
      end
    end
  end
  for passed = 1, 1000 do
    made:run(1000)
    for id = 1, 3 do
      if id ~= old and made:status(id).role == "leader" then
        return passed
      end
    end
  end
  error "nobody leads"
end

local SOON, TIMEOUT = 150, 190 -- ms; heartbeats are less than 60 ms old

describe("replica: a link to the leader", function ()
  it("that ended, and was refused then, says that it is gone", function ()
    assert.is_true(time_to_lead("ended", "refused") < SOON)
  end)

  it("that only ended says nothing", function ()
    assert.is_true(time_to_lead("ended") > TIMEOUT)
  end)

  it("that fell silent says nothing, also when it is refused", function ()
    assert.is_true(time_to_lead("silent", "refused") > TIMEOUT)
    assert.is_true(time_to_lead("ended", "silent", "refused") > TIMEOUT)
  end)

  it("that ended is told of once, and refusals each time", function ()
    assert.is_true(time_to_lead("ended", "refused", "refused") < SOON)
  end)
end)
