/* SPDX-License-Identifier: MIT
**
** clock.c - wall clocks that jump, monotonic ones that are fast or slow. */

#include "fault/clock.h"

#define MILLION 1000000

static struct fault_clock *of_port (struct port_clock *port) {
  return (struct fault_clock *)(void *)port;
}

static raft_time now (struct port_clock *port) {
  const struct fault_clock *clock = of_port (port);
  raft_time passed = clock->below->now (clock->below) - clock->since;
  return clock->ours
         + passed * (raft_time)(MILLION + clock->ppm) / MILLION;
}

/* Before 1970 is 1970. */
static raft_time wall (struct port_clock *port) {
  const struct fault_clock *clock = of_port (port);
  raft_time true_wall = clock->below->wall (clock->below);
  if (clock->wall_us < 0 && (raft_time)-clock->wall_us > true_wall) {
    return 0;
  }
  return true_wall + (raft_time)clock->wall_us;
}

static uint64_t random_bits (struct port_clock *port) {
  const struct fault_clock *clock = of_port (port);
  return clock->below->random (clock->below);
}

void fault_clock_init (struct fault_clock *clock, struct port_clock *below) {
  clock->port.now = now;
  clock->port.wall = wall;
  clock->port.random = random_bits;
  clock->below = below;
  clock->wall_us = 0;
  clock->ppm = 0;
  clock->since = below->now (below);
  clock->ours = clock->since;
}

void fault_clock_jump (struct fault_clock *clock, int64_t by_us) {
  clock->wall_us += by_us;
}

void fault_clock_drift (struct fault_clock *clock, int64_t ppm) {
  raft_time ours = now (&clock->port);
  clock->since = clock->below->now (clock->below);
  clock->ours = ours;
  clock->ppm = ppm > FAULT_CLOCK_PPM_MAX    ? FAULT_CLOCK_PPM_MAX
               : ppm < -FAULT_CLOCK_PPM_MAX ? -FAULT_CLOCK_PPM_MAX
                                            : ppm;
}
