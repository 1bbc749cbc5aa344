/* SPDX-License-Identifier: MIT
**
** turn.c - measuring turns. */

#include "uv/turn.h"

#include <string.h>

int real_turns_start (struct real_turns *turns, uv_loop_t *loop) {
  memset (turns, 0, sizeof *turns);
  return uv_loop_configure (loop, UV_METRICS_IDLE_TIME);
}

static unsigned bucket_of (uint64_t microseconds) {
  unsigned bucket = 0;
  while (microseconds > 0 && bucket < REAL_TURN_BUCKETS - 1) {
    microseconds >>= 1;
    bucket++;
  }
  return bucket;
}

void real_turns_end (struct real_turns *turns, uv_loop_t *loop) {
  uint64_t now = uv_hrtime ();
  uint64_t idle = uv_metrics_idle_time (loop);
  uint64_t passed = now - turns->ended;
  uint64_t waited = idle - turns->idle;
  if (turns->ended != 0) {
    uint64_t work = passed > waited ? (passed - waited) / 1000 : 0;
    turns->buckets[bucket_of (work)]++;
    if (work > turns->longest) {
      turns->longest = work;
    }
  }
  turns->ended = now;
  turns->idle = idle;
}
