/* SPDX-License-Identifier: MIT
**
** turn.h - how long the turns of a loop take.
**
** Holds:     the durations of the work per turn: the time between two turns
**            less the time in which the loop waited for something to do; and
**            the most processor time of one, which a busy computer does not
**            make longer. */

#ifndef RAFT_UV_TURN_H
#define RAFT_UV_TURN_H

#include <uv.h>

#include "base/duration.h"

struct real_turns {
  struct raft_durations work;
  uint64_t longest_cpu; /* microseconds */
  uint64_t cpu;     /* of the thread when the last turn ended, nanoseconds */
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
