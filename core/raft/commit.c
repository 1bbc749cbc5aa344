/* SPDX-License-Identifier: MIT
**
** commit.c - what is committed, and what the machine has of it.
**
** Rule (Paper 5.4.2, Fig. 8): a leader commits by counting only entries of
** its own term; older ones are committed with them.
** Rule: only what is durable here is applied: a machine that keeps its state
** never knows more than its log.
** Invariant: applied <= applying <= commit <= last. */

#include "raft/state.h"

/* ---- majorities ------------------------------------------------------- */

static uint64_t majority_in (const struct raft *raft,
                             const struct raft_id_set *voters,
                             uint64_t (*field) (const struct raft_progress *),
                             uint64_t own) {
  uint64_t reached[RAFT_MEMBERS_MAX];
  for (uint32_t i = 0; i < voters->count; i++) {
    reached[i] = 0;
    if (voters->ids[i] == raft->options.id) {
      reached[i] = own;
      continue;
    }
    for (uint32_t k = 0; k < raft->progress_count; k++) {
      if (raft->progress[k].id == voters->ids[i]) {
        reached[i] = field (&raft->progress[k]);
      }
    }
  }
  if (raft_bug (raft, QUORUM_UNSORTED) && voters->count > 0) {
    return reached[voters->count / 2];
  }
  return raft_quorum_reached (reached, voters->count);
}

uint64_t raft_majority_of (const struct raft *raft,
                           uint64_t (*field) (const struct raft_progress *),
                           uint64_t own) {
  const struct raft_configuration *value = &raft->membership.latest;
  uint64_t a = majority_in (raft, &value->voters, field, own);
  uint64_t b = majority_in (raft, &value->outgoing, field, own);
  return a < b || raft_bug (raft, JOINT_NEW_HALF) ? a : b;
}

/* ---- commit ----------------------------------------------------------- */

void raft_commit_to (struct raft *raft, raft_index index) {
  struct raft_effect *effect;
  if (index <= raft->commit) {
    return;
  }
  raft_assert (index <= raft->log.last);
  raft->commit = index;
  effect = raft_outbox_add (raft, RAFT_EFFECT_COMMIT);
  effect->as.commit.index = index;
  raft_note (raft, COMMIT, index);
  raft_maybe_apply (raft);
}

static uint64_t progress_match (const struct raft_progress *progress) {
  return progress->match;
}

static bool commit_is_allowed (const struct raft *raft, raft_index index) {
  if (raft_bug (raft, COMMIT_OLD_TERM)) {
    return true;
  }
  if (raft_bug (raft, COMMIT_STOPS_AT_OLD_TERM)
      && raft_log_term_at (&raft->log, raft->commit + 1) != raft->term) {
    return false;
  }
  return raft_log_term_at (&raft->log, index) == raft->term;
}

void raft_maybe_commit (struct raft *raft) {
  raft_index own = raft_bug (raft, COMMIT_UNSYNCED) ? raft->log.last
                                                    : raft->log.stable;
  raft_index index = raft_majority_of (raft, progress_match, own);
  raft_index before;
  if (index <= raft->commit || !commit_is_allowed (raft, index)) {
    return;
  }
  before = raft->commit;
  raft_commit_to (raft, index);
  raft_maybe_start_round (raft); /* reads may have waited for the no-op */
  raft_on_change_committed (raft, before);
}

/* ---- apply ------------------------------------------------------------ */

static void apply_give (struct raft *raft, raft_index first, uint32_t count,
                        uint64_t load_ticket) {
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_APPLY);
  effect->as.apply.first = first;
  effect->as.apply.count = count;
  effect->as.apply.ticket = load_ticket;
  raft->applying = first + count - 1;
  if (raft_bug (raft, COMMIT_CAPPED_BY_PAGE)
      && raft->applying < raft->commit) {
    raft->commit = raft->applying;
  }
}

static void apply_load (struct raft *raft, raft_index first,
                        raft_index last) {
  const struct raft_limits *limits = &raft->options.limits;
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_LOAD);
  raft_index count = last + 1 - first;
  if (last >= raft->log.first_cached) {
    count = raft->log.first_cached - first;
  }
  raft->load_ticket++;
  raft->apply_ticket = raft->load_ticket;
  effect->as.load.ticket = raft->load_ticket;
  effect->as.load.first = first;
  effect->as.load.count = (uint32_t)(count < limits->apply_entries
                                       ? count
                                       : limits->apply_entries);
  effect->as.load.max_bytes = limits->apply_bytes;
}

/* One batch at a time: the machine is never behind by more than it was
** given. */
void raft_maybe_apply (struct raft *raft) {
  const struct raft_limits *limits = &raft->options.limits;
  raft_index first = raft->applied + 1;
  raft_index last = raft->commit < raft->log.stable ? raft->commit
                                                    : raft->log.stable;
  uint64_t bytes = limits->apply_bytes;
  if (raft_bug (raft, COMMIT_UNSYNCED)) {
    last = raft->commit;
  }
  if (raft->applying > raft->applied || raft->apply_ticket != 0
      || raft->is_installing
      || first > last) {
    return;
  }
  if (!raft_log_is_cached (&raft->log, first)) {
    apply_load (raft, first, last);
    return;
  }
  apply_give (raft, first,
              raft_log_page (&raft->log, first, last, limits->apply_entries,
                             &bytes),
              0);
}

void raft_on_applied (struct raft *raft, raft_index index) {
  raft_assert (index > raft->applied && index <= raft->applying);
  for (raft_index i = raft->applied + 1; i <= index; i++) {
    if (raft_log_is_cached (&raft->log, i)) {
      raft->unapplied_bytes -= raft_log_entry (&raft->log, i)->size;
    }
  }
  raft->applied = index;
  raft_note (raft, APPLIED, index);
  raft_maybe_apply (raft);
}

/* Whether what was read is what the log says it is. */
static bool loaded_is_right (const struct raft *raft,
                             const struct raft_event *event,
                             raft_index first) {
  if (event->as.loaded.damaged || event->as.loaded.count == 0) {
    return false;
  }
  for (uint32_t i = 0; i < event->as.loaded.count; i++) {
    raft_term term;
    if (raft_log_term (&raft->log, first + i, &term) != RAFT_OK
        || term != event->as.loaded.entries[i].term) {
      return false;
    }
  }
  return true;
}

int raft_on_loaded (struct raft *raft, const struct raft_event *event) {
  raft_index first = raft->applied + 1;
  bool for_machine = raft->apply_ticket == event->as.loaded.ticket
                     && raft->apply_ticket != 0;
  if (!for_machine) {
    bool known = false;
    for (uint32_t i = 0; i < raft->progress_count; i++) {
      if (raft->progress[i].load_ticket == event->as.loaded.ticket) {
        first = raft->progress[i].next;
        known = true;
        if (first <= raft->log.base /* compacted meanwhile */
            || (raft->progress[i].load_is_void
                && !event->as.loaded.damaged)) {
          raft->progress[i].load_ticket = 0;
          raft_replicate_to (raft, &raft->progress[i]);
          return RAFT_OK;
        }
      }
    }
    if (!known) {
      return event->as.loaded.damaged ? RAFT_ECORRUPT : RAFT_OK;
    }
  }
  if (!loaded_is_right (raft, event, first)) {
    return RAFT_ECORRUPT;
  }
  if (!for_machine) {
    return raft_on_loaded_for (raft, event);
  }
  raft->apply_ticket = 0;
  apply_give (raft, first, event->as.loaded.count, event->as.loaded.ticket);
  return RAFT_OK;
}
