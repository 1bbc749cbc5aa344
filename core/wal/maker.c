/* SPDX-License-Identifier: MIT
**
** maker.c - one step after another. */

#include "wal/maker.h"

#include <string.h>

#include "base/panic.h"

static void on_done (struct fs_request *request);

void wal_maker_init (struct wal_maker *maker, struct port_fs *fs,
                     enum raft_bug bug) {
  memset (maker, 0, sizeof *maker);
  maker->fs = fs;
  maker->bug = bug;
}

const char *wal_maker_step_name (const struct wal_maker *maker) {
  switch (maker->failed) {
    case WAL_MAKER_CREATE: return "create";
    case WAL_MAKER_ALLOCATE: return "allocate";
    case WAL_MAKER_HEAD:
    case WAL_MAKER_BODY: return "write";
    case WAL_MAKER_SYNC: return "sync";
    case WAL_MAKER_RENAME: return "rename";
    case WAL_MAKER_SYNC_DIRECTORY: return "sync the directory of";
    default: return "remove";
  }
}

static void submit (struct wal_maker *maker, enum wal_maker_step step) {
  static const enum fs_operation operations[] = {
    [WAL_MAKER_CREATE] = FS_CREATE,
    [WAL_MAKER_ALLOCATE] = FS_ALLOCATE,
    [WAL_MAKER_HEAD] = FS_WRITE,
    [WAL_MAKER_BODY] = FS_WRITE,
    [WAL_MAKER_SYNC] = FS_SYNC,
    [WAL_MAKER_RENAME] = FS_RENAME,
    [WAL_MAKER_SYNC_DIRECTORY] = FS_SYNC_DIRECTORY,
    [WAL_MAKER_CLOSE] = FS_CLOSE,
    [WAL_MAKER_REMOVE] = FS_REMOVE,
  };
  struct fs_request *request = &maker->request;
  memset (request, 0, sizeof *request);
  maker->step = step;
  request->operation = operations[step];
  request->file = maker->file;
  request->name = WAL_NAME_NEW;
  request->target = maker->name;
  request->size = maker->head.size;
  request->done = on_done;
  request->owner = maker;
  if (step == WAL_MAKER_HEAD) {
    request->slices = &maker->sector_slice;
    request->slice_count = 1;
  } else if (step == WAL_MAKER_BODY) {
    request->offset = WAL_SECTOR;
    request->slices = maker->slices;
    request->slice_count = maker->slice_count;
  }
  maker->fs->submit (maker->fs, request);
}

void wal_maker_start (struct wal_maker *maker) {
  raft_assert (maker->step == WAL_MAKER_IDLE);
  raft_assert (maker->head.size >= 2 * WAL_SECTOR
               && maker->head.size % WAL_SECTOR == 0);
  wal_segment_name (maker->head.number, maker->name);
  wal_segment_head_encode (&maker->head, maker->sector);
  maker->sector_slice = raft_slice_borrowed (maker->sector, WAL_SECTOR);
  maker->file = 0;
  maker->is_retried = false;
  submit (maker, WAL_MAKER_CREATE);
}

static void finish (struct wal_maker *maker, int status) {
  if (status == RAFT_OK) {
    maker->step = WAL_MAKER_IDLE;
  }
  maker->failed = maker->step;
  maker->done (maker, status);
}

/* No room: what was begun goes, so that it takes none. */
static void give_up (struct wal_maker *maker, int status) {
  maker->status = status;
  maker->failed = maker->step;
  submit (maker,
          maker->step == WAL_MAKER_CREATE ? WAL_MAKER_REMOVE
                                          : WAL_MAKER_CLOSE);
}

static void on_given_up (struct wal_maker *maker) {
  if (maker->step == WAL_MAKER_CLOSE) {
    submit (maker, WAL_MAKER_REMOVE);
  } else {
    maker->step = WAL_MAKER_IDLE;
    maker->done (maker, maker->status);
  }
}

static void advance (struct wal_maker *maker) {
  enum wal_maker_step next = maker->step + 1;
  if (maker->step == WAL_MAKER_CREATE) {
    maker->file = maker->request.file;
  }
  if (next == WAL_MAKER_BODY && maker->slice_count == 0) {
    next = WAL_MAKER_SYNC;
  }
  if (next == WAL_MAKER_SYNC && raft_bug (maker, SKIP_SYNC)) {
    next = WAL_MAKER_RENAME;
  }
  if (next == WAL_MAKER_SYNC_DIRECTORY
      && raft_bug (maker, SKIP_DIRECTORY_SYNC)) {
    next = WAL_MAKER_CLOSE;
  }
  if (next == WAL_MAKER_CLOSE) {
    finish (maker, RAFT_OK);
  } else {
    submit (maker, next);
  }
}

static bool is_sync (enum wal_maker_step step) {
  return step == WAL_MAKER_SYNC || step == WAL_MAKER_SYNC_DIRECTORY;
}

static void on_done (struct fs_request *request) {
  struct wal_maker *maker = request->owner;
  if (maker->step >= WAL_MAKER_CLOSE) {
    on_given_up (maker);
  } else if (request->status == RAFT_EDISK_FULL) {
    give_up (maker, request->status);
  } else if (request->status != RAFT_OK) {
    if (raft_bug (maker, RETRY_SYNC) && is_sync (maker->step)
        && !maker->is_retried) {
      maker->is_retried = true;
      submit (maker, maker->step);
      return;
    }
    finish (maker, request->status);
  } else {
    advance (maker);
  }
}
