/* SPDX-License-Identifier: MIT
**
** spare.c - the next segment, made before it is needed.
**
** Rule:   the next segment is begun only when the current one holds a durable
**         batch: so at most one segment without a batch ever stands, and it
**         is the last.
** Rule:   a disk that cannot hold another segment is full while a nearly
**         whole one is left: entries are refused then, terms and votes go on
**         in what is kept for them. */

#include <string.h>

#include "base/panic.h"
#include "wal/inside.h"

static void on_made (struct wal_maker *maker, int status);

static void on_closed (struct fs_request *request) {
  struct wal *wal = request->owner;
  wal->is_closing_file = false;
  if (wal->is_ending) {
    wal_maybe_close (wal);
  } else {
    wal_writer_turn (wal);
  }
}

void wal_close_segment (struct wal *wal, struct wal_segment *segment) {
  struct fs_request *request = &wal->close_request;
  raft_assert (!wal->is_closing_file && segment->number != 0);
  memset (request, 0, sizeof *request);
  request->operation = FS_CLOSE;
  request->file = segment->file;
  request->done = on_closed;
  request->owner = wal;
  segment->number = 0;
  wal->is_closing_file = true;
  wal->fs->submit (wal->fs, request);
}

/* The file before is closed behind the requests that still use it: the disk
** performs them in order. */
void wal_spare_take (struct wal *wal) {
  uint64_t fields[1] = { wal->contents.last_index + 1 };
  raft_assert (wal->spare_is_made && wal->flying == NULL);
  wal_remover_note (wal, wal->current.size);
  wal_close_segment (wal, &wal->current);
  wal->current = wal->spare;
  wal->spare.number = 0;
  wal->spare_is_made = false;
  wal_trace (wal, RAFT_TRACE_SEGMENT, fields, 1);
}

void wal_spare_turn (struct wal *wal, uint64_t size) {
  uint64_t needed = size + 2 * WAL_SECTOR; /* head and a mark */
  uint64_t wanted = wal_sectors (wal->options.limits.segment_bytes);
  struct wal_maker *maker = &wal->maker;
  if (wal->is_making || wal->is_closing_file
      || wal->current.offset == WAL_SECTOR
      || (wal->spare_is_made && wal->spare.size >= needed)
      || (wal->is_full && wal_now (wal) < wal->retry_at)
      || wal_remover_reserve (wal) != RAFT_OK) {
    return;
  }
  maker->head.identity = wal->identity;
  maker->head.number = wal->current.number + 1;
  maker->head.size = wanted > needed + WAL_SECTOR ? wanted
                                                  : needed + WAL_SECTOR;
  maker->head.salt = wal->options.clock->random (wal->options.clock);
  maker->slices = NULL;
  maker->slice_count = 0;
  maker->done = on_made;
  maker->owner = wal;
  wal->is_making = true;
  wal_maker_start (maker);
}

static void set_full (struct wal *wal, bool yes) {
  if (yes) {
    wal->retry_at = wal_now (wal) + WAL_RETRY_US;
  }
  if (wal->is_full != yes) {
    wal->is_full = yes;
    wal->status.full = yes;
    if (wal->life == WAL_OPEN) {
      wal->options.full (wal->options.owner, yes);
    }
  }
}

static void take_made (struct wal *wal) {
  const struct wal_segment_head *head = &wal->maker.head;
  if (wal->spare.number != 0) { /* it was too small, and is replaced */
    wal->status.bytes -= wal->spare.size;
    wal->status.segments--;
    wal_close_segment (wal, &wal->spare);
  }
  wal->spare.number = head->number;
  wal->spare.file = wal->maker.file;
  wal->spare.size = head->size;
  wal->spare.salt = head->salt;
  wal->spare.offset = WAL_SECTOR;
  wal->spare_is_made = true;
  wal->status.bytes += head->size;
  wal->status.segments++;
}

static void on_made (struct wal_maker *maker, int status) {
  struct wal *wal = maker->owner;
  wal->is_making = false;
  if (status == RAFT_OK) {
    take_made (wal);
    set_full (wal, false);
  } else if (status == RAFT_EDISK_FULL) {
    uint64_t fields[2] = { (uint64_t)(int64_t)status, 0 };
    if (!wal->is_full) { /* once, and not at each try */
      wal_trace (wal, RAFT_TRACE_DISK, fields, 2);
    }
    set_full (wal, true);
  } else {
    wal_fail (wal, status, wal_maker_step_name (maker), maker->name, 0);
    return;
  }
  wal_writer_turn (wal);
}
