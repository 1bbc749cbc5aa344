/* SPDX-License-Identifier: MIT
**
** replicate.c - the log at a leader: proposals, AppendEntries, answers.
**
** Rule (Paper 5.3): a leader never changes or cuts its own log.
** Rule (Diss. 10.2.1): AppendEntries leaves before the own sync; the leader
** counts itself, like any other, when its write is durable.
** Rule: what no majority has room for is refused: a tail that cannot be
** committed would only grow.
** Rule (Diss. 6.2): a leader that no majority answered for a while steps
** down, so that clients need not wait for it. */

#include "raft/state.h"

struct raft_progress *raft_find_progress (struct raft *raft, raft_id id) {
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    if (raft->progress[i].id == id) {
      return &raft->progress[i];
    }
  }
  return NULL;
}

/* ---- new entries ------------------------------------------------------ */

/* Entry times rise along the log whatever the wall clock does. */
static void replicate_announce (struct raft *raft, uint32_t count,
                                uint8_t kind) {
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_APPEND);
  raft_time time = raft->wall > raft->time_floor ? raft->wall
                                                 : raft->time_floor + 1;
  effect->as.append.first = raft->log.last + 1 - count;
  effect->as.append.count = count;
  effect->as.append.term = raft->term;
  effect->as.append.time = time;
  effect->as.append.random = raft_draw (raft);
  effect->as.append.kind = kind;
  raft->time_floor = time + count - 1;
  if (raft->written_from == 0) {
    raft->written_from = effect->as.append.first;
  }
  raft_note (raft, APPEND, effect->as.append.first, count);
}

#define NOOP_SIZE 80 /* bytes: an envelope (wire/entry.h) without payload */

void raft_append_own (struct raft *raft, const struct raft_entry *given) {
  struct raft_entry entry = *given;
  entry.term = raft->term;
  raft_log_append (&raft->log, &entry);
  raft->unapplied_bytes += entry.size;
  replicate_announce (raft, 1, entry.kind);
}

void raft_append_noop (struct raft *raft) {
  struct raft_entry entry = { .size = NOOP_SIZE, .kind = RAFT_ENTRY_NOOP };
  raft_append_own (raft, &entry);
  raft->term_start = raft->log.last;
}

/* When it was heard last, from 1 on; 0: it can write no entry. */
static uint64_t progress_can_write (const struct raft_progress *progress) {
  return progress->disk_full ? 0 : progress->heard + 1;
}

static bool any_is_full (const struct raft *raft) {
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    if (raft->progress[i].disk_full) {
      return true;
    }
  }
  return false;
}

/* A full disk and a silent member together are a majority as well as two of
** a kind: what nobody can write is not taken. */
static bool majority_can_write (const struct raft *raft) {
  uint64_t since;
  if (!any_is_full (raft)) {
    return true; /* a silent majority is for raft_check_quorum */
  }
  since = raft_majority_of (raft, progress_can_write, raft->now + 1);
  return since > 0
         && (since > raft->now
             || raft->now + 1 - since < raft->options.check_quorum_us);
}

static int propose_is_allowed (const struct raft *raft,
                               const struct raft_event *event) {
  const struct raft_limits *limits = &raft->options.limits;
  uint64_t bytes = 0;
  if (raft->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (raft->disk_full || !majority_can_write (raft)) {
    return RAFT_EDISK_FULL;
  }
  if (raft->transferee != RAFT_ID_NONE) {
    return RAFT_EBUSY;
  }
  for (uint32_t i = 0; i < event->as.propose.count; i++) {
    uint32_t size = event->as.propose.entries[i].size;
    if (size > limits->entry_bytes) {
      return RAFT_ETOO_LARGE;
    }
    bytes += size;
  }
  /* The first command past it still enters: one always can. */
  if (raft->unapplied_bytes > 0
      && raft->unapplied_bytes + bytes > limits->unapplied_bytes) {
    return RAFT_EOVERLOADED;
  }
  return RAFT_OK;
}

int raft_on_propose (struct raft *raft, const struct raft_event *event) {
  int status = propose_is_allowed (raft, event);
  if (status != RAFT_OK) {
    return status;
  }
  for (uint32_t i = 0; i < event->as.propose.count; i++) {
    struct raft_entry entry = event->as.propose.entries[i];
    entry.term = raft->term;
    raft_log_append (&raft->log, &entry);
    raft->unapplied_bytes += entry.size;
  }
  replicate_announce (raft, event->as.propose.count, 0);
  raft_replicate (raft);
  if (raft_bug (raft, COMMIT_UNSYNCED)) {
    raft_maybe_commit (raft);
  }
  return RAFT_OK;
}

/* ---- sending ---------------------------------------------------------- */

static void replicate_send (struct raft *raft,
                            const struct raft_progress *progress,
                            uint32_t count, uint64_t load_ticket) {
  struct raft_message m
    = { .kind = RAFT_MESSAGE_APPEND, .to = progress->id };
  raft_index previous = progress->next - 1;
  if (previous < raft->log.base || progress->mode == RAFT_SNAPSHOT) {
    /* A heartbeat that any log agrees with; but one who was sent entries that
    ** are compacted by now must be able to say that they never came. */
    previous = progress->mode == RAFT_REPLICATE ? raft->log.base : 0;
  }
  m.as.append.previous_index = previous;
  m.as.append.previous_term
    = previous == 0 ? 0 : raft_log_term_at (&raft->log, previous);
  m.as.append.entry_count = count;
  m.as.append.commit = raft->commit;
  m.as.append.round = raft->round;
  m.as.append.lease_us = progress->lease_us;
  raft_outbox_send (raft, &m, RAFT_NEED_NOTHING);
  if (load_ticket != 0) {
    struct raft_outbox *outbox = &raft->outbox;
    size_t at = outbox->effect_count - 1;
    while (outbox->effects[at].kind != RAFT_EFFECT_SEND) {
      at--; /* over the trace of it */
    }
    outbox->effects[at].as.send.ticket = load_ticket;
  }
}

/* Of one message, at most. */
static uint64_t page_bytes (const struct raft *raft,
                            const struct raft_progress *progress) {
  const struct raft_limits *limits = &raft->options.limits;
  uint64_t room = raft_progress_room (progress, limits);
  return room < limits->append_bytes ? room : limits->append_bytes;
}

/* Entries that left the cache are read back first. */
static void replicate_load (struct raft *raft,
                            struct raft_progress *progress) {
  const struct raft_limits *limits = &raft->options.limits;
  struct raft_effect *effect = raft_outbox_add (raft, RAFT_EFFECT_LOAD);
  raft_index count = raft->log.first_cached - progress->next;
  raft->load_ticket++;
  progress->load_ticket = raft->load_ticket;
  progress->load_is_void = false;
  effect->as.load.ticket = raft->load_ticket;
  effect->as.load.first = progress->next;
  effect->as.load.count = (uint32_t)(count < limits->append_entries
                                       ? count
                                       : limits->append_entries);
  effect->as.load.max_bytes = page_bytes (raft, progress);
}

void raft_replicate_to (struct raft *raft, struct raft_progress *progress) {
  const struct raft_limits *limits = &raft->options.limits;
  while (progress->next <= raft->log.last
         && raft_progress_may_send (progress, limits)) {
    uint64_t bytes = page_bytes (raft, progress);
    uint64_t room = raft_progress_room (progress, limits);
    uint32_t count;
    raft_index next = progress->next;
    if (next <= raft->log.base) {
      raft_send_snapshot (raft, progress);
      return;
    }
    if (!raft_log_is_cached (&raft->log, next)) {
      replicate_load (raft, progress);
      return;
    }
    count = raft_log_page (&raft->log, next, raft->log.last,
                           limits->append_entries, &bytes);
    if (bytes > room) {
      return; /* a page has one entry at least: this one waits */
    }
    replicate_send (raft, progress, count, 0);
    raft_progress_sent (progress, next + count - 1, bytes);
  }
}

void raft_replicate (struct raft *raft) {
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    raft_replicate_to (raft, &raft->progress[i]);
  }
}

/* The answer to a LOAD for a follower. It may be late: leadership lost, the
** follower further on. Then it is dropped. */
int raft_on_loaded_for (struct raft *raft, const struct raft_event *event) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    struct raft_progress *progress = &raft->progress[i];
    raft_index next = progress->next;
    if (progress->load_ticket != event->as.loaded.ticket) {
      continue;
    }
    progress->load_ticket = 0;
    for (uint32_t k = 0; k < event->as.loaded.count; k++) {
      bytes += event->as.loaded.entries[k].size;
    }
    if (raft_progress_may_send (progress, &raft->options.limits)) {
      if (bytes > raft_progress_room (progress, &raft->options.limits)) {
        return RAFT_OK; /* one entry is more than its window still takes */
      }
      replicate_send (raft, progress, event->as.loaded.count,
                      event->as.loaded.ticket);
      raft_progress_sent (progress, next + event->as.loaded.count - 1, bytes);
    }
    raft_replicate_to (raft, progress);
    return RAFT_OK;
  }
  return RAFT_OK;
}

/* An empty AppendEntries. It stands at nextIndex - 1, so that a follower
** that lost something says so. */
void raft_broadcast_heartbeat (struct raft *raft) {
  raft->round++;
  raft->round_began[raft->round % RAFT_ROUNDS] = raft->now;
  raft->heartbeat_deadline
    = raft_time_after (raft, raft->options.heartbeat_us);
  for (uint32_t i = 0; i < raft->progress_count; i++) {
    raft_lease_grant (raft, &raft->progress[i]);
    replicate_send (raft, &raft->progress[i], 0, 0);
  }
}

/* ---- answers ---------------------------------------------------------- */

static void on_reject (struct raft *raft, struct raft_progress *progress,
                       const struct raft_message_append_result *result) {
  raft_index hint = raft_bug (raft, CONFLICT_OUTSIDE_LOG)
                      ? result->hint_index
                      : raft_log_find (&raft->log, result->hint_index,
                                       result->hint_term);
  (void)raft_progress_on_reject (progress, result->rejected_index, hint);
}

void raft_on_append_result (struct raft *raft, const struct raft_message *m) {
  const struct raft_message_append_result *result = &m->as.append_result;
  struct raft_progress *progress;
  if (raft->role != RAFT_LEADER) {
    return;
  }
  progress = raft_find_progress (raft, m->from);
  if (progress == NULL || result->match_index > raft->log.last) {
    return;
  }
  progress->heard = raft->now;
  progress->stalled = result->stalled;
  progress->disk_full = result->disk_full;
  if (result->round > progress->round && result->round <= raft->round) {
    progress->round = result->round;
  }
  raft_lease_answered (raft, progress, result->round);
  if (result->rejected) {
    on_reject (raft, progress, result);
  } else if (raft_progress_on_ack (progress, result->match_index,
                                   raft->bug)) {
    raft_maybe_commit (raft);
  }
  raft_maybe_confirm_reads (raft);
  progress = raft_find_progress (raft, m->from); /* a commit may end it */
  if (progress != NULL) {
    raft_replicate_to (raft, progress);
    raft_maybe_transfer (raft);
  }
}

/* What was on its way is probably lost. */
void raft_on_link_up (struct raft *raft, raft_id member) {
  struct raft_progress *progress = raft_find_progress (raft, member);
  if (progress != NULL && progress->mode != RAFT_SNAPSHOT) {
    raft_progress_become_probe (progress, progress->match + 1);
    replicate_send (raft, progress, 0, 0);
    raft_replicate_to (raft, progress);
  }
}

/* ---- still leading? --------------------------------------------------- */

static uint64_t progress_heard (const struct raft_progress *progress) {
  return progress->heard;
}

/* Since 'heard' a majority has been silent; the deadline is exact. */
void raft_check_quorum (struct raft *raft) {
  uint64_t heard = raft_majority_of (raft, progress_heard, raft->now);
  raft_time limit = raft->options.check_quorum_us;
  if (raft->now >= heard && raft->now - heard >= limit) {
    raft_become_follower (raft, raft->term, RAFT_ID_NONE,
                          RAFT_REASON_QUORUM_LOST);
    return;
  }
  raft->quorum_deadline = heard > RAFT_TIME_MAX - limit ? RAFT_TIME_MAX
                                                        : heard + limit;
}
