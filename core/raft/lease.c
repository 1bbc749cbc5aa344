/* SPDX-License-Identifier: MIT
**
** lease.c - leases: what voters promise, and what a leader may do with it.
**
** Rule (Diss. 6.4.1): whoever acknowledges an AppendEntries that grants a
** lease votes for nobody, whatever it hears, for so long by its own clock.
** While a majority is bound so, no other member can have become leader, and
** the leader answers reads without asking anyone.
** Rule: the leader counts from the start of the round that was answered: a
** promise is never made before that. No clock is trusted to be right, only to
** be no faster or slower than declared, on both sides:
**
**   leader    │◄── lease * (1 - drift) / (1 + drift) ──►│ reads
**     round ──┴──────┐                            answers end
**   voter            └──│◄──────── lease, by its own clock ────────►│ votes
**
** Rule: a voter that starts has forgotten what it promised. It waits for the
** longest lease that its log tells of; so a lease is granted to those only
** whose log durably has the configuration that allows it.
** Rule: a leader that told another to campaign has no lease any more while
** its term lasts: that message may come late, and voters follow it.
** DEVIATION from Diss. 6.4.1: the length is not the election timeout but a
** number in the configuration: all members know the same one. */

#include "raft/state.h"

/* ---- a voter ----------------------------------------------------------- */

static void lease_bind (struct raft *raft, raft_time length) {
  raft_time until = raft_time_after (raft, length);
  if (length > 0 && until > raft->bound_until) {
    raft->bound_until = until;
  }
}

void raft_lease_promise (struct raft *raft, raft_time lease_us) {
  lease_bind (raft, lease_us);
}

void raft_lease_start (struct raft *raft) {
  const struct raft_membership *membership = &raft->membership;
  if (raft_bug (raft, LEASE_FORGOTTEN)) {
    return;
  }
  lease_bind (raft, membership->latest.lease_us);
  lease_bind (raft, membership->previous.lease_us);
}

bool raft_lease_binds (const struct raft *raft) {
  return raft->now < raft->bound_until;
}

/* ---- a leader ---------------------------------------------------------- */

static bool lease_is_offered (const struct raft *raft) {
  if (raft_bug (raft, LEASE_THROUGH_TRANSFER)) {
    return raft->membership.latest.lease_us > 0;
  }
  return raft->membership.latest.lease_us > 0 && !raft->lease_is_over
         && raft->transferee == RAFT_ID_NONE;
}

/* At the start of a round, so that all its messages grant the same. */
void raft_lease_grant (struct raft *raft, struct raft_progress *progress) {
  raft_time lease_us = 0;
  if (lease_is_offered (raft)
      && progress->match >= raft->membership.latest_index) {
    lease_us = raft->membership.latest.lease_us;
  }
  if (lease_us != progress->lease_us) {
    progress->lease_us = lease_us;
    progress->lease_round = raft->round;
    progress->leased = 0;
  }
}

void raft_lease_answered (struct raft *raft, struct raft_progress *progress,
                          uint64_t round) {
  raft_time began = raft->round_began[round % RAFT_ROUNDS];
  if (progress->lease_us != 0 && round >= progress->lease_round
      && round <= raft->round && round + RAFT_ROUNDS > raft->round
      && began > progress->leased) {
    progress->leased = began;
  }
}

static uint64_t progress_leased (const struct raft_progress *progress) {
  return progress->leased;
}

/* The part of a lease that has passed on no voter's clock when it has passed
** on the leader's. */
static raft_time lease_length (const struct raft *raft) {
  const struct raft_configuration *value = &raft->membership.latest;
  uint64_t drift = value->drift_ppm != 0 ? value->drift_ppm
                                         : RAFT_DRIFT_PPM;
  if (raft_bug (raft, LEASE_IGNORES_DRIFT)) {
    drift = 0;
  }
  return value->lease_us / (RAFT_PPM + drift) * (RAFT_PPM - drift)
         + value->lease_us % (RAFT_PPM + drift) * (RAFT_PPM - drift)
             / (RAFT_PPM + drift);
}

bool raft_lease_holds (const struct raft *raft) {
  raft_time since;
  if (raft->role != RAFT_LEADER || !lease_is_offered (raft)
      || (raft->commit < raft->term_start
          && !raft_bug (raft, LEASE_BEFORE_NOOP))) {
    return false;
  }
  since = raft_majority_of (raft, progress_leased, raft->now);
  return since > 0 && raft->now - since < lease_length (raft);
}
