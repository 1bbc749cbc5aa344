-- SPDX-License-Identifier: MIT
--
-- cli_wal.lua - the subcommand luaraft wal.
--
-- Holds:     its arguments, and what is printed of a directory.
-- Knows not: what stands in it: that is raft.inspect.
-- Rule:      exit codes: 0 all is sound, 1 something is damaged, or there is
--            no log. What is readable is printed all the same.

local json = require "raft.json"
local quantity = require "raft.quantity"

local cli_wal = {}

--- Adds it to a parser; readers are those of raft.cli_arguments.
function cli_wal.add(parser, read)
  local command = parser:command("wal",
    "Show what stands in a member's directory; changes nothing.")
  command:argument("dir", "The directory, also of a member that runs.")
    :argname("DIR"):convert(read.directory)
  command:argument("verb", "list: the files. verify: every checksum."
    .. " dump: the entries, as JSON lines.")
    :args("?"):argname("VERB"):convert(read.named("VERB",
      read.one_of { "list", "verify", "dump" }))
  command:option("--from", "Dump from this index on.")
    :args(1):argname("INDEX"):convert(read.named("--from", read.number))
  command:option("--to", "Dump up to this index.")
    :args(1):argname("INDEX"):convert(read.named("--to", read.number))
  command:flag("--all", "Dump entries that were cut later, too.")
  command:flag("--json", "List and verify print one JSON document.")
end

-- ---- text ------------------------------------------------------------------

local function range(first, last)
  if not first then
    return "-"
  end
  return first == last and ("%.0f"):format(first)
    or ("%.0f-%.0f"):format(first, last)
end

local function when(us)
  if us == 0 then
    return "-"
  end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(us / 1e6))
end

local function head_line(found)
  local log = found.log
  local name = type(log.configuration) == "table" and log.configuration.name
  return ("member %.0f of cluster %s%s, term %.0f, vote %s, entries %s%s\n")
    :format(log.member, log.cluster, name and " (" .. name .. ")" or "",
      log.term, log.vote == 0 and "none" or ("%.0f"):format(log.vote),
      log.last > log.base and range(log.base + 1, log.last) or "none",
      found.holder and ("; in use by process %.0f"):format(found.holder)
        or "")
end

local function segment_line(one)
  local note = one.message and "  DAMAGED"
    or one.torn > 0 and ("  torn: %.0f bytes"):format(one.torn)
    or one.batches == 0 and "  made ahead" or ""
  return ("%-26s %-15s %-9s %7.0f %8.0f %10.0f of %s%s\n"):format(one.name,
    range(one.first, one.last), range(one.first_term, one.last_term),
    one.batches, one.entries, one["end"], quantity.size_text(one.size), note)
end

local function snapshot_line(one)
  if not one.term then
    return ("%-26s DAMAGED\n"):format(one.name)
  end
  return ("%-26s %-15s %-9.0f %s, %.0f bytes in %.0f blocks%s\n"):format(
    one.name, "1-" .. ("%.0f"):format(one.index), one.term, when(one.time),
    one.content_bytes, one.blocks, one.message and "  DAMAGED" or "")
end

local function list_text(world, found)
  world.out(head_line(found))
  world.out(("%-26s %-15s %-9s %7s %8s %10s\n"):format("file", "entries",
    "terms", "batches", "written", "bytes"))
  for _, one in ipairs(found.segments) do
    world.out(segment_line(one))
  end
  for _, one in ipairs(found.snapshots) do
    world.out(snapshot_line(one))
  end
  for _, name in ipairs(found.leftovers) do
    world.out(("%-26s unfinished, removed at the next start\n"):format(name))
  end
end

local function verify_text(world, found)
  local batches, entries, blocks = 0, 0, 0
  for _, one in ipairs(found.segments) do
    batches, entries = batches + one.batches, entries + one.entries
  end
  for _, one in ipairs(found.snapshots) do
    blocks = blocks + (one.blocks or 0)
  end
  world.out(("%d segments with %.0f batches and %.0f entries, %d snapshots"
    .. " with %.0f blocks: %s\n"):format(#found.segments, batches, entries,
    #found.snapshots, blocks, #found.problems == 0 and "all sound"
      or #found.problems .. " damaged"))
end

-- ---- what it does ----------------------------------------------------------

local function as_json(world, found)
  found.survey = nil
  found.readable = nil
  world.out(json.encode(setmetatable(found, nil)) .. "\n")
end

local function complain(world, found)
  for _, one in ipairs(found.problems) do
    world.err(("luaraft wal: %s: %s (%s)\n"):format(found.dir, one.message,
      one.code))
  end
  return #found.problems == 0 and 0 or 1
end

local function dump(world, found, given)
  local ok, message, code = found:each({ from = given.from, to = given.to,
    all = given.all }, function (entry)
    if not given.all then
      entry.stands = nil
    end
    world.out(json.encode(entry) .. "\n")
  end)
  if not ok then
    world.err(("luaraft wal: %s: %s (%s)\n"):format(found.dir, message, code))
    return 1
  end
  return 0
end

--- Runs it. @param failed(world, what, message, code) -> exit code
function cli_wal.run(raft, world, given, failed)
  given.verb = given.verb or "list"
  if given.verb ~= "dump" and (given.from or given.to or given.all) then
    world.err("luaraft: wal: --from, --to and --all are for dump\n")
    return 2
  end
  local ok, found, code = raft.inspect(given.dir,
    { blocks = given.verb == "verify" })
  if not ok then
    return failed(world, "wal", found, code)
  end
  local result = 0
  if given.verb == "dump" then
    result = dump(world, found, given)
  elseif not given.json then
    local tell = given.verb == "list" and list_text or verify_text
    tell(world, found)
  end
  local sound = complain(world, found)
  if given.json and given.verb ~= "dump" then
    as_json(world, found)
  end
  return math.max(result, sound)
end

return cli_wal
