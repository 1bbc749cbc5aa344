/* SPDX-License-Identifier: MIT
**
** machine_snapshot.c - the state of a Lua machine, out and in.
**
** Holds:  what a machine gives as its snapshot: a value, encoded as a whole
**         when it is taken, or a function that is called for piece after piece
**         while commands go on (for a state too big to be held twice; it must
**         give the state of the moment when it was made).
** Rule:   a machine that cannot give a snapshot goes on without; one that
**         cannot be restored has halted. */

#include <stdio.h>
#include <string.h>

#include "machine_state.h"

static void forget (struct lua_machine *self) {
  raft_buffer_free (&self->image);
  self->image_at = 0;
  if (self->L != NULL) {
    lua_pushnil (self->L);
    lua_replace (self->L, MACHINE_SLOT_IMAGE);
  }
}

/* What a protected call came to, as the status of the request. */
static void say (struct lua_machine *self, struct machine_request *request,
                 int status) {
  if (status == RAFT_EAPPLY_FAILED) {
    machine_say_error (self, request);
    request->status = RAFT_EAPPLY_FAILED;
  } else if (status != RAFT_OK) {
    machine_say_halted (self, request);
  }
  if (status != RAFT_OK) {
    forget (self);
  }
}

/* The slots on the stack were there before the call; what the call has put
** into the table of slots is taken over. */
static void fetch_slot (struct lua_machine *self, int slot) {
  lua_State *L = self->L;
  self->limit = UINT64_MAX; /* an error would have nowhere to go */
  machine_push_slots (L);
  lua_rawgeti (L, -1, slot);
  lua_replace (L, slot);
  lua_pushnil (L);
  lua_rawseti (L, -2, slot);
  lua_settop (L, MACHINE_SLOT_COUNT);
  self->limit = self->options.memory_bytes;
}

static void take (struct lua_machine *self,
                  struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  uint8_t head = MACHINE_IMAGE_VALUE;
  int status;
  forget (self);
  status = raft_buffer_append (&self->image, &head, 1);
  if (status == RAFT_OK) {
    status = machine_protected_call (&job, machine_body_snapshot);
  }
  say (self, request, status);
  if (job.position == MACHINE_NO_METHOD) {
    forget (self);
    request->status = RAFT_ENO_METHOD;
    (void)snprintf (request->message, sizeof request->message,
                    "the machine takes no snapshots: expected the methods "
                    "'snapshot' and 'restore'");
  } else if (status == RAFT_OK) {
    fetch_slot (self, MACHINE_SLOT_IMAGE);
    if (lua_isfunction (self->L, MACHINE_SLOT_IMAGE)) {
      self->image.data[0] = MACHINE_IMAGE_PIECES;
    }
  }
}

/* Of a function: as many of its strings as make one piece. */
static int call_pieces (struct lua_machine *self,
                        struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  int status = RAFT_OK;
  size_t before;
  do {
    before = request->bytes.size;
    status = machine_protected_call (&job, machine_body_pull);
  } while (status == RAFT_OK && request->bytes.size > before
           && request->bytes.size < MACHINE_PIECE_MAX / 2);
  return status;
}

static void pull (struct lua_machine *self,
                  struct machine_request *request) {
  size_t left = self->image.size - self->image_at;
  size_t size = left < MACHINE_PIECE_MAX ? left : MACHINE_PIECE_MAX;
  int status = RAFT_OK;
  request->bytes.size = 0;
  if (size > 0) {
    status = raft_buffer_append (&request->bytes,
                                 self->image.data + self->image_at, size);
    self->image_at += size;
  } else if (self->image.size > 0
             && self->image.data[0] == MACHINE_IMAGE_PIECES) {
    status = call_pieces (self, request);
  }
  say (self, request, status);
  if (status == RAFT_OK && request->bytes.size == 0) {
    forget (self);
  }
}

/* A failure of new() has nothing to go on with. */
static void begin_anew (struct lua_machine *self,
                        struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  int status;
  forget (self);
  status = machine_protected_call (&job, machine_body_new);
  if (status == RAFT_EAPPLY_FAILED) {
    machine_say_error (self, request);
    machine_halt (self, RAFT_EMACHINE, request->message);
    status = RAFT_EMACHINE;
  }
  say (self, request, status);
  if (status == RAFT_OK) {
    fetch_slot (self, MACHINE_SLOT_INSTANCE);
  }
}

static void push (struct lua_machine *self,
                  struct machine_request *request) {
  const struct machine_entry *piece = &request->entries[0];
  if (raft_buffer_append (&self->image, piece->payload, piece->payload_size)
      != RAFT_OK) {
    machine_halt (self, RAFT_ENOMEM, "no memory for the snapshot");
    machine_say_halted (self, request);
  }
}

static void restored (struct lua_machine *self,
                      struct machine_request *request) {
  struct machine_job job = { .self = self, .request = request };
  int status;
  if (self->image.size < 1
      || (self->image.data[0] != MACHINE_IMAGE_VALUE
          && self->image.data[0] != MACHINE_IMAGE_PIECES)) {
    machine_halt (self, RAFT_EMACHINE,
                  "expected a snapshot of a Lua machine, got another");
    machine_say_halted (self, request);
    return;
  }
  status = machine_protected_call (&job, machine_body_restore);
  if (status == RAFT_EAPPLY_FAILED) {
    machine_say_error (self, request);
    machine_halt (self, RAFT_EMACHINE, request->message);
    status = RAFT_EMACHINE;
  }
  say (self, request, status);
  forget (self);
}

void machine_perform_snapshot (struct lua_machine *self,
                               struct machine_request *request) {
  switch (request->operation) {
    case MACHINE_SNAPSHOT: take (self, request); break;
    case MACHINE_PULL: pull (self, request); break;
    case MACHINE_DROP: forget (self); break;
    case MACHINE_RESTORE: begin_anew (self, request); break;
    case MACHINE_PUSH: push (self, request); break;
    default: restored (self, request); break;
  }
}
