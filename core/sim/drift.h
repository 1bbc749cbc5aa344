/* SPDX-License-Identifier: MIT
**
** drift.h - a monotonic clock that runs faster or slower than the world's.
**
** Holds:     the rate, and the moment from which it counts.
** Knows not: members, wall clocks (those jump: member.h).
** Invariant: it never goes back and never leaps, however the rate changes. */

#ifndef RAFT_SIM_DRIFT_H
#define RAFT_SIM_DRIFT_H

#include "base/types.h"

#define SIM_DRIFT_ONE 1000000   /* parts: a clock that is right */
#define SIM_DRIFT_MAX 50000     /* parts per million, either way: 5 % */

struct sim_drift {
  uint64_t rate;     /* own microseconds in SIM_DRIFT_ONE of the world */
  raft_time since;   /* of the world, when this rate began */
  raft_time from;    /* what the clock showed then */
};

RAFT_HIDDEN_BEGIN

void sim_drift_init (struct sim_drift *drift, raft_time now);
/* From now on so many parts per million slower or faster; 0: right. */
void sim_drift_set (struct sim_drift *drift, raft_time now, bool is_slower,
                    uint64_t parts);
/* What it shows at a moment of the world. */
raft_time sim_drift_show (const struct sim_drift *drift, raft_time now);
/* The first moment of the world at which it shows 'time' or later. */
raft_time sim_drift_until (const struct sim_drift *drift, raft_time time);

RAFT_HIDDEN_END

#endif
