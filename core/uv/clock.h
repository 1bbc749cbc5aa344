/* SPDX-License-Identifier: MIT
**
** clock.h - the clocks of this computer behind port/clock.h.
**
** Invariant: 'now' is monotonic; 'wall' may jump; 'random' is the kernel's.
** Rule:      no state: one per member, on any thread. */

#ifndef RAFT_UV_CLOCK_H
#define RAFT_UV_CLOCK_H

#include "port/clock.h"

RAFT_HIDDEN_BEGIN

void real_clock_init (struct port_clock *clock);

RAFT_HIDDEN_END

#endif
