-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local probe = require("raft.probe")

-- The naive twin: a list of terms and sizes from base + 1 on, and the obvious
-- loops.
local Twin = {}
Twin.__index = Twin

function Twin.new(terms)
  local self = setmetatable({ terms = {}, sizes = {}, writes = {}, base = 0,
    base_term = 0, last = #terms, stable = #terms, first_cached = #terms + 1,
    ticket = 0 }, Twin)
  for i, term in ipairs(terms) do self.terms[i] = term end
  return self
end

function Twin:append(term, size)
  self.last = self.last + 1
  self.terms[self.last], self.sizes[self.last] = term, size
end

function Twin:truncate(first)
  for i = first, self.last do
    self.terms[i], self.sizes[i] = nil, nil
  end
  self.last = first - 1
  self.stable = math.min(self.stable, first - 1)
  self.first_cached = math.min(self.first_cached, first)
  for _, write in ipairs(self.writes) do
    write.last = math.min(write.last, first - 1)
  end
end

function Twin:compact(index)
  self.base_term = self:term(index)
  for i = self.base + 1, index do
    self.terms[i], self.sizes[i] = nil, nil
  end
  self.base = index
  self.first_cached = math.max(self.first_cached, index + 1)
end

function Twin:reset(index, term)
  self.terms, self.sizes = {}, {}
  self.base, self.base_term = index, term
  self.last, self.stable, self.first_cached = index, index, index + 1
  for _, write in ipairs(self.writes) do write.last = index end
end

function Twin:term(index)
  return index == self.base and self.base_term or self.terms[index]
end

function Twin:find(index, term)
  for i = math.min(index, self.last), self.base + 1, -1 do
    if self.terms[i] <= term then return i end
  end
  return math.min(index, self.base)
end

-- The first index of each term.
function Twin:runs()
  local firsts = {}
  for i = self.base + 1, self.last do
    if i == self.base + 1 or self.terms[i] ~= self.terms[i - 1] then
      firsts[#firsts + 1] = i
    end
  end
  return firsts
end

function Twin:cached_bytes()
  local bytes = 0
  for i = self.first_cached, self.last do bytes = bytes + self.sizes[i] end
  return bytes
end

function Twin:evict(limit, bytes)
  limit = math.min(limit, self.stable)
  while self:cached_bytes() > bytes and self.first_cached <= limit do
    self.first_cached = self.first_cached + 1
  end
end

function Twin:page(first, last, max_entries, max_bytes)
  local count, bytes = 1, self.sizes[first]
  while first + count <= last and count < max_entries
    and bytes + self.sizes[first + count] <= max_bytes do
    bytes = bytes + self.sizes[first + count]
    count = count + 1
  end
  return { count, bytes }
end

function Twin:write()
  self.ticket = self.ticket + 1
  self.writes[#self.writes + 1] = { ticket = self.ticket, last = self.last }
  return self.ticket
end

function Twin:done(ticket)
  while self.writes[1] and self.writes[1].ticket <= ticket do
    self.stable = math.max(self.stable, table.remove(self.writes, 1).last)
  end
end

local function compare(random, log, twin)
  local last, stable, first_cached, bytes, runs = log:state()
  assert.equal(twin.last, last)
  assert.equal(twin.stable, stable)
  assert.equal(twin.first_cached, first_cached)
  assert.equal(twin:cached_bytes(), bytes)
  assert.same(twin:runs(), runs)
  local index = random:integer(0, twin.last + 2)
  local term = random:integer(0, 9)
  assert.equal(twin:term(index), (log:term(index)))
  assert.equal(twin:find(index, term), log:find(index, term))
  if twin.first_cached <= twin.last then
    local from = random:integer(twin.first_cached, twin.last)
    local to = random:integer(from, twin.last)
    local entries, limit = random:integer(1, 4), random:integer(0, 300)
    assert.same(twin:page(from, to, entries, limit),
      { log:page(from, to, entries, limit) })
  end
end

describe("raft_log", function()
  it("agrees with a list, through random lives", function()
    helper.check(400, function(random)
      local terms, term = {}, 1
      for i = 1, random:integer(0, 6) do
        term = term + random:integer(0, 2)
        terms[i] = term
      end
      local log, twin = probe.log_new(terms), Twin.new(terms)
      local actions = {
        function()
          term = term + (random:one_in(3) and random:integer(1, 3) or 0)
          local size = random:integer(80, 90)
          assert.is_true(log:append(term, size))
          twin:append(term, size)
        end,
        function()
          if twin.last == twin.base then return end
          local first = random:integer(twin.base + 1, twin.last)
          log:truncate(first)
          twin:truncate(first)
          term = math.max(1, twin:term(twin.last))
        end,
        function() assert.equal(twin:write(), log:write()) end,
        function()
          local ticket = random:integer(0, twin.ticket)
          log:done(ticket)
          twin:done(ticket)
        end,
        function()
          local limit = random:integer(0, twin.last)
          local bytes = random:integer(0, 400)
          log:evict(limit, bytes)
          twin:evict(limit, bytes)
        end,
        function()
          local index = random:integer(twin.base, twin.stable)
          log:compact(index)
          twin:compact(index)
        end,
        function()
          if not random:one_in(3) then return end
          local index = random:integer(twin.base, twin.last + 3)
          term = term + random:integer(0, 1)
          log:reset(index, term)
          twin:reset(index, term)
        end,
      }
      for _ = 1, random:integer(0, 40) do
        random:pick(actions)()
        compare(random, log, twin)
      end
    end)
  end)

  it("a write says nothing of an index that was cut since", function()
    local log = probe.log_new { 1 }
    log:append(2, 100)
    local first = log:write()
    log:truncate(2)
    log:append(3, 100)
    local second = log:write()
    log:done(first)
    assert.equal(1, (select(2, log:state())))
    log:done(second)
    assert.equal(2, (select(2, log:state())))
  end)

  it("keeps one run per term", function()
    local log = probe.log_new { 1, 1, 1 }
    for _ = 1, 100 do log:append(1, 80) end
    assert.same({ 1 }, (select(5, log:state())))
    log:append(9, 80)
    assert.same({ 1, 104 }, (select(5, log:state())))
  end)

  it("pages by count and bytes, and gives at least one", function()
    local log = probe.log_new {}
    for _ = 1, 10 do log:append(1, 100) end
    assert.same({ 3, 300 }, { log:page(2, 10, 3, 10000) })
    assert.same({ 2, 200 }, { log:page(2, 10, 99, 250) })
    assert.same({ 1, 100 }, { log:page(2, 10, 99, 1) })
    assert.same({ 9, 900 }, { log:page(2, 10, 99, 10000) })
  end)

  it("§5.4.1 compares terms first, lengths second", function()
    local log = probe.log_new { 1, 3, 3 }
    assert.is_true(log:is_behind(3, 3))
    assert.is_true(log:is_behind(1, 4))
    assert.is_false(log:is_behind(2, 3))
    assert.is_false(log:is_behind(9, 2))
  end)

  it("is as before when memory ends, wherever that is", function()
    for nth = 1, 10 do
      local log = probe.log_new { 1 }
      log:fail_allocation(nth)
      local failed
      for _ = 1, 20 do
        local before = { log:state() }
        local ok, code = log:append(1, 80)
        if not ok then
          failed = true
          assert.equal("no_memory", code)
          assert.same(before, { log:state() })
          assert.is_true(log:append(1, 80))
        end
      end
      assert.equal(21, (log:state()))
      if not failed then return end
    end
    error("no allocation was left to fail")
  end)
end)
