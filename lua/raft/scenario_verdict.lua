-- SPDX-License-Identifier: MIT
--
-- scenario_verdict.lua - what is said of a run of a scenario.
--
-- Holds:     the order in which verdicts count: the world's own checks, what
--            the scenario's code raised, its history, its judge.
-- Knows not: how a run is done (scenario.lua), how a history is judged
--            (check.lua).

local blame = require "raft.blame"
local nemesis = require "raft.nemesis"
local processes = require "raft.processes"
local sim_history = require "raft.sim_history"
local wording = require "raft.wording"

local scenario_verdict = {}

local function violation(name, text, time)
  return { name = name, text = text, time = time }
end

local function by_model(history, result)
  local check = history:check()
  result.check = check
  if check.verdict == "not" then
    result.violation = violation("linearizable",
      "the history has no order that explains it", result.now)
  elseif check.verdict == "unknown" then
    result.unknown = "the history was not decided within its limits"
  end
end

-- A judge that says neither yes nor why not.
local function unsaid(judge, answer)
  return blame.function_place(judge) .. "judge: " .. select(2,
    wording.expected("true, or nil and a message", answer))
    .. (answer == nil and "" or " and no message")
end

local function by_judge(history, workload, result)
  local ok, message, detail = workload:judge(history)
  result.detail = detail
  if ok == nil and type(detail) == "table" and detail.verdict == "unknown"
  then
    result.unknown = tostring(message)
  elseif not ok then
    result.violation = violation("workload", message == nil
      and unsaid(workload.judge, ok) or tostring(message), result.now)
  end
end

local INSTRUCTIONS = 1000000000 -- of a judgement: it may search, too

-- Models, judges and what they take of answers are code of the user, as
-- processes are: a mistake there is told like theirs.
local function by_history(tell, read, result)
  local alone = processes.new(nil, { instructions = INSTRUCTIONS })
  alone:spawn("", function()
    local history, workload = tell(), read.workload
    if #history:events() == 0 then
      return
    end
    result.history = history
    if history.model then
      by_model(history, result)
    end
    if workload and workload.judge and not result.violation then
      by_judge(history, workload, result)
    end
  end)
  alone:run()
  if alone.failure then
    result.violation = violation("scenario", alone.failure.text, result.now)
    result.traceback = alone.failure.traceback
  end
end

local function finished(result)
  result.ok = not (result.violation or result.not_applicable
    or result.unknown)
  return result
end

--- Of a run with processes. @param read the scenario's options
function scenario_verdict.of_cluster(cluster, read)
  local result = cluster.handle:result()
  local failure = cluster.processes.failure
  result.verbs, result.notes = cluster.counts, cluster.notes
  result.nemeses = nemesis.counts(cluster)
  if failure and not result.violation then
    local problem = failure.problem
    if type(problem) == "table" and problem.not_applicable then
      result.not_applicable = problem.not_applicable
    else
      result.violation = violation("scenario", failure.text, result.now)
      result.traceback = failure.traceback
    end
  elseif not result.violation then
    by_history(function()
      return cluster.recorded
    end, read, result)
  end
  return finished(result)
end

--- Of a replay, whose operations tell its history when somebody judges it.
function scenario_verdict.of_replay(handle, read)
  local result = handle:result()
  if not result.violation and read.workload then
    by_history(function()
      return sim_history.of(read.schedule, handle:operations(), read.workload)
    end, read, result)
  end
  return finished(result)
end

return scenario_verdict
