-- SPDX-License-Identifier: MIT
--
-- nemesis.lua - what goes wrong in a cluster, and when.
--
--   local nemesis = require("raft").nemesis
--   return raft.scenario {
--     nodes = 5, machine = "raft.kv", duration = "30s",
--     workload = raft.workload.register {},
--     nemesis = nemesis.mix {
--       nemesis.partition { kind = "bridge", lasts = "2s" },
--       nemesis.kill { target = "leader" },
--       every = "500ms",
--     },
--   }
--
-- Holds:     single faults (nemesis_kinds.lua) as values, and what composes
--            them: mix, sequence, all, stagger, at_random, during, limit.
-- Knows not: worlds. A nemesis uses the verbs of a cluster, and no clock and
--            no chance but the cluster's.
-- Rule:      a nemesis holds nothing of a run: one value serves every seed.
--
-- Times are durations, "2s", or { "100ms", "2s" }: by chance in between.

local blame = require "raft.blame"
local boards = require "raft.nemesis_board"
local kinds = require "raft.nemesis_kinds"
local needs = require "raft.nemesis_needs"
local options = require "raft.options"
local round = require "raft.nemesis_round"
local wording = require "raft.wording"

local Nemesis = round.Nemesis
local draw, new, read_time = round.draw, round.new, round.read_time
local sleep = round.sleep

local nemesis = {}

--- What was done to a cluster: { { name = "kill", targets = { 2 },
-- from = 1200000, to = 1700000 }, … }, times in microseconds.
function nemesis.bands(cluster)
  return boards.of(cluster):bands_until(cluster:now())
end

--- How often: { { name = "kill", count = 3 }, … }, by name.
function nemesis.counts(cluster)
  return boards.of(cluster):counts()
end

-- ---- single faults ---------------------------------------------------------

local TARGETS = { "any", "leader", "follower", "random" }

local function check_target(where, target, level)
  local is_id = type(target) == "number" and target >= 1 and target % 1 == 0
  for _, word in ipairs(TARGETS) do
    if is_id or word == target then
      return
    end
  end
  local near = type(target) == "string" and wording.nearest(target, TARGETS)
  local _, message = wording.expected("a member's id or one of "
    .. table.concat(TARGETS, ", "), target)
  error(("%s: option target: %s%s"):format(where, message,
    near and (', did you mean "%s"?'):format(near) or ""), level + 2)
end

local function inflict(cluster, kind, o)
  local board = boards.of(cluster)
  local fault = kind.begin(cluster, board, o)
  if not fault then
    return -- there is nobody to break in this way now
  end
  local band = board:open(cluster, fault.name or kind.name, fault.targets)
  if fault.is_momentary then
    band.to = band.from
    return
  end
  local held = fault.what and (fault.held or fault.targets) or {}
  for _, id in ipairs(held) do
    board:hold(fault.what, id)
  end
  local length = draw(cluster, o.lasts)
  if fault.hold then
    fault.hold(length)
  else
    sleep(cluster, length)
  end
  for _, id in ipairs(held) do
    board:release(fault.what, id)
  end
  band.to = cluster:now()
  if cluster:is_running() then -- else the cluster was healed as a whole
    fault.finish()
  end
end

local function single(kind, given, level)
  local where = "nemesis." .. kind.name
  local o = options.check(where, given, kind.schema, level + 1)
  check_target(where, o.target, level + 1)
  o.lasts = read_time(where, "option lasts", o.lasts, level + 1)
  return new {
    pause = read_time(where, "option every", o.every, level + 1),
    act = function (cluster)
      inflict(cluster, kind, o)
    end,
    lack = function (cluster)
      return needs.lack(kind.name, o, cluster)
    end,
  }
end

for name, kind in pairs(kinds) do
  if type(kind) == "table" then
    kind.schema.every = { "any", default = "1s" }
    kind.schema.lasts = { "any", default = "500ms" }
    nemesis[name] = function (given)
      local made = single(kind, given, 1)
      return made
    end
  end
end

-- ---- composition -----------------------------------------------------------

local function check_nemesis(where, value, level)
  if getmetatable(value) ~= Nemesis then
    local _, message = wording.expected("a nemesis, such as nemesis.kill {}",
      value)
    error(where .. ": " .. message, level + 2)
  end
end

-- The list of a combinator, and its named options apart from it.
local function split(where, given, schema, level)
  if type(given) ~= "table" or getmetatable(given) == Nemesis then
    local _, message = wording.expected("a table of nemeses", given)
    error(where .. ": " .. message, level + 2)
  end
  local list, named = {}, {}
  for key, value in pairs(given) do
    if type(key) == "number" then
      check_nemesis(where, value, level + 1)
    else
      named[key] = value
    end
  end
  for i = 1, #given do
    list[i] = given[i]
  end
  if not list[1] then
    error(where .. ": expected at least one nemesis, got none", level + 2)
  end
  local o = options.check(where, named, schema, level + 1)
  o.every = read_time(where, "option every", o.every, level + 1)
  return list, o
end

local function check_weights(where, weights, count, level)
  local total = 0
  for at in pairs(weights or {}) do
    if type(at) ~= "number" or at % 1 ~= 0 or at < 1 or at > count then
      error(("%s: option weights: expected %d whole numbers, one for each"
        .. " nemesis, got weights[%s]"):format(where, count, tostring(at)),
        level + 2)
    end
  end
  for i = 1, count do
    local weight = weights == nil and 1 or weights[i]
    if type(weight) ~= "number" or weight < 1 or weight % 1 ~= 0 then
      local _, message = wording.expected(("%d whole numbers from 1"):format(
        count), weight)
      error(where .. ": option weights: " .. message, level + 2)
    end
    total = total + weight
  end
  return total
end

-- What the first lacks that lacks something; and whether all do.
local function lack_of(list)
  return function (cluster)
    local first, count = nil, 0
    for _, one in ipairs(list) do
      local lack = one.lack(cluster)
      first, count = first or lack, count + (lack and 1 or 0)
    end
    return first, count == #list
  end
end

-- Chance leaves out what cannot be, unless nothing can.
local function lack_of_all(list)
  local lack = lack_of(list)
  return function (cluster)
    local first, is_all = lack(cluster)
    return is_all and first or nil
  end
end

--- One of them by chance, each time.
-- @param given { a, b, weights = { 3, 1 }, every = "1s" }
function nemesis.mix(given)
  local list, o = split("nemesis.mix", given, {
    weights = { "table" }, every = { "any", default = "1s" } }, 1)
  local total = check_weights("nemesis.mix", o.weights, #list, 1)
  return new { pause = o.every, lack = lack_of_all(list),
               act = function (cluster)
    local at = cluster:random(total)
    for i, one in ipairs(list) do
      at = at - (o.weights and o.weights[i] or 1)
      if at <= 0 then
        one:once(cluster)
        return
      end
    end
  end }
end

--- One after the other, each after its own pause; and from the beginning.
-- @param given { a, b, every = "0s" }: the pause between two rounds
function nemesis.sequence(given)
  local list, o = split("nemesis.sequence", given, {
    every = { "any", default = "0s" } }, 1)
  return new { pause = o.every, lack = lack_of(list),
               act = function (cluster)
    for _, one in ipairs(list) do
      one:rounds(cluster, nil, 1)
    end
  end }
end

local function in_parallel(list, cluster, method, ...)
  local processes = {}
  for i, one in ipairs(list) do
    processes[i] = cluster:spawn(one[method], one, cluster, ...)
  end
  for _, process in ipairs(processes) do
    process:wait()
  end
end

--- Side by side, each in its own time.
-- @param given { a, b, every = "1s" }: from one round to the next, where
-- another nemesis decides when rounds are
function nemesis.all(given)
  local list, o = split("nemesis.all", given, {
    every = { "any", default = "1s" } }, 1)
  local made = new { pause = o.every, lack = lack_of(list),
                     act = function (cluster)
    in_parallel(list, cluster, "once")
  end }
  function made.rounds(_, cluster, ends, count)
    in_parallel(list, cluster, "rounds", ends, count)
  end
  return made
end

--- After pauses by chance, of this length in the mean.
function nemesis.stagger(mean, one)
  local time = read_time("nemesis.stagger", "the mean pause", mean, 1)
  check_nemesis("nemesis.stagger", one, 1)
  return new { pause = { 0, time[1] + time[2] }, act = one.act,
               lack = one.lack }
end

--- Once in each span of this length, at a moment by chance.
function nemesis.at_random(span, one)
  local length = read_time("nemesis.at_random", "the span", span, 1)[1]
  check_nemesis("nemesis.at_random", one, 1)
  local made = new { pause = { 0, length }, act = one.act, lack = one.lack }
  function made.rounds(self, cluster, ends, count)
    local began = cluster:now()
    while cluster:is_running() and (not count or count > 0)
          and (not ends or began < ends) do
      local last = began + length
      Nemesis.rounds(self, cluster, ends and math.min(ends, last) or last, 1)
      sleep(cluster, last - cluster:now())
      began = cluster:now()
      count = count and count - 1
    end
  end
  return made
end

--- Only from one time of the run to another: what began before ends as ever.
function nemesis.during(from, to, one)
  local first = read_time("nemesis.during", "the begin", from, 1)[1]
  local last = read_time("nemesis.during", "the end", to, 1)[1]
  check_nemesis("nemesis.during", one, 1)
  local made = new { pause = one.pause, lack = one.lack,
                     act = function (cluster)
    local time = cluster:now() - boards.of(cluster).began
    if time >= first and time < last then
      one:once(cluster)
    end
  end }
  function made.rounds(_, cluster, ends, count)
    local began = boards.of(cluster).began
    sleep(cluster, began + first - cluster:now())
    one:rounds(cluster, math.min(ends or began + last, began + last), count)
  end
  return made
end

--- At most so many times in a run.
function nemesis.limit(count, one)
  if type(count) ~= "number" or count < 1 or count % 1 ~= 0 then
    local _, message = wording.expected("a whole number from 1", count)
    error("nemesis.limit: " .. message, 2)
  end
  check_nemesis("nemesis.limit", one, 1)
  local made
  made = new { pause = one.pause, lack = one.lack, act = function (cluster)
    if boards.of(cluster):take(made, count) then
      one:once(cluster)
    end
  end }
  return made
end

-- ---- everything ------------------------------------------------------------

-- Name, weight, options: what everything {} draws from.
local EVERYTHING = {
  { "partition", 3, { kind = "halves" } },
  { "partition", 1, { kind = "majority" } },
  { "partition", 3, { kind = "isolate" } },
  { "partition", 2, { kind = "one_way" } },
  { "partition", 1, { kind = "bridge" } },
  { "partition", 1, { kind = "ring" } },
  { "partition", 1, { kind = "deaf" } },
  { "partition", 1, { kind = "random" } },
  { "kill", 2 }, { "crash", 4 }, { "crash_all", 1 }, { "pause", 3 },
  { "clock", 1, { kind = "jump" } }, { "clock", 1, { kind = "skew" } },
  { "clock", 1, { kind = "strobe" } }, { "clock", 1, { kind = "drift" } },
  { "disk", 2, { kind = "slow" } }, { "disk", 1, { kind = "full" } },
  { "disk", 1, { kind = "fail_sync" } }, { "disk", 1, { kind = "rot" } },
  { "network", 1, { kind = "loss" } }, { "network", 1, { kind = "delay" } },
  { "network", 1, { kind = "duplicate" } },
  { "network", 1, { kind = "reorder" } },
  { "network", 1, { kind = "corrupt" } },
  { "network", 1, { kind = "tail" } }, { "slow_link", 2 },
  { "reset", 2 }, { "reset", 1, { kind = "clients" } },
  { "lose_names", 1 }, { "wipe", 1 }, { "transfer", 2 },
  { "snapshot", 2 }, { "membership", 2 },
  { "membership", 1, { kind = "replace" } },
}

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

--- Every fault, mixed, up to three at a time.
-- @param given { every = { "10ms", "1800ms" }, lasts = { "1ms", "1200ms" },
-- without = { "wipe", "clock" } }
function nemesis.everything(given)
  local where = "nemesis.everything"
  local o = options.check(where, given, {
    every = { "any", default = { "10ms", "1800ms" } },
    lasts = { "any", default = { "1ms", "1200ms" } },
    without = { "table", default = {} },
  }, 1)
  read_time(where, "option every", o.every, 1)
  read_time(where, "option lasts", o.lasts, 1)
  for _, name in ipairs(o.without) do
    if not rawget(nemesis, name) or not kinds[name] then
      local _, message = wording.expected("names of faults", name)
      error(where .. ": option without: " .. message, 2)
    end
  end
  local without, mixed = set_of(o.without), { every = o.every, weights = {} }
  for _, row in ipairs(EVERYTHING) do
    if not without[row[1]] then
      local one = { lasts = o.lasts }
      for name, value in pairs(row[3] or {}) do
        one[name] = value
      end
      mixed[#mixed + 1] = nemesis[row[1]](one)
      mixed.weights[#mixed] = row[2]
    end
  end
  local mix = nemesis.mix(mixed)
  return nemesis.all { mix, mix, mix }
end

--- A name that is not there is told at the user's line.
return setmetatable(nemesis,
  { __index = blame.strict("raft.nemesis", nemesis) })
