-- SPDX-License-Identifier: MIT
--
-- shrink_cut.lua - smaller candidates of a schedule, one reduction each.
--
-- Holds:     rows taken away, members and clients renumbered, times moved
--            together, numbers made small.
-- Invariant: a candidate is a new table; the schedule it is made of stays.
-- Rule:      each list of reductions is made from the best schedule as it was
--            and each reduction looks at the best as it is: one that does not
--            apply any more gives nil.

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local shrink_cut = {}

-- ---- copies ---------------------------------------------------------------

local function copy_of(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = copy_of(item)
  end
  return copy
end

--- Another table of the same fields.
function shrink_cut.shallow(given)
  local copy = {}
  for key, value in pairs(given) do
    copy[key] = value
  end
  return copy
end

--- Another schedule, with options of its own; rows are never changed in
-- place, and lists of rows neither.
function shrink_cut.copy(schedule)
  local copy = shrink_cut.shallow(schedule)
  copy.options = copy_of(schedule.options)
  return copy
end

-- A copy whose rows are what 'change' makes of them; nil drops a row.
local function map_rows(schedule, change)
  local copy, rows, count = shrink_cut.copy(schedule), {}, 0
  for at, row in ipairs(schedule.schedule) do
    local made = change(row, at)
    if made then
      count = count + 1
      rows[count] = made
    end
  end
  copy.schedule = rows
  return copy
end

--- A copy without the rows that 'is_dropped' names.
function shrink_cut.without(schedule, is_dropped)
  return map_rows(schedule, function (row, at)
    return not is_dropped(row, at) and row or nil
  end)
end

--- What was done from a time on, for some time, moved to the beginning; choices
-- stay as they are.
function shrink_cut.window(schedule, from, length)
  local copy = map_rows(schedule, function (row)
    if not row.at then
      return row
    elseif row.at < from or row.at > from + length then
      return nil
    end
    local moved = shrink_cut.shallow(row)
    moved.at, moved.after = row.at - from, nil
    return moved
  end)
  copy.options.duration_us = length
  return copy
end

-- ---- members --------------------------------------------------------------

local PAIRS = { cut = true, mend = true, partition = true, join = true,
                reset = true, slow_link = true }
local NOBODY = { invoke = true, set = true, heal = true, settle = true }

local function without_member(id, gone)
  if id == gone then
    return nil
  end
  return id > gone and id - 1 or id
end

local function side_without(side, gone)
  if type(side) == "number" then
    side = { side }
  end
  local rest = {}
  for _, id in ipairs(side) do
    rest[#rest + 1] = without_member(id, gone)
  end
  return #rest > 0 and rest or nil
end

local function action_without(row, gone)
  local copy = copy_of(row)
  if PAIRS[row[1]] then
    copy[2], copy[3] = side_without(row[2], gone), side_without(row[3], gone)
    return copy[2] and copy[3] and copy or nil
  elseif NOBODY[row[1]] then
    return copy
  end
  copy[2] = without_member(row[2], gone)
  if row[1] == "transfer" and row[3] then
    copy[3] = without_member(row[3], gone)
    return copy[2] and copy[3] and copy or nil
  elseif row[1] == "set_members" then
    copy[3] = side_without(row[3], gone)
    copy[4] = row[4] and side_without(row[4], gone)
    return copy[2] and copy[3] and copy or nil
  end
  return copy[2] and copy or nil
end

local function choice_without(row, gone)
  local copy = copy_of(row)
  for _, name in ipairs { "from", "to", "member" } do
    if row[name] then
      copy[name] = without_member(row[name], gone)
      if not copy[name] then
        return nil
      end
    end
  end
  return copy
end

local function drop_member(schedule, gone)
  local copy = map_rows(schedule, function (row)
    if row.at then
      return action_without(row, gone)
    end
    return choice_without(row, gone)
  end)
  copy.nodes = schedule.nodes - 1
  return copy
end

--- Two members at a time, so that what is a majority of the rest stays one;
-- then one.
function shrink_cut.fewer_members(schedule)
  local list = {}
  for a = schedule.nodes, 2, -1 do
    for b = a - 1, 1, -1 do
      list[#list + 1] = function (best)
        return best.nodes >= a and best.nodes > 2
          and drop_member(drop_member(best, a), b) or nil
      end
    end
  end
  for a = schedule.nodes, 1, -1 do
    list[#list + 1] = function (best)
      return best.nodes >= a and best.nodes > 1
        and drop_member(best, a) or nil
    end
  end
  return list
end

-- ---- clients --------------------------------------------------------------

--- How many clients a schedule knows.
function shrink_cut.clients(schedule)
  local most = schedule.options.clients or 0
  for _, row in ipairs(schedule.schedule) do
    local number = row[1] == "invoke" and row[2] or row.client or 0
    most = math.max(most, number)
  end
  return most
end

-- What one client does, another one does; or nobody.
local function give_client(schedule, from, to)
  return map_rows(schedule, function (row)
    if row.client == from then
      return nil
    elseif row[1] == "invoke" and row[2] == from then
      local copy = copy_of(row)
      copy[2] = to
      return to and copy or nil
    end
    return row
  end)
end

--- Clients that come with the run go, then each one's work is done by the
-- first.
function shrink_cut.fewer_clients(schedule)
  local list = {}
  for number = shrink_cut.clients(schedule), 2, -1 do
    list[#list + 1] = function (best)
      return give_client(best, number, nil)
    end
    list[#list + 1] = function (best)
      return give_client(best, number, 1)
    end
  end
  table.insert(list, 1, function (best)
    local copy = shrink_cut.copy(best)
    copy.options.clients = 0
    return (best.options.clients or 0) > 0 and copy or nil
  end)
  return list
end

-- ---- options --------------------------------------------------------------

local KEPT = { duration_us = true, settle_us = true, clients = true }

local function sorted_names(options)
  local names = {}
  for name in pairs(options) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Each option as it is by itself, each limit, and seed 1.
function shrink_cut.plainer_options(schedule)
  local list = { function (best)
    local copy = shrink_cut.copy(best)
    copy.seed = 1
    return best.seed ~= 1 and copy or nil
  end }
  for _, name in ipairs(sorted_names(schedule.options)) do
    list[#list + 1] = not KEPT[name] and function (best)
      local copy = shrink_cut.copy(best)
      copy.options[name] = nil
      return best.options[name] ~= nil and copy or nil
    end or nil
  end
  for _, name in ipairs(sorted_names(schedule.options.limits or {})) do
    list[#list + 1] = function (best)
      local copy = shrink_cut.copy(best)
      if copy.options.limits then
        copy.options.limits[name] = nil
        return copy
      end
    end
  end
  return list
end

local HALVINGS = 5
local SOONER = { { "snapshot_bytes", 128 }, { "segment_bytes", 2048 } }

--- Snapshots sooner, and segments sooner full, so that fewer commands are
-- enough for one.
function shrink_cut.sooner_snapshots()
  local list = {}
  for i = 1, HALVINGS * #SOONER do
    local name, least = unpack(SOONER[i % #SOONER + 1])
    list[i] = function (best)
      local bytes = (best.options.limits or {})[name]
      if not bytes or bytes < 2 * least then
        return nil
      end
      local copy = shrink_cut.copy(best)
      copy.options.limits[name] = math.floor(bytes / 2)
      return copy
    end
  end
  return list
end

-- ---- times ----------------------------------------------------------------

-- Everything from the row on, moved so that the row comes at 'time'.
local function move(schedule, at, time)
  local from = schedule.schedule[at].at
  if time >= from then
    return nil
  end
  local copy = map_rows(schedule, function (row, number)
    if not row.at or number < at then
      return row
    end
    local moved = copy_of(row)
    moved.at, moved.after = row.at - (from - time), nil
    return moved
  end)
  copy.options.duration_us = schedule.options.duration_us - (from - time)
  return copy
end

local function floor_to(time, unit)
  return time - time % unit
end

--- Each action sooner: with the one before it, after half of the pause, at a
-- round time.
function shrink_cut.shorter_times(schedule)
  local list = {}
  for at, row in ipairs(schedule.schedule) do
    if row.at then
      for _, time_of in ipairs {
        function (before) return before end,
        function (before, now) return before + floor_to((now - before) / 4,
          1000) end,
        function (before, now) return before + floor_to((now - before) / 2,
          1000) end,
        function (before, now) return before + floor_to((now - before) / 4 * 3,
          1000) end,
        function (before, now) return math.max(before,
          floor_to(now, 10000)) end,
        function (before, now) return math.max(before,
          floor_to(now, 1000)) end,
      } do
        list[#list + 1] = function (best)
          local own, before = best.schedule[at], best.schedule[at - 1]
          if not own or not own.at then
            return nil
          end
          return move(best, at, math.floor(time_of(before and before.at or 0,
            own.at)))
        end
      end
    end
  end
  return list
end

-- ---- values ---------------------------------------------------------------

local function set_row(schedule, at, change)
  local row = schedule.schedule[at]
  local copy = row and copy_of(row)
  if not copy or not change(copy) then
    return nil
  end
  return map_rows(schedule, function (old, number)
    return number == at and copy or old
  end)
end

local function halve(row)
  if row.by and row.by > 1 then
    row.by = row.by > 2000 and floor_to(math.floor(row.by / 2), 1000)
      or math.floor(row.by / 2)
    return true
  end
end

local function round(row)
  if row.by and row.by % 1000 ~= 0 and row.by > 1000 then
    row.by = floor_to(row.by, 1000) + 1000
    return true
  end
end

-- { "set", "k3", 17, "xxxx" } without its padding; what is judged stays.
local function unpad(row)
  if row[1] == "invoke" and not row.op and type(row[4]) == "table"
     and #row[4] > 3 then
    row[4] = { row[4][1], row[4][2], row[4][3] }
    return true
  end
end

--- Smaller delays, commands without padding.
function shrink_cut.smaller_values(schedule)
  local list = {}
  for at = 1, #schedule.schedule do
    for _, change in ipairs { unpad, halve, halve, halve, round } do
      list[#list + 1] = function (best)
        return set_row(best, at, change)
      end
    end
  end
  return list
end

return shrink_cut
