/* SPDX-License-Identifier: MIT
**
** clock.h - a clock that goes wrong: a decorator of port/clock.
**
** Holds:     how far the wall clock is off, and how much too fast the
**            monotonic one runs.
** Invariant: 'now' never goes back, whatever is ordered; chance is the
**            clock's below. */

#ifndef RAFT_FAULT_CLOCK_H
#define RAFT_FAULT_CLOCK_H

#include "port/clock.h"

#define FAULT_CLOCK_PPM_MAX 50000 /* 5 %: more no crystal is off by */

struct fault_clock {
  struct port_clock port; /* first */
  struct port_clock *below;
  int64_t wall_us;        /* added to the wall clock */
  int64_t ppm;            /* of the monotonic clock: above 0 too fast */
  raft_time since;        /* of the clock below, when 'ppm' began */
  raft_time ours;         /* what 'now' said then */
};

RAFT_HIDDEN_BEGIN

/* 'below' is borrowed. */
void fault_clock_init (struct fault_clock *clock, struct port_clock *below);
/* The wall clock jumps, forth or back. */
void fault_clock_jump (struct fault_clock *clock, int64_t by_us);
/* -FAULT_CLOCK_PPM_MAX .. FAULT_CLOCK_PPM_MAX; what is beyond is cut. */
void fault_clock_drift (struct fault_clock *clock, int64_t ppm);

RAFT_HIDDEN_END

#endif
