-- SPDX-License-Identifier: MIT
--
-- inspect.lua - what stands in a member's directory.
--
-- Holds:     raft.inspect: segments and snapshots, judged as recovery judges
--            them, and the entries of the log.
-- Knows not: the formats (core/wal), how anything is printed.
-- Rule:      nothing is changed and nothing is locked: a member may be using
--            the directory. Then files are read while they grow, and what was
--            read first may be older than what was read last; so damage of a
--            log in use counts only when it is there again and again.

local core = require "raft.core"
local options = require "raft.options"

local inspect = {}

local Directory = {}
Directory.__index = Directory

local AGAIN = 5 -- readings of a log in use before damage is believed
local EVERYTHING = 2 ^ 53 - 1

-- ---- files -----------------------------------------------------------------

-- { segments = { 1, 2 }, snapshots = { 40, 80 }, leftovers = { "log-new" } };
-- or nil, message, code
local function files_of(survey)
  local names, message, code = survey:names()
  if not names then
    return nil, message, code
  end
  local found = { segments = {}, snapshots = {}, leftovers = {} }
  for _, name in ipairs(names) do
    local segment = name:match "^log%-(%d%d%d%d%d%d%d%d%d%d)$"
    local snapshot = name:match "^snapshot%-(%d+)$"
    if segment then
      found.segments[#found.segments + 1] = tonumber(segment)
    elseif snapshot and #snapshot == 16 then
      found.snapshots[#found.snapshots + 1] = tonumber(snapshot)
    elseif name == "log-new" or name == "snapshot-new" then
      found.leftovers[#found.leftovers + 1] = name
    end
  end
  return found
end

local function problem(self, one)
  if one.message then
    self.problems[#self.problems + 1] = { message = one.message,
      code = one.code }
  end
end

local function read_snapshots(self, indexes, with_blocks)
  local covered = 0
  for i, index in ipairs(indexes) do
    local one = self.survey:snapshot(index, with_blocks)
    self.snapshots[i] = one
    problem(self, one)
    if not one.message then
      covered = index
    end
  end
  return covered
end

-- ---- segments --------------------------------------------------------------

local function missing(self, number, before)
  problem(self, { code = "corrupt", message =
    ("log-%010d: expected at offset 0, the file is missing, and log-%010d is"
      .. " there"):format(number, before) })
end

local function payload_problem(self, one)
  if one.broken then
    problem(self, { code = "corrupt", message = ("%s: the payload of entry"
      .. " %.0f, in the batch at offset %.0f, is not what its maker summed")
      :format(one.name, one.broken, one.broken_at) })
  end
end

-- What the log says, as far as it is believed: of the part before the first
-- damage.
local function keep_contents(self)
  if not self.log then
    self.log = self.survey:contents()
    local bytes = self.log.configuration
    local ok, value = core.decode(bytes or "")
    self.log.configuration = bytes and ok and value or nil
  end
end

-- Each segment is judged; behind a damaged one the log begins anew.
local function read_segments(self, numbers, covered)
  local survey = self.survey
  survey:begin(numbers[1] or 1, covered)
  for i, number in ipairs(numbers) do
    if i > 1 and number ~= numbers[i - 1] + 1 then
      missing(self, numbers[i - 1] + 1, number)
      keep_contents(self)
      survey:begin(number, EVERYTHING)
    end
    local one = survey:segment(number, i == #numbers)
    self.segments[i] = one
    problem(self, one)
    payload_problem(self, one)
    if one.message then
      keep_contents(self)
      self.readable = self.readable or i
      if numbers[i + 1] then
        survey:begin(numbers[i + 1], EVERYTHING)
      end
    end
  end
  if not self.log then
    local ok, message, code = survey:finish()
    problem(self, { message = not ok and message or nil, code = code })
  end
  keep_contents(self)
end

-- A snapshot that was copied here from somewhere else is none of ours.
local function compare_snapshots(self)
  local log = self.log
  for _, one in ipairs(self.snapshots) do
    if one.term and (one.member ~= log.member or one.cluster ~= log.cluster
       or one.incarnation ~= log.incarnation) then
      problem(self, { code = "wrong_cluster", message = ("%s: expected a"
        .. " snapshot of member %.0f of this directory, got one of member"
        .. " %.0f, made elsewhere"):format(one.name, log.member, one.member)
        })
    end
  end
end

-- ---- the directory ---------------------------------------------------------

-- One reading of everything.
local function read_once(dir, given)
  local survey, message, code = core.survey(dir)
  local self = setmetatable({ dir = dir, survey = survey, segments = {},
    snapshots = {}, problems = {} }, Directory)
  local found
  if survey then
    found, message, code = files_of(survey)
  end
  if not found then
    return nil, ("%s: %s"):format(dir, message), code
  elseif #found.segments == 0 then
    return nil, ("%s: expected a directory made by init, got one without a"
      .. " log"):format(dir), "not_initialised"
  end
  self.holder = survey:holder()
  self.leftovers = found.leftovers
  local covered = read_snapshots(self, found.snapshots, given.blocks)
  read_segments(self, found.segments, covered)
  compare_snapshots(self)
  return self
end

--- Reads a member's directory, whether it runs or not.
--
--   local ok, found = raft.inspect("data/1")
--   print(found.log.term, #found.segments, #found.problems)
--
-- @param dir the directory that raft.init made
-- @param given { blocks = true }: snapshots are read whole, not only what
-- they say of themselves
-- @return true, { dir = , holder = the process that has it in use or nil, log
-- = { member = , cluster = "…", incarnation = "…", term = , vote = , base = ,
-- last = , peers = , configuration = , … }, segments = { { name = , first = ,
-- last = , first_term = , last_term = , batches = , entries = , size = , end =
-- , torn = } }, snapshots = { { name = , index = , term = , time = , size = }
-- }, leftovers = { "log-new" }, problems = { { message = , code = } } }; or
-- nil, message, code
function inspect.open(dir, given)
  local o = options.check("raft.inspect", { dir = dir,
    blocks = given and given.blocks },
    { dir = { "path", required = true }, blocks = { "boolean" } })
  local self, message, code = read_once(o.dir, o)
  for _ = 2, AGAIN do
    if not self or #self.problems == 0 or not self.holder then
      break
    end
    self, message, code = read_once(o.dir, o)
  end
  if not self then
    return nil, message, code
  end
  return true, self
end

-- ---- entries ---------------------------------------------------------------

local function entry_of(record)
  local one = { index = record.index, term = record.term,
    time = record.time, kind = record.kind, session = record.session,
    sequence = record.sequence, stands = record.stands }
  if record.payload and record.payload ~= "" then
    local ok, value = core.decode(record.payload)
    if ok then
      one.value = value
    else
      one.bytes = record.payload
    end
  end
  return one
end

-- All records of one segment that is in the survey's hands.
local function each_record(self, segment, fn)
  local at = 512
  local batch = self.survey:batch(at)
  while batch and at < segment["end"] do
    for _, record in ipairs(batch.records) do
      fn(record, batch)
    end
    at = at + batch.size
    batch = self.survey:batch(at)
  end
end

--- Calls fn with each entry, in the order of the log, up to the first damage:
-- { index = 7, term = 2, time = microseconds, kind = "command", session = 5,
-- sequence = 1, value = what was proposed }; 'bytes' instead of 'value' is
-- what this Lua cannot hold. An entry that was cut later comes only when
-- given.all is true, with stands = false.
-- @param given { from = 1, to = 100, all = true }
-- @return true; or nil, message, code
function Directory:each(given, fn)
  local o = options.check("inspect:each", given, { from = { "whole", min = 1 },
    to = { "whole", min = 1 }, all = { "boolean" } })
  local last = self.readable or #self.segments
  local survey = self.survey
  survey:begin(self.segments[1].number, EVERYTHING)
  -- Once to know what stands, once to tell.
  for i = 1, last do
    survey:segment(self.segments[i].number, i == #self.segments)
  end
  for i = 1, last do
    local ok, message, code = survey:look(self.segments[i].number)
    if not ok then
      return nil, message, code
    end
    each_record(self, self.segments[i], function (record)
      local index = record.index
      if record.record == "entry" and (record.stands or o.all)
         and index >= (o.from or 1) and index <= (o.to or EVERYTHING) then
        fn(entry_of(record))
      end
    end)
  end
  return true
end

return inspect
