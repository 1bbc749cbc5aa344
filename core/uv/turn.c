/* SPDX-License-Identifier: MIT
**
** turn.c - measuring turns. */

#include "uv/turn.h"

#include <string.h>
#include <time.h>

int real_turns_start (struct real_turns *turns, uv_loop_t *loop) {
  memset (turns, 0, sizeof *turns);
  return uv_loop_configure (loop, UV_METRICS_IDLE_TIME);
}

static uint64_t cpu_time (void) {
  struct timespec used = { 0, 0 };
  (void)clock_gettime (CLOCK_THREAD_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void real_turns_end (struct real_turns *turns, uv_loop_t *loop) {
  uint64_t now = uv_hrtime ();
  uint64_t idle = uv_metrics_idle_time (loop);
  uint64_t passed = now - turns->ended;
  uint64_t waited = idle - turns->idle;
  uint64_t worked = passed > waited ? passed - waited : 0;
  uint64_t cpu = cpu_time ();
  if (turns->ended != 0) {
    uint64_t used = cpu - turns->cpu;
    raft_durations_add (&turns->work, worked / 1000);
    used = used < worked ? used : worked; /* waiting is no work of ours */
    if (used / 1000 > turns->longest_cpu) {
      turns->longest_cpu = used / 1000;
    }
  }
  turns->ended = now;
  turns->cpu = cpu;
  turns->idle = idle;
}
