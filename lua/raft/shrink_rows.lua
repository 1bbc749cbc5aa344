-- SPDX-License-Identifier: MIT
--
-- shrink_rows.lua - which rows of a schedule are meant, as functions of a row.
--
-- Holds:  actions and choices, and what they are classed by.

local shrink_rows = {}

--- What chance did.
function shrink_rows.is_choice(row)
  return row.at == nil
end

--- What was done at some time.
function shrink_rows.is_action(row)
  return row.at ~= nil
end

--- What kind of choice; false: none.
function shrink_rows.kind_of(row)
  return shrink_rows.is_choice(row) and row[1]
end

--- And what it was about.
function shrink_rows.kind_and_matter(row)
  return shrink_rows.is_choice(row) and row[1] .. " " .. tostring(row[2])
end

--- Which action; false: none.
function shrink_rows.action_of(row)
  return shrink_rows.is_action(row) and row[1]
end

--- Whose request; false: none.
function shrink_rows.client_of(row)
  return row[1] == "invoke" and row[2]
end

--- How many rows are meant.
function shrink_rows.count_of(schedule, is_meant)
  local count = 0
  for _, row in ipairs(schedule.schedule) do
    count = count + (is_meant(row) and 1 or 0)
  end
  return count
end

--- Rows first to last of what a filter names.
function shrink_rows.nth_of(is_meant, first, last)
  local total = 0
  return function (row)
    if not is_meant(row) then
      return false
    end
    total = total + 1
    return total >= first and total <= last
  end
end

return shrink_rows
