-- SPDX-License-Identifier: MIT
--
-- cli_lint.lua - the subcommand luaraft lint.
--
-- Holds:     what is printed of a report of lint.lua.
-- Rule:      exit codes: 0 nothing was found, 1 something was, 2 there is no
--            such machine. What was found is repeated by the printed seed.

local json = require("raft.json")
local lint = require("raft.lint")

local cli_lint = {}

local function finding_line(report, given)
  local finding = report.finding
  local text = finding.text
  if not text:find(report.machine, 1, true) then
    text = report.machine .. ": " .. text
  end
  if finding.index then
    text = ("%s [entry %d, command %s]"):format(text, finding.index,
      finding.shown)
  end
  return ("%s: %s\n  again: luaraft lint %s --seed %d --commands %d%s\n")
    :format(finding.kind, text, given.machine, given.seed, given.commands,
      given.no_sandbox and " --no-sandbox" or "")
end

local function as_text(world, report, given)
  for _, remark in ipairs(report.remarks) do
    world.out(("remark: %s: %s\n"):format(remark.place, remark.text))
  end
  if report.finding then
    world.out(finding_line(report, given))
  end
  world.out(("%s: %s after %d commands to three members and %d to a cluster"
    .. " with crashes; the longest took about %d thousand instructions\n")
    :format(report.machine, report.ok and "fine" or "not fine",
      report.commands, report.cluster_commands,
      report.instructions / 1000))
end

local function as_json(world, report)
  local finding = report.finding
  if finding then
    finding.command = finding.shown
    finding.shown = nil
  end
  world.out(json.encode(report) .. "\n")
end

--- Tries the machine of a command line.
-- @param given { machine, commands, seed, time, no_sandbox, json }
-- @return the exit code
function cli_lint.run(world, given)
  local report, message = lint.run {
    machine = given.machine, commands = given.commands, seed = given.seed,
    time = given.time, sandbox = not given.no_sandbox,
  }
  if not report then
    world.err("luaraft lint: " .. message .. "\n")
    return 2
  end
  local tell = given.json and as_json or as_text
  tell(world, report, given)
  return report.ok and 0 or 1
end

return cli_lint
