-- SPDX-License-Identifier: MIT
--
-- chaos_disk.lua - the directories of members that are down: what stands in
-- their logs, and damage at rest.
--
-- Holds:     a reading of log segments as core/wal/record.h has them, as far
--            as it is needed here.
-- Knows not: processes.
-- Rule:      only what the log can tell from a crash is damaged: bytes before
--            the last batch, which proves what is before it.

local SECTOR = 512
local BATCH_MAGIC = "BATC"
local BATCH_HEAD, RECORD_HEAD = 64, 32
local PEER, ENTRY = 2, 5

local chaos_disk = {}

local function number_at(bytes, at, size)
  local value = 0
  for i = size, 1, -1 do
    value = value * 256 + bytes:byte(at + i)
  end
  return value
end

local function read_all(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("*a")
  if file then
    file:close()
  end
  return bytes
end

-- Segments, the oldest first: { { path = "…/log-0000000001", bytes = … } }.
local function segments_of(dir)
  local list, number = {}, 1
  while number < 10000 do -- the oldest may be gone
    local path = ("%s/log-%010d"):format(dir, number)
    local bytes = read_all(path)
    if bytes then
      list[#list + 1] = { path = path, bytes = bytes }
    elseif list[1] then
      break
    end
    number = number + 1
  end
  return list
end

-- Calls fn with the place of each batch.
local function each_batch(bytes, fn)
  local at = SECTOR
  while at + SECTOR <= #bytes
        and bytes:sub(at + 1, at + 4) == BATCH_MAGIC do
    local size = number_at(bytes, at + 4, 4)
    if size < SECTOR or size % SECTOR ~= 0 then
      return
    end
    fn(at, size)
    at = at + size
  end
end

local function each_record(bytes, batch, fn)
  local count = number_at(bytes, batch + 32, 4)
  local body = batch + BATCH_HEAD + count * RECORD_HEAD
  for i = 0, count - 1 do
    local head = batch + BATCH_HEAD + i * RECORD_HEAD
    local size = number_at(bytes, head + 4, 4)
    fn(bytes:byte(head + 1), head, body, size)
    body = body + size
  end
end

--- The members whose incarnation stands in a log: { [2] = true, … }.
function chaos_disk.peers(dir)
  local peers = {}
  for _, segment in ipairs(segments_of(dir)) do
    local bytes = segment.bytes
    each_batch(bytes, function(batch)
      each_record(bytes, batch, function(kind, head)
        if kind == PEER then
          peers[number_at(bytes, head + 8, 8)] = true
        end
      end)
    end)
  end
  return peers
end

-- Where bodies of entries begin that a later batch proves: { { path, at,
-- size }, … }.
local function proven_entries(dir)
  local list = {}
  for _, segment in ipairs(segments_of(dir)) do
    local bytes, last = segment.bytes, 0
    each_batch(bytes, function(batch)
      last = batch
    end)
    each_batch(bytes, function(batch)
      each_record(bytes, batch, function(kind, _, body, size)
        if kind == ENTRY and size > 0 and batch < last then
          list[#list + 1] = { path = segment.path, at = body, size = size }
        end
      end)
    end)
  end
  return list
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
  local entries = proven_entries(dir)
  local entry = entries[1] and entries[draw(#entries)]
  if not entry then
    return false
  end
  flip(entry.path, entry.at + entry.size - 1)
  return true, not has_snapshot(dir)
end

return chaos_disk
