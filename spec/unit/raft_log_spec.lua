-- SPDX-License-Identifier: MIT

local helper = require("spec.helper")
local probe = require("raft.probe")

-- The naive twin: a list of terms and sizes, and the obvious loops.
local Twin = {}
Twin.__index = Twin

function Twin.new(terms)
  local self = setmetatable({ terms = {}, sizes = {}, writes = {},
    stable = #terms, first_cached = #terms + 1, ticket = 0 }, Twin)
  for i, term in ipairs(terms) do self.terms[i] = term end
  return self
end

function Twin:append(term, size)
  self.terms[#self.terms + 1] = term
  self.sizes[#self.terms] = size
end

function Twin:truncate(first)
  for i = #self.terms, first, -1 do
    self.terms[i], self.sizes[i] = nil, nil
  end
  self.stable = math.min(self.stable, first - 1)
  self.first_cached = math.min(self.first_cached, first)
  for _, write in ipairs(self.writes) do
    write.last = math.min(write.last, first - 1)
  end
end

function Twin:find(index, term)
  for i = math.min(index, #self.terms), 1, -1 do
    if self.terms[i] <= term then return i end
  end
  return 0
end

function Twin:cached_bytes()
  local bytes = 0
  for i = self.first_cached, #self.terms do bytes = bytes + self.sizes[i] end
  return bytes
end

function Twin:evict(limit, bytes)
  limit = math.min(limit, self.stable)
  while self:cached_bytes() > bytes and self.first_cached <= limit do
    self.first_cached = self.first_cached + 1
  end
end

function Twin:write()
  self.ticket = self.ticket + 1
  self.writes[#self.writes + 1] = { ticket = self.ticket, last = #self.terms }
  return self.ticket
end

function Twin:done(ticket)
  while self.writes[1] and self.writes[1].ticket <= ticket do
    self.stable = math.max(self.stable, table.remove(self.writes, 1).last)
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
          -- only what is cached, or durable, can be cut
          if #twin.terms == 0 then return end
          local first = random:integer(1, #twin.terms)
          log:truncate(first)
          twin:truncate(first)
          term = twin.terms[#twin.terms] or 1
        end,
        function() assert.equal(twin:write(), log:write()) end,
        function()
          local ticket = random:integer(0, twin.ticket)
          log:done(ticket)
          twin:done(ticket)
        end,
        function()
          local limit = random:integer(0, #twin.terms)
          local bytes = random:integer(0, 400)
          log:evict(limit, bytes)
          twin:evict(limit, bytes)
        end,
      }
      for _ = 1, random:integer(0, 40) do
        random:pick(actions)()
        local last, stable, first_cached, bytes = log:state()
        assert.equal(#twin.terms, last)
        assert.equal(twin.stable, stable)
        assert.equal(twin.first_cached, first_cached)
        assert.equal(twin:cached_bytes(), bytes)
        local index = random:integer(0, #twin.terms + 2)
        local any = random:integer(0, term + 1)
        assert.equal(index == 0 and 0 or twin.terms[index], (log:term(index)))
        assert.equal(twin:find(index, any), log:find(index, any))
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
    assert.equal(1, (select(5, log:state())))
    log:append(9, 80)
    assert.equal(2, (select(5, log:state())))
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
