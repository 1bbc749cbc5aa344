-- SPDX-License-Identifier: MIT
--
-- schedule_rows.lua - whether a row of a schedule can be done.
--
-- Holds:     what each action and each choice has to say, and of which members
--            and clients it may.
-- Knows not: what they do; times and commands (schedule.lua).
-- Rule:      what core/sim takes of a row that is recorded is taken here; what
--            it would not see, or see in another way, is refused.

local core = require "raft.core"
local quantity = require "raft.quantity"
local wording = require "raft.wording"

local schedule_rows = {}

local CLIENTS = 64 -- of one world

-- ---- arguments -------------------------------------------------------------

local function is_whole(value, least, most)
  return type(value) == "number" and value % 1 == 0 and value >= least
    and value <= most
end

local function is_set(value, least, most)
  if type(value) ~= "table" then
    return is_whole(value, least, most)
  end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  for at = 1, count do
    if not is_whole(value[at], least, most) then
      return false
    end
  end
  return true
end

-- Each: whether a value is one, with so many members; and the words for it,
-- with "%d" where that number stands.
local KINDS = {
  member = { function(value, members)
    return is_whole(value, 1, members)
  end, "a member, 1 to %d" },
  other = { function(value, members)
    return is_whole(value, 0, members)
  end, "a member, 1 to %d, or 0 for any" },
  client = { function(value)
    return is_whole(value, 1, CLIENTS)
  end, "a client, 1 to " .. CLIENTS },
  side = { function(value, members)
    return is_set(value, 0, members)
  end, "a member, 1 to %d, 0 for clients, or a list of them" },
  voters = { function(value, members)
    return is_set(value, 1, members)
  end, "a member, 1 to %d, or a list of them" },
  number = { function(value)
    return is_whole(value, 0, quantity.MAX)
  end, "a whole number from 0" },
  signed = { function(value)
    return is_whole(value, -quantity.MAX / 4, quantity.MAX / 4)
  end, "a whole number" },
  changes = { function(value)
    return type(value) == "table" and is_set(value, 0, 65535)
  end, "a list of whole numbers" },
  command = { function()
    return true -- encoded by who reads the row
  end, "a command" },
}

-- A word of a list.
local function word(text)
  local list, is_one = {}, {}
  for one in text:gmatch("%S+") do
    list[#list + 1], is_one[one] = one, true
  end
  return { function(value)
    return is_one[value] == true
  end, "one of " .. table.concat(list, ", "), list }
end

KINDS.keep = word "some nothing everything contents"
KINDS.rot = word "flip short gone"
KINDS.part = word "disk machine"
KINDS.lie = word "on off"
KINDS.call = word "write read stale lease follower bounded"

local function option_names()
  local names = {}
  for i, row in ipairs(core.sim_options()) do
    names[i] = row.name
  end
  return table.concat(names, " ")
end

KINDS.option = word(option_names())
KINDS.option[2] = "an option of the simulator"

-- ---- rows ------------------------------------------------------------------

-- { argument, …, name = field }; with "?" it may be missing.
local function shape(text)
  local made = { fields = {} }
  for part in text:gmatch "%S+" do
    local name, mark, kind = part:match "^([%w_]-)=?(%??)(%w+)$"
    local one = { kind = KINDS[kind], may_miss = mark == "?", name = name }
    if name == "" then
      made[#made + 1] = one
    else
      made.fields[#made.fields + 1], made.fields[name] = one, one
    end
  end
  return made
end

local function shapes(texts)
  local names = {}
  for name, text in pairs(texts) do
    texts[name] = shape(text)
    names[#names + 1] = name
  end
  table.sort(names)
  return texts, names
end

local ACTIONS, ACTION_NAMES = shapes {
  start = "member", kill = "member", pause = "member", resume = "member",
  wipe = "member", snapshot = "member", crash = "member ?keep",
  cut = "side side", mend = "side side", partition = "side side",
  join = "side side", reset = "side side", slow_link = "side side ?number",
  heal = "", settle = "", rot = "member rot file=?number place=?number",
  fail = "member part ?number", fail_memory = "member number ?number",
  slow = "member ?number", fill = "member ?number", jump = "member signed",
  drift = "member signed", set_members = "member voters ?voters",
  transfer = "member ?other", lie = "member ?lie",
  invoke = "client call ?command deadline=?number max_age=?number",
  set = "option number",
}

local CHOICES, CHOICE_NAMES = shapes {
  drop = "", delay = "by=number", late = "by=number", twice = "by=number",
  flip = "value=number", failure = "", keep = "changes=changes",
  skew = "by=number", sessionless = "", home = "value=number", pinned = "",
  inspect = "",
}

local function matters(list, about, text)
  for name in text:gmatch("%S+") do
    list[#list + 1], list[name] = name, about
  end
end

local MATTERS = {}
matters(MATTERS, shape "from=other to=other", [[pre_vote pre_vote_result vote
  vote_result append append_result message dial greeting down redial]])
matters(MATTERS, shape "client=client member=?other", [[connect connected
  request reply hang_up disconnected client]])
matters(MATTERS, shape "member=other", [[sync write change apply claim process
  run]])

-- Of every action, and what a schedule has for itself.
local TIMED = shape("at=number after=?number").fields
local COUNTED = shape("nth=number").fields
local OWN = { op = true, bytes = true }

-- ---- checks ----------------------------------------------------------------

local function nearest(value, names)
  local near = type(value) == "string" and wording.nearest(value, names)
  return near and (', did you mean "%s"?'):format(near) or ""
end

local function refuse(what, one, value, members)
  local _, message = wording.expected(one.kind[2]:format(members), value)
  return nil, what .. ": " .. message .. nearest(value, one.kind[3] or {})
end

local function check_arguments(row, name, expected, members)
  for i, one in ipairs(expected) do
    local value = row[i + 1]
    if not (value == nil and one.may_miss)
       and not one.kind[1](value, members) then
      return refuse(name, one, value, members)
    end
  end
  return true
end

local function check_fields(row, name, list, members)
  for _, one in ipairs(list) do
    local value = row[one.name]
    if not (value == nil and one.may_miss)
       and not one.kind[1](value, members) then
      return refuse(name .. ": " .. one.name, one, value, members)
    end
  end
  return true
end

-- Nothing but what the lists of fields have, and so many arguments.
local function check_keys(row, name, count, lists)
  for key, value in pairs(row) do
    local is_known = OWN[key] or type(key) == "number" and key <= count
    for _, list in ipairs(lists) do
      is_known = is_known or list[key]
    end
    if not is_known and type(key) == "number" then
      return nil, ("%s: expected %d arguments, got one more: %s"):format(name,
        count - 1, wording.describe(value))
    elseif not is_known then
      local names = {}
      for _, list in ipairs(lists) do
        for _, one in ipairs(list) do
          names[#names + 1] = one.name
        end
      end
      return nil, ("%s: unknown field %s%s"):format(name,
        wording.describe(key), nearest(key, names))
    end
  end
  return true
end

local function check_lists(row, name, count, lists, members)
  local ok, message = check_keys(row, name, count, lists)
  for _, list in ipairs(lists) do
    if not ok then
      break
    end
    ok, message = check_fields(row, name, list, members)
  end
  return ok, message
end

local function check_action(row, members)
  local name, expected = row[1], ACTIONS[row[1]]
  local ok, message = check_arguments(row, name, expected, members)
  if not ok then
    return nil, message
  end
  return check_lists(row, name, #expected + 1, { TIMED, expected.fields },
    members)
end

local function check_choice(row, members)
  local name, about = row[1], MATTERS[row[2]]
  if not about then
    return nil, ("%s: %s%s"):format(name, select(2, wording.expected(
      "one of " .. table.concat(MATTERS, ", "), row[2])),
      nearest(row[2], MATTERS))
  end
  return check_lists(row, name .. " " .. row[2], 2,
    { COUNTED, about.fields, CHOICES[name].fields }, members)
end

--- Whether rows stand one after the other, from 1: what stands behind a hole
-- is not seen.
-- @return true; or nil, what was expected and came, and which row it is, if any
function schedule_rows.check_list(rows)
  local count = #rows
  for key in pairs(rows) do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 then
      return nil, "expected a list of rows, got " .. wording.describe(key)
        .. " as a place in it"
    end
    count = math.max(count, key)
  end
  for at = 1, count do
    if rows[at] == nil then
      return nil, "expected a row, got nothing", at
    end
  end
  return true
end

--- Whether a row, with its times as numbers, can be done.
-- @param members how many there are, with spares
-- @return true; or nil and what was expected and came
function schedule_rows.check(row, members)
  local name = row[1]
  if ACTIONS[name] then
    return check_action(row, members)
  elseif CHOICES[name] then
    return check_choice(row, members)
  end
  local near = nearest(name, ACTION_NAMES)
  local _, message = wording.expected("an action or a choice, such as"
    .. ' "crash" or "drop"', name)
  return nil, message
    .. (near == "" and nearest(name, CHOICE_NAMES) or near)
end

return schedule_rows
