/* SPDX-License-Identifier: MIT
**
** probe_clock.h - a clock that stands still until a spec moves it.
**
** Rule: chance is a walk from a seed: the same for the same spec. */

#ifndef RAFT_BINDINGS_PROBE_CLOCK_H
#define RAFT_BINDINGS_PROBE_CLOCK_H

#include "base/checksum.h"
#include "port/clock.h"

struct probe_clock {
  struct port_clock port; /* first */
  raft_time now;
  raft_time wall;
  uint64_t draws;
};

static inline raft_time probe_clock_now (struct port_clock *port) {
  return ((struct probe_clock *)(void *)port)->now;
}

static inline raft_time probe_clock_wall (struct port_clock *port) {
  return ((struct probe_clock *)(void *)port)->wall;
}

static inline uint64_t probe_clock_random (struct port_clock *port) {
  return raft_mix (++((struct probe_clock *)(void *)port)->draws);
}

static inline void probe_clock_init (struct probe_clock *clock) {
  clock->port.now = probe_clock_now;
  clock->port.wall = probe_clock_wall;
  clock->port.random = probe_clock_random;
  clock->now = RAFT_SECOND;
  clock->wall = RAFT_SECOND;
  clock->draws = 0;
}

#endif
