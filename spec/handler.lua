-- SPDX-License-Identifier: MIT
--
-- handler.lua - how scripts/test hears from busted.
--
-- Holds:  the plain output, then the slowest specs, then one line that
--           specs: 120 passed, 0 failed, 2 pending
--         counts them. A run without that line has crashed: the exit code of
--         busted is the number of failures, and 256 of them look like none.

local busted = require "busted"
local plain = require "busted.outputHandlers.plainTerminal"

local SLOW = 1 -- seconds; specs above are named
local SHOWN = 5

local function by_duration(a, b)
  return a.duration > b.duration
end

return function (options)
  local handler = plain(options)
  local slow = {}

  local function test_end(element)
    if element.duration and element.duration > SLOW then
      slow[#slow + 1] = { duration = element.duration,
        name = handler.getFullName(element) }
    end
    return nil, true
  end

  local function suite_end()
    table.sort(slow, by_duration)
    for i = 1, math.min(#slow, SHOWN) do
      print(("slow: %5.1f s  %s"):format(slow[i].duration, slow[i].name))
    end
    print(("specs: %d passed, %d failed, %d pending"):format(
      handler.successesCount, handler.failuresCount + handler.errorsCount,
      handler.pendingsCount))
    io.stdout:flush()
    return nil, true
  end

  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "suite", "end" }, suite_end)
  return handler
end
