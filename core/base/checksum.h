/* SPDX-License-Identifier: MIT
**
** checksum.h - XXH3-64, the one checksum of disk, wire and hashes. */

#ifndef RAFT_BASE_CHECKSUM_H
#define RAFT_BASE_CHECKSUM_H

#include "base/types.h"

RAFT_HIDDEN_BEGIN

/* XXH3-64 of 'size' bytes, salted. Salt 0 is plain XXH3. */
uint64_t raft_checksum (const void *data, size_t size, uint64_t salt);

/* Spreads the bits of a number (splitmix64's finaliser): to derive several
** random numbers from one, and to chain hashes. */
static inline uint64_t raft_mix (uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

RAFT_HIDDEN_END

#endif
