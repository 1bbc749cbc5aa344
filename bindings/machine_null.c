/* SPDX-License-Identifier: MIT
**
** machine_null.c - a machine that does nothing: for benches.
**
** Holds:  the answer nil to every command and question. Its state hash chains
**         index, random and payload of what was applied, so that a lost, a
**         repeated or another command is seen as with any machine. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "machine.h"
#include "wire/value.h"

struct null_machine {
  struct machine machine; /* first */
  uint64_t hash;
  uint64_t image;
  bool has_image;
};

static void apply (struct null_machine *self,
                   const struct machine_entry *entry) {
  uint64_t payload
    = raft_checksum (entry->payload, entry->payload_size, entry->index);
  self->hash = raft_mix (self->hash ^ payload ^ raft_mix (entry->random));
}

/* One nil serves as the answer to all entries of a request. */
static void answer (struct null_machine *self,
                    struct machine_request *request) {
  size_t offset = request->bytes.size;
  size_t i;
  request->status = wire_value_nil (&request->bytes);
  if (request->status != RAFT_OK) {
    (void)snprintf (request->message, sizeof request->message, "%s",
                    raft_error_text (request->status));
    return;
  }
  for (i = 0; i < request->entry_count; i++) {
    if (request->operation == MACHINE_APPLY) {
      apply (self, &request->entries[i]);
    }
    request->results[i].status = RAFT_OK;
    request->results[i].offset = offset;
    request->results[i].size = request->bytes.size - offset;
  }
}

static void perform (struct machine *machine,
                     struct machine_request *request) {
  struct null_machine *self = (struct null_machine *)machine;
  request->status = RAFT_OK;
  request->message[0] = '\0';
  switch (request->operation) {
    case MACHINE_OPEN:
      self->hash = 0;
      request->held_index = 0;
      request->hash = 0;
      (void)snprintf (request->vm, sizeof request->vm, "C");
      break;
    case MACHINE_APPLY:
    case MACHINE_QUERY: answer (self, request); break;
    case MACHINE_DIGEST: request->hash = self->hash; break;
    case MACHINE_SNAPSHOT:
      self->image = self->hash;
      self->has_image = true;
      break;
    case MACHINE_PULL:
      request->bytes.size = 0;
      if (self->has_image) {
        request->status = raft_buffer_append (&request->bytes, &self->image,
                                              sizeof self->image);
      }
      self->has_image = false;
      break;
    case MACHINE_PUSH:
      if (request->entries[0].payload_size == sizeof self->hash) {
        memcpy (&self->hash, request->entries[0].payload, sizeof self->hash);
      }
      break;
    case MACHINE_DROP:
    case MACHINE_RESTORE:
    case MACHINE_RESTORED:
    case MACHINE_CLOSE: break;
  }
}

static void release (struct machine *machine) {
  free (machine);
}

int machine_null_new (struct machine **machine) {
  struct null_machine *self = calloc (1, sizeof *self);
  if (self == NULL) {
    return RAFT_ENOMEM;
  }
  self->machine.perform = perform;
  self->machine.free = release;
  *machine = &self->machine;
  return RAFT_OK;
}
