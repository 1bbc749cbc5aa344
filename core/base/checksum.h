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
uint64_t raft_mix (uint64_t value);

RAFT_HIDDEN_END

#endif
