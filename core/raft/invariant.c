/* SPDX-License-Identifier: MIT
**
** invariant.c - what is always true of one engine between two steps.
**
** Holds:  a table of names and questions. A name makes a failure something
**         that can be talked about.
** Source: Paper Fig. 2 and 3; LogCabin's invariant class for the idea. */

#include "raft/state.h"

struct invariant {
  const char *name;
  bool (*holds) (const struct raft *raft);
};

static bool holds_applied_order (const struct raft *raft) {
  return raft->applied <= raft->applying && raft->applying <= raft->commit
         && raft->commit <= raft->log.last;
}

static bool holds_applied_durable (const struct raft *raft) {
  return raft->applying <= raft->log.stable;
}

static bool holds_log_order (const struct raft *raft) {
  return raft->log.base <= raft->log.stable
         && raft->log.base < raft->log.first_cached
         && raft->log.base <= raft->applied
         && raft->snapshot_index >= raft->log.base
         && raft->log.stable <= raft->log.last
         && raft->log.first_cached <= raft->log.stable + 1;
}

static bool holds_runs_ascend (const struct raft *raft) {
  const struct raft_log *log = &raft->log;
  size_t last = log->run_count;
  if (last == 0) {
    return log->last == log->base;
  }
  return log->runs[0].first == log->base + 1
         && log->runs[0].term >= log->base_term
         && log->runs[last - 1].first <= log->last
         && (last < 2
             || (log->runs[last - 2].first < log->runs[last - 1].first
                 && log->runs[last - 2].term < log->runs[last - 1].term));
}

static bool holds_log_below_term (const struct raft *raft) {
  return raft_log_last_term (&raft->log) <= raft->term;
}

static bool holds_term_durable (const struct raft *raft) {
  return raft->durable_term <= raft->term
         && (raft->role != RAFT_LEADER || raft->durable_term == raft->term);
}

static bool holds_own_vote (const struct raft *raft) {
  return (raft->role != RAFT_CANDIDATE && raft->role != RAFT_LEADER)
         || raft->vote == raft->options.id;
}

static bool holds_leader_known (const struct raft *raft) {
  switch (raft->role) {
    case RAFT_LEADER: return raft->leader == raft->options.id;
    case RAFT_FOLLOWER: return raft->leader != raft->options.id;
    default: return raft->leader == RAFT_ID_NONE;
  }
}

static bool holds_match_below_next (const struct raft *raft) {
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    const struct raft_progress *progress = &raft->progress[i];
    if (progress->match >= progress->next
        || progress->next > raft->log.last + 1
        || progress->round > raft->round) {
      return false;
    }
  }
  return true;
}

static bool holds_window (const struct raft *raft) {
  const struct raft_limits *limits = &raft->options.limits;
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    const struct raft_progress *progress = &raft->progress[i];
    if (progress->window_count > limits->inflight_messages
        || (progress->mode == RAFT_PROBE && progress->window_count != 0)
        || (progress->window_count == 0 && progress->window_bytes != 0)) {
      return false;
    }
  }
  return true;
}

static bool holds_only_leader_leads (const struct raft *raft) {
  return raft->role == RAFT_LEADER
         || (raft->progress_count == 0 && raft->term_start == 0);
}

/* A follower's reads wait for its leader's word. */
static bool holds_reads_wait (const struct raft *raft) {
  return raft->role == RAFT_LEADER
         ? raft->read_context == 0
         : (raft->read_count > 0) == (raft->read_context != 0)
             && (raft->read_count == 0 || raft->leader != RAFT_ID_NONE);
}

static bool holds_only_candidates_count (const struct raft *raft) {
  return raft->role == RAFT_CANDIDATE || raft->role == RAFT_PRE_CANDIDATE
         || (raft->granted.count == 0 && raft->refused.count == 0);
}

static bool holds_verified (const struct raft *raft) {
  return raft->verified <= raft->log.last && raft->answered <= raft->verified;
}

static bool holds_membership (const struct raft *raft) {
  return raft_configuration_is_valid (&raft->membership.latest)
         && raft->membership.previous_index
              <= raft->membership.latest_index
         && raft->membership.latest_index <= raft->log.last;
}

static bool holds_withheld_waits (const struct raft *raft) {
  for (size_t i = 0; i < raft->outbox.withheld_count; i++) {
    const struct raft_withheld *withheld = &raft->outbox.withheld[i];
    if (withheld->ticket <= raft->log.ticket_done
        || withheld->ticket > raft->log.ticket
        || (withheld->is_vote && withheld->ticket <= raft->hard_done)) {
      return false;
    }
  }
  return true;
}

static const struct invariant invariants[] = {
  { "applied_order", holds_applied_order },
  { "applied_is_durable", holds_applied_durable },
  { "log_order", holds_log_order },
  { "runs_ascend", holds_runs_ascend },
  { "log_below_term", holds_log_below_term },
  { "leader_term_is_durable", holds_term_durable },
  { "candidate_voted_for_itself", holds_own_vote },
  { "leader_is_known", holds_leader_known },
  { "match_below_next", holds_match_below_next },
  { "window_is_bounded", holds_window },
  { "only_a_leader_leads", holds_only_leader_leads },
  { "reads_wait_for_a_leader", holds_reads_wait },
  { "only_candidates_count_votes", holds_only_candidates_count },
  { "acknowledged_is_verified", holds_verified },
  { "membership_is_valid", holds_membership },
  { "withheld_waits_for_a_write", holds_withheld_waits },
};

const char *raft_broken_invariant (const struct raft *raft) {
  for (size_t i = 0; i < sizeof invariants / sizeof invariants[0]; i++) {
    if (!invariants[i].holds (raft)) {
      return invariants[i].name;
    }
  }
  return NULL;
}
