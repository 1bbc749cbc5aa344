/* SPDX-License-Identifier: MIT
**
** pace.c - so many bytes a second, and no more. */

#include "replica/pace.h"

raft_time replica_pace_at (const struct replica_pace *pace) {
  return pace->paid > PACE_AHEAD_US ? pace->paid - PACE_AHEAD_US : 0;
}

void replica_pace_spend (struct replica_pace *pace, raft_time now,
                         size_t bytes) {
  if (pace->paid < now) {
    pace->paid = now;
  }
  pace->paid += (uint64_t)bytes * RAFT_SECOND / pace->rate;
}
