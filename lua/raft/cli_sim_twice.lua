-- SPDX-License-Identifier: MIT
--
-- cli_sim_twice.lua - one seed run twice, and compared to the last byte.
--
-- Holds:  what is compared: hash, counters and verdict; every record of the
--         world; the history.
-- Rule:   the first difference is told.

local json = require "raft.json"

local twice = {}

-- A result as lines; tables of the caller's code have no order of their own.
local SKIPPED = { history = true, traceback = true, detail = true,
                  check = true, nemeses = true }

local function lines_of(subject, seed)
  local lines = {}
  local result = subject.run(seed, function(handle)
    local first, last = handle:trace_span()
    for at = first, last do
      local text, time, member, term = handle:trace(at)
      lines[#lines + 1] = ("%.0f us, member %d, term %d: %s"):format(time,
        member, term, text)
    end
  end)
  for _, event in ipairs(result.history and result.history:events() or {}) do
    lines[#lines + 1] = "history: " .. json.encode(event)
  end
  local names = {}
  for name in pairs(result) do
    names[#names + 1] = not SKIPPED[name] and name or nil
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local ok, text = pcall(json.encode, result[name])
    lines[#lines + 1] = name .. ": " .. (ok and text
      or tostring(result[name]))
  end
  return lines, result
end

--- Runs a seed twice.
-- @return the result of the first run; and what differs, or nil
function twice.run(subject, seed)
  local one, result = lines_of(subject, seed)
  local two = lines_of(subject, seed)
  for i = 1, math.max(#one, #two) do
    if one[i] ~= two[i] then
      return result, ("two runs differ, first in line %d: %s; then: %s")
        :format(i, one[i] or "nothing", two[i] or "nothing")
    end
  end
  return result
end

return twice
