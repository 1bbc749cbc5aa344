/* SPDX-License-Identifier: MIT
**
** random.c - xoshiro256**. */

#include "sim/random.h"

#include "base/checksum.h"
#include "base/panic.h"

static uint64_t rotate (uint64_t value, unsigned bits) {
  return value << bits | value >> (64 - bits);
}

void sim_random_seed (struct sim_random *random, uint64_t seed) {
  for (unsigned i = 0; i < 4; i++) {
    random->state[i] = raft_mix (seed + i * 0x9e3779b97f4a7c15u);
  }
}

uint64_t sim_random_next (struct sim_random *random) {
  uint64_t *s = random->state;
  uint64_t result = rotate (s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate (s[3], 45);
  return result;
}

/* Below 2^32 by multiplication, which is faster than a division; the bias of
** 2^-32 is without meaning for a choice of faults. */
uint64_t sim_random_below (struct sim_random *random, uint64_t bound) {
  uint64_t bits = sim_random_next (random);
  raft_assert (bound > 0);
  if (bound >> 32 != 0) {
    return bits % bound;
  }
  return (bits >> 32) * bound >> 32;
}
