-- SPDX-License-Identifier: MIT
--
-- schedule.lua - a run as a list: what was done to a world, and what chance
-- did in it; as a table, and as Lua source.
--
-- Holds:  the shape below, times and commands read and written, and the text
--         of a scenario file.
-- Rule:   the text of a schedule is decided by the schedule; read back, it
--         gives the same run. What is not listed is calm: nothing is lost,
--         everything takes the least time and comes once and in order, and a
--         power loss keeps nothing that was not synced.
--
-- A schedule, as world:schedule() and shrink.run give it and raft.scenario
-- takes it:
--
--   {
--     nodes = 3,                  -- members; all start at once when the run
--                                 -- begins, unless starts = false
--     seed = 7,                   -- of the random bits that members ask for,
--                                 -- and of nothing else
--     options = {                 -- of sim.options(); no chances, no faults.
--       duration_us = 2500000,    -- then faults end, and the world settles
--       settle_us = 0,            -- unless this is 0
--       clients = 2,              -- that are there from the beginning
--       limits = { append_entries = 3 },
--     },
--     schedule = {                -- actions first, in the order of time
--       { at = "1.25s", "crash", 2 },
--       { at = "1.25s", after = 2, "start", 2 }, -- after the second event of
--                                                -- that microsecond
--       { at = "1500ms", "partition", { 1 }, { 2, 3 } },
--       { at = "1600ms", "invoke", 1, "write", { "set", "k1", 4 } },
--       { "drop", "append", from = 1, to = 2, nth = 17 },
--       { "delay", "vote", from = 1, to = 3, nth = 1, by = 31000 },
--       { "delay", "sync", member = 2, nth = 14, by = 40000 },
--       { "drop", "reply", client = 1, member = 2, nth = 3 },
--       { "keep", "change", member = 2, nth = 1, changes = { 1, 2, 5 } },
--     },
--   }
--
-- Actions (members by id; 0 is all clients):
--   start M, kill M, pause M, resume M, wipe M
--   crash M [, "nothing" | "everything" | "contents"]  else what the rows
--                                         "keep" say; contents: no names
--   cut FROM, TO and mend FROM, TO        one way; lists or single ids
--   partition A, B and join A, B          both ways
--   heal                                  takes all cuts back
--   reset FROM, TO                        the connection ends; 0: clients'
--   slow_link FROM, TO, US                each message takes longer; 0: not
--   rot M, "flip" | "short" | "gone", file = 1, place = 77
--   fail M, "disk" | "machine", N         the Nth request from now on; 0: none
--   fail_memory M, N [, COUNT]            likewise, an allocation
--   slow M, US                            each sync takes so much longer
--   fill M, BYTES                         left on the disk; no BYTES: mended
--   jump M, US                            the wall clock; may be below 0
--   set_members M, VOTERS [, LEARNERS]    an operator asks M for them
--   transfer M [, TO]                     likewise, for another leader
--   snapshot M                            likewise, for a snapshot now
--   drift M, PPM                          the monotonic clock, too fast; may
--                                         be below 0; 0: right again
--   lie M, "on" | "off"                   illegal: syncs do nothing
--   invoke CLIENT, "write" | "read" | "stale" | "lease" | "follower"
--     | "bounded", COMMAND [, deadline = US, max_age = US]  bounded: stale,
--                                         and no older
--   set OPTION, VALUE
--   settle                                faults end, and all converges
--
-- Choices: a kind, a matter, whom it is about and the how manieth. Kinds and
-- matters are those of core/sim/choice.h.

local core = require "raft.core"
local quantity = require "raft.quantity"
local schedule_rows = require "raft.schedule_rows"
local weather = require "raft.weather"
local wording = require "raft.wording"

local schedule = {}

-- ---- times -----------------------------------------------------------------

--- 1250000 -> "1250ms": exact.
function schedule.time_text(us)
  if us == 0 then
    return "0s"
  elseif us % 1000000 == 0 then
    return ("%.0fs"):format(us / 1000000)
  elseif us % 1000 == 0 then
    return ("%.0fms"):format(us / 1000)
  end
  return ("%.0fus"):format(us)
end

-- ---- reading ---------------------------------------------------------------

local function refuse(at, message)
  return nil, (at and ("schedule[%d]: "):format(at) or "schedule: ") .. message
end

local function read_row(row, members)
  if type(row) ~= "table" then
    return nil, 'expected a row such as { at = "1s", "crash", 1 }, got '
      .. wording.describe(row)
  end
  local copy = row
  if type(row.at) == "string" or row[1] == "invoke" then
    copy = {} -- of what is written in another way
    for key, value in pairs(row) do
      copy[key] = value
    end
    copy.op = nil -- for whoever judges: sim_history.lua
  end
  if type(row.at) == "string" then
    local us, message = quantity.duration(row.at)
    if not us then
      return nil, "at: " .. message
    end
    copy.at = us
  end
  local ok, message = schedule_rows.check(copy, members)
  if ok and row[1] == "invoke" and row.bytes == nil then
    ok, message = core.encode(row[4])
    copy.bytes = message
    message = not ok and "command: " .. tostring(message) or nil
  end
  return ok and copy, message
end

--- Rows as people write them to rows as core/sim reads them: times are whole
-- microseconds, commands are bytes.
-- @param members how many the run has, with spares
-- @return the rows, or nil and a message
function schedule.read(rows, members)
  local read = {}
  local ok, message, hole = schedule_rows.check_list(rows)
  if not ok then
    return refuse(hole, message)
  end
  for at, row in ipairs(rows) do
    local copy
    copy, message = read_row(row, members)
    if not copy then
      return refuse(at, message)
    end
    read[at] = copy
  end
  return read
end

--- The other way: commands as values, where they are canonical.
function schedule.show(rows)
  for _, row in ipairs(rows) do
    if row.bytes then
      local ok, value = core.decode(row.bytes)
      local again, bytes = core.encode(ok and value)
      if ok and again and bytes == row.bytes then
        row[4], row.bytes = value, nil
      end
    end
  end
  return rows
end

-- ---- recorded -------------------------------------------------------------

-- Options that a replay does not ask for: weather, faults, the workload.
local UNASKED = {}
for name in ([[seed members record redraw starts keep_traces bug schedule
  fault_us fault_length_us losses_max operation_us burst keys padding_bytes
  reads stale_reads drift_ppm slow_link_us]]):gmatch("%S+") do
  UNASKED[name] = true
end
for _, name in ipairs(weather.names) do
  UNASKED[name] = true
end
for _, row in ipairs(core.sim_options()) do
  UNASKED[row.name] = UNASKED[row.name] or row.unit == "weight" or nil
end

-- A world that was told to start each member, before all else, and not to
-- begin: that is what a run begins with.
local function take_starts(rows, nodes)
  for id = 1, nodes do
    local row = rows[id]
    if not row or row.at ~= 0 or row[1] ~= "start" or row[2] ~= id then
      return false
    end
  end
  for _ = 1, nodes do
    table.remove(rows, 1)
  end
  return true
end

-- When faults end: where the last thing done was to settle, there; else the
-- run ends with what was seen last.
local function set_end(options, rows, result, start)
  local last, has_settled
  for _, row in ipairs(rows) do
    last = row.at and row or last
    has_settled = has_settled or row[1] == "settle"
  end
  if last and last[1] == "settle" then
    options.duration_us = last.at
    for at = #rows, 1, -1 do
      if rows[at] == last then
        table.remove(rows, at)
      end
    end
  else
    options.duration_us = result.now - start
    options.settle_us = not has_settled and 0 or options.settle_us
  end
end

--- The schedule of a world of raft.core that was made with 'read'.
function schedule.of(world, read)
  local rows, has_begun = world:recorded()
  local nodes, options = read.members or 3, {}
  for name, value in pairs(read) do
    if not UNASKED[name] then
      options[name] = value
    end
  end
  local starts = read.starts ~= 0
  if not has_begun then
    starts = take_starts(rows, nodes)
  end
  options.clients = has_begun and read.operation_us ~= 0
    and (read.clients or 3) or 0
  set_end(options, rows, world:result(), read.start_us or 1000000)
  return { nodes = nodes, seed = read.seed or 1, options = options,
           starts = starts, schedule = schedule.show(rows),
           weather = weather.of(read) }
end

-- ---- writing ---------------------------------------------------------------

local is_word = {}
for word in ([[and break do else elseif end false for function goto if in
  local nil not or repeat return then true until while]]):gmatch("%a+") do
  is_word[word] = true
end

local function text_of_key(key)
  if type(key) == "string" and key:match("^[%a_][%w_]*$")
     and not is_word[key] then
    return key
  end
  return ("[%s]"):format(type(key) == "string" and ("%q"):format(key)
    or ("%.17g"):format(key))
end

-- Zero bytes and line ends as numbers, which every Lua reads alike.
local function text_of_string(value)
  return '"' .. value:gsub('[%c"\\\128-\255]', function (byte)
    return ("\\%03d"):format(byte:byte())
  end) .. '"'
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key > #value
       or key % 1 ~= 0 then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function (a, b)
    if type(a) ~= type(b) then
      return type(a) == "number"
    end
    return a < b
  end)
  return keys
end

local text_of

-- Fields that stand first in a row stay there; then the list, then the rest.
local HEAD = { "at", "after" }
local TAIL = { "from", "to", "client", "member", "nth", "by" }

local function ordered_keys(value)
  local rank, tail = {}, sorted_keys(value)
  for i, name in ipairs(TAIL) do
    rank[name] = i
  end
  local keys = {}
  for _, key in ipairs(tail) do
    if key ~= HEAD[1] and key ~= HEAD[2] then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function (a, b)
    local x, y = rank[a] or 99, rank[b] or 99
    if x ~= y then
      return x < y
    elseif type(a) ~= type(b) then
      return type(a) == "number"
    end
    return a < b
  end)
  return keys
end

local function text_of_table(value)
  local parts = {}
  local function add_field(key)
    if value[key] ~= nil then
      local field = value[key]
      if key == "at" and type(field) == "number" then
        field = schedule.time_text(field)
      end
      parts[#parts + 1] = text_of_key(key) .. " = " .. text_of(field)
    end
  end
  add_field "at"
  add_field "after"
  for _, item in ipairs(value) do
    parts[#parts + 1] = text_of(item)
  end
  for _, key in ipairs(ordered_keys(value)) do
    add_field(key)
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

function text_of(value)
  if type(value) == "table" then
    return text_of_table(value)
  elseif type(value) == "string" then
    return text_of_string(value)
  elseif type(value) == "number" then
    return value % 1 == 0 and ("%.0f"):format(value)
      or ("%.17g"):format(value)
  end
  return tostring(value)
end

local FIELDS = { "name", "bug", "check", "of", "live", "nodes", "machine",
                 "seed", "seeds", "starts", "duration", "concurrency" }

-- The fields of a table constructor, one a line.
local function body_of(given, lines)
  for _, name in ipairs(FIELDS) do
    if given[name] ~= nil and not (name == "starts" and given.starts) then
      lines[#lines + 1] = ("  %s = %s,"):format(name, text_of(given[name]))
    end
  end
  lines[#lines + 1] = "  options = {"
  for _, name in ipairs(sorted_keys(given.options or {})) do
    lines[#lines + 1] = ("    %s = %s,"):format(text_of_key(name),
      text_of(given.options[name]))
  end
  lines[#lines + 1] = "  },"
  lines[#lines + 1] = "  schedule = {"
  for _, row in ipairs(given.schedule) do
    lines[#lines + 1] = "    " .. text_of(row) .. ","
  end
  lines[#lines + 1] = "  },"
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end

--- A scenario file: Lua source that returns raft.scenario of it.
-- @param given a schedule, with name and machine beside it
function schedule.text(given)
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = value
  end
  copy.machine = not given.of and (given.machine or "register") or nil
  return body_of(copy, { "local raft = require \"raft\"", "",
                          "return raft.scenario {" })
end

--- The same as a plain table, which sim.replay takes; 'head' is put before.
function schedule.table_text(given, head)
  return body_of(given, { head .. "return {" })
end

return schedule
