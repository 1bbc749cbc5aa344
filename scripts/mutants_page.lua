-- SPDX-License-Identifier: MIT
--
-- mutants_page.lua - what scripts/mutants said, as docs/bugs.md.
--
-- Holds:  the text of that page; the rows come from the lines of a run.
-- Rule:   the numbers are those of one run, and nobody writes them by hand.

local page = {}

local HEAD = [[
# Bugs of others, and what finds them here

Each of these was once in an implementation of Raft. A build of its own brings
them back, one at a time (`cmake -DRAFT_WITH_BUGS=ON`, `--bug NAME`), and a run
must then fail. The simulations are the general ones of
[the simulator](simulator.md), none is written for a bug: all profiles in turn,
each with a seed of its own, until a check fails. `scripts/mutants --seconds 60`
does this again, and `--page docs/bugs.md` writes this page from it.

*Seeds*: runs until it was found, of all profiles together; *rows*: how long the
schedule is to which that run was made smaller within %s seconds of one
processor; *in*: the profile of the run that failed. What is not found so within
60 seconds is looked for in the profile that found it before: *(hint)*.

| bug | seen in | what it does | caught by | seeds | seconds | rows | in |
|---|---|---|---|---:|---:|---:|---|
]]

local MIDDLE = [[

## What the design leaves no room for

]]

local ROW = "^%s*%S+  (%S+)%s+(%S+)%s+(%d+)%s+([%d.]+)%s+(%S+)%s+(%S+)(.*)$"

-- { what = "`invariant`", seeds = "2", … } of a line; or a reason why not.
local function read(line)
  local bug, check, seeds, seconds, rows, profile, hint = line:match(ROW)
  if bug then
    return bug, { "`" .. check .. "`", seeds, seconds, rows,
                  "`" .. profile .. "`" .. (hint:match " %(hint%)" or "") }
  end
  local only
  bug, only = line:match "^%s*%S+  (%S+)%s+caught by (.-)%s*$"
  if bug then
    return bug, { "`" .. only:gsub(" only$", "") .. "`", "", "", "", "" }
  end
  return nil, line:match "impossible by design: (.-)%s*$"
end

--- Writes the page. @param lines what a run printed
-- @param bugs core.bugs of the build with bugs @param seconds of shrinking
-- @return how many bugs it has
function page.write(path, lines, bugs, seconds)
  local rows, reasons, seen, count = {}, {}, {}, 0
  for _, line in ipairs(lines) do
    local bug, found = read(line)
    if bug then
      rows[bug] = found
    elseif found and not seen[found] then
      seen[found], reasons[#reasons + 1] = true, found
    end
  end
  local file = assert(io.open(path, "w"))
  file:write((HEAD:format(seconds)))
  for _, bug in ipairs(bugs) do
    if rows[bug.name] then
      count = count + 1
      file:write(("| `%s` | %s | %s | %s |\n"):format(bug.name, bug.seen,
        bug.text, table.concat(rows[bug.name], " | ")))
    end
  end
  file:write(MIDDLE)
  for _, reason in ipairs(reasons) do
    file:write("- ", reason, "\n")
  end
  file:close()
  return count
end

return page
