-- SPDX-License-Identifier: MIT
--
-- cli_check.lua - the subcommand luaraft check.
--
-- Holds:     histories read, judged, and told about, one after the other.
-- Knows not: how they are judged: check.lua.
-- Rule:      exit codes: 0 all are linearizable, 1 one is not, 2 one could
--            not be read or does not fit its model, 3 unknown within limits.

local check = require("raft.check")
local check_report = require("raft.check_report")
local history = require("raft.history")
local json = require("raft.json")

local cli_check = {}

-- Of several files the gravest decides.
local GRAVITY = { [0] = 0, [3] = 1, [1] = 2, [2] = 3 }
local CODES = { linearizable = 0, ["not"] = 1, unknown = 3 }

local REASONS = {
  states = "the limit of configurations was reached, see --limit-states",
  memory = "the limit of memory was reached, see --limit-memory",
  time = "the time was over, see --time",
}

local function name_of(model)
  return type(model) == "table" and model.name or model
end

local function as_json(world, path, judged)
  local result = judged.result
  world.out(json.encode {
    file = path, model = name_of(judged.model), verdict = result.verdict,
    reason = result.reason, operations = judged.operations,
    states = result.states, ms = judged.ms,
    peak_kib = math.ceil(result.peak_bytes / 1024), key = result.key,
    counterexample = result.counterexample,
  } .. "\n")
end

local function as_text(world, path, judged)
  local result = judged.result
  local verdict = result.verdict == "not" and "not linearizable"
    or result.verdict
  world.out(("%s: %s (%s, %d operations, %.0f states, %.1f ms, %d KiB)\n")
    :format(path, verdict, name_of(judged.model), judged.operations,
      result.states, judged.ms, math.ceil(result.peak_bytes / 1024)))
  if result.reason then
    world.out("  " .. REASONS[result.reason] .. "\n")
  end
  if result.counterexample then
    world.out("\n" .. check_report.text(result):gsub("[^\n]+", "  %0")
      .. "\n\n")
  end
end

-- Reads and judges one file; nil and a message when that cannot be.
local function judge(path, given)
  local h, message = history.read(path)
  if not h then
    return nil, message
  end
  h.model = given.model or h.model
  local started = os.clock()
  local result, culprit
  result, message, culprit = check.try(h, {
    partition = not given.no_partition, counterexample = true,
    states = given.limit_states, bytes = given.limit_memory,
    time = given.time,
  })
  if not result then
    return nil, culprit and ("%s:%s: %s"):format(path,
      tostring(culprit.line), message) or message
  end
  return { result = result, model = h.model, operations = #h.operations,
           ms = (os.clock() - started) * 1000 }
end

--- Judges the files of a command line.
-- @param given { files = { "a.edn" }, model, limit_states, limit_memory, time,
-- no_partition, json }
-- @return the exit code
function cli_check.run(world, given)
  local worst = 0
  for _, path in ipairs(given.files) do
    local judged, message = judge(path, given)
    local code = 2
    if judged then
      code = CODES[judged.result.verdict]
      local tell = given.json and as_json or as_text
      tell(world, path, judged)
    else
      world.err("luaraft check: " .. message .. "\n")
    end
    if GRAVITY[code] > GRAVITY[worst] then
      worst = code
    end
  end
  return worst
end

return cli_check
