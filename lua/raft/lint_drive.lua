-- SPDX-License-Identifier: MIT
--
-- lint_drive.lua - the same commands to several lives of one machine.
--
-- Holds:  three members side by side, a replay in other portions, snapshots
--         restored into a new and into a used machine.
-- Rule:   after every command all answers and all states are equal. Where
--         they are not the drive ends: what comes later follows from it.
-- Knows not: clusters (lint.lua), words and commands (lint_commands.lua).

local core = require "raft.core"
local json = require "raft.json"

local Drive = {}
Drive.__index = Drive

local MEMBERS = 3
local LIMIT = 10000000 -- instructions: a loop without end
local SLOW = 1000000 -- instructions of one command that are worth a word
local GROWTH_TIMES = 40 -- one command again, when growth is looked for
local SNAPSHOT_LATE = 5 -- commands between a snapshot and its pieces
local NO_METHOD = "has no method"

-- Words of an answer that is no answer of a machine that was thought through.
local WRONG = {
  { "attempt to yield", "yields", "apply yields: it must answer at once" },
  { "cannot be encoded", "unencodable", "an answer cannot be encoded" },
  { "index is NaN", "nan", "a key is not a number (nan)" },
}

function Drive.new(path, options)
  return setmetatable({
    path = path, options = options, lives = 0, entries = {}, answers = {},
    states = {}, handles = {}, errors = 0, worst = { instructions = 0 },
  }, Drive)
end

--- A new life; nil and a message when it cannot begin.
function Drive:open()
  self.lives = self.lives + 1
  local handle, message = core.machine_open {
    machine = self.path, sandbox = self.options.sandbox,
    instructions = LIMIT, memory = 256 * 1024 * 1024,
    unsteady = self.options.seed * 1000 + self.lives,
  }
  if handle then
    self.handles[#self.handles + 1] = handle
  end
  return handle, message
end

function Drive:close()
  for _, handle in ipairs(self.handles) do
    handle:close()
  end
  self.handles = {}
end

--- A value as one line.
function Drive.show(value)
  local ok, text = pcall(json.encode, value)
  text = ok and text or tostring(value)
  return #text > 120 and text:sub(1, 117) .. "..." or text
end

local function bytes_of(value)
  local _, bytes = assert(core.encode(value))
  return bytes
end

-- What a member says, comparable: a failure counts as such, whatever it says.
local function answer_of(result)
  return result.status == "ok" and "ok" .. bytes_of(result.value)
    or result.status
end

local function shown_answer(result)
  if result.status == "ok" then
    return Drive.show(result.value)
  end
  return "the error " .. Drive.show(result.value)
end

function Drive:found(kind, text, index)
  local entry = index and self.entries[index]
  self.finding = { kind = kind, text = text, index = index,
                   command = entry and entry.command }
  return nil
end

-- ---- one command ------------------------------------------------------------

local function note_errors(self, index, result)
  if result.status == "ok" then
    return true
  end
  self.errors = self.errors + 1
  self.first_error = self.first_error
    or { index = index, text = tostring(result.value) }
  for _, row in ipairs(WRONG) do
    if tostring(result.value):find(row[1], 1, true) then
      return self:found(row[2], row[3] .. ": " .. tostring(result.value),
        index)
    end
  end
  return true
end

local function note_work(self, index, handle)
  local spent = handle:status().instructions
  if spent > self.worst.instructions then
    self.worst = { instructions = spent, index = index }
  end
end

-- One entry to one machine: its answer.
local function apply_one(self, handle, index)
  local results, message = handle:apply { self.entries[index] }
  if not results then
    return self:found("halts", message, index)
  end
  return results[1]
end

-- The state hash; false where the machine has none.
local function state_of(self, handle, index)
  if self.stateless then
    return false
  end
  local hash, message = handle:digest()
  if hash then
    return hash
  elseif message:find(NO_METHOD, 1, true) then
    self.stateless = true
    return false
  end
  return self:found("state", "the state has no hash: " .. message, index)
end

local function differ(self, index, other, who)
  return self:found("diverges", ("%s answers differently: %s, not %s"):format(
    who, shown_answer(other), shown_answer(self.results[index])), index)
end

-- The answer and the state that member 1 gave are those of all.
local function compare(self, handle, index, result)
  if answer_of(result) ~= self.answers[index] then
    return differ(self, index, result, "another member")
  end
  local state = state_of(self, handle, index)
  if state == nil then
    return nil
  elseif state ~= self.states[index] then
    return self:found("diverges", "members answer alike, and their states"
      .. " differ", index)
  end
  return true
end

local function apply_to_all(self, members, index)
  for number, handle in ipairs(members) do
    local result = apply_one(self, handle, index)
    if not result then
      return nil
    elseif number == 1 then
      note_work(self, index, handle)
      self.results[index] = result
      self.answers[index] = answer_of(result)
      self.states[index] = state_of(self, handle, index)
      if self.states[index] == nil or not note_errors(self, index, result)
      then
        return nil
      end
    elseif not compare(self, handle, index, result) then
      return nil
    end
  end
  return true
end

local function ask(self, commands, handle, index)
  local question = commands:question()
  local status, message = handle:query(question)
  if not status then
    return self:found("halts", "asked " .. Drive.show(question) .. ": "
      .. message, index)
  end
  local state = state_of(self, handle, index)
  if state ~= nil and state ~= self.states[index] then
    return self:found("query", "the question " .. Drive.show(question)
      .. " changed the state", index)
  end
  return state ~= nil
end

--- All commands to three members, asked in between.
-- @return true; nil: self.finding has what was found
function Drive:members(commands, count, has_time)
  local members = {}
  self.results = {}
  for number = 1, MEMBERS do
    local handle, message = self:open()
    if not handle then
      return self:found("unusable", message)
    end
    members[number] = handle
  end
  for index = 1, count do
    local command, message = commands:next()
    if message then
      return self:found("commands", "commands() raised: " .. message)
    end
    self.entries[index] = {
      index = index, time = 1700000000000000 + index * 1000,
      random = commands:random_bits(), command = command,
    }
    if not apply_to_all(self, members, index) then
      return nil
    elseif index % 3 == 0 and not ask(self, commands, members[1], index) then
      return nil
    elseif not has_time() then
      break
    end
  end
  return true
end

-- ---- other lives ------------------------------------------------------------

-- Commands [first, last] in portions; the answers are those given before.
local function replay(self, handle, first, last, portion, who)
  for at = first, last, portion do
    local entries = {}
    for index = at, math.min(at + portion - 1, last) do
      entries[#entries + 1] = self.entries[index]
    end
    local results, message = handle:apply(entries)
    if not results then
      return self:found("halts", who .. ": " .. message, at)
    end
    for i, result in ipairs(results) do
      local index = at + i - 1
      if answer_of(result) ~= self.answers[index] then
        return differ(self, index, result, who)
      end
    end
  end
  return true
end

local function same_state(self, handle, index, words)
  local state = state_of(self, handle, index)
  if state == nil then
    return nil
  elseif state ~= self.states[index] then
    return self:found("diverges", words .. " is not in the state that it was"
      .. " in", index)
  end
  return true
end

--- A life that is told everything again, in other portions.
function Drive:replayed()
  local handle = assert(self:open())
  local last = #self.entries
  return replay(self, handle, 1, last, 7, "a replay")
    and same_state(self, handle, last, "a replay")
end

local function pieces_of(self, handle, index)
  local pieces = {}
  while true do
    local piece, message = handle:pull()
    if not piece then
      return self:found("snapshot", "a snapshot fails: " .. message, index)
    elseif piece == "" then
      return pieces
    end
    pieces[#pieces + 1] = piece
  end
end

-- A snapshot at 'middle' whose pieces are taken while more is applied; nil and
-- true where the machine takes none.
local function taken(self, middle)
  local handle = assert(self:open())
  if not replay(self, handle, 1, middle, 16, "a replay") then
    return nil
  end
  local ok, message, code = handle:snapshot()
  if not ok then
    if code == "no_method" then
      return nil, true
    end
    return self:found("snapshot", "a snapshot fails: " .. message, middle)
  end
  local later = math.min(middle + SNAPSHOT_LATE, #self.entries)
  if later > middle and not replay(self, handle, middle + 1, later, 1,
                                   "a machine that was saved") then
    return nil
  end
  return pieces_of(self, handle, middle)
end

local function restored(self, handle, pieces, middle, words)
  local ok, message = handle:restore(pieces)
  if not ok then
    return self:found("snapshot", words .. " fails: " .. message, middle)
  end
  return same_state(self, handle, middle, words)
    and replay(self, handle, middle + 1, #self.entries, 3, words)
    and same_state(self, handle, #self.entries, words)
end

--- A restored machine is as if it had been told everything.
function Drive:restores()
  local middle = math.floor(#self.entries / 2)
  if middle < 1 then
    return true
  end
  local pieces, has_none = taken(self, middle)
  if not pieces then
    self.takes_none = has_none
    return has_none
  end
  local new, used = assert(self:open()), assert(self:open())
  return restored(self, new, pieces, middle, "a restored machine")
    and replay(self, used, 1, math.floor(middle / 2) + 1, 5, "a replay")
    and restored(self, used, pieces, middle, "a used machine, restored,")
end

-- ---- growth -----------------------------------------------------------------

local function image_size(self, handle)
  local size = 0
  local ok, message = handle:snapshot()
  local pieces = ok and pieces_of(self, handle)
  if not pieces then
    return self:found("snapshot", "a snapshot fails: " .. tostring(message))
  end
  for _, piece in ipairs(pieces) do
    size = size + #piece
  end
  return size
end

-- Bytes per command, of one that is applied again and again.
local function growth(self, handle, index)
  local before = image_size(self, handle)
  local at = #self.entries
  for i = 1, GROWTH_TIMES do
    local entry = self.entries[index]
    self.last_index = (self.last_index or at) + 1
    local results, message = handle:apply { {
      index = self.last_index, time = 1800000000000000 + self.last_index,
      random = ("%016x"):format(i), command = entry.command } }
    if not results then
      return self:found("halts", message, index)
    end
  end
  local after = before and image_size(self, handle)
  return after and (after - before) / GROWTH_TIMES
end

--- A state to which every command adds, also one that is only repeated, ends
-- where memory ends.
function Drive:grows()
  if self.takes_none or #self.entries == 0 then
    return true
  end
  local handle = assert(self:open())
  local least, step = nil, math.max(1, math.floor(#self.entries / 12))
  for index = 1, #self.entries, step do
    local bytes = growth(self, handle, index)
    if not bytes then
      return nil
    end
    least = math.min(least or bytes, bytes)
  end
  if least >= 1 then
    return self:found("grows", ("the state grows with every command, by %d"
      .. " bytes or more, also when it is only repeated"):format(least))
  end
  return true
end

--- Whether commands were worth judging by.
function Drive:judge()
  if #self.entries > 0 and self.errors == #self.entries then
    return self:found("unexercised", "every command fails; the first: "
      .. self.first_error.text .. "; give the machine a function"
      .. " commands(random)", self.first_error.index)
  elseif self.worst.instructions > SLOW then
    return self:found("slow", ("a command takes %.1f million instructions")
      :format(self.worst.instructions / 1e6), self.worst.index)
  end
  return true
end

return Drive
