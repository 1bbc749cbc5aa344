/* SPDX-License-Identifier: MIT
**
** pace.h - so many bytes a second, and no more.
**
** Holds:     when what was let through so far will have had its time.
** Knows not: bytes, disks, networks.
** Invariant: over any span t no more than rate * (t + PACE_AHEAD_US) bytes
**            and one piece are let through.
**
**        now   now + AHEAD
**   ──────┼────────┼──────►   paid < now + AHEAD: the next piece may go
**              paid                                                       */

#ifndef RAFT_REPLICA_PACE_H
#define RAFT_REPLICA_PACE_H

#include "base/types.h"

#define PACE_AHEAD_US (10 * RAFT_MILLISECOND) /* timers of worlds are coarse */

struct replica_pace {
  uint64_t rate;       /* bytes a second */
  raft_time paid;
};

RAFT_HIDDEN_BEGIN

/* When the next piece may go: at once, if that is not after now. */
raft_time replica_pace_at (const struct replica_pace *pace);
/* A piece has gone. */
void replica_pace_spend (struct replica_pace *pace, raft_time now,
                         size_t bytes);

RAFT_HIDDEN_END

#endif
