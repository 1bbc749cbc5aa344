/* SPDX-License-Identifier: MIT
**
** clock.h - the door to time and chance.
**
** Rule: rings 0 and 1 have no other source of either; 'now' is read once per
**       event and does not move while it is handled. */

#ifndef RAFT_PORT_CLOCK_H
#define RAFT_PORT_CLOCK_H

#include "base/types.h"

struct port_clock {
  raft_time (*now) (struct port_clock *clock);  /* monotonic, microseconds */
  raft_time (*wall) (struct port_clock *clock); /* since 1970, microseconds;
                                                   may jump */
  uint64_t (*random) (struct port_clock *clock);/* 64 random bits */
};

#endif
