-- SPDX-License-Identifier: MIT
--
-- chaos_folder.lua - one folder with all that a run on real processes left:
-- for whoever looks for the cause of a failure.
--
-- Holds:     summary.txt (read it first), history.edn and history.jsonl with
--            faults as bands, trace.txt and trace.jsonl of all members merged
--            by time, page.html, and members/ with their disks and logs.
-- Knows not: how a run is done (chaos.lua), how a page looks (report.lua).

local check_report = require "raft.check_report"
local counterexamples = require "raft.cli_sim_views"
local nemesis = require "raft.nemesis"
local report = require "raft.report"
local trace = require "raft.trace"
local wording = require "raft.wording"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local folder = {}

local NEAR_US = 3 * 1000 * 1000 -- before a failure: what was wrong then
local AFTER_US = 2 * 1000 * 1000 -- after it: what it led to
local LONGEST_US = 30 * 1000 * 1000 -- of messages that a page shows

-- ---- collecting ------------------------------------------------------------

-- When it went wrong: from the first to the last call of what nothing explains,
-- else where the violation was seen. nil: it went well.
local function moment_of(result)
  local first, last
  local found = counterexamples.of(result)
  for _, operation in ipairs(found and found.operations or {}) do
    local from, to = operation.call_time, operation.end_time
    first = math.min(first or math.huge, from or to or math.huge)
    last = math.max(last or 0, to or from or 0)
  end
  if result.violation and not last then
    last = result.violation.time or result.now
  end
  return last and math.min(first or last, last), last
end

-- What the page shows of a run that is longer than what was kept: { from, to };
-- nil: all that was kept shows the moment.
local function window_of(result, since)
  local first, last = moment_of(result)
  if last and math.max(first, last - LONGEST_US) - NEAR_US < since then
    return { from = math.max(first, last - LONGEST_US) - NEAR_US,
             to = last + AFTER_US }
  end
end

local function within(window, operations)
  local list = {}
  for _, operation in ipairs(operations) do
    if not window or operation.from <= window.to
       and (operation.to or math.huge) >= window.from then
      list[#list + 1] = operation
    end
  end
  return list
end

--- What can be told of a run only before its world is closed.
-- @param given { title = "…" }
-- @return a run as trace.lua has it; bands beside it; window: what of it is
-- there, when that is not its end
function folder.collect(world, result, cluster, given)
  local bands = nemesis.bands(cluster)
  local records, since = world:merged()
  local window = window_of(result, since)
  local face = { members = world.nodes, handle = world,
    result = function()
      return result
    end,
    records = function()
      return window and world:around(window.from, window.to) or records
    end,
    operations = function()
      return within(window, world:operations())
    end }
  local run = trace.of(face, { title = given.title, notes = result.notes,
    faults = bands[1] and bands or nil })
  run.window = window
  run.dropped = not window and world:trace_span() - 1 or nil
  run.violation = result.violation
  local found = counterexamples.of(result)
  if found then
    counterexamples.mark(run, found)
  end
  return run
end

-- ---- the summary -----------------------------------------------------------

local function seconds(us)
  return ("%.3f s"):format(us / 1e6)
end

local function near_faults(run, first, moment)
  local lines = {}
  for _, fault in ipairs(run.faults) do
    if fault.from <= moment and fault.to >= first - NEAR_US then
      lines[#lines + 1] = ("    %s %s, %s to %s"):format(fault.name,
        table.concat(fault.targets, " "), seconds(fault.from),
        seconds(fault.to))
    end
  end
  return lines[1] and lines or { "    nothing" }
end

-- The last thing of weight that each member said before then.
local LOUD = { error = true, warn = true }

local function loud_records(run, moment)
  local last, lines = {}, {}
  for _, record in ipairs(run.records) do
    if record.time <= moment and (LOUD[record.level]
       or record.kind == "raft.role") then
      last[record.member] = record
    end
  end
  for id = 1, run.nodes do
    local record = last[id]
    if record then
      lines[#lines + 1] = ("    member %d, term %.0f, at %s: %s"):format(id,
        record.term, seconds(record.time), record.kind)
    end
  end
  return lines
end

local FILES = [[
  page.html      the same moment in a picture of all messages
  trace.txt      what all members said, merged by time; trace.jsonl for tools
  history.edn    what clients did and saw, with faults; also history.jsonl
  members/       the disks, N/, and the logs, N.log, of all members
]]

local function summary(run, result, head)
  local lines = { (head:gsub("%s+$", "")), "" }
  local function add(text)
    lines[#lines + 1] = text
  end
  if not run.violation then
    add("Nothing was found.")
  else
    local first, moment = moment_of(result)
    add(("Look first at %s: page.html#t=%.3fs&w=1s"):format(seconds(moment),
      moment / 1e6))
    add("  broken then, or shortly before:")
    add(table.concat(near_faults(run, first, moment), "\n"))
    add("  what members said last before it:")
    add(table.concat(loud_records(run, moment), "\n"))
    local _, check = counterexamples.of(result)
    if check then
      add("\n" .. check_report.text(check):gsub("[^\n]+", "  %0"))
    end
  end
  if run.window then
    add(("\npage.html and trace.txt show %s to %s; all of it is in"
      .. " members/N.log."):format(seconds(run.window.from),
      seconds(run.window.to)))
  end
  add("")
  add((FILES:gsub("%s+$", "")))
  return table.concat(lines, "\n") .. "\n"
end

-- ---- writing ---------------------------------------------------------------

local function shell(format, ...)
  local words = { ... }
  for i, word in ipairs(words) do
    words[i] = wording.quoted(word)
  end
  local status = os.execute(format:format(unpack(words)))
  return status == true or status == 0
end

local function write_text(path, text)
  local file, message = io.open(path, "wb")
  local ok = file
  if file then
    ok, message = file:write(text)
    local closed, why = file:close()
    ok, message = ok and closed, message or why
  end
  return ok and true, message
end

--- Whatever can be wrong with a folder that runs are to be kept in is told
-- before the first: it is made, and must be empty, so that no two are mixed.
-- members/ in it is the claim: of two commands one makes it.
-- @return true; or nil and a message
function folder.claim(dir)
  local claim = dir .. "/members"
  local pipe = io.popen(("{ export LC_ALL=C; mkdir -p %s && mkdir %s"
    .. " && ls -A %s | grep -vx members; } 2>&1 | head -n 1")
    :format(wording.quoted(dir), wording.quoted(claim), wording.quoted(dir)))
  local said = pipe:read("*l")
  pipe:close()
  if not said then
    return true
  elseif said:find(claim, 1, true) and said:find("File exists$") then
    said = "members"
  else
    folder.release(dir)
  end
  if said:find("^mkdir: ") or said:find("^ls: ") then
    return nil, ("the folder %s cannot be used: %s"):format(dir,
      (said:match("[^:]*$"):gsub("^%s+", ""):lower()))
  end
  return nil, ('expected an empty folder, or none, got %s with "%s" in it')
    :format(dir, said)
end

--- The claim of a folder ends; what was kept there stays.
function folder.release(dir)
  shell("rmdir %s 2> /dev/null", dir .. "/members")
end

--- Makes the first of NAME, NAME-2, NAME-3, … that is not there, for this
-- command alone. @return it; where none can be made, NAME
function folder.new(name)
  local free, count = name, 1
  while not shell("mkdir %s 2> /dev/null", free) do
    local file = io.open(free, "rb")
    if not file then
      return free
    end
    file:close()
    count = count + 1
    free = ("%s-%d"):format(name, count)
  end
  return free
end

-- Each step: its name and what it does.
local function steps_of(run, result, head, dir)
  local recorded = result.history
  local function history(form)
    return not recorded or recorded:write(("%s/history.%s"):format(dir, form),
      form, run.faults)
  end
  return {
    function() return history("edn") end,
    function() return history("jsonl") end,
    function() return write_text(dir .. "/trace.txt", report.text(run)) end,
    function() return report.jsonl(run, dir .. "/trace.jsonl") end,
    function() return report.html(run, dir .. "/page.html") end,
    function()
      return write_text(dir .. "/summary.txt", summary(run, result, head))
    end,
  }
end

--- Writes all, and takes the members' folder with it.
-- @param given { run = of collect, result = …, head = lines for people, from =
-- where the members are, to = the folder }
-- @return true; or nil and a message
function folder.write(given)
  local dir = given.to
  if not shell("mkdir -p %s && cp -r %s/. %s/members 2> /dev/null", dir,
               given.from, dir) then
    return nil, "cannot write to " .. dir
  end
  for _, step in ipairs(steps_of(given.run, given.result, given.head, dir)) do
    local ok, message = step()
    if not ok then
      return nil, message
    end
  end
  return true
end

return folder
