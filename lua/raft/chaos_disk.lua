-- SPDX-License-Identifier: MIT
--
-- chaos_disk.lua - the directories of members that are down: what stands in
-- their logs, and damage at rest.
--
-- Holds:     a reading of one log segment as core/wal/record.h has it, as far
--            as it is needed here.
-- Knows not: processes.
-- Rule:      only what the log can tell from a crash is damaged: bytes before
--            the last batch, which proves what is before it.

local inspect = require "raft.inspect"

local SECTOR = 512
local BATCH_MAGIC = "BATC"
local BATCH_HEAD, RECORD_HEAD = 64, 32
local ENTRY = 5

local chaos_disk = {}

--- The members whose incarnation stands in a log: { [2] = true, … }.
function chaos_disk.peers(dir)
  local peers = {}
  local ok, found = inspect.open(dir)
  for _, peer in ipairs(ok and found.log.peers or {}) do
    peers[peer.member] = true
  end
  return peers
end

-- ---- where entries stand ---------------------------------------------------

local function number_at(bytes, at)
  local a, b, c, d = bytes:byte(at + 1, at + 4)
  return a + b * 0x100 + c * 0x10000 + d * 0x1000000
end

local function read_all(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("*a")
  if file then
    file:close()
  end
  return bytes
end

-- Calls fn with the place of each batch.
local function each_batch(bytes, fn)
  local at = SECTOR
  while at + SECTOR <= #bytes
        and bytes:sub(at + 1, at + 4) == BATCH_MAGIC do
    local size = number_at(bytes, at + 4)
    if size < SECTOR or size % SECTOR ~= 0 then
      return
    end
    fn(at, size)
    at = at + size
  end
end

-- Where bodies of entries begin that a later batch proves: { { at, size }, …
-- } of a segment.
local function proven_entries(bytes)
  local list, last = {}, 0
  each_batch(bytes, function (batch)
    last = batch
  end)
  each_batch(bytes, function (batch)
    local count = batch < last and number_at(bytes, batch + 32) or 0
    local body = batch + BATCH_HEAD + count * RECORD_HEAD
    for i = 0, count - 1 do
      local head = batch + BATCH_HEAD + i * RECORD_HEAD
      local size = number_at(bytes, head + 4)
      if bytes:byte(head + 1) == ENTRY and size > 0 then
        list[#list + 1] = { at = body, size = size }
      end
      body = body + size
    end
  end)
  return list
end

-- One segment is read, and not all that a long run has left.
local function draw_entry(dir, draw)
  local ok, found = inspect.open(dir)
  local segments = ok and found.segments or {}
  local from = segments[1] and draw(#segments) or 1
  for i = 0, #segments - 1 do
    local segment = segments[(from + i - 1) % #segments + 1]
    local path = dir .. "/" .. segment.name
    local entries = proven_entries(read_all(path) or "")
    if entries[1] then
      return path, entries[draw(#entries)]
    end
  end
end

local function flip(path, at)
  local file = assert(io.open(path, "r+b"))
  file:seek("set", at)
  local byte = file:read(1):byte()
  file:seek("set", at)
  file:write(string.char((byte + 1) % 256))
  file:close()
end

local function has_snapshot(dir)
  local pipe = io.popen("ls '" .. dir .. "'")
  local names = pipe and pipe:read("*a") or ""
  if pipe then
    pipe:close()
  end
  return names:find("snapshot", 1, true) ~= nil
end

--- Damages one byte of an entry. @param draw a function of a bound
-- @return whether there was one old enough; and whether nothing else can hold
-- the same, so that the member must refuse to open
function chaos_disk.rot(dir, draw)
  local path, entry = draw_entry(dir, draw)
  if not path then
    return false
  end
  flip(path, entry.at + entry.size - 1)
  return true, not has_snapshot(dir)
end

return chaos_disk
