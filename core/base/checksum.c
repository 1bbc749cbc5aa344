/* SPDX-License-Identifier: MIT
**
** checksum.c - libxxhash's header, inlined once. */

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/checksum.h"

uint64_t raft_checksum (const void *data, size_t size, uint64_t salt) {
  return XXH3_64bits_withSeed (data, size, salt);
}

uint64_t raft_mix (uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}
