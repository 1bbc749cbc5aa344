/* SPDX-License-Identifier: MIT
**
** random.h - chance from one seed: xoshiro256**, seeded by splitmix64.
**
** Invariant: integers only, so that every compiler draws the same numbers.
** Source:    Blackman & Vigna 2018 (public domain reference). */

#ifndef RAFT_SIM_RANDOM_H
#define RAFT_SIM_RANDOM_H

#include "base/types.h"

struct sim_random {
  uint64_t state[4];
};

RAFT_HIDDEN_BEGIN

void sim_random_seed (struct sim_random *random, uint64_t seed);
uint64_t sim_random_next (struct sim_random *random);
/* A number in [0, bound); bound is at least 1. */
uint64_t sim_random_below (struct sim_random *random, uint64_t bound);

RAFT_HIDDEN_END

#endif
