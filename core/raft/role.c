/* SPDX-License-Identifier: MIT
**
** role.c - the one place where role, term and vote change.
**
**                       ┌──────────── higher term, leader heard, lost ──────┐
**                       ▼                                                   │
**   start ──► FOLLOWER ──timeout──► PRE_CANDIDATE ──majority would──► CANDIDATE
**                 ▲                      ▲   │ timeout                 │   │
**                 │                      └───┴────────── timeout ──────┘   │
**                 └── higher term, no quorum ── LEADER ◄── majority voted ──┘
**
** Invariant: a term never falls; a vote changes within a term only from
**            nobody to somebody.
** Source:    Paper Fig. 4; Diss. 9.6 (pre-vote). */

#include "raft/state.h"

#include <string.h>

void raft_reset_election (struct raft *raft) {
  raft_time spread = raft->options.election_spread_us;
  raft_time drawn = spread == 0 ? 0 : raft_draw (raft) % spread;
  raft->election_deadline
    = raft_time_after (raft, raft->options.election_us + drawn
                               + raft_priority_pause (raft));
}

/* While the leader's process is gone a member asks again soon: the others
** find that out within the same moments. Not for longer than an election
** timeout, so that it is no burden where a majority is missing. */
static void role_await_pre_votes (struct raft *raft) {
  raft_time pause = raft->options.heartbeat_us / 2;
  raft_reset_election (raft);
  if (raft->leader_is_gone
      && raft->now < raft->leader_heard + raft->options.election_us) {
    raft->election_deadline
      = raft_time_after (raft, pause + raft_draw (raft) % (pause + 1));
  }
}

static void role_set_term (struct raft *raft, raft_term term) {
  raft_assert (term > raft->term);
  raft->term = term;
  raft->vote = RAFT_ID_NONE;
  raft->hard_changed = true;
}

/* A term without the role that belongs to it: only a bug asks for that. */
void raft_take_term (struct raft *raft, raft_term term) {
  role_set_term (raft, term);
}

void raft_set_vote (struct raft *raft, raft_id candidate) {
  raft_assert (raft->vote == RAFT_ID_NONE || raft->vote == candidate
               || raft_bug (raft, VOTE_FOR_ZERO));
  if (raft->vote != candidate) {
    raft->vote = candidate;
    raft->hard_changed = true;
  }
}

/* Everything that belongs to the role that ends. */
static void role_leave (struct raft *raft) {
  raft->granted.count = 0;
  raft->refused.count = 0;
  raft->campaign_ticket = 0;
  raft_outbox_drop_campaign (raft);
  raft_fail_reads (raft);
  if (raft->role == RAFT_LEADER) {
    raft_end_transfer (raft, RAFT_OK);
    raft->transfer_deadline = 0;
    raft->unfit_since = 0;
    raft->is_staying = false;
    raft->progress_count = 0;
    raft->term_start = 0;
    raft->round = 0;
    raft->lease_is_over = false;
  }
}

static void role_announce (struct raft *raft, enum raft_role from,
                           enum raft_reason reason) {
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_ROLE);
  effect->as.role.role = raft->role;
  effect->as.role.from = from;
  effect->as.role.term = raft->term;
  effect->as.role.leader = raft->leader;
  effect->as.role.reason = reason;
  raft_note (raft, ROLE, from, raft->role, raft->leader, reason);
}

/* What was learned of one leader's log says nothing of another's. */
static void role_forget_leader (struct raft *raft) {
  raft->verified = 0;
  raft->answered = 0;
  raft->round_seen = 0;
}

static bool role_forgets_vote (const struct raft *raft) {
  if (raft->role == RAFT_PRE_CANDIDATE) {
    return raft_bug (raft, PRE_STEP_DOWN_FORGETS_VOTE);
  }
  return raft_bug (raft, STEP_DOWN_FORGETS_VOTE);
}

void raft_become_follower (struct raft *raft, raft_term term, raft_id leader,
                           enum raft_reason reason) {
  enum raft_role from = raft->role;
  raft_assert (term >= raft->term);
  raft_assert (leader != raft->options.id);
  role_leave (raft);
  if (term > raft->term) {
    role_set_term (raft, term);
  } else if (role_forgets_vote (raft)) {
    raft->vote = RAFT_ID_NONE;
    raft->hard_changed = true;
  }
  role_forget_leader (raft);
  raft->leader_is_gone = false;
  raft->role = RAFT_FOLLOWER;
  raft->leader = leader;
  raft_reset_election (raft);
  role_announce (raft, from, reason);
}

void raft_become_pre_candidate (struct raft *raft) {
  enum raft_role from = raft->role;
  raft_assert (from != RAFT_LEADER);
  role_leave (raft);
  role_forget_leader (raft);
  raft->role = RAFT_PRE_CANDIDATE;
  raft->leader = RAFT_ID_NONE;
  role_await_pre_votes (raft);
  if (from != RAFT_PRE_CANDIDATE) { /* asking again is no change */
    role_announce (raft, from, RAFT_REASON_ELECTION_TIMEOUT);
  }
}

void raft_become_candidate (struct raft *raft, enum raft_reason reason) {
  enum raft_role from = raft->role;
  raft_assert (from == RAFT_PRE_CANDIDATE
               || (from == RAFT_FOLLOWER && reason == RAFT_REASON_TRANSFER));
  role_leave (raft);
  role_forget_leader (raft);
  role_set_term (raft, raft->term + 1);
  if (!raft_bug (raft, CAMPAIGN_FORGETS_VOTE)) {
    raft_set_vote (raft, raft->options.id);
  }
  if (raft_bug (raft, CAMPAIGN_NOT_PERSISTED)) {
    raft->hard_changed = false;
  }
  raft->leader_is_gone = false;
  raft->role = RAFT_CANDIDATE;
  raft->leader = RAFT_ID_NONE;
  raft_reset_election (raft);
  role_announce (raft, from, reason);
}

static bool leader_talks_to (const struct raft *raft, raft_id id) {
  const struct raft_membership *membership = &raft->membership;
  return id != raft->options.id
         && (raft_configuration_has (&membership->latest, id)
             || (raft_is_changing (raft)
                 && raft_configuration_has (&membership->previous, id)));
}

static void leader_add_progress (struct raft *raft,
                                 const struct raft_configuration *value) {
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  uint32_t count = raft_configuration_members (value, ids);
  for (uint32_t i = 0; i < count; i++) {
    if (leader_talks_to (raft, ids[i])
        && raft_find_progress (raft, ids[i]) == NULL) {
      raft_assert (raft->progress_count < raft->progress_capacity);
      raft_progress_init (&raft->progress[raft->progress_count], ids[i],
                          raft->log.last, raft->now);
      raft->progress_count++;
    }
  }
}

void raft_match_progress (struct raft *raft) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    if (leader_talks_to (raft, raft->progress[i].id)) {
      raft->progress[kept] = raft->progress[i];
      kept++;
    }
  }
  raft->progress_count = kept;
  leader_add_progress (raft, &raft->membership.latest);
  leader_add_progress (raft, &raft->membership.previous);
}

/* Diss. 6.4: a no-op first, so that what earlier leaders left is committed
** and reads can be served. */
void raft_become_leader (struct raft *raft) {
  enum raft_role from = raft->role;
  raft_assert (from == RAFT_CANDIDATE);
  role_leave (raft);
  role_forget_leader (raft);
  raft->role = RAFT_LEADER;
  raft->leader = raft->options.id;
  raft->round = 1;
  raft->round_began[1] = raft->now;
  raft_match_progress (raft);
  raft->heartbeat_deadline
    = raft_time_after (raft, raft->options.heartbeat_us);
  raft->quorum_deadline
    = raft_time_after (raft, raft->options.check_quorum_us);
  role_announce (raft, from, RAFT_REASON_VOTES);
  raft_append_noop (raft);
  raft_replicate (raft); /* everyone gets it: the first heartbeat, too */
}
