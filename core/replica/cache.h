/* SPDX-License-Identifier: MIT
**
** cache.h - the latest entries as bytes, by index.
**
** Holds:     one slice per index of [first, first + count).
** Knows not: what is in them, what is durable, what is committed.
** Invariant: it holds at least what the engine calls cached: the engine says
**            when an index is cut and when the oldest may go.
**
**   index   …  41  42  43  44  45
**              |-- count = 5 ---|      slot of i: i modulo capacity
**            first                                                       */

#ifndef RAFT_REPLICA_CACHE_H
#define RAFT_REPLICA_CACHE_H

#include "base/memory.h"
#include "base/slice.h"
#include "base/types.h"

struct replica_cache {
  struct raft_memory *memory;
  struct raft_slice *slots;
  size_t capacity;   /* a power of two, or 0 */
  raft_index first;  /* of the oldest; when empty: of the next to come */
  size_t count;      /* entries */
  uint64_t bytes;    /* of all of them */
};

RAFT_HIDDEN_BEGIN

/* Empty; the next entry is 'first'. */
void replica_cache_init (struct replica_cache *cache,
                         struct raft_memory *memory, raft_index first);
void replica_cache_free (struct replica_cache *cache);

/* Room for 'count' more entries. Errors: RAFT_ENOMEM, nothing changed. */
int replica_cache_reserve (struct replica_cache *cache, size_t count);
/* Adds one behind the last, reserved; with a reference of its own. */
void replica_cache_push (struct replica_cache *cache,
                         struct raft_slice entry);
/* Cuts everything from 'from' on. The next entry is then 'from'. */
void replica_cache_truncate (struct replica_cache *cache, raft_index from);
/* Forgets everything; the next entry is 'first'. */
void replica_cache_restart (struct replica_cache *cache, raft_index first);
/* Forgets what is before 'below'. */
void replica_cache_evict (struct replica_cache *cache, raft_index below);

bool replica_cache_has (const struct replica_cache *cache, raft_index index);
/* The bytes of an index; empty when not here. Adds no reference. */
struct raft_slice replica_cache_get (const struct replica_cache *cache,
                                     raft_index index);

RAFT_HIDDEN_END

#endif
