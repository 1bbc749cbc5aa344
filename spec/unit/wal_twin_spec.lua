-- SPDX-License-Identifier: MIT
--
-- wal_twin_spec - the log against a naive twin: a list of strings, a term, a
-- vote, and peers, over random writes, cuts, rests, kills and reopenings.

local helper = require "spec.helper"
local desk = require "spec.wal_desk"

local Twin = {}
Twin.__index = Twin

local function new_twin()
  return setmetatable({ term = 1, vote = 0, peers = {}, last = 1,
    entries = { desk.first_entry() }, kinds = { desk.CONFIGURATION } }, Twin)
end

function Twin:cut(first)
  for index = first, self.last do
    self.entries[index], self.kinds[index] = nil, nil
  end
  self.last = first - 1
end

function Twin:append(bytes, kind)
  self.last = self.last + 1
  self.entries[self.last] = bytes
  self.kinds[self.last] = kind
end

function Twin:configuration()
  for index = self.last, 1, -1 do
    if self.kinds[index] == desk.CONFIGURATION then
      return index
    end
  end
  return 0 -- entry 1 can be cut here; it cannot in a cluster
end

-- Writes of one random choice; returns what persist needs.
local function random_write(random, twin, ticket)
  local write = { ticket = ticket, vote = random:integer(0, 3),
    term = twin.term + (random:one_in(4) and 1 or 0) }
  twin.term, twin.vote = write.term, write.vote
  if random:one_in(4) then
    return write
  end
  local first = twin.last + 1
  if random:one_in(4) then
    first = random:integer(math.max(1, twin.last - 5), twin.last + 1)
  end
  write.first, write.entries = first, {}
  twin:cut(first)
  for i = 1, random:integer(first > 1 and 0 or 1, 4) do
    local kind = random:one_in(9) and desk.CONFIGURATION or 3
    local size = random:one_in(12) and random:integer(0, 3000)
      or random:integer(0, 200)
    write.entries[i] = desk.entry(twin.last + 1, write.term, size, kind)
    twin:append(write.entries[i], kind)
  end
  return write
end

local function compare_told(told, twin)
  assert.equal(twin.term, told.term)
  assert.equal(twin.vote, told.vote)
  assert.equal(twin.last, told.last)
  assert.equal(twin:configuration(), told.configuration)
  for _, peer in ipairs(told.peers) do
    assert.equal(twin.peers[peer.member], peer.incarnation)
    twin.seen[peer.member] = true
  end
  for member in pairs(twin.peers) do
    assert.is_true(twin.seen[member])
  end
end

local function compare_range(log, twin, first, count)
  local status, read = log:read(first, count)
  assert.equal("ok", status)
  assert.equal(count, #read)
  for i = 1, count do
    assert.equal(twin.entries[first + i - 1], read[i])
  end
end

local Run = {}
Run.__index = Run

function Run:reopen()
  self.log:free()
  self.disk:kill()
  self.lives = self.lives + 1
  self.log = desk.opened(self.disk, { seed = self.lives })
  self.twin.seen = {}
  compare_told(self.log:told(), self.twin)
  compare_range(self.log, self.twin, 1, self.twin.last)
  self.ticket = 0
end

function Run:write(random)
  for _ = 1, random:integer(1, 4) do
    self.ticket = self.ticket + 1
    if random:one_in(10) then
      local member = random:integer(2, 5)
      self.twin.peers[member] = random:integer(1, 1000)
      assert.equal("ok", self.log:persist_peer(self.ticket, member,
        self.twin.peers[member]))
    else
      assert.equal("ok", self.log:persist(random_write(random, self.twin,
        self.ticket)))
    end
    for _ = 1, random:integer(0, 3) do
      self.disk:step()
    end
  end
end

function Run:settle()
  self.disk:drain()
  assert.equal(self.ticket, self.log:events().durable)
end

function Run:act(random)
  local what = random:integer(1, 10)
  if what <= 6 then
    self:write(random)
  elseif what == 7 then
    self:settle()
    self.log:rest()
  elseif what == 8 then
    self:settle()
    local first = random:integer(1, self.twin.last)
    compare_range(self.log, self.twin, first,
      random:integer(1, self.twin.last - first + 1))
  elseif what == 9 then
    self:settle() -- then power is lost, and nothing of it
    self:reopen_after_crash()
  else
    self.log:close()
    assert.is_true(self.log:events().closed)
    self:reopen()
  end
end

function Run:reopen_after_crash()
  self.log:free()
  self.disk:crash(0)
  self.log = desk.opened(self.disk, { seed = self.lives + 100 })
  self:reopen()
end

describe("wal against its naive twin", function ()
  local function agree(count, steps)
    helper.check(count, function (random)
      local log, disk = desk.fresh()
      local run = setmetatable({ log = log, disk = disk, lives = 1,
        ticket = 0, twin = new_twin() }, Run)
      for _ = 1, steps do
        run:act(random)
      end
      run:settle()
      run:reopen()
      assert.equal(0, run.log:free())
    end)
  end

  it("agrees over 150 random lives", function ()
    agree(150, 25)
  end)

  it("agrees over 5000 random lives #full", function ()
    agree(5000, 40)
  end)
end)
