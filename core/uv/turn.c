/* SPDX-License-Identifier: MIT
**
** turn.c - measuring turns. */

#include "uv/turn.h"

#include <string.h>

int real_turns_start (struct real_turns *turns, uv_loop_t *loop) {
  memset (turns, 0, sizeof *turns);
  return uv_loop_configure (loop, UV_METRICS_IDLE_TIME);
}

void real_turns_end (struct real_turns *turns, uv_loop_t *loop) {
  uint64_t now = uv_hrtime ();
  uint64_t idle = uv_metrics_idle_time (loop);
  uint64_t passed = now - turns->ended;
  uint64_t waited = idle - turns->idle;
  if (turns->ended != 0) {
    raft_durations_add (&turns->work,
                        passed > waited ? (passed - waited) / 1000 : 0);
  }
  turns->ended = now;
  turns->idle = idle;
}
