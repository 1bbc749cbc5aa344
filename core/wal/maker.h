/* SPDX-License-Identifier: MIT
**
** maker.h - makes a segment aside, so that it is whole before it has a name.
**
** Holds:     the steps: create "log-new", allocate, write the head and what
**            may come behind it, sync, rename, sync the directory.
** Knows not: what the segment is for.
** Invariant: a segment that stands under its name has a synced head and all
**            its blocks; a crash before that leaves "log-new", which says
**            nothing. When 'done' says 0, its name is durable too.
** Source:    sofa-jraft#481 (a rename without a sync of the directory). */

#ifndef RAFT_WAL_MAKER_H
#define RAFT_WAL_MAKER_H

#include "base/bug.h"
#include "base/error.h"
#include "port/fs.h"
#include "wal/record.h"

enum wal_maker_step {
  WAL_MAKER_IDLE,
  WAL_MAKER_CREATE,
  WAL_MAKER_ALLOCATE,
  WAL_MAKER_HEAD,
  WAL_MAKER_BODY,
  WAL_MAKER_SYNC,
  WAL_MAKER_RENAME,
  WAL_MAKER_SYNC_DIRECTORY,
  WAL_MAKER_CLOSE,  /* giving up */
  WAL_MAKER_REMOVE
};

struct wal_maker {
  struct port_fs *fs;
  enum raft_bug bug;
  enum wal_maker_step step;
  enum wal_maker_step failed; /* while step takes away what was begun */
  struct wal_segment_head head;
  const struct raft_slice *slices; /* behind the head; borrowed */
  size_t slice_count;
  int64_t file;             /* made: the caller's to close */
  int status;
  bool is_retried;          /* RETRY_SYNC */
  uint8_t sector[WAL_SECTOR];
  struct raft_slice sector_slice;
  char name[WAL_NAME_BYTES];
  struct fs_request request;
  /* 0, or why there is no segment; on RAFT_EDISK_FULL nothing is left of
  ** it, on other errors the disk is not to be trusted any more. */
  void (*done) (struct wal_maker *maker, int status);
  void *owner;
};

RAFT_HIDDEN_BEGIN

void wal_maker_init (struct wal_maker *maker, struct port_fs *fs,
                     enum raft_bug bug);

/* 'head', 'slices', 'done' and 'owner' are set; the maker is idle. */
void wal_maker_start (struct wal_maker *maker);

/* The step that failed, for people. */
const char *wal_maker_step_name (const struct wal_maker *maker);

RAFT_HIDDEN_END

#endif
