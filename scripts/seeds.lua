-- SPDX-License-Identifier: MIT
--
-- seeds.lua - the work of scripts/seeds: seeds by the thousand, and their sum.
--
-- Holds:  a log in build/seeds, one line per thousand seeds, which says what
--         need not be done again.
-- Rule:   what is printed of a failure replays it.

local CHUNK = 1000
local TWICE = 100          -- one seed in so many is run a second time
local LEAST_US = 30000000  -- of faults, in each run

-- What was measured is measured anew each time: it has a log of its own.
local function path_of(given)
  return ("build/seeds/%s.%s"):format(given.profile,
    given.coverage and "coverage" or "log")
end

-- Lines such as "1001..2000 seeds=1000 failed=0 …", by their seeds.
local function done_chunks(given)
  local done = {}
  local file = io.open(path_of(given))
  for line in file and file:lines() or function () end do
    local first, last = line:match "^(%d+)%.%.(%d+) "
    if first then
      done[first .. ".." .. last] = line
    end
  end
  if file then
    file:close()
  end
  return done
end

local function replay_of(given, seed, duration)
  return ("sim.run(sim.mix(sim.profiles.%s, { seed = %d, duration_us = %d }))")
    :format(given.profile, seed, duration)
end

-- Names become words: "move_candidate_leader_VOTES".
local function add_numbers(sums, counts, prefix)
  for name, value in pairs(counts) do
    if type(value) == "number" and name ~= "now" and name ~= "seed" then
      local word = prefix .. name:gsub(" ", "_")
      sums[word] = (sums[word] or 0) + value
    end
  end
end

local function run_chunk(given, sim, first, last)
  local profile = sim.profiles[given.profile]
  local duration = math.max(profile.duration_us or 10000000, LEAST_US)
  local sums = { seeds = 0, failed = 0, simulated = 0, twice = 0 }
  local cpu = os.clock()
  for seed = first, last do
    local options = sim.mix(profile, { seed = seed, duration_us = duration })
    local result = sim.run(options)
    if not result.ok then
      sums.failed = sums.failed + 1
      print(("FAILED seed %d: %s: %s\n  %s"):format(seed,
        result.violation.name, result.violation.text,
        replay_of(given, seed, duration)))
    elseif seed % TWICE == 0 then
      sums.twice = sums.twice + 1
      if sim.run(options).trace_hash ~= result.trace_hash then
        sums.failed = sums.failed + 1
        print(("FAILED seed %d: a second run differs\n  %s"):format(seed,
          replay_of(given, seed, duration)))
      end
    end
    sums.seeds = sums.seeds + 1
    sums.simulated = sums.simulated
      + (result.now - (profile.start_us or 1000000)) // 1000000
    add_numbers(sums, result, "")
    add_numbers(sums, result.marks, "mark_")
    add_numbers(sums, result.moves, "move_")
  end
  sums.milliseconds = (os.clock() - cpu) * 1000 // 1 | 0
  return sums
end

local function text_of(first, last, sums)
  local names = {}
  for name in pairs(sums) do
    names[#names + 1] = name
  end
  table.sort(names)
  local words = { ("%d..%d"):format(first, last) }
  for _, name in ipairs(names) do
    words[#words + 1] = ("%s=%d"):format(name, sums[name])
  end
  return table.concat(words, " ")
end

local function work(given)
  local sim = require "raft.sim"
  local done, failed = done_chunks(given), 0
  local file = assert(io.open(path_of(given), "a"))
  file:setvbuf "line"
  for first = given.from, given.to, CHUNK do
    local number = (first - given.from) // CHUNK
    local last = math.min(first + CHUNK - 1, given.to)
    if not done[first .. ".." .. last]
       and number % given.of == given.job - 1 then
      local sums = run_chunk(given, sim, first, last)
      failed = failed + sums.failed
      file:write(text_of(first, last, sums), "\n")
      local seconds = math.max(sums.milliseconds, 1) / 1000
      print(("%s %d..%d: %d failed, %.1f s, %.0f times real time, %.0f "
        .. "events/s"):format(given.profile, first, last, sums.failed,
        seconds, sums.simulated / seconds, sums.events / seconds))
      io.stdout:flush()
    end
  end
  file:close()
  return failed == 0
end

local function sum(given)
  local sums = {}
  for _, line in pairs(done_chunks(given)) do
    for name, value in line:gmatch "([%w_]+)=(%d+)" do
      sums[name] = (sums[name] or 0) + tonumber(value)
    end
  end
  print(("%s: %d seeds, %d failed, %d run twice, %.1f h simulated in %.0f s "
    .. "of one core"):format(given.profile, sums.seeds or 0,
    sums.failed or 0, sums.twice or 0, (sums.simulated or 0) / 3600,
    (sums.milliseconds or 0) / 1000))
  local names = {}
  for name, value in pairs(sums) do
    names[#names + 1] = ("%s %d"):format(name, value)
  end
  table.sort(names)
  print("  " .. table.concat(names, ", "))
end

-- Lines of which a branch was never taken, in the order of the sources.
local function show(places)
  table.sort(places, function (a, b)
    if a.file ~= b.file then
      return a.file < b.file
    end
    return a.line < b.line
  end)
  for _, place in ipairs(places) do
    if place.taken < place.all then
      print(("%s:%d: %d of %d: %s"):format(place.file, place.line,
        place.all - place.taken, place.all, place.text:match "^%s*(.-)$"))
    end
  end
end

-- gcov -t -b: the annotated sources of a room.
local function branches()
  local source, place, places, taken, all = nil, nil, {}, 0, 0
  for line in io.lines() do
    source = line:match "0:Source:(.*)$" or source
    local at, code = line:match "^%s*[%d#=*-]+%*?:%s*(%d+):(.*)$"
    if at then
      place = { line = tonumber(at), text = code, taken = 0, all = 0,
                file = source and source:match "core/raft/.*" }
    end
    local outcome = line:match "^branch%s+%d+ (.*)$"
    if outcome and place.file
       and not place.text:find("raft_assert", 1, true) then
      local is_taken = not (outcome:find "^taken 0" or outcome:find "never")
      if place.all == 0 then
        places[#places + 1] = place
      end
      place.all, all = place.all + 1, all + 1
      if is_taken then
        place.taken, taken = place.taken + 1, taken + 1
      end
    end
  end
  show(places)
  print(("core/raft: %d of %d branches taken, %.1f %%"):format(taken, all,
    100 * taken / math.max(all, 1)))
end

local function main(words)
  local given = { profile = "everything", from = 1, job = 1, of = 1 }
  local at = 2
  while words[at] do
    local name = words[at]:match "^%-%-(%a+)$"
    if name == "coverage" then
      given.coverage = true
      given.to = given.to or CHUNK
    elseif name ~= "again" then
      given[name or "?"] = tonumber(words[at + 1]) or words[at + 1]
      at = at + 1
    end
    at = at + 1
  end
  given.to = given.to or 10 * CHUNK
  local verbs = { work = work, sum = sum }
  local is_good = true
  if words[1] == "branches" then
    return branches()
  end
  for profile in given.profile:gmatch "[^,]+" do
    given.profile = profile
    is_good = verbs[words[1]](given) ~= false and is_good
  end
  os.exit(is_good)
end

main(arg)
