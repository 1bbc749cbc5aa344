/* SPDX-License-Identifier: MIT
**
** stall.h - the ages of what the disk and the machine have not done yet.
**
** Holds: the state of stall.c. */

#ifndef RAFT_REPLICA_STALL_H
#define RAFT_REPLICA_STALL_H

#include "base/types.h"

#define REPLICA_MARKS 64 /* commits whose age is known */

/* When an index was committed, for the age of what is not applied yet. */
struct replica_mark {
  raft_index index;
  raft_time time;
};

struct replica_stall {
  struct replica_mark marks[REPLICA_MARKS]; /* a ring, oldest first */
  uint32_t mark_first;
  uint32_t mark_count;
  raft_time sync_check;  /* look at the sync in flight then; MAX: none */
  raft_time apply_age;   /* as last looked */
  bool is_apply;
  bool is_sync;
  bool is_told;          /* what the engine was told */
};

#endif
