/* SPDX-License-Identifier: MIT
**
** buffer.c - bytes that grow. */

#include "base/buffer.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

void raft_buffer_init (struct raft_buffer *buffer,
                       struct raft_memory *memory) {
  buffer->memory = memory;
  buffer->data = NULL;
  buffer->size = 0;
  buffer->capacity = 0;
}

void raft_buffer_free (struct raft_buffer *buffer) {
  raft_release (buffer->memory, buffer->data, buffer->capacity);
  raft_buffer_init (buffer, buffer->memory);
}

int raft_buffer_reserve (struct raft_buffer *buffer, size_t size) {
  void *data = buffer->data;
  int status;
  if (size > SIZE_MAX / 4 - buffer->size) {
    return RAFT_ENOMEM;
  }
  status = raft_reserve (buffer->memory, &data, &buffer->capacity,
                         buffer->size + size, 1);
  buffer->data = data;
  return status;
}

void raft_buffer_consume (struct raft_buffer *buffer, size_t size) {
  raft_assert (size <= buffer->size);
  if (size > 0) {
    buffer->size -= size;
    memmove (buffer->data, buffer->data + size, buffer->size);
  }
}
