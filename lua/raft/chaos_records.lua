-- SPDX-License-Identifier: MIT
--
-- chaos_records.lua - what members that are processes have told, in one list.
--
-- Holds:     the logs of all members, read as they grow; who leads, by them;
--            what the world itself did, among them, as in the simulator.
-- Knows not: processes.
-- Invariant: a record has the place at which it was read, from 1, for as long
--            as it is kept; by time they are sorted only when asked for.
--            What is kept no more still stands in the logs, and is read again
--            by whoever asks for what was around a moment.
-- Rule:      no two members lead in one term (Paper §5.2, election safety).

local json = require "raft.json"

local Records = {}
Records.__index = Records

local LINE = "^(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t(.*)$"

local chaos_records = {}

--- @param given { nodes = 3, wall = when the run began, keep = 20000, path =
-- function of an id: where its log is, tell = function of a member, its
-- term and the text of each record }
function chaos_records.new(given)
  return setmetatable({
    nodes = given.nodes, wall = given.wall, keep = given.keep,
    path = given.path, tell = given.tell, files = {}, rests = {}, list = {},
    notes = {},
    first = 1, last = 0, leaders = {}, elections = 0,
  }, Records)
end

-- ---- one after the other ---------------------------------------------------

local function add(self, record)
  self.last = self.last + 1
  self.list[self.last] = record
  if self.last - self.first >= self.keep then
    self.list[self.first] = nil
    self.first = self.first + 1
  end
end

--- What the world did at this moment: note(time, "sim.kill", 2).
function Records:note(time, kind, member, fields)
  local parts = { kind }
  for name, value in pairs(fields or {}) do
    parts[#parts + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(parts, function(a, b)
    return a == kind or b ~= kind and a < b
  end)
  local record = { time = time, member = member or 0, term = 0,
    text = table.concat(parts, " "), kind = kind, fields = fields or {} }
  self.notes[#self.notes + 1] = record
  add(self, record)
end

local function see_leader(self, record)
  local term, member = record.term, record.member
  if record.text:find("^raft%.role ") and record.text:find(" to=leader ") then
    local other = self.leaders[term]
    if other and other ~= member and not self.violation then
      self.violation = { name = "election safety", time = record.time,
        text = ("members %d and %d both lead in term %.0f"):format(other,
          member, term) }
    end
    self.elections = self.elections + (other and 0 or 1)
    self.leaders[term] = member
  end
end

-- A line of a log as a record; nil: it is none.
local function record_of(self, line)
  local wall, member, term, text, rest = line:match(LINE)
  return wall and { member = tonumber(member), term = tonumber(term),
    time = math.max(tonumber(wall) - self.wall, 0), text = text,
    json = rest }
end

local function take_line(self, line)
  local record = record_of(self, line)
  if not record then
    return
  end
  local text = record.text
  if text:find("^chaos%.") then
    record.time = nil
  else
    add(self, record)
    see_leader(self, record)
  end
  self.tell(record)
end

-- What has been added to one log since.
local function read_log(self, id)
  local file = self.files[id]
  if not file then
    file = io.open(self.path(id), "rb")
    self.files[id] = file or nil
  end
  local text = file and file:read("*a")
  if not text or text == "" then
    return
  end
  text = (self.rests[id] or "") .. text
  local at = 1
  while true do
    local stop = text:find("\n", at, true)
    if not stop then
      break
    end
    take_line(self, text:sub(at, stop - 1))
    at = stop + 1
  end
  self.rests[id] = text:sub(at)
  file:seek("cur", 0) -- what was the end is none any more
end

--- Reads what was told since. @param id one member's; nil: all
function Records:read(id)
  for one = id or 1, id or self.nodes do
    read_log(self, one)
  end
end

function Records:close()
  for id = 1, self.nodes do
    if self.files[id] then
      self.files[id]:close()
      self.files[id] = nil
    end
  end
end

-- ---- as a world shows them -------------------------------------------------

--- The places of the oldest and the youngest that is kept.
function Records:span()
  return self.first, self.last
end

--- Text, time, member and term of one; nil: it is not kept.
function Records:at(place)
  local record = self.list[place]
  if record then
    return record.text, record.time, record.member, record.term
  end
end

local HEAD = '"kind":"([^"]+)","level":"([^"]+)","fields":{(.*)}}$'
local WORDS = { ["true"] = true, ["false"] = false }

-- Records are many, and their JSON is flat and ours (base/trace.c): what has
-- no escape in it is read here, ten times as fast.
local function decode(text)
  local kind, level, body = text:match(HEAD)
  if not kind or body:find("\\", 1, true) then
    local ok, value = json.decode(text)
    return ok and value or nil
  end
  local fields = {}
  for name, value in body:gmatch('"([%w_]+)":"([^"]*)"') do
    fields[name] = value
  end
  for name, value in body:gmatch('"([%w_]+)":([%w.-]+)') do
    fields[name] = tonumber(value) or WORDS[value]
  end
  return { kind = kind, level = level, fields = fields }
end

local function decoded(record, number)
  local made = { number = number, time = record.time, member = record.member,
    term = record.term, kind = record.kind, level = "warn",
    fields = record.fields }
  if record.json then
    local value = decode(record.json)
    if not value then
      return nil
    end
    made.kind, made.level = value.kind, value.level
    made.fields = value.fields or {}
  end
  return made
end

local function by_time(list)
  local made = {}
  for place, record in ipairs(list) do
    record.place = place
  end
  table.sort(list, function(a, b)
    return a.time < b.time or a.time == b.time and a.place < b.place
  end)
  for _, record in ipairs(list) do
    made[#made + 1] = decoded(record, #made + 1)
  end
  return made
end

--- The last records, merged by time.
-- @param most so many at most
-- @return { { number, time, member, term, kind, level, fields }, … }; and the
-- time from which on none is missing
function Records:merged(most)
  local list = {}
  for place = math.max(self.first, self.last - most + 1), self.last do
    list[#list + 1] = self.list[place]
  end
  local since = #list < self.last and list[1].time or -math.huge
  return by_time(list), since
end

local function add_around(self, list, id, from, to)
  local file = io.open(self.path(id), "rb")
  for line in file and file:lines() or function() end do
    local time = (tonumber(line:match("^%d+")) or 0) - self.wall
    if time >= from and time <= to then
      local record = record_of(self, line)
      if record and not record.text:find("^chaos%.") then
        list[#list + 1] = record
      end
    end
  end
  if file then
    file:close()
  end
end

--- All records between two times, whether they are kept or not, as merged.
function Records:around(from, to)
  local list = {}
  for _, record in ipairs(self.notes) do
    if record.time >= from and record.time <= to then
      list[#list + 1] = record
    end
  end
  for id = 1, self.nodes do
    add_around(self, list, id, from, to)
  end
  return by_time(list)
end

return chaos_records
