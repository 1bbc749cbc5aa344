/* SPDX-License-Identifier: MIT
**
** progress.c - the three modes of a follower. See progress.h. */

#include "raft/progress.h"

#include <string.h>

#include "base/panic.h"

void raft_progress_init (struct raft_progress *progress, raft_id id,
                         raft_index last, raft_time now) {
  memset (progress, 0, sizeof *progress);
  progress->id = id;
  progress->next = last + 1;
  progress->mode = RAFT_PROBE;
  progress->heard = now;
}

static void window_clear (struct raft_progress *progress) {
  progress->window_start = 0;
  progress->window_count = 0;
  progress->window_bytes = 0;
}

static void window_add (struct raft_progress *progress, raft_index last,
                        uint64_t bytes) {
  uint32_t slot = (progress->window_start + progress->window_count)
                  % RAFT_WINDOW_MAX;
  raft_assert (progress->window_count < RAFT_WINDOW_MAX);
  progress->window[slot].last = last;
  progress->window[slot].bytes = bytes;
  progress->window_count++;
  progress->window_bytes += bytes;
}

/* Everything up to 'match' has arrived. */
static void window_free (struct raft_progress *progress, raft_index match) {
  while (progress->window_count > 0) {
    const struct raft_sent *sent = &progress->window[progress->window_start];
    if (sent->last > match) {
      return;
    }
    progress->window_bytes -= sent->bytes;
    progress->window_start = (progress->window_start + 1) % RAFT_WINDOW_MAX;
    progress->window_count--;
  }
}

uint64_t raft_progress_room (const struct raft_progress *progress,
                             const struct raft_limits *limits) {
  if (progress->window_count == 0) {
    return UINT64_MAX;
  }
  return progress->window_bytes < limits->inflight_bytes
           ? limits->inflight_bytes - progress->window_bytes : 0;
}

bool raft_progress_may_send (const struct raft_progress *progress,
                             const struct raft_limits *limits) {
  if (progress->load_ticket != 0) {
    return false;
  }
  if (progress->mode != RAFT_REPLICATE) {
    return progress->mode == RAFT_PROBE && !progress->waits;
  }
  return progress->window_count < RAFT_WINDOW_MAX
         && progress->window_count < limits->inflight_messages
         && raft_progress_room (progress, limits) > 0;
}

void raft_progress_sent (struct raft_progress *progress, raft_index last,
                         uint64_t bytes) {
  raft_assert (last >= progress->next);
  if (progress->mode == RAFT_PROBE) {
    progress->waits = true;
    return;
  }
  progress->next = last + 1;
  window_add (progress, last, bytes);
}

/* What it brings is not wanted any more. Another one waits for its answer: a
** thousand late acknowledgements in a row must not make a thousand loads. */
static void load_void (struct raft_progress *progress) {
  progress->load_is_void = progress->load_ticket != 0;
}

bool raft_progress_on_ack (struct raft_progress *progress, raft_index match,
                           enum raft_bug bug) {
  struct { enum raft_bug bug; } holder = { bug };
  bool news = match > progress->match;
  if (news || raft_bug (&holder, MATCH_ASSIGNED)) {
    progress->match = match;
  }
  if (progress->next <= progress->match
      && !raft_bug (&holder, NEXT_NOT_MOVED)) {
    progress->next = progress->match + 1;
    load_void (progress); /* it was for what has arrived meanwhile */
  }
  if (progress->mode == RAFT_REPLICATE) {
    window_free (progress, match);
    return news;
  }
  if (progress->mode == RAFT_SNAPSHOT && match + 1 < progress->next) {
    return news; /* a heartbeat's answer */
  }
  /* It answered: another probe may leave. When it agrees up to the guess,
  ** guessing is over. */
  progress->waits = false;
  if (match + 1 >= progress->next) {
    progress->mode = RAFT_REPLICATE;
    load_void (progress);
    window_clear (progress);
  }
  return news;
}

bool raft_progress_on_reject (struct raft_progress *progress,
                              raft_index rejected, raft_index hint) {
  raft_index next = hint + 1 < rejected ? hint + 1 : rejected;
  if (rejected <= progress->match || progress->mode == RAFT_SNAPSHOT) {
    return false; /* what it rejected then, it has acknowledged since */
  }
  if (progress->mode == RAFT_PROBE && rejected != progress->next - 1) {
    return false;
  }
  raft_progress_become_probe (progress, next);
  return true;
}

void raft_progress_become_snapshot (struct raft_progress *progress,
                                    raft_index index) {
  raft_assert (index > progress->match);
  progress->mode = RAFT_SNAPSHOT;
  progress->next = index + 1;
  load_void (progress);
  window_clear (progress);
}

void raft_progress_become_probe (struct raft_progress *progress,
                                 raft_index next) {
  progress->mode = RAFT_PROBE;
  progress->next = next > progress->match ? next : progress->match + 1;
  progress->waits = false;
  load_void (progress);
  window_clear (progress);
}
