-- SPDX-License-Identifier: MIT
--
-- The paper's specs are not blind: with each bug of the engine switched on,
-- at least one of them fails. (For the build with bugs; each line is a run of
-- spec/paper in a process of its own, where RAFT_BUG names the bug.)

local probe = require("raft.probe")

local BUGS = {
  "stale_vote", "step_down_forgets_vote", "pre_step_down_forgets_vote",
  "campaign_before_sync", "vote_before_sync", "vote_for_zero",
  "last_term_is_current", "leader_votes", "pre_vote_stale_term",
  "pre_vote_bound_by_vote", "late_step_down", "campaign_forgets_vote",
  "campaign_not_persisted", "commit_old_term", "commit_stops_at_old_term",
  "match_assigned", "quorum_unsorted", "truncate_always", "ack_own_last",
  "reject_truncates", "next_not_moved", "conflict_outside_log",
  "commit_capped_by_page", "stable_by_index", "apply_before_truncate",
  "commit_unsynced", "ack_before_sync", "commit_past_match",
  "read_before_noop", "read_without_round", "read_old_round", "stale_ack",
  "time_32_bit", "change_before_noop", "changes_overlap", "change_too_wide",
  "transfer_refused", "transfer_for_ever", "compacted_term_zero",
  "lease_ignores_drift", "lease_through_transfer", "lease_before_noop",
  "lease_forgotten", "lease_gone_with_link", "follower_read_unasked",
  "install_takes_term", "install_stale", "install_keeps_members",
}

local function failures(bug)
  local pipe = assert(io.popen(("RAFT_BUG=%s SPEC_BUILD=%s scripts/spec 5.4 "
    .. "-o plainTerminal spec/paper 2>&1"):format(bug,
    os.getenv("SPEC_BUILD") or "build/gcc")))
  local text = pipe:read("*a")
  pipe:close()
  local failed, errors = text:match("(%d+) failures? / (%d+) errors?")
  return tonumber(failed) + tonumber(errors)
end

if probe.with_bugs and not os.getenv("RAFT_BUG") then
  describe("spec/paper", function()
    it("passes without a bug", function()
      assert.equal(0, failures("none"))
    end)

    for _, bug in ipairs(BUGS) do
      it("fails with " .. bug, function()
        assert.is_true(failures(bug) > 0)
      end)
    end
  end)
end
