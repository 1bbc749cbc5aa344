/* SPDX-License-Identifier: MIT
**
** chunk.h - small slices cut from big blocks.
**
** Holds:     one block that is being cut up. Replies, requests and questions
**            are small and many: cut here, they cost an allocation per block
**            and not one each.
** Invariant: a cut is never given out twice while a slice of its block lives;
**            a block that nobody else owns any more is cut anew. */

#ifndef RAFT_BASE_CHUNK_H
#define RAFT_BASE_CHUNK_H

#include "base/memory.h"
#include "base/slice.h"

#define RAFT_CHUNK_BYTES 16384 /* large enough for some 100 small answers,
                                  small enough to be kept by one of them */

struct raft_chunk {
  struct raft_memory *memory;
  struct raft_block *block; /* NULL: none yet */
  size_t used;              /* bytes of it */
};

RAFT_HIDDEN_BEGIN

void raft_chunk_init (struct raft_chunk *chunk, struct raft_memory *memory);
void raft_chunk_free (struct raft_chunk *chunk); /* stays usable, empty */

/* A slice with a copy of 'size' bytes; the reference is the caller's. What is
** larger than a quarter of a chunk gets a block of its own.
** Errors: RAFT_ENOMEM. */
int raft_chunk_copy (struct raft_chunk *chunk, const void *data, size_t size,
                     struct raft_slice *slice);

RAFT_HIDDEN_END

#endif
