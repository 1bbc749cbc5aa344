/* SPDX-License-Identifier: MIT
**
** read.c - reads without writing to the log.
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
**   answers      7 7 ▼      8 8 ▼       a b may be read; then c d e
**
** Rule: a follower asks the leader for that index, one request for all reads
** that wait, and serves them itself. An answer says how fresh its own state
** is, too: as of the moment of asking nothing else was committed. Reads that
** may be stale by so much need no question. */

#include "raft/state.h"

#define READ_CONTEXT_MAX (((uint64_t)1 << 53) - 1)

static uint64_t progress_round (const struct raft_progress *progress) {
  return progress->round;
}

static void read_answer (struct raft *raft, const struct raft_read *read,
                         int status) {
  struct raft_effect *effect;
  if (read->origin != RAFT_ID_NONE) {
    struct raft_message m
      = { .kind = RAFT_MESSAGE_READ_RESULT, .to = read->origin };
    m.as.read.context = read->id;
    m.as.read.index = read->index;
    if (status == RAFT_OK) {
      raft_outbox_send (raft, &m, RAFT_NEED_NOTHING);
    }
    return;
  }
  effect = raft_outbox_add (raft, RAFT_EFFECT_READ);
  effect->as.read.id = read->id;
  effect->as.read.index = read->index;
  effect->as.read.status = status;
}

static void reads_drop (struct raft *raft, size_t first, size_t count) {
  raft->read_count -= count;
  for (size_t i = first; i < raft->read_count; i++) {
    raft->reads[i] = raft->reads[i + count];
  }
}

static void reads_push (struct raft *raft, uint64_t id, raft_id origin) {
  struct raft_read read = { .id = id, .origin = origin };
  raft_assert (raft->read_count < raft->read_capacity);
  raft->reads[raft->read_count] = read;
  raft->read_count++;
}

static void read_note_fresh (struct raft *raft, raft_time since,
                             raft_index index) {
  if (since > raft->fresh) {
    raft->fresh = since;
    raft->fresh_index = index;
  }
}

/* ---- a leader ---------------------------------------------------------- */

void raft_maybe_confirm_reads (struct raft *raft) {
  uint64_t confirmed = raft_majority_of (raft, progress_round, raft->round);
  size_t count = 0;
  if (raft_bug (raft, READ_OLD_ROUND)) {
    confirmed++;
  }
  while (count < raft->read_count && raft->reads[count].round != 0
         && raft->reads[count].round <= confirmed) {
    read_answer (raft, &raft->reads[count], RAFT_OK);
    read_note_fresh (raft, raft->reads[count].since,
                     raft->reads[count].index);
    count++;
  }
  if (count > 0) {
    reads_drop (raft, 0, count);
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
    raft->reads[i].since = raft->now;
  }
  raft_broadcast_heartbeat (raft);
  raft_maybe_confirm_reads (raft); /* alone, this member is the majority */
}

/* A follower has one question at a time: a further one takes the place of
** that before, which it has given up. */
void raft_on_read_request (struct raft *raft, const struct raft_message *m) {
  if (raft->role != RAFT_LEADER
      || raft_find_progress (raft, m->from) == NULL) {
    return;
  }
  for (size_t i = 0; i < raft->read_count; i++) {
    if (raft->reads[i].origin == m->from) {
      if (raft->reads[i].id == m->as.read.context) {
        return; /* asked again */
      }
      reads_drop (raft, i, 1);
      break;
    }
  }
  if (raft->read_count < raft->options.limits.reads) {
    reads_push (raft, m->as.read.context, m->from);
  }
  raft_maybe_start_round (raft);
}

/* ---- a follower -------------------------------------------------------- */

static void read_ask (struct raft *raft) {
  struct raft_message m = { .kind = RAFT_MESSAGE_READ, .to = raft->leader };
  m.as.read.context = raft->read_context;
  raft->read_sent = raft->now;
  raft_outbox_send (raft, &m, RAFT_NEED_NOTHING);
}

static void read_maybe_ask (struct raft *raft) {
  if (raft->read_count == 0 || raft->read_context != 0) {
    return;
  }
  raft->read_context = (raft_draw (raft) & READ_CONTEXT_MAX) | 1;
  raft->read_asked = raft->now;
  for (size_t i = 0; i < raft->read_count; i++) {
    raft->reads[i].round = 1;
  }
  read_ask (raft);
}

void raft_maybe_ask_again (struct raft *raft) {
  if (raft->read_context != 0
      && raft->now >= raft->read_sent + raft->options.heartbeat_us) {
    read_ask (raft);
  }
}

void raft_on_read_result (struct raft *raft, const struct raft_message *m) {
  size_t count = 0;
  if (raft->role != RAFT_FOLLOWER || m->from != raft->leader
      || raft->read_context == 0
      || m->as.read.context != raft->read_context) {
    return;
  }
  while (count < raft->read_count && raft->reads[count].round == 1) {
    raft->reads[count].index = m->as.read.index;
    read_answer (raft, &raft->reads[count], RAFT_OK);
    count++;
  }
  read_note_fresh (raft, raft->read_asked, m->as.read.index);
  reads_drop (raft, 0, count);
  raft->read_context = 0;
  read_maybe_ask (raft);
}

/* ---- reads of this member ---------------------------------------------- */

/* What can be served without asking; RAFT_INDEX_MAX: nothing can. */
static raft_index read_known (const struct raft *raft,
                              const struct raft_event *event) {
  enum raft_read_kind kind = event->as.read.kind;
  if (kind == RAFT_READ_LEASE && raft_lease_holds (raft)) {
    return raft->commit;
  }
  if (kind == RAFT_READ_STALE && raft->fresh != 0
      && raft->now - raft->fresh <= event->as.read.max_age_us) {
    return raft->fresh_index;
  }
  if ((raft->role == RAFT_LEADER && raft_bug (raft, READ_WITHOUT_ROUND)
       && raft->commit >= raft->term_start)
      || (raft->role != RAFT_LEADER
          && raft_bug (raft, FOLLOWER_READ_UNASKED))) {
    return raft->commit;
  }
  return RAFT_INDEX_MAX;
}

static void read_at_once (struct raft *raft, const struct raft_event *event,
                          raft_index index) {
  for (uint32_t i = 0; i < event->as.read.count; i++) {
    struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_READ);
    effect->as.read.id = event->as.read.ids[i];
    effect->as.read.index = index;
    effect->as.read.leased = event->as.read.kind == RAFT_READ_LEASE;
  }
}

int raft_on_read (struct raft *raft, const struct raft_event *event) {
  enum raft_read_kind kind = event->as.read.kind;
  bool may_follow = kind == RAFT_READ_FOLLOWER || kind == RAFT_READ_STALE;
  raft_index known = read_known (raft, event);
  if (raft->role != RAFT_LEADER && !may_follow) {
    return RAFT_ENOT_LEADER;
  }
  if (known != RAFT_INDEX_MAX) {
    read_at_once (raft, event, known);
    return RAFT_OK;
  }
  if (raft->leader == RAFT_ID_NONE) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->read_count + event->as.read.count > raft->options.limits.reads) {
    return RAFT_EOVERLOADED;
  }
  for (uint32_t i = 0; i < event->as.read.count; i++) {
    reads_push (raft, event->as.read.ids[i], RAFT_ID_NONE);
  }
  if (raft->role == RAFT_LEADER) {
    raft_maybe_start_round (raft);
  } else {
    read_maybe_ask (raft);
  }
  return RAFT_OK;
}

void raft_fail_reads (struct raft *raft) {
  for (size_t i = 0; i < raft->read_count; i++) {
    raft->reads[i].index = 0;
    read_answer (raft, &raft->reads[i], RAFT_ENOT_LEADER);
  }
  raft->read_count = 0;
  raft->read_context = 0;
}
