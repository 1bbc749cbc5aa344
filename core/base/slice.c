/* SPDX-License-Identifier: MIT
**
** slice.c - counting the owners of bytes. */

#include "base/slice.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

struct raft_block *raft_block_new (struct raft_memory *memory, size_t size) {
  struct raft_block *block;
  if (size > SIZE_MAX - sizeof *block) {
    return NULL;
  }
  block = raft_allocate (memory, sizeof *block + size);
  if (block != NULL) {
    block->memory = memory;
    block->size = size;
    block->owners = 1;
  }
  return block;
}

void raft_block_retain (struct raft_block *block) {
  raft_assert (block->owners > 0);
  block->owners++;
}

void raft_block_release (struct raft_block *block) {
  if (block == NULL) {
    return;
  }
  raft_assert (block->owners > 0);
  block->owners--;
  if (block->owners == 0) {
    raft_release (block->memory, block, sizeof *block + block->size);
  }
}

struct raft_slice raft_slice_of (struct raft_block *block, size_t offset,
                                 size_t size) {
  struct raft_slice slice;
  raft_assert (offset <= block->size && size <= block->size - offset);
  slice.block = block;
  slice.data = block->bytes + offset;
  slice.size = size;
  return slice;
}

struct raft_slice raft_slice_borrowed (const void *data, size_t size) {
  struct raft_slice slice;
  slice.block = NULL;
  slice.data = data;
  slice.size = size;
  return slice;
}

int raft_slice_copy (struct raft_memory *memory, const void *data,
                     size_t size, struct raft_slice *slice) {
  struct raft_block *block = raft_block_new (memory, size);
  if (block == NULL) {
    return RAFT_ENOMEM;
  }
  if (size > 0) {
    memcpy (block->bytes, data, size);
  }
  *slice = raft_slice_of (block, 0, size);
  return RAFT_OK;
}

struct raft_slice raft_slice_retain (struct raft_slice slice) {
  if (slice.block != NULL) {
    raft_block_retain (slice.block);
  }
  return slice;
}

void raft_slice_release (struct raft_slice *slice) {
  raft_block_release (slice->block);
  slice->block = NULL;
  slice->data = NULL;
  slice->size = 0;
}
