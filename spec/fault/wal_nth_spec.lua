-- SPDX-License-Identifier: MIT
--
-- wal_nth_spec - the Nth allocation, write, sync or request fails, for every
-- N of a short story.

local desk = require "spec.wal_desk"
local probe = require "raft.probe"

-- Tries a write until memory comes back: what was refused left no trace.
local function persist(log, write)
  local tries = 0
  local status
  repeat
    status = log:persist(write)
    tries = tries + 1
  until status ~= "no_memory" or tries > 3
  assert.equal("ok", status)
  return tries - 1
end

local function compare(log, entries)
  local status, read = log:read(1, #entries)
  if status == "no_memory" then
    status, read = log:read(1, #entries)
  end
  assert.equal("ok", status)
  assert.same(entries, read)
end

-- The story after opening; returns how many calls were refused.
local function tell(log, disk)
  local entries = { desk.first_entry() }
  local refused = 0
  for i = 2, 14 do
    local kind = i == 5 and desk.CONFIGURATION or 3
    entries[i] = desk.entry(i, 2, 300, kind)
    refused = refused + persist(log, { ticket = i - 1, term = 2, first = i,
      entries = { entries[i] } })
    if i % 3 == 0 then
      disk:drain()
    end
  end
  disk:drain()
  assert.equal(13, log:events().durable)
  assert.is_nil(log:events().failed)
  compare(log, entries)
  return refused, entries
end

describe("wal: the Nth allocation that fails", function ()
  it("is told by init, open and persist, and by nothing else", function ()
    local nth, refused, ended = 0, 0, false
    while not ended do
      nth = nth + 1
      local disk = desk.made()
      local log = desk.log(disk)
      local before = log:allocations()
      log:fail_allocation(nth)
      local status = log:open()
      if status == "no_memory" then
        refused = refused + 1
        assert.equal(0, log:free())
        disk:kill()
        log = desk.log(disk)
        assert.equal("ok", (log:open()))
        tell(log, disk)
      else
        assert.equal("ok", status)
        local told, entries = tell(log, disk)
        refused = refused + told
        ended = log:allocations() - before < nth
        desk.close(log, disk)
        log = desk.opened(disk, { seed = 9 })
        compare(log, entries)
      end
      assert.equal(0, log:free())
    end
    assert.is_true(refused > 10, "refused only " .. refused)
  end)

  it("leaves init without a trace", function ()
    for nth = 1, 20 do
      local disk = probe.disk {}
      local log = desk.log(disk)
      log:fail_allocation(nth)
      local status = log:init(desk.first_entry())
      assert.is_true(status == "no_memory" or status == "ok")
      if status == "no_memory" then
        assert.same({}, disk:names())
      else
        assert.is_true(nth > 3)
      end
      assert.equal(0, log:free())
    end
  end)
end)

-- A story in which a request may fail; returns the log.
local function tell_until_failure(disk)
  local log = desk.log(disk)
  local status = log:open()
  if status ~= "ok" then
    return log, status
  end
  for i = 2, 9 do
    log:persist { ticket = i - 1, term = 2, first = i,
      entries = { desk.entry(i, 2, 700) } }
    if i % 2 == 0 then
      disk:drain()
    end
  end
  disk:drain()
  return log, status
end

for _, kind in ipairs { "write", "sync", "any" } do
  describe("wal: the Nth request that fails, of kind " .. kind, function ()
    it("is told once, by name, and nothing is durable after it", function ()
      local nth, failures = 0, 0
      while true do
        local disk = desk.made()
        disk:fail(kind, nth, "io")
        local log, status = tell_until_failure(disk)
        if disk:counts().failed == 0 then
          assert.equal(8, log:events().durable)
          break
        end
        local events = log:events()
        failures = failures + 1
        if status ~= "ok" then
          assert.equal("io", status)
        elseif kind ~= "any" or events.failed then
          assert.equal("io", events.failed)
          assert.truthy(events.text:find("^log%-"), events.text)
          log:persist { ticket = 99, term = 9 } -- is taken, and ignored
          disk:drain()
          assert.equal(events.durable, log:events().durable)
          log:close()
          assert.is_true(log:events().closed)
        end
        assert.equal(0, log:free())
        disk:kill()
        -- The next process finds all that was durable.
        log = desk.opened(disk, { seed = 5 })
        assert.is_true(log:told().last >= events.durable + 1)
        assert.equal(0, log:free())
        nth = nth + 1
      end
      assert.is_true(failures > 10)
    end)
  end)
end
