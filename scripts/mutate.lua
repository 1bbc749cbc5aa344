-- SPDX-License-Identifier: MIT
--
-- mutate.lua - single-line changes that a slip of the pen would make, and who
-- notices them. Run by scripts/mutate.
--
-- Holds:  the operators, as patterns over lines of C; the sample; the judges.
-- Rule:   what the C text cannot tell (a comment, an assertion, a trace, the
--         code of a switched-on bug) is left alone.
-- Source: DeMillo, Lipton, Sayward, "Hints on test data selection", 1978.

local ROOMS = { "core/raft", "core/wal", "core/wire", "core/replica",
  "core/client", "core/check" }

-- ---- operators --------------------------------------------------------------

-- Each gives nil or the changed line; 'nth' counts the places in it.
local function swap(from, to)
  return function(line, nth)
    local at = 0
    for _ = 1, nth do
      at = line:find(from, at + 1, true)
      if not at then
        return nil
      end
    end
    return line:sub(1, at - 1) .. to .. line:sub(at + #from)
  end
end

local function once(change)
  return function(line, nth)
    return nth == 1 and change(line) or nil
  end
end

local function negate(line)
  local head, condition, tail = line:match("^(.-%f[%w]if )(%b())( {)$")
  if not head then
    head, condition, tail = line:match("^(.-%f[%w]while )(%b())( {)$")
  end
  return head and ("%s(!%s)%s"):format(head, condition, tail)
end

local function drop(line)
  local is_statement = line:find "^%s+[%w_%*%(].*;$"
    and not line:find "^%s+return" and not line:find "^%s+goto"
    and (line:find "%)%s*;$" or line:find "%s[%+%-|&]?=%s"
      or line:find "%+%+;$" or line:find "%-%-;$"
      or line:find "^%s+continue;$")
  -- A declaration with its first value is no statement.
  if not is_statement or line:find "^%s+[%a_][%w_ ]*[ %*]+[%w_]+ = "
     or line:find "^%s+struct " or line:find "^%s+const " then
    return nil
  end
  return (line:gsub("^(%s+).*$", "%1;"))
end

local OPERATORS = {
  { "< to <=", swap(" < ", " <= ") }, { "<= to <", swap(" <= ", " < ") },
  { "> to >=", swap(" > ", " >= ") }, { ">= to >", swap(" >= ", " > ") },
  { "== to !=", swap(" == ", " != ") }, { "!= to ==", swap(" != ", " == ") },
  { "&& to ||", swap(" && ", " || ") }, { "|| to &&", swap(" || ", " && ") },
  { "&& to ||", swap("&& ", "|| "), head = true },
  { "|| to &&", swap("|| ", "&& "), head = true },
  { "+ 1 dropped", swap(" + 1", "") }, { "- 1 dropped", swap(" - 1", "") },
  { "+ to -", swap(" + ", " - ") }, { "- to +", swap(" - ", " + ") },
  { "+= to -=", swap(" += ", " -= ") }, { "= for +=", swap(" += ", " = ") },
  { "|= to =", swap(" |= ", " = ") },
  { "false to true", swap("false", "true") },
  { "true to false", swap("true", "false") },
  { "! dropped", swap("(!", "(") },
  { "! dropped", swap("return !", "return ") },
  { "min to max", swap("_min", "_max") },
  { "condition inverted", once(negate) },
  { "statement dropped", once(drop) },
  { "0 to 1", swap(" = 0;", " = 1;") },
  { "continue to break", swap("continue;", "break;") },
}

-- ---- candidates -------------------------------------------------------------

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

-- A condition of several lines that asks for a bug is skipped as a whole.
local function bug_conditions(lines)
  local asks, from = {}, nil
  for i, line in ipairs(lines) do
    if line:find "^%s+if %(" or line:find "^%s+return " then
      from = i
    end
    if from and line:find "raft_bug" then
      local to = i
      while not lines[to]:find "[{;]%s*$" do
        to = to + 1
      end
      for at = from, to do
        asks[at] = true
      end
    elseif line:find "[{;]%s*$" then
      from = nil
    end
  end
  return asks
end

-- Which lines are code that runs: true by number.
local function code_of(lines)
  local code, in_comment, until_indent, in_assert = {}, false, nil, false
  local asks_bug = bug_conditions(lines)
  for i, line in ipairs(lines) do
    local indent = #line:match "^ *"
    local text = line:gsub("/%*.-%*/", "")
    local opens = text:find("/*", 1, true)
    local skip = in_comment or opens or text:find "^#" or text:find "^%s*$"
      or text:find "^%S" or asks_bug[i]
      or line:find "raft_bug"
    if opens then
      in_comment = true
    end
    if in_comment and text:find("*/", 1, true) then
      in_comment = false
    end
    if line:find "if %(raft_bug" and line:find "{$" then
      until_indent = indent
    elseif until_indent and indent <= until_indent and text:find "^%s*}" then
      until_indent = nil
    end
    if line:find "raft_assert" or line:find "raft_note"
       or line:find "raft_detail" or line:find "_trace" then
      in_assert = true
    end
    code[i] = not skip and not until_indent and not in_assert
    if in_assert and line:find ";%s*$" then
      in_assert = false
    end
  end
  return code
end

local function ends_statement(line)
  return line and (line:find "[;{}:]%s*$" or line:find "%*/%s*$"
    or line:find "^%s*$")
end

local function add_changes(list, path)
  local lines = read_lines(path)
  local code = code_of(lines)
  for i, line in ipairs(lines) do
    for _, operator in ipairs(code[i] and OPERATORS or {}) do
      local name, change = operator[1], operator[2]
      local is_drop = name == "statement dropped"
      local fits = (not is_drop or ends_statement(lines[i - 1]))
        and (not operator.head or line:find "^%s*[&|][&|] ")
      local nth = 1
      while fits do
        local changed = change(line, nth)
        if not changed then
          break
        end
        list[#list + 1] = { path = path, line = i, name = name,
          text = changed }
        nth = nth + 1
      end
    end
  end
end

-- Of folders all files; a file may be named itself.
local function files_of(rooms)
  local files = {}
  for _, room in ipairs(rooms) do
    local pipe = assert(io.popen("ls " .. (room:find "%.c$" and room
      or room .. "/*.c")))
    for path in pipe:lines() do
      files[#files + 1] = path
    end
    pipe:close()
  end
  return files
end

-- Numbers of 31 bits from a seed.
local function shuffle(list, seed)
  local state = seed
  for i = #list, 2, -1 do
    state = state * 1103515245 + 12345 & 0x7fffffff
    local j = (state >> 8) % i + 1
    list[i], list[j] = list[j], list[i]
  end
end

local function changes_of(given)
  local list, at_line = {}, nil
  if given.at then
    local path, line = given.at:match "^(.*):(%d+)$"
    at_line = tonumber(line)
    add_changes(list, path or given.at)
  else
    local rooms = given.room and {} or ROOMS
    for room in (given.room or ""):gmatch "[^,]+" do
      rooms[#rooms + 1] = room
    end
    for _, path in ipairs(files_of(rooms)) do
      add_changes(list, path)
    end
    shuffle(list, given.seed)
  end
  local chosen = {}
  for _, change in ipairs(list) do
    if (given.at and (not at_line or change.line == at_line))
       or (not given.at and #chosen < given.count) then
      chosen[#chosen + 1] = change
    end
  end
  return chosen
end

-- ---- judges -----------------------------------------------------------------

-- Specs that look at a room, beside the simulations.
local SPECS = {
  raft = "spec/unit/raft_* spec/paper spec/story spec/fault/raft_* "
    .. "spec/lua/core_spec.lua spec/lua/textbook_spec.lua",
  wal = "spec/unit/wal_* spec/fault/wal_* spec/sim/crash_points_spec.lua",
  wire = "spec/unit/wire_* spec/lua/value_spec.lua spec/lua/kv_spec.lua",
  replica = "spec/unit/replica_* spec/story spec/sim/cluster_spec.lua "
    .. "spec/sim/nth_spec.lua",
  client = "spec/unit/client_* spec/sim/cluster_spec.lua",
  check = "spec/unit/check_* spec/lua/check_*",
}
local ENVIRONMENT = "LUA_PATH='lua/?.lua;lua/?/init.lua;./?.lua;;' "
  .. "LUA_CPATH='build/lua-5.4/?.so;;' "

local XCPU = 128 + 24

-- Output and exit code of a command that may hang or want all memory; 'hangs'
-- is judged by the time that it computed, and only far later by the clock.
local function run(command, seconds)
  local pipe = assert(io.popen(("ulimit -v 4000000; ulimit -t %d; exec "
    .. "timeout %d sh -c '%s' 2>&1"):format(seconds, 5 * seconds,
      (command:gsub("'", "'\\''")))))
  local output = pipe:read "a"
  local _, kind, code = pipe:close()
  code = kind == "exit" and (code or 0) or 128 + (code or 0)
  return output, code == XCPU and 124 or code
end

local function judge_by_sims(given)
  local output, code = run(ENVIRONMENT .. "lua5.4 scripts/mutate_judge.lua "
    .. given.seeds, 120)
  local verdict = output:match "sim ([^\n]*)"
  if verdict then
    return "sim: " .. verdict
  elseif code == 124 then
    return "sim: hangs"
  elseif not output:find "pass" then
    return "sim: crash, exit code " .. code
  end
end

local function judge_by_specs(path)
  local room = path:match "^core/(%a+)/"
  local output, code = run("SPEC_BUILD=build scripts/spec 5.4 "
    .. "--exclude-tags=full,once,recorded -o plainTerminal "
    .. SPECS[room], 300)
  if code ~= 0 then
    local where = output:match "\n[FE]%a+ .- (spec/[%w_/]+%.lua[^\n]*)"
    return "spec: " .. (where or (code == 124 and "hangs"
      or "exit code " .. code))
  end
end

-- No judge, but a help for the reader: whether any simulation ran otherwise.
local function is_another_run()
  local _, code = run("SPEC_BUILD=build scripts/spec 5.4 --tags=recorded "
    .. "spec/sim/recorded_spec.lua", 120)
  return code ~= 0
end

local function judge(given, change)
  local _, code = run("ninja -C build", 300)
  if code ~= 0 then
    return "compiler"
  end
  return judge_by_sims(given) or judge_by_specs(change.path)
    or (is_another_run() and "SURVIVED (runs differ)" or "SURVIVED")
end

-- ---- arguments --------------------------------------------------------------

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- A judge that condemns what was not changed says nothing.
local function check_judges(changes)
  local asked = {}
  for _, change in ipairs(changes) do
    local room = change.path:match "^core/%a+/"
    if not asked[room] then
      asked[room] = true
      local verdict = judge({ seeds = 1 }, { path = room })
      assert(verdict == "SURVIVED", room .. " unchanged: " .. verdict)
    end
  end
end

local function work(given)
  local changes = changes_of(given)
  check_judges(changes)
  for i, change in ipairs(changes) do
    if (i - 1) % given.of == given.job - 1 then
      local lines = read_lines(change.path)
      local before = table.concat(lines, "\n") .. "\n"
      local was = lines[change.line]
      lines[change.line] = change.text
      write(change.path, table.concat(lines, "\n") .. "\n")
      local verdict = judge(given, change)
      write(change.path, before)
      print(("%s:%d: %s: %s\n    %s"):format(change.path, change.line,
        change.name, verdict, (was:gsub("^%s+", ""))))
      io.stdout:flush()
    end
  end
end

local function list(given)
  for _, change in ipairs(changes_of(given)) do
    print(("%s:%d: %s\n    %s"):format(change.path, change.line, change.name,
      change.text:gsub("^%s+", "")))
  end
end

local function sum()
  local by, all = {}, 0
  for line in io.lines() do
    local verdict = line:match "^core/[^:]+:%d+: [^:]+: (%u?%a+)"
    if verdict then
      by[verdict], all = (by[verdict] or 0) + 1, all + 1
    end
  end
  print(("mutate: %d changes: %d by simulations, %d by specs, %d by the "
    .. "compiler, %d survived"):format(all, by.sim or 0, by.spec or 0,
    by.compiler or 0, by.SURVIVED or 0))
end

local function main(words)
  local given = { count = 150, seed = 1, seeds = 20, job = 1, of = 1 }
  local at = 2
  while words[at] do
    local name = words[at]:match "^%-%-(%a+)$"
    if name ~= "list" then
      local value = words[at + 1]
      given[name or "?"] = tonumber(value) or value
      at = at + 1
    end
    at = at + 1
  end
  local verbs = { work = work, list = list, sum = sum }
  verbs[words[1]](given)
end

main(arg)
