/* SPDX-License-Identifier: MIT
**
** duration.h - how long something took, counted.
**
** Holds:     a histogram of durations, their sum, the longest.
** Invariant: t microseconds count in the first bucket i with t <= 2^i, in the
**            last one when there is none. */

#ifndef RAFT_BASE_DURATION_H
#define RAFT_BASE_DURATION_H

#include "base/types.h"

#define RAFT_DURATION_BUCKETS 24 /* the last: above 4 s */

struct raft_durations {
  uint64_t buckets[RAFT_DURATION_BUCKETS];
  uint64_t total;   /* microseconds */
  uint64_t longest; /* microseconds */
};

RAFT_HIDDEN_BEGIN

void raft_durations_add (struct raft_durations *durations, raft_time took);

RAFT_HIDDEN_END

#endif
