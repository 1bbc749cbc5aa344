/* SPDX-License-Identifier: MIT
**
** transfer.c - leadership for another member, on purpose.
**
** Rule (Diss. 3.10): the leader takes no more proposals, brings the other's
** log up to date, and tells it to campaign at once. If nothing has come of it
** after an election timeout, it goes on as before.
** Rule (Diss. 4.2.3): that campaign says that the leader wants it, so that
** voters who hear the leader do not refuse it.
** Rule: a leader whose own disk is full, or whose disk or machine is stalled,
** hands over by itself, to a member of which neither is true; with none it
** stays and says so. It waits first for what a command that stalls everyone
** would make the others say of themselves. */

#include "raft/state.h"

/* It has answered in this term, so what it says of itself is known. */
bool raft_is_fit (const struct raft *raft,
                  const struct raft_progress *progress) {
  return raft_configuration_votes (&raft->membership.latest, progress->id)
         && progress->mode == RAFT_REPLICATE && !progress->stalled
         && !progress->disk_full
         && raft->now - progress->heard < raft->options.election_us;
}

raft_id raft_best_successor (const struct raft *raft) {
  const struct raft_progress *best = NULL;
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    const struct raft_progress *progress = &raft->progress[i];
    if (raft_is_fit (raft, progress)
        && (best == NULL || raft_is_preferred (raft, progress, best))) {
      best = progress;
    }
  }
  return best == NULL ? RAFT_ID_NONE : best->id;
}

static void transfer_begin (struct raft *raft, raft_id member,
                            enum raft_reason reason) {
  raft->transferee = member;
  raft->transfer_deadline
    = raft_time_after (raft, raft->options.election_us);
  raft_note (raft, TRANSFER, member, reason);
}

static void transfer_stay (struct raft *raft, enum raft_reason reason) {
  if (!raft->is_staying) {
    raft_note (raft, STAYS, reason);
  }
  raft->is_staying = true;
}

/* After one that failed, proposals are taken for as long again. */
static void transfer_when_unfit (struct raft *raft) {
  enum raft_reason reason = raft->stalled ? RAFT_REASON_STALLED
                                          : RAFT_REASON_DISK_FULL;
  raft_id successor;
  if (!raft->stalled && !raft->disk_full) {
    raft->unfit_since = 0;
    raft->is_staying = false;
    return;
  }
  if (raft->unfit_since == 0) {
    raft->unfit_since = raft->now;
  }
  if (raft->now - raft->unfit_since < raft->options.election_us
      || raft->commit < raft->term_start
      || (raft->transfer_deadline != 0
          && raft->now < raft->transfer_deadline
                           + raft->options.check_quorum_us)) {
    return;
  }
  successor = raft_best_successor (raft);
  if (successor != RAFT_ID_NONE) {
    transfer_begin (raft, successor, reason);
  } else {
    transfer_stay (raft, reason);
  }
}

/* After one that failed, not before the other has settled anew. */
static void transfer_when_preferred (struct raft *raft) {
  raft_id successor = raft_preferred_successor (raft);
  if (successor != RAFT_ID_NONE
      && (raft->transfer_deadline == 0
          || raft->now >= raft->transfer_deadline
                            + raft->options.limits.priority_settle_us)) {
    transfer_begin (raft, successor, RAFT_REASON_PRIORITY);
  }
}

void raft_send_timeout_now (struct raft *raft, raft_id member) {
  struct raft_message m
    = { .kind = RAFT_MESSAGE_TIMEOUT_NOW, .to = member };
  raft->lease_is_over = !raft_bug (raft, LEASE_THROUGH_TRANSFER);
  raft_outbox_send (raft, &m, RAFT_NEED_NOTHING);
}

/* The message may be lost: it is repeated with each heartbeat. */
void raft_maybe_transfer (struct raft *raft) {
  const struct raft_progress *progress;
  if (raft->transferee == RAFT_ID_NONE) {
    transfer_when_unfit (raft);
  }
  if (raft->transferee == RAFT_ID_NONE) {
    transfer_when_preferred (raft);
  }
  if (raft->transferee == RAFT_ID_NONE) {
    return;
  }
  if (raft->now >= raft->transfer_deadline
      && !raft_bug (raft, TRANSFER_FOR_EVER)) {
    raft_end_transfer (raft, RAFT_ETIMEOUT);
    return;
  }
  progress = raft_find_progress (raft, raft->transferee);
  if (progress != NULL && progress->match == raft->log.last) {
    raft_send_timeout_now (raft, raft->transferee);
  }
}

void raft_end_transfer (struct raft *raft, int status) {
  struct raft_effect *effect;
  if (raft->transferee == RAFT_ID_NONE) {
    return;
  }
  effect = raft_outbox_add (raft, RAFT_EFFECT_TRANSFER);
  effect->as.transfer.member = raft->transferee;
  effect->as.transfer.status = status;
  raft->transferee = RAFT_ID_NONE;
}

int raft_on_transfer (struct raft *raft, const struct raft_event *event) {
  raft_id member = event->as.transfer.member;
  if (raft->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->transferee != RAFT_ID_NONE) {
    return RAFT_EBUSY;
  }
  if (member == RAFT_ID_NONE) {
    member = raft_best_successor (raft);
  }
  if (raft_find_progress (raft, member) == NULL
      || !raft_configuration_votes (&raft->membership.latest, member)) {
    return RAFT_EINVALID;
  }
  transfer_begin (raft, member, RAFT_REASON_ASKED);
  raft_maybe_transfer (raft);
  return RAFT_OK;
}
