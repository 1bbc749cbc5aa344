/* SPDX-License-Identifier: MIT
**
** slots.h - a hash table that grows by one slot at a time.
**
** Holds:     chains of links, which stand in what is looked for.
** Knows not: what that is; who asks walks a chain and compares.
** Invariant: what one link costs does not depend on how many there are: no
**            addition moves more than one chain, and nothing is ever copied
**            as a whole.
** Source:    W. Litwin, Linear hashing, VLDB 1980.
**
**   half = 4, used = 6       slot of a hash: its last bits, 0 … 7;
**   | 0 | 1 | 2 | 3 | 4 | 5 |        6 and 7 are not there yet: 2 and 3
**     ▲ next to be split: its half that ends in 110 goes to the new slot 6  */

#ifndef RAFT_REPLICA_SLOTS_H
#define RAFT_REPLICA_SLOTS_H

#include "base/memory.h"
#include "base/types.h"

struct session_link {
  struct session_link *next;
  uint64_t hash;
};

struct session_slots {
  struct raft_memory *memory;
  struct session_link ***parts; /* each of SLOTS_PART slots */
  size_t part_count;
  size_t part_capacity;
  size_t half;   /* a power of two: half <= used < 2 * half */
  size_t used;   /* slots */
  size_t count;  /* links */
};

RAFT_HIDDEN_BEGIN

void replica_slots_init (struct session_slots *slots,
                         struct raft_memory *memory);
void replica_slots_free (struct session_slots *slots); /* stays usable */
/* Room for so many further links. Errors: RAFT_ENOMEM. */
int replica_slots_reserve (struct session_slots *slots, size_t more);
/* Reserved, and its hash is set. */
void replica_slots_add (struct session_slots *slots,
                        struct session_link *link);
void replica_slots_remove (struct session_slots *slots,
                           const struct session_link *link);
/* The chain with those of this hash, and others; NULL: none. */
struct session_link *replica_slots_chain (const struct session_slots *slots,
                                          uint64_t hash);

RAFT_HIDDEN_END

#endif
