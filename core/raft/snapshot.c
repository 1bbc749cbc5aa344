/* SPDX-License-Identifier: MIT
**
** snapshot.c - a log that does not grow for ever.
**
** Rule (Paper 7): what a durable snapshot covers may leave the log; some is
** kept, so that a member that lags a little need not be sent the whole state.
** Rule (Paper 7): a follower that needs what is gone is sent the snapshot. If
** its log has the entry where the snapshot ends, that log is right up to there
** and stays; otherwise all of it gives way.
** Rule: while a snapshot is being installed nothing is appended, applied or
** campaigned for: the engine stands still between two states, both sound.
** Rule: the current term has nothing to do with the snapshot's (WRaft#118.4).
**
**   base            snapshot_index       applied    last
**    |  retained         |                  |         |
**    5 [ 6  7  8  9  10 ] 11  12 …                      log: 6 … last     */

#include "raft/state.h"

/* ---- taken here -------------------------------------------------------- */

void raft_on_snapshot (struct raft *raft, raft_index index) {
  uint64_t retained = raft->options.limits.retained_entries;
  struct raft_effect *effect;
  raft_assert (index <= raft->applied);
  if (index <= raft->snapshot_index || raft->is_installing) {
    return;
  }
  raft->snapshot_index = index;
  raft_note (raft, SNAPSHOT, index, raft->options.id);
  if (index <= raft->log.base + retained) {
    return;
  }
  raft_log_compact (&raft->log, index - retained);
  effect = raft_outbox_add (raft, RAFT_EFFECT_COMPACT);
  effect->as.compact.index = raft->log.base;
}

/* ---- to a follower ----------------------------------------------------- */

void raft_send_snapshot (struct raft *raft, struct raft_progress *progress) {
  struct raft_effect *effect;
  raft_progress_become_snapshot (progress, raft->snapshot_index);
  effect = raft_outbox_add (raft, RAFT_EFFECT_SNAPSHOT);
  effect->as.snapshot.to = progress->id;
  effect->as.snapshot.index = raft->snapshot_index;
  raft_note (raft, SNAPSHOT, raft->snapshot_index, progress->id);
}

/* It has it, or it is tried again: with what its log has by now. */
void raft_on_sent (struct raft *raft, const struct raft_event *event) {
  struct raft_progress *progress
    = raft_find_progress (raft, event->as.sent.member);
  if (progress == NULL || progress->mode != RAFT_SNAPSHOT) {
    return;
  }
  if (event->as.sent.status == RAFT_OK) {
    raft_progress_become_probe (progress, progress->next);
  } else {
    raft_progress_become_probe (progress, progress->match + 1);
  }
  raft_replicate_to (raft, progress);
}

/* ---- from a leader ----------------------------------------------------- */

static bool install_is_needed (const struct raft *raft,
                               const struct raft_snapshot *value) {
  raft_term term;
  if (value->index <= raft->commit) {
    return raft_bug (raft, INSTALL_STALE);
  }
  return raft_log_term (&raft->log, value->index, &term) != RAFT_OK
         || term != value->term;
}

/* The log is the leader's up to where the snapshot ends. */
static void install_nothing (struct raft *raft, raft_index index) {
  if (raft->verified < index) {
    raft->verified = index;
  }
  raft_commit_to (raft, index);
  raft_maybe_acknowledge (raft);
}

int raft_on_install (struct raft *raft, const struct raft_event *event) {
  const struct raft_snapshot *value = event->as.install.value;
  struct raft_effect *effect;
  if (event->as.install.term < raft->term || raft->role == RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->is_installing) {
    return RAFT_EBUSY;
  }
  if (event->as.install.term > raft->term) {
    raft_become_follower (raft, event->as.install.term,
                          event->as.install.from, RAFT_REASON_HIGHER_TERM);
  }
  raft_follow (raft, event->as.install.from);
  if (!install_is_needed (raft, value)) {
    install_nothing (raft, value->index);
    return RAFT_OK;
  }
  raft->is_installing = true;
  raft->installing = *value;
  effect = raft_outbox_add (raft, RAFT_EFFECT_INSTALL);
  effect->as.install.index = value->index;
  effect->as.install.term = value->term;
  raft_note (raft, INSTALL, value->index, event->as.install.from);
  return RAFT_OK;
}

static void install_log (struct raft *raft,
                         const struct raft_snapshot *value) {
  raft_log_reset (&raft->log, value->index, value->term);
  raft->commit = value->index;
  raft->applied = value->index;
  raft->applying = value->index;
  raft->apply_ticket = 0;
  raft->unapplied_bytes = 0;
  raft->snapshot_index = value->index;
  raft->verified = raft->leader == RAFT_ID_NONE ? 0 : value->index;
  raft->answered = 0;
  if (raft->time_floor < value->time) {
    raft->time_floor = value->time;
  }
}

void raft_on_installed (struct raft *raft, int status) {
  const struct raft_snapshot *value = &raft->installing;
  struct raft_effect *effect;
  raft_assert (raft->is_installing);
  raft->is_installing = false;
  if (status != RAFT_OK) {
    raft_maybe_apply (raft);
    return;
  }
  raft_assert (raft->applying == raft->applied);
  install_log (raft, value);
  if (!raft_bug (raft, INSTALL_KEEPS_MEMBERS)) {
    raft_membership_restore (&raft->membership, &value->configuration,
                             value->configuration_index);
  }
  if (raft_bug (raft, INSTALL_TAKES_TERM) && value->term < raft->term) {
    raft->term = value->term;
    raft->hard_changed = true;
  }
  effect = raft_outbox_add (raft, RAFT_EFFECT_COMMIT);
  effect->as.commit.index = value->index;
  raft_maybe_acknowledge (raft);
}
