-- SPDX-License-Identifier: MIT
--
-- bench_check.lua DIR... - what judging recorded histories costs.
--
-- Measures:  each history of a folder (its EXPECTED names them and their
--            verdicts): configurations visited, processor time, most memory;
--            with one search per key and with all keys in one search. Reading
--            the file is not counted in ms; it is told at the end.
-- Knows not: what would be good.

local history = require("raft.history")

local ROW = "%-28s %-13s %-14s %9.0f %9.2f %9.0f"

local function judge(h, partition)
  local started = os.clock()
  local result = h:check { partition = partition, counterexample = false,
    time = "60s" }
  return result, (os.clock() - started) * 1000
end

-- Judges one file both ways, when it has several keys.
local function bench(path, name, expected, total)
  local started = os.clock()
  local h = assert(history.read(path))
  total.reading = total.reading + (os.clock() - started) * 1000
  for _, partition in ipairs { true, false } do
    if partition or h.model == "kv" then
      local result, ms = judge(h, partition)
      print(ROW:format(name, partition and "by key" or "in one search",
        result.verdict, result.states, ms, result.peak_bytes / 1024))
      total.wrong = total.wrong + (result.verdict == expected and 0 or 1)
      if partition then
        total.ms, total.files = total.ms + ms, total.files + 1
      end
    end
  end
end

local function folder(path)
  local total = { ms = 0, reading = 0, files = 0, wrong = 0 }
  print(("%-28s %-13s %-14s %9s %9s %9s"):format("history", "keys",
    "verdict", "states", "ms", "peak KiB"))
  for line in io.lines(path .. "/EXPECTED") do
    local name, expected = line:match("^(%S+) (%S+)$")
    bench(path .. "/" .. name, name, expected, total)
  end
  print(("%d histories by key: %.1f ms, and %.1f ms to read them; %d verdicts"
    .. " not as expected"):format(total.files, total.ms, total.reading,
    total.wrong))
  return total.wrong == 0
end

local ok = true
for _, path in ipairs(arg) do
  ok = folder(path) and ok
end
os.exit(ok and 0 or 1)
