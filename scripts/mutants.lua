-- SPDX-License-Identifier: MIT
--
-- mutants.lua - a score for the checks: bug, check that caught it, seeds,
-- seconds, rows of the shrunk schedule. Run by scripts/mutants.
--
-- Holds:  the list of known bugs of the field by number, and what became of
--         each one here; the search.
-- Rule:   the simulations are the general ones of raft.sim_profiles, none is
--         written for a bug. What only the enumeration of crash images can
--         show names the spec that shows it.

local core = require "raft.core"
local keep = require "scripts.mutants_keep"
local page = require "scripts.mutants_page"
local shrink = require "raft.shrink"
local sim = require "raft.sim"

-- ---- what became of each --------------------------------------------------

local RESET = "impossible by design: a snapshot empties the log with one record"

-- By the number of the list of known bugs: switches of base/bug.h, or why
-- there is none.
local ENTRIES = {
  [1] = { "stale_vote" },
  [2] = { "step_down_forgets_vote" },
  [3] = { "pre_step_down_forgets_vote" },
  [4] = { "vote_error_ignored" },
  [5] = { "campaign_before_sync", "vote_before_sync" },
  [6] = "impossible by design: term and vote are one record of one batch",
  [7] = { "vote_for_zero" },
  [8] = { "last_term_is_current" },
  [9] = "impossible by design: a request for votes is withheld until all "
    .. "that was written before it is durable",
  [10] = { "leader_votes" },
  [11] = { "change_too_wide" },
  [12] = { "pre_vote_stale_term" },
  [13] = { "pre_vote_bound_by_vote" },
  [14] = { "transfer_refused", "transfer_for_ever" },
  [15] = { "late_step_down" },
  [16] = { "campaign_forgets_vote" },
  [17] = { "campaign_not_persisted" },
  [18] = { "commit_old_term" },
  [19] = { "commit_stops_at_old_term" },
  [20] = { "match_assigned" },
  [21] = { "quorum_unsorted" },
  [22] = "impossible by design: what was acknowledged is durable, and a "
    .. "directory that lost it is refused (see wiped_accepted)",
  [23] = { "truncate_always" },
  [24] = { "ack_own_last", "commit_past_match" },
  [25] = { "reject_truncates" },
  [26] = { "purged_is_conflict" },
  [27] = { "first_append_unchecked" },
  [28] = { "compacted_term_zero" },
  [29] = { "conflict_outside_log" },
  [30] = { "next_not_moved" },
  [31] = { "commit_capped_by_page" },
  [32] = { "stable_by_index" },
  [33] = "impossible by design: writes are performed in order, and their "
    .. "tickets only count up",
  [34] = { "apply_before_truncate" },
  [35] = { "commit_unsynced" },
  [36] = { "install_takes_term" },
  [37] = RESET,
  [38] = { "compact_before_snapshot" },
  [39] = RESET,
  [40] = { "install_keeps_members" },
  [41] = RESET,
  [42] = { "install_stale" },
  [43] = { "ack_before_sync" },
  [44] = "impossible by design: a second snapshot is refused as busy",
  [45] = { "change_before_noop" },
  [46] = { "changes_overlap" },
  [47] = { "wiped_accepted" },
  [48] = { "joint_new_half" },
  [49] = { "leaves_on_append" },
  [50] = { "learner_refuses", "snapshot_drops_joint" },
  [51] = { "read_before_noop", "read_without_round", "read_old_round" },
  [52] = { "apply_proposes" },
  [53] = { "time_32_bit" },
  [54] = { "skip_sync", "skip_directory_sync", "retry_sync",
           "truncate_at_rot", "accept_short_segment", "accept_gap",
           "skip_checksum",
           "believe_page_cache", "snapshot_not_synced",
           "snapshot_forgets_sessions" },
  [55] = { "stale_ack" },
  [56] = { "install_keeps_members" },
}
local ENTRY_COUNT = 56

-- No general simulation finds these in a minute: a story or a spec with the bug
-- switched on does (spec/paper/paper_bugs_spec.lua runs them all).
local BY_SPEC = {
  lease_gone_with_link = "spec/paper/diss_6_4_1 only",
}

-- ---- the search -----------------------------------------------------------

-- All but the quiet one, each once before any comes again.
local ORDER = { "swarm", "small", "members", "contested", "everything",
                "crashes", "disks", "reads", "partitions", "messages",
                "leases", "handovers", "contested_five", "clock_31", "tight",
                "priorities", "bulk" }

-- Where to look first for what is rare, when the search is to be short.
local HINTS = {
  lease_forgotten = "leases", lease_before_noop = "leases",
  lease_ignores_drift = "leases", lease_through_transfer = "handovers",
  transfer_for_ever = "handovers", install_stale = "members",
  stale_vote = "contested", stable_by_index = "contested",
  read_old_round = "reads", read_without_round = "reads",
  change_before_noop = "members", joint_new_half = "members",
  learner_refuses = "members", transfer_refused = "everything",
  time_32_bit = "clock_31",
  expire_by_clock = "tight", priority_ignores_log = "priorities",
  retry_sync = "disks", accept_short_segment = "disks",
  accept_gap = "disks",
  wiped_accepted = "everything", first_append_unchecked = "swarm",
  believe_page_cache = "contested_five", vote_error_ignored = "disks",
}

-- One run; what it found, if anything.
local function attempt(bug, name, seed)
  local result = sim.run(sim.mix(sim.profiles[name],
    { seed = seed, bug = bug }))
  return not result.ok and { check = result.violation.name, seed = seed,
    profile = name, text = result.violation.text } or nil
end

local function add_cost(found, runs, started)
  found.seeds, found.seconds = runs, os.clock() - started
  return found
end

-- Bounded by 'runs', which every machine does alike, or by seconds.
local function search(bug, given, hint)
  local started, runs, seed = os.clock(), 0, 0
  local list = hint and { hint } or ORDER
  repeat
    seed = seed + 1
    for _, name in ipairs(list) do
      runs = runs + 1
      local found = attempt(bug, name, seed)
      if found then
        found.is_hinted = hint ~= nil
        return add_cost(found, runs, started)
      end
    end
  until given.seconds and os.clock() - started >= given.seconds
    or not given.seconds and runs >= given.runs
  return add_cost({}, runs, started)
end

-- ---- the reason -----------------------------------------------------------

-- Shrinks what was found, for so many seconds at most.
local function reduce(bug, found, seconds)
  local result = sim.run(sim.mix(sim.profiles[found.profile],
    { seed = found.seed, bug = bug, record = 1 }))
  local ends = os.clock() + seconds
  local bound = 2 * result.events + 100000 -- a smaller run is no longer one
  local best = assert(shrink.run(result.schedule, function (candidate)
    if os.clock() > ends then
      return nil
    end
    local again = sim.replay(candidate,
      { bug = bug, record = 2, events_max = bound })
    return again.violation and again.violation.name, again.schedule,
      again.events
  end))
  found.rows = #best.schedule
  return best
end

local lines = {}

local function show(number, bug, what, found)
  local line
  if found then
    line = ("%3s  %-26s  %-21s %6d %7.1f  %4s  %s%s\n"):format(number, bug,
      what, found.seeds, found.seconds, found.rows or "-",
      (found.profile or "") .. (found.is_hinted and " (hint)" or ""),
      found.kept and (", kept with %d seeds"):format(found.kept) or "")
  else
    line = ("%3s  %-26s  %s\n"):format(number, bug, what)
  end
  lines[#lines + 1] = line
  io.write(line)
  io.flush()
end

local lengths = {}

local function try(number, row, given)
  if BY_SPEC[row.name] then
    show(number, row.name, "caught by " .. BY_SPEC[row.name])
    return true
  end
  local hint = not given.seconds and HINTS[row.name]
  local found = hint and search(row.name, given, hint) or {}
  if not found.check then
    found = search(row.name, given)
  end
  if found.check and given.shrink > 0 then
    local best = reduce(row.name, found, given.shrink)
    lengths[#lengths + 1] = found.rows
    if given.keep and best then
      found.kept = keep.run(row.name, found.check, best)
    end
  end
  show(number, row.name, found.check or "NOT CAUGHT", found)
  return found.check ~= nil
end

-- The clean build must pass what the bugs are judged by.
local function clean(count)
  local seeds = 0
  for seed = 1, count do
    for _, name in ipairs(ORDER) do
      local result = sim.run(sim.mix(sim.profiles[name], { seed = seed }))
      seeds = seeds + 1
      if not result.ok then
        io.write(("no bug: seed %d of %s: %s: %s\n"):format(seed, name,
          result.violation.name, result.violation.text))
        return false
      end
    end
  end
  io.write(("no bug: %d seeds pass\n"):format(seeds))
  return true
end

-- ---- arguments ------------------------------------------------------------

local function usage(message)
  io.stderr:write("scripts/mutants: ", message, "\nusage: scripts/mutants ",
    "[--seconds N | --runs N] [--shrink N] [--clean N] [--keep]\n",
    "       [--page FILE] [bug ...]\n")
  os.exit(2)
end

local NUMBERS = { seconds = true, runs = true, clean = true, shrink = true }

local function read_arguments(list)
  local given = { runs = 600, clean = 20, shrink = 30, only = {},
                  some = false }
  local at = 1
  while list[at] do
    local name = list[at]:match("^%-%-(%a+)$")
    if name == "keep" then
      given.keep = true
    elseif name == "page" then
      given.page = list[at + 1] or usage "--page: expected a file"
      at = at + 1
    elseif name and NUMBERS[name] then
      given[name] = tonumber(list[at + 1])
        or usage(("--%s: expected a number"):format(name))
      at = at + 1
    elseif list[at]:sub(1, 1) == "-" then
      usage("unknown option " .. list[at])
    else
      given.only[list[at]], given.some = true, true
    end
    at = at + 1
  end
  return given
end

local function rows_by_name()
  local rows = {}
  for _, row in ipairs(core.bugs) do
    rows[row.name] = row
  end
  return rows
end

local function main(list)
  local given = read_arguments(list)
  local rows, seen, missed = rows_by_name(), {}, 0
  for name in pairs(given.only) do
    if not rows[name] then
      usage(("there is no bug \"%s\""):format(name))
    end
  end
  local function visit(number, name)
    seen[name] = true
    if not rows[name] then
      usage(("entry %s names \"%s\", which base/bug.h has not"):format(number,
        name))
    end
    if (not given.some or given.only[name])
       and not try(number, rows[name], given) then
      missed = missed + 1
    end
  end
  io.write(" nr  bug                         caught by              seeds",
    " seconds  rows  in\n")
  for number = 1, ENTRY_COUNT do
    local entry = ENTRIES[number]
    if type(entry) == "table" then
      for _, name in ipairs(entry) do
        visit(number, name)
      end
    elseif not given.some then
      show(number, "-", entry)
    end
  end
  for _, row in ipairs(core.bugs) do
    if not seen[row.name] then
      visit("+", row.name)
    end
  end
  table.sort(lengths)
  if #lengths > 0 then
    io.write(("rows of shrunk schedules: median %d, longest %d\n"):format(
      lengths[math.ceil(#lengths / 2)], lengths[#lengths]))
  end
  if given.page then
    page.write(given.page, lines, core.bugs, given.shrink)
  end
  local is_sound = given.some or clean(given.clean)
  io.write(("mutants: %s\n"):format(missed > 0 and missed .. " not caught"
    or not is_sound and "the clean build fails" or "ok"))
  os.exit(missed == 0 and is_sound and 0 or 1)
end

main(arg)
