/* SPDX-License-Identifier: MIT
**
** buffer.h - bytes that grow.
**
** Invariant: size <= capacity; a failed append leaves the buffer as it was.*/

#ifndef RAFT_BASE_BUFFER_H
#define RAFT_BASE_BUFFER_H

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/types.h"

struct raft_buffer {
  struct raft_memory *memory;
  uint8_t *data;
  size_t size;
  size_t capacity;
};

RAFT_HIDDEN_BEGIN

void raft_buffer_init (struct raft_buffer *buffer,
                       struct raft_memory *memory);
void raft_buffer_free (struct raft_buffer *buffer); /* stays usable, empty */
/* Room for 'size' more bytes. Errors: RAFT_ENOMEM. */
int raft_buffer_reserve (struct raft_buffer *buffer, size_t size);
/* Where there is room it is a copy: of a few bytes, for the most part. */
static inline int raft_buffer_append (struct raft_buffer *buffer,
                                      const void *data, size_t size) {
  if (size > buffer->capacity - buffer->size) {
    int status = raft_buffer_reserve (buffer, size);
    if (status != RAFT_OK) {
      return status;
    }
  }
  if (size > 0) {
    memcpy (buffer->data + buffer->size, data, size);
    buffer->size += size;
  }
  return RAFT_OK;
}
/* Drops the first 'size' bytes. */
void raft_buffer_consume (struct raft_buffer *buffer, size_t size);

RAFT_HIDDEN_END

#endif
