-- SPDX-License-Identifier: MIT
--
-- cli_sim_total.lua - what luaraft sim counts over many seeds, and how it is
-- told: at the end, and while it goes on.
--
-- Holds:  one total: plain values, so that it crosses processes as JSON.

local core = require "raft.core"

local total = {}

-- Faults that are counted by the world, in the order in which they are shown.
local KINDS = { "crashes", "kills", "pauses", "partitions", "resets", "wipes",
  "rots", "jumps", "disk_failures", "disk_fulls", "machine_failures",
  "memory_failures", "lost", "duplicated", "reordered", "corrupted" }

--- Of nothing yet.
function total.new()
  return { seeds = 0, events = 0, simulated = 0, faults = {}, nemeses = {} }
end

local function sum(counts, more)
  for name, count in pairs(more) do
    counts[name] = (counts[name] or 0) + count
  end
end

--- Adds the result of a run, whose clock began at 'start'.
function total.add(self, result, start)
  self.seeds = self.seeds + 1
  self.events = self.events + result.events
  self.simulated = self.simulated + result.now - start
  for _, kind in ipairs(KINDS) do
    local count = result[kind] or 0
    if kind == "partitions" and result.verbs then
      count = count + (result.verbs.partition or 0)
        + (result.verbs.cut or 0)
    end
    sum(self.faults, { [kind] = count })
  end
  for _, row in ipairs(result.nemeses or {}) do
    sum(self.nemeses, { [row.name] = row.count })
  end
end

--- Adds what another process has counted.
function total.merge(self, other)
  self.seeds = self.seeds + other.seeds
  self.events = self.events + other.events
  self.simulated = self.simulated + other.simulated
  sum(self.faults, other.faults)
  sum(self.nemeses, other.nemeses)
end

-- ---- words -----------------------------------------------------------------

local function span(us)
  local seconds = us / 1e6
  if seconds < 120 then
    return ("%.1f s"):format(seconds)
  elseif seconds < 7200 then
    return ("%.1f min"):format(seconds / 60)
  end
  return ("%.1f h"):format(seconds / 3600)
end

local function listed(names, counts)
  local parts = {}
  for _, name in ipairs(names) do
    if (counts[name] or 0) > 0 then
      parts[#parts + 1] = ("%s %d"):format((name:gsub("_", " ")),
        counts[name])
    end
  end
  return parts[1] and table.concat(parts, ", ")
end

local function plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

--- At the end. @return lines
function total.summary(self, subject, real_us)
  local names = {}
  for name in pairs(self.nemeses) do
    names[#names + 1] = name
  end
  table.sort(names)
  local nemeses = listed(names, self.nemeses)
  return ("%s: %s, %d events, %s simulated in %s, %.0f times as fast\n"
    .. "  faults: %s\n%s"):format(subject.label, plural(self.seeds, "seed"),
    self.events, span(self.simulated), span(real_us),
    self.simulated / math.max(real_us, 1), listed(KINDS, self.faults)
    or "none", nemeses and "  nemeses: " .. nemeses .. "\n" or "")
end

local EVERY = 200000 -- microseconds between two looks

--- While it goes on: a function of the total.
-- @param world where it is told
-- @param all { failures = how many files have failed }
function total.progress(world, subject, seeds, all)
  local began, shown = core.now(), 0
  local of = seeds.last < 2 ^ 53 - 1
    and (" of %.0f"):format(seeds.last - seeds.first + 1) or ""
  return function(self)
    local now, faults = core.now(), 0
    if now - shown < EVERY then
      return
    end
    shown = now
    for _, count in pairs(self.faults) do
      faults = faults + count
    end
    world.progress(("%s: %d%s seeds, %.0f per second, %s, %s"):format(
      subject.label, self.seeds, of, self.seeds * 1e6
        / math.max(now - began, 1), plural(all.failures, "failure"),
      plural(faults, "fault")))
  end
end

return total
