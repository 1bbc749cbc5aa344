/* SPDX-License-Identifier: MIT
**
** remover.c - segments that a snapshot covers go, oldest first.
**
** Rule:   one at a time, and the directory is synced after each: after a power
**         loss the segments that stand still follow each other without a gap.
** Rule:   the current segment and the next one never go. Those before them
**         are needed for nothing but their entries: the first batch of each
**         segment says everything else. */

#include <string.h>

#include "base/panic.h"
#include "wal/inside.h"

static void on_directory_synced (struct fs_request *request);

static struct fs_request *prepare (struct wal *wal,
                                   enum fs_operation operation) {
  struct fs_request *request = &wal->remove_request;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->name = wal->remove_name;
  request->owner = wal;
  return request;
}

static void end_removal (struct wal *wal, int status, const char *what) {
  wal->is_removing = false;
  if (status != RAFT_OK) {
    wal_fail (wal, status, what, wal->remove_name, 0);
    return;
  }
  wal_writer_turn (wal);
}

static void on_removed (struct fs_request *request) {
  struct wal *wal = request->owner;
  if (request->status != RAFT_OK) {
    end_removal (wal, request->status, "remove");
    return;
  }
  prepare (wal, FS_SYNC_DIRECTORY)->done = on_directory_synced;
  wal->fs->submit (wal->fs, &wal->remove_request);
}

static void on_directory_synced (struct fs_request *request) {
  struct wal *wal = request->owner;
  end_removal (wal, request->status, "sync of the directory after removal");
}

/* The reader may hold it open, and must not open it again. */
static bool reader_lets_go (struct wal *wal) {
  struct wal_reader *reader = &wal->reader;
  if (reader->is_busy) {
    return false;
  }
  if (reader->opened.number == wal->oldest) {
    if (!wal->is_closing_file) {
      wal_close_segment (wal, &reader->opened);
    }
    return false;
  }
  return true;
}

static bool is_covered (const struct wal *wal) {
  return wal->compact_to > 0 && wal->oldest < wal->current.number
         && wal->current.offset > WAL_SECTOR
         && wal_contents_last_in (&wal->contents, wal->oldest)
              <= wal->compact_to;
}

void wal_remover_turn (struct wal *wal) {
  struct fs_request *request;
  if (wal->life != WAL_OPEN || wal->is_removing || !is_covered (wal)
      || !reader_lets_go (wal)) {
    return;
  }
  wal_segment_name (wal->oldest, wal->remove_name);
  wal->oldest++;
  wal_contents_compact (&wal->contents, wal->oldest);
  wal->status.segments--;
  wal->status.bytes -= wal->older_bytes[0];
  wal->older_count--;
  memmove (wal->older_bytes, wal->older_bytes + 1,
           wal->older_count * sizeof *wal->older_bytes);
  wal->is_removing = true;
  request = prepare (wal, FS_REMOVE);
  request->done = on_removed;
  wal->fs->submit (wal->fs, request);
}

void wal_compact (struct wal *wal, raft_index index) {
  if (index > wal->compact_to) {
    wal->compact_to = index;
  }
  wal_writer_turn (wal);
}

/* ---- the sizes of older segments --------------------------------------- */

int wal_remover_reserve (struct wal *wal) {
  void *array = wal->older_bytes;
  int status = raft_reserve (wal->memory, &array, &wal->older_capacity,
                             wal->older_count + 1, sizeof *wal->older_bytes);
  wal->older_bytes = array;
  return status;
}

void wal_remover_note (struct wal *wal, uint64_t size) {
  raft_assert (wal->older_count < wal->older_capacity);
  wal->older_bytes[wal->older_count] = size;
  wal->older_count++;
}

void wal_remover_free (struct wal *wal) {
  raft_release (wal->memory, wal->older_bytes,
                wal->older_capacity * sizeof *wal->older_bytes);
}
