/* SPDX-License-Identifier: MIT
**
** chunk.c - small slices cut from big blocks. */

#include "base/chunk.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

void raft_chunk_init (struct raft_chunk *chunk, struct raft_memory *memory) {
  chunk->memory = memory;
  chunk->block = NULL;
  chunk->used = 0;
}

void raft_chunk_free (struct raft_chunk *chunk) {
  raft_block_release (chunk->block);
  raft_chunk_init (chunk, chunk->memory);
}

/* A block with 'size' free bytes becomes the one that is cut. */
static int chunk_ready (struct raft_chunk *chunk, size_t size) {
  struct raft_block *block;
  if (chunk->block != NULL && chunk->block->owners == 1) {
    chunk->used = 0;
  }
  if (chunk->block != NULL && size <= chunk->block->size - chunk->used) {
    return RAFT_OK;
  }
  block = raft_block_new (chunk->memory, RAFT_CHUNK_BYTES);
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  raft_block_release (chunk->block);
  chunk->block = block;
  chunk->used = 0;
  return RAFT_OK;
}

int raft_chunk_copy (struct raft_chunk *chunk, const void *data, size_t size,
                     struct raft_slice *slice) {
  if (size > RAFT_CHUNK_BYTES / 4) {
    return raft_slice_copy (chunk->memory, data, size, slice);
  }
  if (chunk_ready (chunk, size) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  if (size > 0) {
    memcpy (chunk->block->bytes + chunk->used, data, size);
  }
  *slice = raft_slice_retain (raft_slice_of (chunk->block, chunk->used,
                                             size));
  chunk->used += size;
  raft_assert (chunk->used <= chunk->block->size);
  return RAFT_OK;
}
