-- SPDX-License-Identifier: MIT
--
-- bench_check.lua DIR... - what judging recorded histories costs.
--
-- Measures:  each history of a folder (its EXPECTED names them and their
--            verdicts): configurations visited, processor time (the least of
--            a few runs), most memory; with one search per key and with all
--            keys in one search. Reading the file is not counted in ms; it is
--            told at the end, and so is how much longer others take who
--            publish it.
-- Knows not: what would be good.

local history = require("raft.history")

local ROW = "%-28s %-13s %-14s %9.0f %9.2f %9.0f"
local RUNS, LONG_MS = 5, 100 -- a run that is long is done once

-- Porcupine (Go), on two x86 cores of the 2020s.
local PUBLISHED = {
  { name = "etcd_002.log", keys = "by key", ms = 145 },
  { name = "c10-ok.txt", keys = "in one search", ms = 1800 },
  { name = "c10-bad.txt", keys = "in one search", ms = 1800 },
}
local PUBLISHED_ALL_MS = 390 -- all 102 of Jepsen's etcd

local function judge(h, partition)
  local least, result = math.huge, nil
  for _ = 1, RUNS do
    local started = os.clock()
    result = h:check { partition = partition, counterexample = false,
      time = "60s" }
    least = math.min(least, (os.clock() - started) * 1000)
    if least > LONG_MS then
      break
    end
  end
  return result, least
end

-- Judges one file both ways, when it has several keys.
local function bench(path, name, expected, total)
  local started = os.clock()
  local h = assert(history.read(path))
  total.reading = total.reading + (os.clock() - started) * 1000
  for _, keys in ipairs { "by key", "in one search" } do
    if keys == "by key" or h.model == "kv" then
      local result, ms = judge(h, keys == "by key")
      print(ROW:format(name, keys, result.verdict, result.states, ms,
        result.peak_bytes / 1024))
      total.wrong = total.wrong + (result.verdict == expected and 0 or 1)
      total.took[name:match("[^/]*$") .. keys] = ms
      if keys == "by key" then
        total.ms, total.files = total.ms + ms, total.files + 1
        total.etcd = total.etcd + (name:find("etcd_", 1, true) and ms or 0)
      end
    end
  end
end

local function compare(total)
  for _, other in ipairs(PUBLISHED) do
    local ms = total.took[other.name .. other.keys]
    if ms then
      print(("%s, %s: porcupine publishes %.0f ms, %.0f times as much")
        :format(other.name, other.keys, other.ms, other.ms / ms))
    end
  end
  if total.etcd > 0 then
    print(("those of etcd: %.1f ms; porcupine publishes %d ms for all 102")
      :format(total.etcd, PUBLISHED_ALL_MS))
  end
end

local function folder(path)
  local total = { ms = 0, reading = 0, files = 0, wrong = 0, etcd = 0,
                  took = {} }
  print(("%-28s %-13s %-14s %9s %9s %9s"):format("history", "keys",
    "verdict", "states", "ms", "peak KiB"))
  for line in io.lines(path .. "/EXPECTED") do
    local name, expected = line:match("^(%S+) (%S+)$")
    bench(path .. "/" .. name, name, expected, total)
  end
  print(("%d histories by key: %.1f ms, and %.1f ms to read them; %d verdicts"
    .. " not as expected"):format(total.files, total.ms, total.reading,
    total.wrong))
  compare(total)
  return total.wrong == 0
end

local ok = true
for _, path in ipairs(arg) do
  ok = folder(path) and ok
end
os.exit(ok and 0 or 1)
