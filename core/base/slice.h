/* SPDX-License-Identifier: MIT
**
** slice.h - bytes that several owners read.
**
** Holds:     a block with a count of its owners, and a slice: a range of one.
** Invariant: the bytes of a block never change once a second slice exists;
**            counts change on one thread only (a disk or apply thread reads
**            the bytes, the engine's thread holds the reference). */

#ifndef RAFT_BASE_SLICE_H
#define RAFT_BASE_SLICE_H

#include "base/memory.h"
#include "base/types.h"

struct raft_block {
  struct raft_memory *memory;
  size_t size;  /* of 'bytes' */
  size_t owners;
  uint8_t bytes[];
};

struct raft_slice {
  struct raft_block *block; /* NULL: bytes owned by nobody, or empty */
  const uint8_t *data;
  size_t size;
};

RAFT_HIDDEN_BEGIN

/* A block of 'size' bytes (unset) with one owner. NULL: out of memory. */
struct raft_block *raft_block_new (struct raft_memory *memory, size_t size);
void raft_block_retain (struct raft_block *block);
void raft_block_release (struct raft_block *block); /* NULL is ignored */

/* A slice of a block; does not add an owner. */
struct raft_slice raft_slice_of (struct raft_block *block, size_t offset,
                                 size_t size);
/* A slice of bytes that outlive it. */
struct raft_slice raft_slice_borrowed (const void *data, size_t size);
/* A new block with a copy. Errors: RAFT_ENOMEM. */
int raft_slice_copy (struct raft_memory *memory, const void *data,
                     size_t size, struct raft_slice *slice);
struct raft_slice raft_slice_retain (struct raft_slice slice);
void raft_slice_release (struct raft_slice *slice); /* becomes empty */

RAFT_HIDDEN_END

#endif
