/* SPDX-License-Identifier: MIT
**
** notes.h - what a member remembers only to tell it in its status page.
**
** Invariant: nothing that a member does depends on it. */

#ifndef RAFT_REPLICA_NOTES_H
#define RAFT_REPLICA_NOTES_H

#include "base/error.h"
#include "base/trace.h"
#include "base/types.h"

/* The last thing that went wrong, for the status page. */
struct replica_trouble {
  enum raft_trace_kind kind; /* NONE: nothing yet */
  uint64_t fields[3];
  raft_time time;
  struct raft_detail text;   /* empty: it has none */
};

/* Since this process began. */
struct replica_counts {
  uint64_t elections;      /* that this member began */
  uint64_t leaderships;    /* of this member */
  uint64_t leader_changes; /* leaders that it came to know */
};

#endif
