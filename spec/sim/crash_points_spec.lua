-- SPDX-License-Identifier: MIT
--
-- Faults are enumerated before they are drawn: power is lost after each
-- change of a disk. The story is in spec/crash_points.lua.

local crash_points = require "spec.crash_points"
local helper = require "spec.helper"

local KEEPS = { "nothing", "everything", "some" }

local function each_point(who_of, stride)
  local points, count = crash_points.list(), 0
  for at = 1, #points, stride do
    for _, keeps in ipairs(KEEPS) do
      crash_points.lose(points[at], who_of(points[at]), keeps)
      count = count + 1
    end
  end
  print(("crash points: %d, runs: %d"):format(#points, count))
  assert.is_true(#points > 100)
end

describe("sim: power is lost after each change of a disk", function ()
  it("at that member", function ()
    each_point(function (point)
      return { point.id }
    end, 1)
  end)

  it("at all members", function ()
    each_point(function ()
      return { 1, 2, 3 }
    end, 1)
  end)

  it("and again after each change of the recovery", function ()
    local points, count = crash_points.list(), 0
    for at = 1, #points, helper.full and 1 or 10 do
      local nth = 1
      while crash_points.lose_twice(points[at], nth) do
        nth = nth + 1
      end
      count = count + nth
    end
    print(("second crashes: %d runs"):format(count))
    assert.is_true(count > 2 * #points / 10)
  end)
end)
