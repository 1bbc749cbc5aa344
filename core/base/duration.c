/* SPDX-License-Identifier: MIT
**
** duration.c - counting durations. */

#include "base/duration.h"

void raft_durations_add (struct raft_durations *durations, raft_time took) {
  unsigned bucket = 0;
  while (bucket < RAFT_DURATION_BUCKETS - 1
         && took > (raft_time)1 << bucket) {
    bucket++;
  }
  durations->buckets[bucket]++;
  durations->total += took;
  if (took > durations->longest) {
    durations->longest = took;
  }
}
