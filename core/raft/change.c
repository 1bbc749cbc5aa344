/* SPDX-License-Identifier: MIT
**
** change.c - another configuration: which steps there are, and their end.
**
**   simple ──one voter more or less, any learners──► simple
**      │                                               ▲
**      └────────────► joint ───────────────────────────┘
**           both halves decide        the new half alone
**
** Rule (Diss. 4.1, 4.3): a step between two simple configurations changes one
** voter at most, so that their majorities overlap; more at once goes through
** a joint one, in which both halves decide.
** Rule (Ongaro on raft-dev, 2015): not before an entry of this term is
** committed: until then two leaders in turn may each hold a change that the
** other does not know, and their majorities need not overlap.
** Rule (Diss. 4.2.2): a leader that is no voter of the new configuration
** leads on without counting itself, and steps down when it is committed.
** Knows not: how entries are encoded; ring 1 proposes the step that leaves a
** joint configuration, as it does the others. */

#include "raft/state.h"

bool raft_is_changing (const struct raft *raft) {
  return raft->membership.latest_index > raft->commit;
}

/* ---- a step ------------------------------------------------------------ */

static bool change_is_step (const struct raft_configuration *from,
                            const struct raft_configuration *to,
                            bool any_step) {
  if (from->outgoing.count > 0) {
    return to->outgoing.count == 0
           && raft_id_set_equals (&from->voters, &to->voters);
  }
  if (to->outgoing.count > 0) {
    return raft_id_set_equals (&from->voters, &to->outgoing);
  }
  return any_step
         || raft_id_set_difference (&from->voters, &to->voters) <= 1;
}

static int change_is_allowed (const struct raft *raft,
                              const struct raft_event *event) {
  const struct raft_membership *membership = &raft->membership;
  raft_index expected = event->as.configure.expected;
  if (raft->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->disk_full) {
    return RAFT_EDISK_FULL;
  }
  if (expected != 0 && expected != membership->latest_index) {
    return RAFT_ECONFLICT;
  }
  if (raft->transferee != RAFT_ID_NONE
      || (raft_is_changing (raft)
          && !raft_bug (raft, CHANGES_OVERLAP))
      || (raft->commit < raft->term_start
          && !raft_bug (raft, CHANGE_BEFORE_NOOP))) {
    return RAFT_EBUSY;
  }
  if (!raft_configuration_is_valid (event->as.configure.value)
      || !change_is_step (&membership->latest, event->as.configure.value,
                          raft_bug (raft, CHANGE_TOO_WIDE))) {
    return RAFT_EINVALID;
  }
  return RAFT_OK;
}

static void change_note (struct raft *raft) {
  const struct raft_configuration *value = &raft->membership.latest;
  raft_note (raft, CONFIGURE, raft->membership.latest_index,
             value->voters.count, value->outgoing.count,
             value->learners.count);
}

int raft_on_configure (struct raft *raft, const struct raft_event *event) {
  struct raft_entry entry = event->as.configure.entry;
  int status = change_is_allowed (raft, event);
  if (status != RAFT_OK) {
    return status;
  }
  entry.kind = RAFT_ENTRY_CONFIGURATION;
  raft_append_own (raft, &entry);
  raft_membership_append (&raft->membership, event->as.configure.value,
                          raft->log.last);
  change_note (raft);
  raft_match_progress (raft);
  raft_replicate (raft);
  raft_maybe_confirm_reads (raft); /* who was asked may not count any more */
  if (raft_bug (raft, LEAVES_ON_APPEND)
      && !raft_configuration_votes (&raft->membership.latest,
                                    raft->options.id)) {
    raft_become_follower (raft, raft->term, RAFT_ID_NONE,
                          RAFT_REASON_REMOVED);
  }
  return RAFT_OK;
}

/* ---- its end ----------------------------------------------------------- */

/* Everyone learns of the commit, those who leave included: after it they are
** not spoken to any more. */
static void change_end (struct raft *raft) {
  raft_broadcast_heartbeat (raft);
  raft_match_progress (raft);
}

/* Whoever may follow is asked to: the cluster need not wait for a timeout. */
static void change_leave (struct raft *raft) {
  raft_id successor = raft_best_successor (raft);
  if (successor != RAFT_ID_NONE) {
    raft_send_timeout_now (raft, successor);
  }
  raft_become_follower (raft, raft->term, RAFT_ID_NONE, RAFT_REASON_REMOVED);
}

void raft_on_change_committed (struct raft *raft, raft_index before) {
  raft_index index = raft->membership.latest_index;
  bool is_first = raft->membership.previous_index == 0;
  if (is_first || index > raft->commit || index <= before) {
    return;
  }
  change_end (raft);
  if (!raft_configuration_votes (&raft->membership.latest,
                                 raft->options.id)) {
    change_leave (raft);
  }
}
