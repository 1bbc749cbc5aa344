-- SPDX-License-Identifier: MIT
--
-- weather.lua - how chance was set when a schedule was recorded, so that its
-- actions can be done again in other weather of the same kind.
--
-- Holds:     which options of a world are only asked for when it draws: the
--            chances, and how long things take at most; the calmest value of
--            each.
-- Knows not: what a chance does.
-- Rule:      a schedule whose chance is drawn (redraw = true) takes its weather
--            with it; every other one has no need of any.

local core = require "raft.core"

local weather = {}

-- Besides what is known by its unit, and the calmest of each; what is made of
-- these by a chance of 0 does not matter.
local LONGEST = {
  delay_max_us = "delay_min_us", sync_max_us = "sync_min_us", write_us = 1,
  apply_us = 1, skew_us = 0, reorder_us = false, slow_sync_us = false,
  slow_apply_us = false, tail_us = false,
}

-- Chances of a workload, or of a fault that is an action.
local OTHERS = { reads = true, stale_reads = true, drift_ppm = true }

local DEFAULTS, names = {}, {}
for _, row in ipairs(core.sim_options()) do
  DEFAULTS[row.name] = row.value
  if LONGEST[row.name] ~= nil
     or row.unit:match("^per") and not OTHERS[row.name] then
    names[#names + 1] = row.name
  end
end

--- The options that are weather, in the order of core.sim_options().
weather.names = names

--- The weather of a world with these options: all of it, and numbers only.
function weather.of(options)
  local made = {}
  for _, name in ipairs(names) do
    made[name] = options[name] or DEFAULTS[name]
  end
  return made
end

--- The options to replay a schedule with.
function weather.options(schedule)
  local mixed = {}
  for name, value in pairs(schedule.options or {}) do
    mixed[name] = value
  end
  if schedule.redraw then
    for name, value in pairs(schedule.weather or {}) do
      mixed[name] = value
    end
    mixed.redraw = 1
    for longest, shortest in pairs { delay_max_us = "delay_min_us",
                                     sync_max_us = "sync_min_us" } do
      local least = mixed[shortest] or DEFAULTS[shortest]
      if (mixed[longest] or DEFAULTS[longest]) < least then
        mixed[longest] = least
      end
    end
  end
  return mixed
end

--- The calmest value of one; nil where it makes no weather by itself.
function weather.calmest(name, options)
  local least = LONGEST[name]
  if type(least) == "string" then
    return options[least] or DEFAULTS[least]
  end
  return least == nil and 0 or least or nil
end

return weather
