-- SPDX-License-Identifier: MIT
--
-- cli_status.lua - the subcommands status and metrics.
--
-- Holds:     their arguments, and the pages that they print.
-- Knows not: the names of metrics (metrics.lua), who knows what a member
--            says of itself (core/replica/status.c).
-- Rule:      exit codes: 0 some member answered, 1 none did.

local core = require "raft.core"
local json = require "raft.json"
local metrics = require "raft.metrics"

local cli_status = {}

--- Adds them to a parser; readers are those of raft.cli_arguments.
function cli_status.add(parser, read)
  local status = parser:command("status", "What each member says of itself.")
  read.to(status)
  status:flag("--long", "Print a page per member, not a line.")
  status:flag("--json", "Print JSON, one line per member.")
  local gauges = parser:command("metrics",
    "The same as metrics, in the text format of Prometheus.")
  read.to(gauges)
  gauges:option("--file", "Write them there, as a whole, not to stdout.")
    :args(1):argname("FILE"):convert(read.file)
  gauges:option("--every", "Again and again, after so much time.")
    :args(1):argname("TIME"):convert(read.named("--every", read.time))
end

-- ---- lines -----------------------------------------------------------------

local COLUMNS = { "address", "id", "role", "term", "leader", "commit",
  "applied", "last" }

local function status_line(row)
  local words = {}
  for i, column in ipairs(COLUMNS) do
    local value = row[column]
    words[i] = ("%-" .. (i == 1 and 22 or 10) .. "s"):format(
      value == nil and "-" or tostring(value))
  end
  return (table.concat(words, " "):gsub("%s+$", "")) .. "\n"
end

local function header_line()
  local header = {}
  for _, column in ipairs(COLUMNS) do
    header[column] = column
  end
  return status_line(header)
end

-- ---- pages -----------------------------------------------------------------

local function bytes_text(bytes)
  for _, unit in ipairs { { 2 ^ 30, "GiB" }, { 2 ^ 20, "MiB" },
    { 2 ^ 10, "KiB" } } do
    if bytes >= unit[1] then
      return ("%.1f%s"):format(bytes / unit[1], unit[2])
    end
  end
  return ("%.0fB"):format(bytes)
end

local function ago_text(ms)
  for _, unit in ipairs { { 864e5, "d" }, { 36e5, "h" }, { 6e4, "min" },
    { 1e3, "s" } } do
    if ms >= 2 * unit[1] then
      return ("%.0f%s"):format(ms / unit[1], unit[2])
    end
  end
  return ("%.0fms"):format(ms)
end

-- The upper bound of the bucket that a part of all lies in, or the longest.
local function percentile(counts, part, longest)
  local all, sum = 0, 0
  for _, count in ipairs(counts) do
    all = all + count
  end
  for i, count in ipairs(counts) do
    sum = sum + count
    if count > 0 and sum >= all * part and i < #counts then
      return math.min(2 ^ (i - 1), longest)
    end
  end
  return longest
end

local function times_text(counts, longest)
  local words = {}
  for _, part in ipairs { 50, 99, 99.9 } do
    words[#words + 1] = ("p%g %.3fms"):format(part,
      percentile(counts, part / 100, longest) / 1e3)
  end
  return ("%s, longest %.3fms"):format(table.concat(words, ", "),
    longest / 1e3)
end

local function snapshot_text(row)
  if row.snapshot_index == 0 then
    return row.takes_snapshots and "none" or "the machine takes none"
  end
  return ("up to %.0f, %s, of %s ago; %.0f taken"):format(row.snapshot_index,
    bytes_text(row.snapshot_bytes), ago_text(row.snapshot_age_ms),
    row.snapshots_taken)
end

local function trouble_text(row)
  local words = {}
  for _, pair in ipairs { { "apply_stalled", "the machine is stalled" },
    { "sync_stalled", "the disk is stalled" }, { "disk_full",
    "the disk is full" }, { "diverged", "results differ" } } do
    if row[pair[1]] then
      words[#words + 1] = pair[2]
    end
  end
  if row.last_error then
    words[#words + 1] = ("%s, %s ago"):format(row.last_error,
      ago_text(row.last_error_ms_ago))
  end
  return #words > 0 and table.concat(words, "; ") or "none"
end

local function peer_text(row, peer)
  local kind = peer.learner and "learner" or peer.voter and "voter"
    or "leaves"
  local text = peer.address .. ", " .. kind
  if peer.id == row.leader then
    text = text .. ", leads"
  end
  if peer.match then
    text = ("%s, has %.0f, lag %.0f, %.0f messages (%s) in flight%s%s%s")
      :format(text, peer.match, peer.lag, peer.inflight_messages,
        bytes_text(peer.inflight_bytes), peer.heard_ms_ago
          and ", heard " .. ago_text(peer.heard_ms_ago) .. " ago" or
          ", never heard", peer.probing and ", probing" or "",
        peer.stalled and ", stalled" or "")
  end
  return text
end

local function page(row)
  local lines = { ("%s  member %.0f of %s, %s of term %.0f%s"):format(
    row.address, row.id, row.name, row.role, row.term,
    row.leader == row.id and "" or row.leader == 0 and ", no leader known"
      or (", member %.0f leads"):format(row.leader)) }
  local function line(name, format, ...)
    lines[#lines + 1] = ("  %-10s "):format(name) .. format:format(...)
  end
  line("log", "%.0f-%.0f, durable %.0f, commit %.0f, applied %.0f; %.0f"
    .. " segments, %s", row.log_base + 1, row.last, row.stable, row.commit,
    row.applied, row.segments, bytes_text(row.log_bytes))
  line("snapshot", "%s", snapshot_text(row))
  line("sync", "%s; %.0f syncs, %s", times_text(row.sync_us,
    row.sync_longest_us), row.syncs, bytes_text(row.synced_bytes))
  if row.turn_us then
    line("turn", "%s", times_text(row.turn_us, row.turn_longest_us))
  end
  line("waiting", "%.0f proposals, %.0f reads, %.0f writes",
    row.pending_proposals, row.pending_reads, row.pending_writes)
  line("held", "%.0f sessions (%s), %.0f clients, %.0f cached entries (%s)",
    row.sessions, bytes_text(row.session_bytes), row.connections,
    row.cached_entries, bytes_text(row.cached_bytes))
  line("elections", "%.0f begun, %.0f won, %.0f leaders seen", row.elections,
    row.leaderships, row.leader_changes)
  line("trouble", "%s", trouble_text(row))
  for _, peer in ipairs(row.members) do
    line(("member %.0f"):format(peer.id), "%s", peer_text(row, peer))
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- what they do ----------------------------------------------------------

-- Calls fn(row) for each member that answers, and complains of the others.
-- @return how many answered, { { address, whether it did }, … }
local function each(world, client, given, failed, fn)
  local reached, up = 0, {}
  for i, at in ipairs(given.to) do
    local ok, row, code = client:status(at, { deadline = given.timeout })
    up[i] = { at, ok == true }
    if ok then
      reached = reached + 1
      row.address = at
      fn(row)
    else
      failed(world, given.command, at .. ": " .. tostring(row), code)
    end
  end
  return reached, up
end

--- Prints what members say. @param failed(world, what, message, code)
function cli_status.status(world, client, given, failed)
  local tell = given.json and function (row)
    return json.encode(row) .. "\n"
  end or given.long and page or status_line
  if tell == status_line then
    world.out(header_line())
  end
  local reached = each(world, client, given, failed, function (row)
    world.out(tell(row))
  end)
  return reached > 0 and 0 or 1
end

-- Whoever reads the file sees the old text or the new, never a part.
local function write_file(path, text)
  local new = path .. ".new"
  local file, message = io.open(new, "wb")
  local ok = file and file:write(text)
  if file then
    local closed, why = file:close()
    ok, message = ok and closed, message or why
  end
  if ok then
    ok, message = os.rename(new, path)
  end
  if not ok then
    os.remove(new)
    return nil, tostring(message)
  end
  return true
end

local function wait(client, us)
  local ends = core.now() + us
  repeat
    local left = math.floor(ends - core.now())
    if left > 0 then
      client:step(("%.0fus"):format(math.min(left, 1e6)))
    end
  until core.now() >= ends
end

--- Prints metrics, or writes them. @param failed as above
function cli_status.metrics(world, client, given, failed)
  while true do
    local rows = {}
    local reached, up = each(world, client, given, failed, function (row)
      rows[#rows + 1] = row
    end)
    local text = metrics.text(rows, up)
    if not given.file then
      world.out(text)
    else
      local ok, message = write_file(given.file, text)
      if not ok then
        return failed(world, "metrics", message)
      end
    end
    if not given.every then
      return reached > 0 and 0 or 1
    end
    wait(client, given.every)
  end
end

return cli_status
