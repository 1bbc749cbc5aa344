-- SPDX-License-Identifier: MIT
--
-- helper.lua - what specs share: chance from a seed, and the smallest failure.
--
-- Holds:     helper.random (the same numbers on every Lua), helper.check (a
--            property over random inputs, shrunk when it fails), helper.full.
-- Invariant: with one SPEC_SEED every run is the same.

local helper = {}

--- scripts/test --full sets it: specs may then take minutes.
helper.full = os.getenv "RAFT_FULL" == "1"

--- One seed for a whole run; scripts/spec prints it first.
helper.seed = tonumber(os.getenv "SPEC_SEED" or "1")

--- Above every index, as raft_quorum gives it for an empty half.
helper.NO_LIMIT = 2 ^ 53 - 1

-- ---- chance --------------------------------------------------------------

-- Two multiplicative generators combined (L'Ecuyer 1988). All products stay
-- below 2^53, so that doubles and integers give the same numbers.
local FIRST = { factor = 40014, modulus = 2147483563 }
local SECOND = { factor = 40692, modulus = 2147483399 }

local function whole(number)
  return math.floor(number) -- an integer where Lua has integers
end

local function stream(seed)
  local a = seed % (FIRST.modulus - 1) + 1
  local b = whole(seed / 7919) % (SECOND.modulus - 1) + 1
  local function draw() -- 0 … 2^31 - 86
    a = a * FIRST.factor % FIRST.modulus
    b = b * SECOND.factor % SECOND.modulus
    return (a - b) % (FIRST.modulus - 1)
  end
  for _ = 1, 8 do -- near seeds begin alike
    draw()
  end
  return draw
end

-- Choices come from a stream and are recorded; or from a record, which may be
-- shorter or smaller than what was drawn before (then: 0).
local Random = {}
Random.__index = Random

local function new_random(draw, record)
  return setmetatable({ draw = draw, record = record, choices = {} }, Random)
end

-- A number 0 … span - 1, the smaller the simpler.
function Random:choose(span)
  local at = #self.choices + 1
  local value
  if self.record then
    value = math.min(self.record[at] or 0, span - 1)
  elseif span <= 2 ^ 30 then
    value = self.draw() % span
  else
    value = (self.draw() % 2 ^ 26 * 2 ^ 27 + self.draw() % 2 ^ 27) % span
  end
  self.choices[at] = value
  return value
end

--- A whole number lo … hi, both included; shrinks towards lo.
function Random:integer(lo, hi)
  return whole(lo + self:choose(hi - lo + 1))
end

function Random:boolean()
  return self:choose(2) == 1
end

--- True once in n times.
function Random:one_in(n)
  return self:choose(n) == n - 1
end

--- One of a list; shrinks towards its first.
function Random:pick(list)
  return list[self:integer(1, #list)]
end

--- lo … hi values of make(self, position).
function Random:list(lo, hi, make)
  local list = {}
  for i = 1, self:integer(lo, hi) do
    list[i] = make(self, i)
  end
  return list
end

--- lo … hi log indexes below 2^53, small ones often.
function Random:indexes(lo, hi)
  return self:list(lo, hi, function ()
    return self:integer(0, self:pick { 9, 1000, 2 ^ 53 - 1 })
  end)
end

--- A string of lo … hi bytes, any of 256.
function Random:bytes(lo, hi)
  local bytes = self:list(lo, hi, function ()
    return string.char(self:choose(256))
  end)
  return table.concat(bytes)
end

--- Puts a list into a random order, in place.
function Random:shuffle(list)
  for i = #list, 2, -1 do
    local j = self:integer(1, i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

--- A source of chance. Equal seeds give equal numbers on every Lua.
function helper.random(seed)
  return new_random(stream(seed or helper.seed))
end

-- ---- properties ----------------------------------------------------------

local function copy_without(list, first, last)
  local copy = {}
  for i = 1, #list do
    if i < first or i > last then
      copy[#copy + 1] = list[i]
    end
  end
  return copy
end

local function copy_with(list, at, value)
  local copy = copy_without(list, 0, 0)
  copy[at] = value
  return copy
end

-- What the property says to these choices: nil, or how it fails.
local function fails(property, record)
  local random = new_random(nil, record)
  local ok, problem = pcall(property, random)
  if ok then
    return nil
  end
  return problem, random.choices
end

-- Simpler: fewer choices, or as many and at the first difference a smaller.
local function is_simpler(a, b)
  if #a ~= #b then
    return #a < #b
  end
  for i = 1, #a do
    if a[i] ~= b[i] then
      return a[i] < b[i]
    end
  end
  return false
end

-- Calls try(candidate) with simpler records until it returns true.
local function each_simpler(record, try)
  local size = #record
  while size >= 1 do
    for first = 1, #record - size + 1, size do
      if try(copy_without(record, first, first + size - 1)) then
        return true
      end
    end
    size = whole(size / 2)
  end
  for i = 1, #record do
    local value = record[i]
    if value > 0 and (try(copy_with(record, i, 0))
       or try(copy_with(record, i, whole(value / 2)))
       or try(copy_with(record, i, value - 1))) then
      return true
    end
  end
  return false
end

local SHRINK_TRIES = 3000

local function shrink(property, record, problem)
  local tries = 0
  local function try(candidate)
    tries = tries + 1
    if tries > SHRINK_TRIES then
      return true -- ends the search; 'record' stays
    end
    local said, choices = fails(property, candidate)
    if said and is_simpler(choices, record) then
      record, problem = choices, said
      return true
    end
    return false
  end
  while tries <= SHRINK_TRIES and each_simpler(record, try) do
    -- each round starts from the simpler record
  end
  return record, problem
end

--- Calls property(random) for n random inputs (ten times as many under
-- --full). When one fails, it is shrunk, and the error names the seed, the
-- smallest choices that still fail, and what they fail with.
function helper.check(n, property)
  if helper.full then
    n = n * 10
  end
  local draw = stream(helper.seed)
  for run = 1, n do
    local random = new_random(draw)
    local ok, problem = pcall(property, random)
    if not ok then
      local record, said = shrink(property, random.choices, problem)
      error(("seed=%.0f, input %d of %d fails; smallest choices {%s}:\n%s")
        :format(helper.seed, run, n, table.concat(record, ", "),
        tostring(type(said) == "table" and said.message or said)), 2)
    end
  end
end

return helper
