/* SPDX-License-Identifier: MIT
**
** checksum.c - libxxhash's header, inlined once. */

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/checksum.h"

uint64_t raft_checksum (const void *data, size_t size, uint64_t salt) {
  return XXH3_64bits_withSeed (data, size, salt);
}
