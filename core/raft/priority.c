/* SPDX-License-Identifier: MIT
**
** priority.c - who should lead.
**
** Rule: a priority decides when a member campaigns and to whom a leader hands
** over, never who may win: a voter does not look at it (Paper 5.4.1 holds
** whatever the priorities are).
** Rule: whoever shall lead instead has been well for long without a break. So
** a member that comes and goes moves leadership once in that time at most.
** DEVIATION: none of the papers has priorities; other engines do. */

#include "raft/state.h"

static uint32_t priority_of (const struct raft *raft, raft_id id) {
  return raft_configuration_priority (&raft->membership.latest, id);
}

/* Those who should lead are given time to begin; one that should not (0)
** begins only when nobody else did for long: it may have what nobody else
** has. */
raft_time raft_priority_pause (const struct raft *raft) {
  const struct raft_id_set *voters = &raft->membership.latest.voters;
  uint32_t own = priority_of (raft, raft->options.id);
  if (raft->membership.latest.priority_count == 0) {
    return 0;
  }
  if (own == 0) {
    return 3 * (raft->options.election_us + raft->options.election_spread_us);
  }
  for (uint32_t i = 0; i < voters->count; i++) {
    if (priority_of (raft, voters->ids[i]) > own) {
      return raft->options.election_spread_us;
    }
  }
  return 0;
}

bool raft_is_preferred (const struct raft *raft,
                        const struct raft_progress *one,
                        const struct raft_progress *other) {
  uint32_t a = priority_of (raft, one->id);
  uint32_t b = priority_of (raft, other->id);
  return a != b ? a > b : one->match > other->match;
}

/* Whether it could lead at once, and since when. */
static bool priority_is_settled (const struct raft *raft,
                                 struct raft_progress *progress) {
  const struct raft_limits *limits = &raft->options.limits;
  if (!raft_is_fit (raft, progress)
      || raft->log.last - progress->match > limits->append_entries) {
    progress->fit_since = 0;
  } else if (progress->fit_since == 0) {
    progress->fit_since = raft->now;
  }
  return progress->fit_since != 0
         && raft->now - progress->fit_since >= limits->priority_settle_us;
}

raft_id raft_preferred_successor (struct raft *raft) {
  const struct raft_progress *best = NULL;
  uint32_t own = priority_of (raft, raft->options.id);
  if (raft->membership.latest.priority_count == 0
      || raft->commit < raft->term_start || raft_is_changing (raft)) {
    return RAFT_ID_NONE;
  }
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    struct raft_progress *progress = &raft->progress[i];
    if (priority_is_settled (raft, progress)
        && priority_of (raft, progress->id) > own
        && (best == NULL || raft_is_preferred (raft, progress, best))) {
      best = progress;
    }
  }
  return best == NULL ? RAFT_ID_NONE : best->id;
}
