/* SPDX-License-Identifier: MIT
**
** clock.c - monotonic time, wall time, random bits. */

#include "uv/clock.h"

#include <time.h>

#include <uv.h>

#include "base/panic.h"

static raft_time now (struct port_clock *clock) {
  (void)clock;
  return uv_hrtime () / 1000;
}

static raft_time wall (struct port_clock *clock) {
  struct timespec time = { 0, 0 };
  (void)clock;
  (void)clock_gettime (CLOCK_REALTIME, &time);
  return (raft_time)time.tv_sec * RAFT_SECOND
         + (raft_time)time.tv_nsec / 1000;
}

/* The kernel has random bits once the computer is up; without them no
** election may be timed and no directory be made. */
static uint64_t random_bits (struct port_clock *clock) {
  uint64_t bits = 0;
  int status = uv_random (NULL, NULL, &bits, sizeof bits, 0, NULL);
  (void)clock;
  raft_assert (status == 0);
  return bits;
}

void real_clock_init (struct port_clock *clock) {
  clock->now = now;
  clock->wall = wall;
  clock->random = random_bits;
}
