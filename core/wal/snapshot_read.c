/* SPDX-License-Identifier: MIT
**
** snapshot_read.c - a snapshot file, block by block, each checked before it is
** given away. */

#include <string.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "wal/snapshot.h"

typedef void (*step_function) (struct fs_request *request);

static void submit (struct wal_snapshot_reader *reader,
                    enum fs_operation operation, uint64_t offset,
                    step_function done) {
  struct fs_request *request = &reader->request;
  bool is_head = operation == FS_READ && offset == 0;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->file = reader->file;
  request->name = reader->name;
  request->offset = offset;
  request->size = is_head ? WAL_SNAPSHOT_HEAD
                          : WAL_SNAPSHOT_BLOCK + WAL_SNAPSHOT_SUM;
  request->bytes = &reader->bytes;
  request->done = done;
  request->owner = reader;
  reader->bytes.size = 0;
  reader->is_busy = true;
  reader->fs->submit (reader->fs, request);
}

static void tell (struct wal_snapshot_reader *reader, int status,
                  const uint8_t *data, size_t size) {
  reader->is_busy = false;
  reader->done (reader, status, data, size);
}

static bool is_good (struct wal_snapshot_reader *reader, const char *what) {
  int status = reader->request.status;
  if (status == RAFT_OK) {
    return true;
  }
  tell (reader,
        raft_fail (&reader->detail, status, "%s: %s at offset %llu failed: %s",
                   reader->name, what,
                   (unsigned long long)reader->request.offset,
                   raft_error_text (status)),
        NULL, 0);
  return false;
}

/* ---- opening ----------------------------------------------------------- */

static int judge_head (struct wal_snapshot_reader *reader) {
  int status = wal_snapshot_head_decode (
    reader->bytes.data, reader->bytes.size, reader->name, &reader->head,
    &reader->detail);
  uint64_t expected;
  if (status != RAFT_OK) {
    return status;
  }
  expected = wal_snapshot_file_size (reader->head.size);
  if (expected != reader->file_size) {
    return raft_fail (&reader->detail, RAFT_ECORRUPT, "%s: expected %llu "
                      "bytes, the file ends at offset %llu", reader->name,
                      (unsigned long long)expected,
                      (unsigned long long)reader->file_size);
  }
  return RAFT_OK;
}

static void on_head (struct fs_request *request) {
  struct wal_snapshot_reader *reader = request->owner;
  if (is_good (reader, "read")) {
    tell (reader, judge_head (reader), NULL, 0);
  }
}

static void on_opened (struct fs_request *request) {
  struct wal_snapshot_reader *reader = request->owner;
  if (is_good (reader, "open")) {
    reader->file = request->file;
    reader->file_size = request->size;
    reader->is_open = true;
    submit (reader, FS_READ, 0, on_head);
  }
}

void wal_snapshot_open (struct wal_snapshot_reader *reader,
                        raft_index index) {
  raft_buffer_init (&reader->bytes, &raft_memory_plain);
  wal_snapshot_name (index, reader->name);
  submit (reader, FS_OPEN, 0, on_opened);
}

/* ---- blocks ------------------------------------------------------------ */

uint64_t wal_snapshot_blocks (const struct wal_snapshot_reader *reader) {
  return (reader->head.size + WAL_SNAPSHOT_BLOCK - 1) / WAL_SNAPSHOT_BLOCK;
}

/* Bytes of content in the block that is being read. */
static size_t block_size (const struct wal_snapshot_reader *reader) {
  uint64_t before = reader->block * WAL_SNAPSHOT_BLOCK;
  uint64_t left = reader->head.size - before;
  return left < WAL_SNAPSHOT_BLOCK ? (size_t)left : WAL_SNAPSHOT_BLOCK;
}

static void on_block (struct fs_request *request) {
  struct wal_snapshot_reader *reader = request->owner;
  const uint8_t *data;
  size_t size = block_size (reader);
  if (!is_good (reader, "read")) {
    return;
  }
  data = reader->bytes.data;
  if (reader->bytes.size < size + WAL_SNAPSHOT_SUM
      || (raft_load_u64 (data + size)
            != wal_snapshot_sum (&reader->head, reader->block, data, size)
          && !raft_bug (reader, SKIP_CHECKSUM))) {
    tell (reader,
          raft_fail (&reader->detail, RAFT_ECORRUPT,
                     "%s: the block at offset %llu is damaged", reader->name,
                     (unsigned long long)request->offset),
          NULL, 0);
    return;
  }
  tell (reader, RAFT_OK, data, size);
}

void wal_snapshot_read (struct wal_snapshot_reader *reader, uint64_t block) {
  raft_assert (reader->is_open && !reader->is_busy
               && block < wal_snapshot_blocks (reader));
  reader->block = block;
  submit (reader, FS_READ,
          WAL_SNAPSHOT_HEAD
            + block * (WAL_SNAPSHOT_BLOCK + WAL_SNAPSHOT_SUM),
          on_block);
}

/* ---- the end ----------------------------------------------------------- */

static void on_closed (struct fs_request *request) {
  struct wal_snapshot_reader *reader = request->owner;
  reader->is_open = false;
  if (is_good (reader, "close")) {
    tell (reader, RAFT_OK, NULL, 0);
  }
}

void wal_snapshot_close (struct wal_snapshot_reader *reader) {
  raft_assert (reader->is_open && !reader->is_busy);
  submit (reader, FS_CLOSE, 0, on_closed);
}

void wal_snapshot_reader_free (struct wal_snapshot_reader *reader) {
  raft_buffer_free (&reader->bytes);
}
