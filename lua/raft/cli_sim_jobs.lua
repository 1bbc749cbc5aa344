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

local jobs = {}

local FIRST, MOST = 8, 512 -- seeds of one process at a time

-- The interpreter and the script of this command, as words of a shell.
local function command(cli_sim)
  local arg = rawget(_G, "arg") or {}
  local words, at = {}, 0
  while arg[at] do
    table.insert(words, 1, cli_sim.quoted(arg[at]))
    at = at - 1
  end
  return table.concat(words, " ")
end

local function start(cli_sim, subject, seeds, given)
  local words = { command(cli_sim), "sim", subject.words, "--lines",
    ("--seeds %.0f..%.0f"):format(seeds.first, seeds.last) }
  if given.nodes then
    words[#words + 1] = "--nodes " .. given.nodes
  end
  if given.bug then
    words[#words + 1] = "--bug " .. given.bug
  end
  local line = table.concat(words, " ")
  local pipe = assert(io.popen(line .. " 2>&1"))
  return { pipe = pipe, seeds = seeds, line = line }
end

local function read(job)
  local text = job.pipe:read("*a")
  job.pipe:close()
  local ok, value = json.decode(text)
  if not ok or type(value) ~= "table" or not value.total then
    error(("a process ended with: %s (%s)"):format(
      text:gsub("%s+", " "), job.line), 0)
  end
  return value
end

-- One round: 'count' processes of 'size' seeds each. @return the failure
-- of the lowest seed or nil, the next seed
local function round(subject, seeds, size, total, given)
  local cli_sim = require "raft.cli_sim"
  local running, from = {}, seeds.first
  for _ = 1, given.jobs do
    if from <= seeds.last then
      local last = math.min(from + size - 1, seeds.last)
      running[#running + 1] = start(cli_sim, subject,
        { first = from, last = last }, given)
      from = last + 1
    end
  end
  local failure
  for _, job in ipairs(running) do
    local value = read(job)
    if not failure then
      cli_sim.merge(total, value.total)
      failure = value.failure
    end
  end
  return failure, from
end

--- As cli_sim.sweep, with given.jobs processes.
function jobs.sweep(subject, seeds, total, ends, given, progress)
  local from, size, failure = seeds.first, FIRST, nil
  while not failure and from <= seeds.last
        and not (ends and core.now() >= ends) do
    failure, from = round(subject, { first = from, last = seeds.last }, size,
      total, given)
    size = math.min(size * 2, MOST)
    if progress then
      progress(total, from)
    end
  end
  return failure, from
end

return jobs
