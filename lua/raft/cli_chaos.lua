-- SPDX-License-Identifier: MIT
--
-- cli_chaos.lua - the subcommand luaraft chaos.
--
-- Holds:     files run one after the other on real processes, and what is said
--            of them: on failure the first line is what failed.
-- Knows not: how a run is done (chaos.lua), what is kept (chaos_folder.lua).
-- Invariant: the folder of a run is gone at its end, whatever came of it; what
--            is to be kept has been copied.
-- Rule:      exit codes: 0 all hold, 1 one does not or cannot be run, 2 used
--            wrongly or a file cannot be read, 3 unknown, not applicable or
--            interrupted.

local chaos = require "raft.chaos"
local core = require "raft.core"
local folder = require "raft.chaos_folder"
local hosts = require "raft.chaos_hosts"
local processes = require "raft.processes"
local subjects = require "raft.cli_sim_subjects"

local cli_chaos = {}

local OK, FAILED, USAGE, UNKNOWN = 0, 1, 2, 3
local GRAVITY = { [OK] = 0, [UNKNOWN] = 1, [FAILED] = 2, [USAGE] = 3 }

local LONG_US = 3600 * 1000 * 1000 -- a run whose messages fill disks

-- ---- what is said ----------------------------------------------------------

local function verdict_of(result)
  local violation = result.violation
  if violation then
    return FAILED, violation.name, violation.text, violation.time
  elseif result.not_applicable then
    return UNKNOWN, "not applicable", result.not_applicable
  elseif result.unknown then
    return UNKNOWN, "unknown", result.unknown
  end
  return OK
end

local function listed(counts, names)
  local parts = {}
  for _, name in ipairs(names) do
    if (counts[name] or 0) > 0 then
      parts[#parts + 1] = ("%s %d"):format((name:gsub("_", " ")),
        counts[name])
    end
  end
  return parts[1] and table.concat(parts, ", ") or "none"
end

local FAULTS = { "crashes", "kills", "pauses", "resets", "wipes", "rots",
  "jumps", "drifts", "slow_disks", "disk_failures", "disk_fulls",
  "slow_links" }

local function of_calls(calls)
  local total, others = 0, {}
  for code, count in pairs(calls or {}) do
    total = total + count
    if code ~= "ok" then
      others[#others + 1] = code
    end
  end
  table.sort(others)
  return total, listed(calls or {}, others)
end

-- Lines for people.
local function told(subject, result, seed)
  local total, failures = of_calls(result.calls)
  local nemeses, names = {}, {}
  for _, row in ipairs(result.nemeses or {}) do
    nemeses[row.name], names[#names + 1] = row.count, row.name
  end
  local _, name, text, time = verdict_of(result)
  local head = name and ("%s: seed %.0f: %s: %s%s\n"):format(subject.label,
    seed, name, text, time and (" (at %.3f s)"):format(time / 1e6) or "")
    or ""
  return head .. ("%s: seed %.0f, %.1f s, %d operations (not ok: %s), %d"
    .. " elections, longest time without an acknowledged write %.2f s\n"
    .. "  faults: %s\n  nemeses: %s\n"):format(subject.label, seed,
    result.now / 1e6, total, failures, result.elections or 0,
    (result.longest_us or 0) / 1e6, listed(result, FAULTS),
    listed(nemeses, names))
end

-- ---- one run ---------------------------------------------------------------

local function new_folder()
  local pipe = io.popen("mktemp -d \"${TMPDIR:-/tmp}/luaraft.XXXXXX\" 2>&1")
  local name = pipe:read("*l") or "mktemp does not answer"
  pipe:close()
  if not name:find("^/") then
    error("a folder for the members cannot be made: " .. name, 0)
  end
  return name
end

local GUARD = 'trap "" INT TERM HUP; read -r line || { rm -rf "$0"; '
  .. 'for name in $(ip netns list 2> /dev/null | grep -o "^$1-[0-9a-z]*"); '
  .. 'do ip netns del "$name"; done; }'

-- Removes what is left when this process is killed before it could.
local function new_guard(dir)
  return core.process_start { "/bin/sh", "-c", GUARD, dir, hosts.tag(),
    outlives = true }
end

-- "scripts/chaos/bank.lua" and 7 -> "bank-7-chaos"
local function stem(subject, seed)
  local name = subject.label:gsub("^.*/", ""):gsub("%.lua$", "")
    :gsub("[^%w_%-]", "_")
  return ("%s-%.0f-chaos"):format(name, seed)
end

local function level_of(subject, given)
  local us = given.time or subject.duration or 0
  return given.level or us > LONG_US and "info" or "wire"
end

-- Where a run is kept: in what --keep names, or in a folder of its own, there
-- or here, whose name nobody has.
local function place_of(subject, one, given)
  if given.keep and not given.several then
    return given.keep
  end
  local name = stem(subject, one.seed)
  return folder.new(given.keep and given.keep .. "/" .. name or name)
end

local function keep(world, subject, one, given)
  local to = place_of(subject, one, given)
  local ok, message = folder.write { run = one.run, result = one.result,
    head = one.head, from = one.dir, to = to }
  if not ok then
    world.err("luaraft chaos: " .. tostring(message) .. "\n")
    return false
  end
  world.out(("  kept: %s/summary.txt\n"):format(to))
  return true
end

local function run_in(dir, subject, seed, given)
  local one = { dir = dir, seed = seed }
  one.result = chaos.run(subject.scenario, {
    dir = dir, seed = seed, nodes = given.nodes, bug = subject.bug,
    duration = given.time and subject.duration
      and ("%.0fus"):format(given.time), port = given.port,
    level = level_of(subject, given), namespaces = given.namespaces or nil,
    watch = function(handle, result, cluster)
      if given.keep or result.violation then
        one.run = folder.collect(handle, result, cluster,
          { title = ("%s, seed %.0f"):format(subject.label, seed) })
      end
    end })
  one.head = told(subject, one.result, seed)
  return one
end

local function run_seed(world, subject, seed, given)
  local dir = new_folder()
  local guard = new_guard(dir)
  local ok, code = pcall(function()
    local one = run_in(dir, subject, seed, given)
    local verdict = verdict_of(one.result)
    world.out(one.head)
    if given.traceback and one.result.traceback then
      world.out(one.result.traceback .. "\n")
    end
    if one.run and not keep(world, subject, one, given) then
      return math.max(verdict, FAILED)
    end
    return verdict
  end)
  os.execute("rm -rf '" .. dir .. "'")
  if guard then
    guard:write("done\n")
    guard:close()
  end
  if not ok then
    error(code, 0)
  end
  return code
end

-- A story is over when it is: it is told again, by further seeds.
local function run_subject(world, subject, given)
  local seed = given.seed and given.seed.first or subject.seed or 1
  local ends = given.time and not subject.duration
    and core.now() + given.time
  local code
  repeat
    code = run_seed(world, subject, seed, given)
    seed = seed + 1
  until code ~= OK or not ends or core.now() >= ends
  return code
end

-- ---- all of them -----------------------------------------------------------

-- What is to be run; or nil and a message. Says whether it is several runs.
local function read_subjects(given)
  local list, message = subjects.of(given)
  if not list then
    return nil, message
  end
  given.several = #list > 1
  for _, subject in ipairs(list) do
    if not subject.scenario then
      return nil, ("%s: expected the file to return raft.scenario { … }, got"
        .. " options of a simulation"):format(subject.label)
    end
    local own = subject.scenario.options
    subject.duration = own.workload and own.duration
    given.several = given.several or given.time and not subject.duration
  end
  return list
end

local function run_all(world, list, given)
  local code = OK
  for _, subject in ipairs(list) do
    local ok, one = pcall(run_subject, world, subject, given)
    if not ok and one == processes.INTERRUPTED then
      world.err("luaraft chaos: interrupted\n")
      return UNKNOWN
    elseif not ok then
      world.err(("luaraft chaos: %s: %s\n"):format(subject.label,
        (tostring(one):gsub("[\r\n]+", " "))))
      one = FAILED
    end
    code = GRAVITY[one] > GRAVITY[code] and one or code
  end
  return code
end

--- Runs what the command line asks for. @return the exit code
function cli_chaos.run(world, given)
  local list, message = read_subjects(given)
  local ok = list ~= nil
  if ok and given.keep then
    ok, message = folder.claim(given.keep)
    message = message and "--keep: " .. message
  end
  if not ok then
    world.err("luaraft chaos: " .. message .. "\n")
    return USAGE
  end
  core.sim_interrupt(true, true)
  local code
  ok, code = pcall(run_all, world, list, given)
  core.sim_interrupt(false)
  if given.keep then
    folder.release(given.keep)
  end
  if not ok then
    error(code, 0)
  end
  return code
end

return cli_chaos
