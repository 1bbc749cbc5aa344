/* SPDX-License-Identifier: MIT
**
** snapshot_restore.c - from a file to the machine, block by block.
**
** Rule: a block goes to the machine only after its checksum was found right,
**       and the next one is read only after the machine has taken it: what is
**       in memory is one block, whatever the size of the state. */

#include <string.h>

#include "replica/inside.h"

static void next_block (struct replica *replica);

/* ---- the end ----------------------------------------------------------- */

static void end (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  restore->is_reading = false;
  wal_snapshot_reader_free (&restore->reader);
  replica_meta_reader_free (&restore->decoding);
  restore->done (replica, restore->status);
}

static void on_file_closed (struct wal_snapshot_reader *reader, int status,
                            const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  (void)status; /* nothing was written */
  (void)data;
  (void)size;
  replica_enter (replica);
  end (replica);
  replica_leave (replica);
}

static void close_file (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  if (restore->reader.is_open) {
    restore->reader.done = on_file_closed;
    wal_snapshot_close (&restore->reader);
  } else {
    end (replica);
  }
}

static void submit (struct replica *replica,
                    enum machine_operation operation);

/* What the machine was given is not all: it forgets it. */
static void fail (struct replica *replica, int status) {
  struct replica_restore *restore = &replica->restore;
  restore->status = status;
  if (restore->has_machine && !restore->is_machine_fault) {
    submit (replica, MACHINE_DROP);
  } else {
    close_file (replica);
  }
}

/* ---- the machine ------------------------------------------------------- */

static void push_rest (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  if (restore->rest_size > 0) {
    restore->piece.payload = restore->rest;
    restore->piece.payload_size = restore->rest_size;
    restore->rest_size = 0;
    submit (replica, MACHINE_PUSH);
  } else {
    next_block (replica);
  }
}

static void machine_failed (struct replica *replica, int status) {
  struct replica_restore *restore = &replica->restore;
  restore->is_machine_fault = true;
  raft_fail (&restore->detail, status, "the machine cannot be restored: %.*s",
             (int)sizeof restore->request.message - 1,
             restore->request.message[0] != '\0'
               ? restore->request.message : raft_error_text (status));
  fail (replica, status);
}

static bool is_wanted (const struct replica *replica) {
  return replica->life == REPLICA_OPENING || replica->life == REPLICA_OPEN;
}

static void go_on (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  int status = restore->request.status;
  if (restore->request.operation == MACHINE_DROP || !is_wanted (replica)) {
    close_file (replica);
  } else if (status != RAFT_OK) {
    machine_failed (replica, status);
  } else if (restore->request.operation == MACHINE_RESTORED) {
    close_file (replica);
  } else {
    push_rest (replica);
  }
}

static void on_machine (struct machine_request *request) {
  struct replica *replica = request->owner;
  replica_enter (replica);
  go_on (replica);
  replica_leave (replica);
}

static void submit (struct replica *replica,
                    enum machine_operation operation) {
  struct replica_restore *restore = &replica->restore;
  struct machine_request *request = &restore->request;
  request->operation = operation;
  request->entries = &restore->piece;
  request->entry_count = operation == MACHINE_PUSH;
  request->bytes.size = 0;
  request->status = RAFT_OK;
  request->message[0] = '\0';
  request->done = on_machine;
  request->owner = replica;
  restore->has_machine = true;
  replica->options.machine->submit (replica->options.machine, request);
}

/* ---- blocks ------------------------------------------------------------ */

static int damaged_meta (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  return raft_fail (&restore->detail, RAFT_ECORRUPT,
                    "%s: the part before the machine's, at offset %d, is "
                    "damaged", restore->reader.name, WAL_SNAPSHOT_HEAD);
}

static int take_meta (struct replica *replica, struct wire_view *data) {
  struct replica_restore *restore = &replica->restore;
  int status = replica_meta_read (&restore->decoding, data,
                                  replica->identity.cluster,
                                  &replica->sessions,
                                  restore->is_known ? NULL : &restore->meta);
  restore->has_meta = restore->decoding.is_whole;
  if (status == RAFT_EMALFORMED
      || (status == RAFT_OK && !restore->has_meta
          && restore->next == wal_snapshot_blocks (&restore->reader))) {
    status = damaged_meta (replica);
  } else if (status != RAFT_OK) {
    raft_fail (&restore->detail, status, "%s: %s", restore->reader.name,
               raft_error_text (status));
  }
  return status;
}

static void take_block (struct replica *replica, struct wire_view data) {
  struct replica_restore *restore = &replica->restore;
  bool had_meta = restore->has_meta;
  int status = had_meta ? RAFT_OK : take_meta (replica, &data);
  restore->rest = data.data;
  restore->rest_size = data.size;
  if (status != RAFT_OK) {
    fail (replica, status);
  } else if (!restore->has_meta) {
    next_block (replica);
  } else if (!restore->wants_machine) {
    close_file (replica);
  } else if (!had_meta) {
    submit (replica, MACHINE_RESTORE);
  } else {
    push_rest (replica);
  }
}

static void on_block (struct wal_snapshot_reader *reader, int status,
                      const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  replica_enter (replica);
  if (status != RAFT_OK) {
    replica->restore.detail = reader->detail;
    fail (replica, status);
  } else if (!is_wanted (replica)) {
    close_file (replica);
  } else {
    take_block (replica, (struct wire_view){ data, size });
  }
  replica_leave (replica);
}

static void next_block (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  if (restore->next < wal_snapshot_blocks (&restore->reader)) {
    restore->next++;
    wal_snapshot_read (&restore->reader, restore->next - 1);
  } else if (restore->has_meta) {
    submit (replica, MACHINE_RESTORED);
  } else {
    fail (replica, damaged_meta (replica));
  }
}

static void on_head (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct replica *replica = reader->owner;
  (void)data;
  (void)size;
  replica_enter (replica);
  reader->done = on_block;
  if (status != RAFT_OK) {
    replica->restore.detail = reader->detail;
    fail (replica, status);
  } else {
    next_block (replica);
  }
  replica_leave (replica);
}

/* ---- life -------------------------------------------------------------- */

void replica_restore_init (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  raft_buffer_init (&restore->request.bytes, &raft_memory_plain);
  replica_meta_reader_init (&restore->decoding, replica->memory);
  raft_buffer_init (&restore->reader.bytes, &raft_memory_plain);
}

void replica_restore_start (struct replica *replica, raft_index index,
                            bool wants_machine,
                            void (*done) (struct replica *replica,
                                          int status)) {
  struct replica_restore *restore = &replica->restore;
  raft_assert (!restore->is_reading);
  replica_meta_free (&restore->meta);
  restore->is_reading = true;
  restore->wants_machine = wants_machine;
  restore->has_machine = false;
  restore->has_meta = false;
  restore->is_known = false;
  restore->is_machine_fault = false;
  restore->next = 0;
  restore->rest_size = 0;
  restore->status = RAFT_OK;
  restore->done = done;
  memset (&restore->reader, 0, sizeof restore->reader);
  restore->reader.fs = replica->options.fs;
  restore->reader.bug = replica->bug;
  restore->reader.owner = replica;
  restore->reader.done = on_head;
  wal_snapshot_open (&restore->reader, index);
}

void replica_restore_know (struct replica *replica,
                           struct replica_meta *meta) {
  replica->restore.meta = *meta;
  replica->restore.is_known = true;
  replica_meta_init (meta);
}

void replica_restore_adopt (struct replica *replica,
                            struct session_table *old) {
  struct replica_meta *meta = &replica->restore.meta;
  *old = replica->sessions;
  replica->sessions = meta->sessions;
  raft_slice_release (&replica->first);
  replica->first = meta->first;
  replica->digest.hash = meta->hash;
  replica->digest.is_blind = meta->is_blind;
  replica->agreement.features |= meta->agreed;
  replica_meta_init (meta);
}

void replica_restore_free (struct replica *replica) {
  struct replica_restore *restore = &replica->restore;
  wal_snapshot_reader_free (&restore->reader);
  replica_meta_reader_free (&restore->decoding);
  raft_buffer_free (&restore->request.bytes);
  replica_meta_free (&restore->meta);
}
