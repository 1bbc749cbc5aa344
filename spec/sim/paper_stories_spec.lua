-- SPDX-License-Identifier: MIT
--
-- The stories of scripts/paper: each holds on many seeds, and shows what it
-- says: with the bug that its head names it fails by the check that is named
-- here, and with the change that its head proposes it fails as it says.

local core = require "raft.core"
local scenario_file = require "raft.scenario_file"

local FOLDER, SEEDS, LINES = "scripts/paper/", 20, 60

-- Name of a story -> { bug, check of the world that finds it; what is changed
-- into what, and the words of the failure then }.
local STORIES = {
  client_retry = { "no_deduplication", "exactly_once",
    "local client = cluster:client()",
    "local client = cluster:client { session = false }",
    "client:propose" },
  crashes = { "vote_before_sync", "durable_ack" },
  disruptive_server = { "leader_votes", "leader_stays",
    "cluster:cut(cluster:others(deaf), deaf)",
    "cluster:partition({ deaf }, cluster:others(deaf))",
    "nobody was asked" },
  figure_2 = { "commit_past_match", "committed_immutable",
    "for i = 1, 5 do", "for i = 1, 0 do", 'expected "raft.truncate"' },
  figure_3_election_safety = { "campaign_forgets_vote", "invariant",
    "15000, delay_max_us = 15000", "100, delay_max_us = 100",
    "no vote was refused" },
  figure_3_leader_append_only = { "late_step_down", "invariant",
    "for i = 1, 3 do", "for i = 1, 0 do", 'expected "raft.truncate"' },
  figure_3_leader_completeness = { "last_term_is_current",
    "leader_completeness",
    "cluster:cut({ leader, other }, away)", "", "assertion failed" },
  figure_3_log_matching = { "ack_own_last", "invariant",
    'tail(first, "first", 7)', "", 'expected "raft.truncate"' },
  figure_3_state_machine_safety = { "ack_before_sync", "durable_ack" },
  figure_4 = { "late_step_down", "invariant",
    'cluster:await "to=leader"', 'cluster:sleep "10ms"', "to=follower" },
  figure_6 = { "quorum_unsorted", "committed_on_quorum",
    "cluster:cut(leader, slow)", "cluster:cut(leader, cluster:others(leader))",
    "assertion failed" },
  figure_7 = { "reject_truncates", "invariant",
    "{ 2, 3, 5 }", "{ 0, 0, 5 }", "too little was cut" },
  figure_8 = { "commit_old_term", "leader_completeness",
    'cluster:sleep "30ms" -- the leader knows',
    'cluster:sleep "300ms" -- the leader knows', 'expected "to=leader"' },
  figure_9 = { "last_term_is_current", "leader_completeness",
    "cluster:partition({ leader, other }, { voter, c, d })",
    "cluster:partition({ leader }, { voter, other, c, d })",
    "elected without what was committed" },
  figure_10 = { nil, nil, "cluster:partition({ leader, 4, 5 }, old)",
    "cluster:partition({ leader, 4, 5 }, { old[1] })",
    'expected "to=leader"' },
  figure_11 = { nil, nil, "cluster:set_members {",
    "cluster:kill(5) cluster:kill(6) cluster:set_members {",
    'expected "raft.configure.*voters=3 outgoing=3"' },
  figure_12 = { "compact_before_snapshot", "must_start",
    "retained_entries = 1,", "retained_entries = 100,",
    "the entries are still there" },
  figure_13 = { "install_takes_term", "invariant",
    "retained_entries = 1 ", "retained_entries = 1000 ",
    "the entries are still there" },
  lease_reads = { "lease_ignores_drift", "scenario",
    'read = "lease", deadline', 'read = "stale", deadline', "an old answer" },
  membership_bug = { "change_before_noop", "leader_completeness" },
  new_leader_reads = { "read_before_noop", "scenario",
    '{ "get", "x" }', '({ "get", "x" }, { read = "stale" })',
    "an old answer" },
  pre_vote = { "pre_vote_stale_term", "scenario" },
  split_vote = { nil, nil, "election_spread_us = 100000",
    "election_spread_us = 2000", "expected a leader" },
  stale_leader = { "read_without_round", "scenario",
    '{ "get", "x" })', '{ "get", "x" }, { read = "stale" })',
    "a stale answer" },
  terms = { "stale_ack", "late_message",
    'reorder = "40%"', "reorder = false", "no vote was late" },
  transfer = { "transfer_refused", "scenario",
    "cluster:transfer(heir)", "cluster:kill(heir) cluster:transfer(heir)",
    'expected "to=leader"' },
  timing = { nil, nil, '"600ms"', '"100ms"',
    "elected in spite of the delay" },
}

local names = {}
for name in pairs(STORIES) do
  names[#names + 1] = name
end
table.sort(names)

local function source_of(name)
  local file = assert(io.open(FOLDER .. name .. ".lua"))
  local text = file:read "*a"
  file:close()
  return text
end

local function load_story(name)
  return assert(scenario_file.load(FOLDER .. name .. ".lua"))
end

-- The first failure of the seeds (with a check: by that one), or nil.
local function fails(story, bug, check)
  for seed = 1, SEEDS do
    local result = story:run { seed = seed, bug = bug }
    if not result.ok and (not check or check == result.violation.name) then
      return result.violation, seed
    end
  end
end

describe("the paper's stories", function()
  it("are these", function()
    local pipe, found = io.popen("ls " .. FOLDER), {}
    for line in pipe:lines() do
      found[#found + 1] = line:match "^(.*)%.lua$"
    end
    pipe:close()
    assert.same(names, found)
  end)

  it("are all in the page on learning", function()
    local file = assert(io.open "docs/learning.md")
    local text = file:read "*a"
    file:close()
    for _, name in ipairs(names) do
      assert(text:find("\n| `" .. name .. "` |", 1, true), name)
    end
  end)

  for _, name in ipairs(names) do
    it(name .. " says what to look for and how to break it, on a page",
      function()
        local text = source_of(name)
        assert.is_true(select(2, text:gsub("\n", "")) <= LINES)
        for _, words in ipairs { "\n-- The %a+: ", "\n-- Look for: ",
          "\n-- To break it: ", "cluster:note%(" } do
          assert(text:find(words), "expected " .. words)
        end
        local bug = STORIES[name][1]
        assert(not bug or text:find("--bug " .. bug, 1, true))
      end)

    it(name .. " holds on seeds 1 to " .. SEEDS, function()
      local violation, seed = fails(load_story(name))
      assert(not violation, violation and ("seed %d: %s"):format(seed,
        violation.text))
    end)
  end
end)

describe("the paper's stories, changed as they propose:", function()
  local path

  before_each(function()
    path = os.tmpname()
  end)

  after_each(function()
    os.remove(path)
  end)

  for _, name in ipairs(names) do
    local from, to, words = STORIES[name][3], STORIES[name][4],
      STORIES[name][5]
    if from then
      it(name .. " fails", function()
        local text = source_of(name)
        local begin = text:find("return require", 1, true)
        local first, last = text:find(from, begin, true)
        assert(first, "expected " .. from)
        local file = assert(io.open(path, "w"))
        file:write(text:sub(1, first - 1), to, text:sub(last + 1))
        file:close()
        local violation = fails(assert(scenario_file.load(path)))
        assert(violation, "it holds on all seeds")
        assert(violation.text:find(words, 1, true), violation.text)
      end)
    end
  end
end)

if #core.bugs > 0 then
  describe("the paper's stories, in a build with bugs:", function()
    for _, name in ipairs(names) do
      local bug, check = STORIES[name][1], STORIES[name][2]
      if bug then
        it(("%s fails with %s"):format(name, bug), function()
          assert(fails(load_story(name), bug, check),
            check .. " found nothing on all seeds")
        end)
      end
    end
  end)
end
