-- SPDX-License-Identifier: MIT
--
-- cli_sim_jobs.lua - the seeds of luaraft sim, shared between processes.
--
-- Holds:  processes of the same command over parts of the seeds, started
--         together and read in the order of seeds.
-- Rule:   what is found is what one process would find: the failure of the
--         lowest seed.

local core = require "raft.core"
local json = require "raft.json"
local processes = require "raft.processes"
local subjects = require "raft.cli_sim_subjects"
local totals = require "raft.cli_sim_total"
local wording = require "raft.wording"

local jobs = {}

local FIRST, MOST = 8, 512 -- seeds of one process at a time

-- The interpreter and the script of this command, as words of a shell.
local function command()
  local arg = rawget(_G, "arg") or {}
  local words, at = {}, 0
  while arg[at] do
    table.insert(words, 1, wording.quoted(arg[at]))
    at = at - 1
  end
  return table.concat(words, " ")
end

-- The shell says its number, and becomes the process.
local function start(subject, seeds, given)
  local line = ("%s sim %s --lines --seeds %.0f..%.0f%s%s"):format(command(),
    subject.words, seeds.first, seeds.last, subjects.flags(given),
    given.twice and " --twice" or "")
  local pipe = assert(io.popen("echo $$; exec " .. line .. " 2>&1"))
  return { pipe = pipe, number = pipe:read("*l"), line = line }
end

local function read(job)
  local text = job.pipe:read("*a") or ""
  processes.check_interrupt()
  job.pipe:close()
  job.is_read = true
  local ok, value = json.decode(text)
  if not ok or type(value) ~= "table" or not value.total then
    error(("a process ended with: %s (%s)"):format(
      text:gsub("%s+", " "), job.line), 0)
  end
  return value
end

local function read_all(running, total)
  local failure
  for _, job in ipairs(running) do
    local value = read(job)
    if not failure then
      totals.merge(total, value.total)
      failure = value.failure
    end
  end
  return failure
end

-- Nothing is left behind.
local function stop(running)
  for _, job in ipairs(running) do
    if not job.is_read then
      os.execute("kill " .. job.number .. " 2>/dev/null")
      job.pipe:close()
    end
  end
end

--- What each process of a round takes: parts of at most 'most' seeds, as equal
-- as can be. Else the last round is as long as its longest part, while the
-- others have nothing to do.
-- @return { { first = 1, last = 8 }, … }
function jobs.parts(seeds, count, most)
  local size = math.min(most,
    math.ceil((seeds.last - seeds.first + 1) / count))
  local parts, from = {}, seeds.first
  while #parts < count and from <= seeds.last do
    local last = math.min(from + size - 1, seeds.last)
    parts[#parts + 1] = { first = from, last = last }
    from = last + 1
  end
  return parts
end

-- One round. @return the failure of the lowest seed or nil
local function round(subject, parts, total, given)
  local running = {}
  local ok, failure = pcall(function()
    for i, part in ipairs(parts) do
      running[i] = start(subject, part, given)
    end
    return read_all(running, total)
  end)
  if not ok then
    stop(running)
    error(failure, 0)
  end
  return failure
end

--- The seeds of a subject, with given.jobs processes.
-- @return the failure of the lowest seed that fails, or nil
function jobs.sweep(subject, seeds, total, given, progress)
  local from, size, failure = seeds.first, FIRST, nil
  while not failure and from <= seeds.last
        and not (given.ends and core.now() >= given.ends) do
    local parts = jobs.parts({ first = from, last = seeds.last }, given.jobs,
      size)
    failure = round(subject, parts, total, given)
    from = parts[#parts].last + 1
    size = math.min(size * 2, MOST)
    progress(total)
  end
  return failure
end

return jobs
