/* SPDX-License-Identifier: MIT
**
** init.c - makes a member's directory: the first segment with entry 1.
**
** Rule:   the first batch is in the file before the file has its name: a
**         directory either has a log with entry 1, or none.
** Rule:   a directory with anything in it is refused, but for what an init
**         that never ended left there: nobody was told of that.
** Rule:   the mark of one that is made out of another is durable before
**         there is a segment:  make, lock, list ─► mark ─► segment. */

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "wal/batch.h"
#include "wal/maker.h"
#include "wal/record.h"
#include "wire/entry.h"

struct wal_init {
  struct wal_options options;
  struct wal_identity identity;
  struct wal_batch *batch;
  struct wal_contents nothing;
  struct wal_maker maker;
  struct raft_buffer list; /* plain */
  struct fs_request request;
  struct raft_detail detail;
  void (*done) (void *owner, int status, const struct raft_detail *detail);
};

typedef void (*step_function) (struct fs_request *request);

static void init_free (struct wal_init *init) {
  raft_buffer_free (&init->list);
  wal_contents_free (&init->nothing);
  wal_batch_free (init->batch);
  raft_release (init->options.memory, init, sizeof *init);
}

static void end (struct wal_init *init, int status) {
  struct raft_detail detail = init->detail;
  void *owner = init->options.owner;
  void (*done) (void *owner, int status, const struct raft_detail *detail)
    = init->done;
  init_free (init);
  done (owner, status, &detail);
}

static bool is_good (struct wal_init *init, const char *what) {
  int status = init->request.status;
  if (status == RAFT_OK) {
    return true;
  }
  (void)raft_fail (&init->detail, status, "the directory cannot be %s: %s",
                   what, raft_error_text (status));
  end (init, status);
  return false;
}

static void submit (struct wal_init *init, enum fs_operation operation,
                    step_function done) {
  struct fs_request *request = &init->request;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->file = init->maker.file;
  request->name = operation == FS_CREATE ? WAL_NAME_UNFINISHED
                                         : WAL_NAME_NEW;
  request->bytes = &init->list;
  request->done = done;
  request->owner = init;
  init->options.fs->submit (init->options.fs, request);
}

/* ---- the segment ------------------------------------------------------- */

static void on_closed (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "written")) {
    end (init, RAFT_OK);
  }
}

static void on_made (struct wal_maker *maker, int status) {
  struct wal_init *init = maker->owner;
  if (status == RAFT_OK) {
    submit (init, FS_CLOSE, on_closed);
    return;
  }
  (void)raft_fail (&init->detail, status, "%s: %s failed: %s", maker->name,
                   wal_maker_step_name (maker), raft_error_text (status));
  end (init, status);
}

static void make_segment (struct wal_init *init) {
  struct wal_batch_place place = { 1, 1, WAL_SECTOR, 0, true };
  struct wal_maker *maker = &init->maker;
  uint64_t least = wal_batch_size_with_checkpoint (init->batch,
                                                   &init->nothing)
                   + 2 * WAL_SECTOR; /* head and a mark */
  uint64_t wanted = wal_sectors (init->options.limits.segment_bytes);
  place.salt = init->options.clock->random (init->options.clock);
  wal_batch_seal (init->batch, &place, &init->nothing);
  maker->head.identity = init->identity;
  maker->head.number = 1;
  maker->head.size = wanted > least ? wanted : least;
  maker->head.salt = place.salt;
  maker->slices = init->batch->slices;
  maker->slice_count = init->batch->slice_count;
  maker->done = on_made;
  maker->owner = init;
  wal_maker_start (maker);
}

/* ---- the mark ---------------------------------------------------------- */

static void on_mark_synced (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "synced")) {
    make_segment (init);
  }
}

static void on_mark_closed (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "marked")) {
    submit (init, FS_SYNC_DIRECTORY, on_mark_synced);
  }
}

static void on_mark_made (struct fs_request *request) {
  struct wal_init *init = request->owner;
  init->maker.file = request->file;
  if (is_good (init, "marked")) {
    submit (init, FS_CLOSE, on_mark_closed);
  }
}

static void make_mark (struct wal_init *init) {
  if (init->options.is_unfinished) {
    submit (init, FS_CREATE, on_mark_made);
  } else {
    make_segment (init);
  }
}

/* ---- the directory ----------------------------------------------------- */

static void on_leftover_removed (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "cleaned")) {
    make_mark (init);
  }
}

static void on_listed (struct fs_request *request) {
  struct wal_init *init = request->owner;
  const char *name = (const char *)init->list.data;
  const char *stop = init->list.size == 0 ? name : name + init->list.size;
  bool has_leftover = false;
  if (!is_good (init, "listed")) {
    return;
  }
  for (; name < stop; name += strlen (name) + 1) {
    if (strcmp (name, WAL_NAME_NEW) == 0) {
      has_leftover = true;
    } else if (strcmp (name, WAL_NAME_LOCK) != 0) {
      end (init, raft_fail (&init->detail, RAFT_ENOT_EMPTY, "expected an "
                            "empty directory, got one with \"%.80s\"",
                            name));
      return;
    }
  }
  if (has_leftover) {
    submit (init, FS_REMOVE, on_leftover_removed);
  } else {
    make_mark (init);
  }
}

static void on_locked (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "locked")) {
    submit (init, FS_LIST, on_listed);
  }
}

static void on_directory_made (struct fs_request *request) {
  struct wal_init *init = request->owner;
  if (is_good (init, "made")) {
    submit (init, FS_LOCK, on_locked);
  }
}

/* ---- the face ---------------------------------------------------------- */

static void add_first_entry (struct wal_batch *batch,
                             struct raft_slice entry) {
  struct wire_entry envelope;
  int status = wire_entry_decode (entry.data, entry.size, &envelope);
  raft_assert (status == RAFT_OK && envelope.index == 1
               && envelope.term == 1
               && envelope.kind == RAFT_ENTRY_CONFIGURATION);
  batch->term = 1;
  batch->vote = RAFT_ID_NONE;
  wal_batch_add (batch, WAL_ENTRY, 1, 1, entry);
}

int wal_init (const struct wal_options *options,
              const struct wal_identity *identity, struct raft_slice entry,
              void (*done) (void *owner, int status,
                            const struct raft_detail *detail)) {
  struct wal_init *init
    = raft_allocate_zeroed (options->memory, sizeof *init);
  struct raft_slice copy;
  raft_assert (identity->member != 0 && identity->incarnation != 0);
  if (init == NULL) {
    return RAFT_ENOMEM;
  }
  init->options = *options;
  init->identity = *identity;
  init->done = done;
  raft_buffer_init (&init->list, &raft_memory_plain);
  wal_contents_init (&init->nothing, options->memory);
  wal_maker_init (&init->maker, options->fs, options->bug);
  init->batch = wal_batch_new (options->memory);
  if (init->batch == NULL
      || wal_batch_reserve (init->batch, 1, 0) != RAFT_OK
      || raft_slice_copy (options->memory, entry.data, entry.size, &copy)
           != RAFT_OK) {
    init_free (init);
    return RAFT_ENOMEM;
  }
  add_first_entry (init->batch, copy);
  raft_slice_release (&copy);
  submit (init, FS_MAKE, on_directory_made);
  return RAFT_OK;
}
