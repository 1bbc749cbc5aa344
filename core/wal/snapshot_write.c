/* SPDX-License-Identifier: MIT
**
** snapshot_write.c - a snapshot file, block by block, then its name.
**
** Rule: one request at a time, and a block at a time: the log's batches, which
**       share the disk's queue, never wait for more than one block. */

#include <string.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "wal/snapshot.h"

typedef void (*step_function) (struct fs_request *request);

static void submit (struct wal_snapshot_writer *writer,
                    enum fs_operation operation, const char *step,
                    step_function done) {
  struct fs_request *request = &writer->request;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->file = writer->file;
  request->name = writer->is_directory_lost ? writer->name
                                            : WAL_SNAPSHOT_NEW;
  request->target = writer->name;
  request->offset = writer->offset;
  request->slices = writer->slices;
  request->slice_count = writer->slice_count;
  request->done = done;
  request->owner = writer;
  writer->step = step;
  writer->is_busy = true;
  writer->fs->submit (writer->fs, request);
}

static void tell (struct wal_snapshot_writer *writer, int status) {
  writer->is_busy = false;
  writer->done (writer, status);
}

/* ---- giving up --------------------------------------------------------- */

static void on_removed (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  tell (writer, writer->status);
}

static void on_closed_badly (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  writer->is_open = false;
  submit (writer, FS_REMOVE, "remove", on_removed);
}

static void give_up (struct wal_snapshot_writer *writer, int status) {
  writer->status = status;
  if (writer->is_open) {
    submit (writer, FS_CLOSE, "close", on_closed_badly);
  } else {
    submit (writer, FS_REMOVE, "remove", on_removed);
  }
}

static bool is_good (struct wal_snapshot_writer *writer) {
  int status = writer->request.status;
  if (status == RAFT_OK) {
    return true;
  }
  (void)raft_fail (&writer->detail, status, "%s: %s at offset %llu failed: %s",
                   WAL_SNAPSHOT_NEW, writer->step,
                   (unsigned long long)writer->request.offset,
                   raft_error_text (status));
  give_up (writer, status);
  return false;
}

void wal_snapshot_give_up (struct wal_snapshot_writer *writer) {
  raft_assert (!writer->is_busy);
  (void)raft_fail (&writer->detail, RAFT_ECANCELLED, "%s: given up",
                   WAL_SNAPSHOT_NEW);
  give_up (writer, RAFT_ECANCELLED);
}

/* ---- beginning --------------------------------------------------------- */

static void on_created (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (request->status == RAFT_OK) {
    writer->file = request->file;
    writer->is_open = true;
  }
  if (is_good (writer)) {
    tell (writer, RAFT_OK);
  }
}

static void on_leftover_removed (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (request->status == RAFT_ENOT_FOUND) {
    request->status = RAFT_OK; /* the usual case */
  }
  if (is_good (writer)) {
    submit (writer, FS_CREATE, "create", on_created);
  }
}

void wal_snapshot_begin (struct wal_snapshot_writer *writer) {
  raft_buffer_init (&writer->buffer, &raft_memory_plain);
  wal_snapshot_name (writer->head.index, writer->name);
  writer->head.size = 0;
  submit (writer, FS_REMOVE, "remove", on_leftover_removed);
}

void wal_snapshot_writer_free (struct wal_snapshot_writer *writer) {
  raft_buffer_free (&writer->buffer);
}

/* ---- blocks ------------------------------------------------------------ */

static void on_block (struct fs_request *request);

static void write_at (struct wal_snapshot_writer *writer, uint64_t offset,
                      size_t slice_count, step_function done) {
  writer->offset = offset;
  writer->slice_count = slice_count;
  submit (writer, FS_WRITE, "write", done);
}

static void write_block (struct wal_snapshot_writer *writer) {
  size_t size = writer->buffer.size < WAL_SNAPSHOT_BLOCK
                  ? writer->buffer.size
                  : WAL_SNAPSHOT_BLOCK;
  uint64_t offset = WAL_SNAPSHOT_HEAD
                    + writer->blocks
                        * (WAL_SNAPSHOT_BLOCK + WAL_SNAPSHOT_SUM);
  writer->written = size;
  raft_store_u64 (writer->bytes,
                  wal_snapshot_sum (&writer->head, writer->blocks,
                                    writer->buffer.data, size));
  writer->slices[0] = raft_slice_borrowed (writer->buffer.data, size);
  writer->slices[1] = raft_slice_borrowed (writer->bytes, WAL_SNAPSHOT_SUM);
  write_at (writer, offset, 2, on_block);
}

bool wal_snapshot_add (struct wal_snapshot_writer *writer, const void *data,
                       size_t size) {
  raft_assert (writer->is_open && !writer->is_busy);
  if (raft_buffer_append (&writer->buffer, data, size) != RAFT_OK) {
    (void)raft_fail (&writer->detail, RAFT_ENOMEM, "%s: out of memory",
                     WAL_SNAPSHOT_NEW);
    give_up (writer, RAFT_ENOMEM);
    return true;
  }
  writer->head.size += size;
  if (writer->buffer.size < WAL_SNAPSHOT_BLOCK) {
    return false;
  }
  write_block (writer);
  return true;
}

/* ---- the end ----------------------------------------------------------- */

/* A failed sync of the directory takes with it what others have just named
** there, the log's next segment too, and a later one that succeeds does not
** bring it back (ATC'20). So it ends the member, as it does in the log; and
** the next life must not find a name that is not on the disk. */
static void on_directory_synced (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (request->status == RAFT_OK) {
    tell (writer, RAFT_OK);
  } else {
    writer->status = request->status;
    writer->is_directory_lost = true;
    (void)raft_fail (&writer->detail, request->status, "%s: %s failed: %s",
                     writer->name, writer->step,
                     raft_error_text (request->status));
    submit (writer, FS_REMOVE, "remove", on_removed);
  }
}

static void on_renamed (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (is_good (writer)) {
    submit (writer, FS_SYNC_DIRECTORY, "sync of the directory",
            on_directory_synced);
  }
}

static void on_closed (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  writer->is_open = false;
  if (is_good (writer)) {
    submit (writer, FS_RENAME, "rename", on_renamed);
  }
}

static void on_synced (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (is_good (writer)) {
    submit (writer, FS_CLOSE, "close", on_closed);
  }
}

static void on_head (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (!is_good (writer)) {
    return;
  }
  if (raft_bug (writer, SNAPSHOT_NOT_SYNCED)) {
    submit (writer, FS_CLOSE, "close", on_closed);
  } else {
    submit (writer, FS_SYNC, "sync", on_synced);
  }
}

static void write_head (struct wal_snapshot_writer *writer) {
  wal_snapshot_head_encode (&writer->head, writer->bytes);
  writer->slices[0] = raft_slice_borrowed (writer->bytes, WAL_SNAPSHOT_HEAD);
  write_at (writer, 0, 1, on_head);
}

static void go_on (struct wal_snapshot_writer *writer) {
  if (writer->buffer.size >= WAL_SNAPSHOT_BLOCK
      || (writer->is_ending && writer->buffer.size > 0)) {
    write_block (writer);
  } else if (writer->is_ending) {
    write_head (writer);
  } else {
    tell (writer, RAFT_OK);
  }
}

static void on_synced_so_far (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (is_good (writer)) {
    writer->unsynced = 0;
    go_on (writer);
  }
}

static void on_block (struct fs_request *request) {
  struct wal_snapshot_writer *writer = request->owner;
  if (!is_good (writer)) {
    return;
  }
  raft_buffer_consume (&writer->buffer, writer->written);
  writer->blocks++;
  writer->unsynced += writer->written;
  if (writer->unsynced >= WAL_SNAPSHOT_SYNC
      && !raft_bug (writer, SNAPSHOT_NOT_SYNCED)) {
    submit (writer, FS_SYNC, "sync", on_synced_so_far);
  } else {
    go_on (writer);
  }
}

void wal_snapshot_end (struct wal_snapshot_writer *writer) {
  raft_assert (writer->is_open && !writer->is_busy);
  writer->is_ending = true;
  if (writer->buffer.size > 0) {
    write_block (writer);
  } else {
    write_head (writer);
  }
}
