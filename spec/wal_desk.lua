-- SPDX-License-Identifier: MIT
--
-- wal_desk.lua - a disk with a log on it, for specs of core/wal.
--
-- Holds:  entries by index, logs made and opened on a disk, and the flip of
--         one bit in a file.

local probe = require "raft.probe"

local wal_desk = {}

wal_desk.SECTOR = probe.wal_format.sector
wal_desk.CONFIGURATION = 2
wal_desk.SMALL = { segment_bytes = 4096, batch_bytes = 2048 }

--- The name of a segment, as record.h says.
function wal_desk.segment(number)
  return ("log-%010d"):format(number)
end

--- The bytes of an entry; its payload follows from index, term and size.
function wal_desk.entry(index, term, size, kind)
  local word = ("%d.%d "):format(index, term)
  local payload = word:rep(math.ceil((size or 20) / #word))
  return probe.wal_entry { index = index, term = term, kind = kind,
    time = index * 10, payload = payload:sub(1, size or 20) }
end

--- Entry 1, a configuration.
function wal_desk.first_entry()
  return wal_desk.entry(1, 1, 60, wal_desk.CONFIGURATION)
end

--- A log object on a disk, with options laid over SMALL.
function wal_desk.log(disk, options)
  local all = {}
  for key, value in pairs(wal_desk.SMALL) do
    all[key] = value
  end
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  return probe.wal_log(disk, all)
end

--- Makes a directory; returns the disk.
function wal_desk.made(options, disk)
  disk = disk or probe.disk {}
  local log = wal_desk.log(disk, options)
  assert(log:init(wal_desk.first_entry()) == "ok")
  assert(log:free() == 0)
  return disk
end

--- Opens; raises when it is refused. A seed of its own for each opening.
function wal_desk.opened(disk, options)
  local log = wal_desk.log(disk, options)
  local status, text = log:open()
  assert(status == "ok", text)
  return log
end

--- A new directory, open.
function wal_desk.fresh(options)
  local disk = wal_desk.made(options)
  return wal_desk.opened(disk, options), disk
end

--- Writes entries first … last of one term and size under a ticket, and lets
--- the disk finish. Returns the status of persist.
-- @param range { first, last, size }
function wal_desk.write(log, disk, ticket, term, range)
  local entries = {}
  for index = range[1], range[2] do
    entries[#entries + 1] = wal_desk.entry(index, term, range[3])
  end
  local status = log:persist { ticket = ticket, term = term,
    first = range[1], entries = entries }
  disk:drain()
  return status
end

--- Closes and frees; nothing may be forgotten.
function wal_desk.close(log, disk)
  log:close()
  assert(log:events().closed, "close does not end")
  assert(log:free() == 0, "memory is forgotten")
  disk:kill()
end

--- Opens, expecting a refusal; returns its code and text.
function wal_desk.refused(disk, options)
  local log = wal_desk.log(disk, options)
  local status, text = log:open()
  assert(log:free() == 0)
  disk:kill()
  return status, text
end

return wal_desk
