/* SPDX-License-Identifier: MIT
**
** turn.h - how long the turns of a loop take.
**
** Holds:     a histogram of the work per turn: the time between two turns
**            less the time in which the loop waited for something to do.
** Invariant: a turn of t microseconds counts in bucket i with
**            2^(i-1) <= t < 2^i; bucket 0 is t = 0. */

#ifndef RAFT_UV_TURN_H
#define RAFT_UV_TURN_H

#include <uv.h>

#include "base/types.h"

#define REAL_TURN_BUCKETS 24 /* the last: 4 s and more */

struct real_turns {
  uint64_t buckets[REAL_TURN_BUCKETS];
  uint64_t longest; /* microseconds */
  uint64_t ended;   /* when the last turn did, nanoseconds; 0: none */
  uint64_t idle;    /* of the loop until then, nanoseconds */
};

RAFT_HIDDEN_BEGIN

/* Makes the loop measure its waiting. Returns 0 or an error of libuv. */
int real_turns_start (struct real_turns *turns, uv_loop_t *loop);
/* At the end of each turn. */
void real_turns_end (struct real_turns *turns, uv_loop_t *loop);

RAFT_HIDDEN_END

#endif
