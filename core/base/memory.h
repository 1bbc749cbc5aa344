/* SPDX-License-Identifier: MIT
**
** memory.h - where a member's memory comes from.
**
** Holds:     one allocator function (as in Lua), and the arena that each
**            member owns: it counts, it can fail the Nth call, and it frees
**            everything at once after a panic.
** Invariant: an arena is used by one thread. */

#ifndef RAFT_BASE_MEMORY_H
#define RAFT_BASE_MEMORY_H

#include "base/types.h"

struct raft_memory {
  /* block NULL allocates, size 0 frees, else resizes; NULL when out of
  ** memory, the old block then stays. 'old_size' is what was asked for. */
  void *(*resize) (struct raft_memory *memory, void *block, size_t old_size,
                   size_t size);
};

struct raft_arena {
  struct raft_memory memory;  /* first: an arena is a raft_memory */
  struct raft_arena_head *blocks; /* every live block, newest first */
  uint64_t calls;             /* allocations and growths so far */
  uint64_t fail_at;           /* the call that fails once; 0: none */
  uint64_t fail_count;        /* how many calls from fail_at on fail */
  size_t bytes;               /* live, as asked for */
  size_t peak;                /* the most that 'bytes' ever was */
};

RAFT_HIDDEN_BEGIN

/* malloc itself, for what has no owner to be freed with. */
extern struct raft_memory raft_memory_plain;

void *raft_allocate (struct raft_memory *memory, size_t size);
void *raft_allocate_zeroed (struct raft_memory *memory, size_t size);
void *raft_resize (struct raft_memory *memory, void *block, size_t old_size,
                   size_t size);
void raft_release (struct raft_memory *memory, void *block, size_t size);

/* Grows an array so that it holds 'needed' elements, by doubling. On success
** *array and *capacity are new; on RAFT_ENOMEM both are as before.
** Errors: RAFT_ENOMEM. */
int raft_reserve (struct raft_memory *memory, void **array, size_t *capacity,
                  size_t needed, size_t element_size);

void raft_arena_init (struct raft_arena *arena);
/* Frees every block. The arena can be used again. */
void raft_arena_clear (struct raft_arena *arena);

RAFT_HIDDEN_END

#endif
