/* SPDX-License-Identifier: MIT
**
** read.c - linear reads without writing to the log (ReadIndex).
**
** Rule (Diss. 6.4): a leader serves a read from a state that includes its
** commit index of now, after a majority has answered a heartbeat that left
** after the read came: no newer leader had committed anything by then.
** Rule: not before the no-op of its term is committed: until then it may not
** know what earlier leaders committed.
** Rule: heartbeats are numbered within the term; an answer confirms its own
** round and those before, never a later one (etcd-raft#397). Reads that come
** while a round is out wait for the next: one round serves them all.
**
**   reads   a b        c d e
**   round   ──7──────┐ ──8──────┐
**   answers      7 7 ▼      8 8 ▼       a b may be read; then c d e      */

#include "raft/state.h"

static uint64_t progress_round (const struct raft_progress *progress) {
  return progress->round;
}

static void read_answer (struct raft *raft, uint64_t id, raft_index index,
                         int status) {
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_READ);
  effect->as.read.id = id;
  effect->as.read.index = index;
  effect->as.read.status = status;
}

static void reads_drop_first (struct raft *raft, size_t count) {
  raft->read_count -= count;
  for (size_t i = 0; i < raft->read_count; i++) {
    raft->reads[i] = raft->reads[i + count];
  }
}

void raft_maybe_confirm_reads (struct raft *raft) {
  uint64_t confirmed = raft_majority_of (raft, progress_round, raft->round);
  size_t count = 0;
  if (raft_bug (raft, READ_OLD_ROUND)) {
    confirmed++;
  }
  while (count < raft->read_count && raft->reads[count].round != 0
         && raft->reads[count].round <= confirmed) {
    read_answer (raft, raft->reads[count].id, raft->reads[count].index,
                 RAFT_OK);
    count++;
  }
  if (count > 0) {
    reads_drop_first (raft, count);
    raft_maybe_start_round (raft);
  }
}

void raft_maybe_start_round (struct raft *raft) {
  if (raft->read_count == 0 || raft->reads[0].round != 0) {
    return; /* nobody waits, or a round is out */
  }
  if (raft->commit < raft->term_start
      && !raft_bug (raft, READ_BEFORE_NOOP)) {
    return;
  }
  for (size_t i = 0; i < raft->read_count; i++) {
    raft->reads[i].round = raft->round + 1;
    raft->reads[i].index = raft->commit;
  }
  raft_broadcast_heartbeat (raft);
  raft_maybe_confirm_reads (raft); /* alone, this member is the majority */
}

int raft_on_read (struct raft *raft, const struct raft_event *event) {
  uint32_t count = event->as.read.count;
  if (raft->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->read_count + count > raft->options.limits.reads) {
    return RAFT_EOVERLOADED;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (raft_bug (raft, READ_WITHOUT_ROUND)
        && raft->commit >= raft->term_start) {
      read_answer (raft, event->as.read.ids[i], raft->commit, RAFT_OK);
      continue;
    }
    raft->reads[raft->read_count].id = event->as.read.ids[i];
    raft->reads[raft->read_count].round = 0;
    raft->reads[raft->read_count].index = 0;
    raft->read_count++;
  }
  raft_maybe_start_round (raft);
  return RAFT_OK;
}

void raft_fail_reads (struct raft *raft) {
  for (size_t i = 0; i < raft->read_count; i++) {
    read_answer (raft, raft->reads[i].id, 0, RAFT_ENOT_LEADER);
  }
  raft->read_count = 0;
}
