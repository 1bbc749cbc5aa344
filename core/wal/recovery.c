/* SPDX-License-Identifier: MIT
**
** recovery.c - from a directory to an open log.
**
** Holds:     the steps: lock, list, remove a leftover, read and replay each
**            segment, put the end in order, sync, tell.
** Rule:      the page cache is not believed. What is read may be in memory
**            only: after a kill it was never synced, after a failed sync it
**            is clean there and lost on the disk. Only what a later batch
**            proves is durable. So, before anything is told:
**              1. a segment without a batch is removed and made anew later:
**                 its name may be no more durable than its bytes;
**              2. the sector behind the last valid batch, and whatever is not
**                 zero behind it, is overwritten with zeros, seen or not: a
**                 torn batch that memory hides must not come back;
**              3. the last valid batch is written again, and the segment
**                 synced;
**              4. the directory is synced.
** Rule:      a log of which only the first batch is there may owe its name to
**            a directory sync that failed: that segment is made anew aside
**            and renamed over itself.
** Source:    Rebello et al., ATC'20; Alagappan et al., FAST'18. */

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "wal/inside.h"
#include "wal/replay.h"

struct wal_recovery {
  struct wal *wal;
  struct wal_replay replay;
  struct raft_buffer list;    /* plain; names ended by zero bytes */
  struct raft_buffer bytes;   /* plain; of the segment being read */
  struct raft_buffer kept;    /* plain; of the last one with a batch */
  uint64_t count;             /* number of the last segment listed */
  uint64_t number;            /* being read */
  uint64_t cut;               /* bytes overwritten with zeros */
  uint64_t missing;           /* a number before the first one; 0: none */
  bool has_leftover;
  bool has_empty;             /* the last segment has no batch */
  char name[WAL_NAME_BYTES];
  struct raft_slice slice;
  struct fs_request request;
  struct raft_detail detail;
};

typedef void (*step_function) (struct fs_request *request);

static void next_segment (struct wal_recovery *recovery);

/* ---- requests, ends ---------------------------------------------------- */

static struct fs_request *prepare (struct wal_recovery *recovery,
                                   enum fs_operation operation) {
  struct fs_request *request = &recovery->request;
  memset (request, 0, sizeof *request);
  request->operation = operation;
  request->name = recovery->name;
  request->owner = recovery;
  return request;
}

static void submit (struct wal_recovery *recovery, step_function done) {
  struct wal *wal = recovery->wal;
  recovery->request.done = done;
  wal->fs->submit (wal->fs, &recovery->request);
}

void wal_recovery_free (struct wal *wal) {
  struct wal_recovery *recovery = wal->recovery;
  if (recovery != NULL) {
    wal->recovery = NULL;
    raft_buffer_free (&recovery->list);
    raft_buffer_free (&recovery->bytes);
    raft_buffer_free (&recovery->kept);
    raft_release (wal->memory, recovery, sizeof *recovery);
  }
}

/* The owner may free the log when it is told, unless it is closing it. */
static void end_badly (struct wal_recovery *recovery, int status) {
  struct wal *wal = recovery->wal;
  uint64_t fields[2] = { (uint64_t)(int64_t)status, 0 };
  bool is_closing = wal->is_closing;
  wal_say (wal, status, recovery->detail.text, &wal->detail);
  wal_recovery_free (wal);
  wal->life = WAL_FAILED;
  wal_trace (wal, RAFT_TRACE_DISK, fields, 2);
  wal->options.opened (wal->options.owner, status, NULL, &wal->detail);
  if (is_closing) {
    wal_maybe_close (wal);
  }
}

/* Whether the request went well; if not, opening ends. */
static bool is_good (struct wal_recovery *recovery, const char *what) {
  int status = recovery->request.status;
  if (status == RAFT_OK) {
    return true;
  }
  (void)raft_fail (&recovery->detail, status, "%s cannot be %s: %s",
                   recovery->name, what, raft_error_text (status));
  end_badly (recovery, status);
  return false;
}

/* ---- the end: an open log ---------------------------------------------- */

static void tell (struct wal *wal) {
  struct wal_contents *contents = &wal->contents;
  const struct wal_configuration *configuration
    = wal_contents_configuration (contents);
  struct wal_recovered recovered;
  memset (&recovered, 0, sizeof recovered);
  recovered.identity = wal->identity;
  recovered.term = contents->term;
  recovered.vote = contents->vote;
  recovered.runs = contents->runs;
  recovered.run_count = (uint32_t)contents->run_count;
  recovered.base_index = contents->base_index;
  recovered.last_index = contents->last_index;
  recovered.last_time = contents->last_time;
  if (configuration != NULL) {
    recovered.configuration = configuration->entry;
    recovered.configuration_index = configuration->index;
  }
  if (contents->configuration_count > 1) {
    recovered.previous = configuration[-1].entry;
    recovered.previous_index = configuration[-1].index;
  }
  recovered.peers = contents->peers;
  recovered.peer_count = (uint32_t)contents->peer_count;
  recovered.bytes = wal->status.bytes;
  wal->options.opened (wal->options.owner, RAFT_OK, &recovered, NULL);
  wal_contents_forget_runs (contents);
}

static void end_well (struct wal_recovery *recovery) {
  struct wal *wal = recovery->wal;
  const struct wal_place *last = &recovery->replay.last;
  uint64_t fields[4]
    = { wal->contents.last_index, wal->contents.term, recovery->cut,
        recovery->count + 1 - recovery->replay.first };
  wal->identity = recovery->replay.identity;
  wal->options.member = wal->identity.member;
  wal->next_number = recovery->replay.next_number;
  wal->current.offset = last->offset + last->size;
  wal->queued_last = wal->contents.last_index;
  wal->oldest = recovery->replay.first;
  wal->is_marked = false; /* what was written again has no proof yet */
  wal->quiet_since = wal_now (wal);
  wal_trace (wal, RAFT_TRACE_RECOVERED, fields, 4);
  wal_recovery_free (wal);
  wal->life = wal->is_closing ? WAL_CLOSING : WAL_OPEN;
  tell (wal);
  wal_writer_turn (wal);
}

/* ---- putting the end in order ------------------------------------------ */

static void on_directory_synced (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "synced with its directory")) {
    end_well (recovery);
  }
}

static void sync_directory (struct wal_recovery *recovery) {
  if (raft_bug (recovery->wal, BELIEVE_PAGE_CACHE)
      || raft_bug (recovery->wal, SKIP_DIRECTORY_SYNC)) {
    end_well (recovery);
    return;
  }
  (void)prepare (recovery, FS_SYNC_DIRECTORY);
  submit (recovery, on_directory_synced);
}

static void on_rewritten_synced (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "synced")) {
    sync_directory (recovery);
  }
}

static void on_rewritten (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (!is_good (recovery, "written")) {
    return;
  }
  if (raft_bug (recovery->wal, SKIP_SYNC)) {
    sync_directory (recovery);
    return;
  }
  prepare (recovery, FS_SYNC)->file = recovery->wal->current.file;
  submit (recovery, on_rewritten_synced);
}

static void rewrite_last (struct wal_recovery *recovery) {
  const struct wal_place *last = &recovery->replay.last;
  struct fs_request *request;
  if (raft_bug (recovery->wal, BELIEVE_PAGE_CACHE)) {
    sync_directory (recovery);
    return;
  }
  recovery->slice = raft_slice_borrowed (recovery->kept.data + last->offset,
                                         (size_t)last->size);
  request = prepare (recovery, FS_WRITE);
  request->file = recovery->wal->current.file;
  request->offset = last->offset;
  request->slices = &recovery->slice;
  request->slice_count = 1;
  submit (recovery, on_rewritten);
}

static void on_cut (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "written")) {
    rewrite_last (recovery);
  }
}

/* Where the zeros at the end of bytes begin. A sector at a time: most of a
** segment is zeros. */
static size_t zeros_from (const uint8_t *data, size_t begin, size_t end) {
  static const uint8_t zeros[WAL_SECTOR];
  while (end - begin >= WAL_SECTOR
         && memcmp (data + end - WAL_SECTOR, zeros, WAL_SECTOR) == 0) {
    end -= WAL_SECTOR;
  }
  while (end > begin && data[end - 1] == 0) {
    end--;
  }
  return end;
}

/* Overwrites [end, …) with zeros: one sector at least, and up to the last
** byte that is not zero. */
static void cut_tail (struct wal_recovery *recovery) {
  const struct wal_place *last = &recovery->replay.last;
  struct raft_buffer *kept = &recovery->kept;
  size_t end = (size_t)(last->offset + last->size);
  size_t stop;
  struct fs_request *request;
  if (end >= kept->size) {
    rewrite_last (recovery);
    return;
  }
  stop = zeros_from (kept->data, end, kept->size);
  recovery->cut = stop - end;
  stop = stop > end ? (size_t)wal_sectors (stop) : end + WAL_SECTOR;
  memset (kept->data + end, 0, stop - end);
  recovery->slice = raft_slice_borrowed (kept->data + end, stop - end);
  request = prepare (recovery, FS_WRITE);
  request->file = recovery->wal->current.file;
  request->offset = end;
  request->slices = &recovery->slice;
  request->slice_count = 1;
  submit (recovery, on_cut);
}

/* ---- a log of one batch is made anew ----------------------------------- */

static void on_replaced_closed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "closed")) {
    end_well (recovery);
  }
}

static void on_remade (struct wal_maker *maker, int status) {
  struct wal_recovery *recovery = maker->owner;
  struct wal *wal = recovery->wal;
  if (status == RAFT_OK) {
    prepare (recovery, FS_CLOSE)->file = wal->current.file;
    wal->current.file = maker->file;
    submit (recovery, on_replaced_closed);
  } else if (status == RAFT_EDISK_FULL) {
    cut_tail (recovery);
  } else {
    end_badly (recovery,
               raft_fail (&recovery->detail, status, "%s: %s failed: %s",
                          maker->name, wal_maker_step_name (maker),
                          raft_error_text (status)));
  }
}

static void remake_first (struct wal_recovery *recovery) {
  struct wal *wal = recovery->wal;
  const struct wal_place *last = &recovery->replay.last;
  recovery->slice = raft_slice_borrowed (recovery->kept.data + last->offset,
                                         (size_t)last->size);
  wal->maker.head.identity = recovery->replay.identity;
  wal->maker.head.number = 1;
  wal->maker.head.size = wal->current.size;
  wal->maker.head.salt = wal->current.salt;
  wal->maker.slices = &recovery->slice;
  wal->maker.slice_count = 1;
  wal->maker.done = on_remade;
  wal->maker.owner = recovery;
  wal_maker_start (&wal->maker);
}

/* ---- an empty segment goes --------------------------------------------- */

static void put_in_order (struct wal_recovery *recovery) {
  if (recovery->replay.last.segment == 1 && recovery->replay.next_number == 2
      && !raft_bug (recovery->wal, BELIEVE_PAGE_CACHE)) {
    remake_first (recovery);
  } else {
    cut_tail (recovery);
  }
}

static void on_empty_removed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "removed")) {
    put_in_order (recovery);
  }
}

static void on_empty_closed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "closed")) {
    (void)prepare (recovery, FS_REMOVE);
    submit (recovery, on_empty_removed);
  }
}

static void all_replayed (struct wal_recovery *recovery) {
  struct wal *wal = recovery->wal;
  int status = wal_replay_end (&recovery->replay);
  if (status != RAFT_OK) {
    end_badly (recovery, status);
  } else if (recovery->has_empty) {
    prepare (recovery, FS_CLOSE)->file = wal->spare.file;
    wal->spare.number = 0;
    submit (recovery, on_empty_closed);
  } else {
    put_in_order (recovery);
  }
}

/* ---- reading segments -------------------------------------------------- */

/* The last segment with a batch stays open and its bytes are kept. */
static void keep_segment (struct wal_recovery *recovery) {
  struct wal *wal = recovery->wal;
  struct raft_buffer bytes = recovery->kept;
  recovery->kept = recovery->bytes;
  recovery->bytes = bytes;
  wal->current = wal->spare;
  wal->spare.number = 0;
  wal->status.bytes += wal->current.size;
  wal->status.segments++;
}

static void on_older_closed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "closed")) {
    keep_segment (recovery);
    next_segment (recovery);
  }
}

/* A segment without a batch is the next one, made ahead; so it is the last.
** The first segment got its name with its first batch in it. */
static int judge_empty (struct wal_recovery *recovery) {
  if (recovery->number == recovery->replay.first && recovery->missing != 0) {
    char before[WAL_NAME_BYTES];
    wal_segment_name (recovery->missing, before);
    return raft_fail (&recovery->detail, RAFT_ECORRUPT, "%s: expected at "
                      "offset 0, the file is missing, and %s is there",
                      before, recovery->name);
  }
  if (recovery->number == recovery->replay.first) {
    return wal_replay_refuse (&recovery->replay,
                              "it was made with a batch there");
  }
  if (recovery->number < recovery->count) {
    return wal_replay_refuse (&recovery->replay, "a later segment stands");
  }
  recovery->has_empty = true;
  return RAFT_OK;
}

static void judge_segment (struct wal_recovery *recovery) {
  struct wal *wal = recovery->wal;
  struct wal_replay *replay = &recovery->replay;
  bool is_empty;
  int status = wal_replay_segment (replay, recovery->number,
                                   recovery->bytes.data,
                                   recovery->bytes.size);
  is_empty = replay->end == WAL_SECTOR;
  if (status == RAFT_OK && is_empty) {
    status = judge_empty (recovery);
  }
  if (status != RAFT_OK) {
    end_badly (recovery, status);
    return;
  }
  wal->spare.size = replay->head.size;
  wal->spare.salt = replay->head.salt;
  if (is_empty) {
    recovery->number = recovery->count;
    all_replayed (recovery);
  } else if (wal->current.number != 0) {
    if (wal_remover_reserve (wal) != RAFT_OK) {
      end_badly (recovery, raft_fail (&recovery->detail, RAFT_ENOMEM,
                                      "out of memory in recovery"));
      return;
    }
    wal_remover_note (wal, wal->current.size);
    prepare (recovery, FS_CLOSE)->file = wal->current.file;
    submit (recovery, on_older_closed);
  } else {
    keep_segment (recovery);
    next_segment (recovery);
  }
}

static void on_read (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "read")) {
    judge_segment (recovery);
  }
}

static void on_opened (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  struct wal *wal = recovery->wal;
  int64_t file = request->file;
  uint64_t size = request->size;
  if (!is_good (recovery, "opened")) {
    return;
  }
  wal->spare.number = recovery->number; /* so that closing finds it */
  wal->spare.file = file;
  recovery->bytes.size = 0;
  request = prepare (recovery, FS_READ);
  request->file = file;
  request->size = size;
  request->bytes = &recovery->bytes;
  submit (recovery, on_read);
}

static void next_segment (struct wal_recovery *recovery) {
  if (recovery->number == recovery->count) {
    all_replayed (recovery);
    return;
  }
  recovery->number++;
  wal_segment_name (recovery->number, recovery->name);
  (void)prepare (recovery, FS_OPEN);
  submit (recovery, on_opened);
}

/* ---- the directory ----------------------------------------------------- */

/* Numbers follow each other without a gap. Those of the oldest segments may be
** missing: whether they should be is judged by the first one's checkpoint.
** Names that are not the log's are left alone. */
static int read_list (struct wal_recovery *recovery) {
  struct wal_replay *replay = &recovery->replay;
  const char *name = (const char *)recovery->list.data;
  const char *end = name + recovery->list.size;
  for (; name < end; name += strlen (name) + 1) {
    uint64_t number = wal_segment_number (name);
    if (strcmp (name, WAL_NAME_NEW) == 0) {
      recovery->has_leftover = true;
    } else if (strcmp (name, WAL_NAME_UNFINISHED) == 0
               && !recovery->wal->options.is_unfinished) {
      return raft_fail (&recovery->detail, RAFT_ENOT_INITIALISED, "%s",
                        WAL_UNFINISHED);
    } else if (number != 0
               && (replay->first == 0
                   || (number != recovery->count + 1
                       && replay->covered > 0))) {
      /* Before a gap there may be one whose removal a failed sync has lost.
      ** Whether a snapshot covers what is missing is asked at the end. */
      recovery->missing = replay->first == 0 ? 0 : number - 1;
      replay->first = number;
      recovery->number = number - 1;
      recovery->count = number;
    } else if (number != 0 && number != recovery->count + 1) {
      if (raft_bug (replay, ACCEPT_GAP)) {
        break;
      }
      wal_segment_name (recovery->count + 1, recovery->name);
      return raft_fail (&recovery->detail, RAFT_ECORRUPT, "%s: expected at "
                        "offset 0, the file is missing, and %s is there",
                        recovery->name, name);
    } else if (number != 0) {
      recovery->count = number;
    }
  }
  if (recovery->count == 0) {
    return raft_fail (&recovery->detail, RAFT_ENOT_INITIALISED,
                      "expected a log made by init, %s%0*d, got none",
                      WAL_NAME_PREFIX, WAL_NAME_DIGITS, 1);
  }
  return RAFT_OK;
}

static void on_leftover_removed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (is_good (recovery, "removed")) {
    next_segment (recovery);
  }
}

static void on_listed (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  int status;
  if (!is_good (recovery, "listed")) {
    return;
  }
  status = read_list (recovery);
  if (status != RAFT_OK) {
    end_badly (recovery, status);
  } else if (recovery->has_leftover) {
    (void)snprintf (recovery->name, sizeof recovery->name, "%s",
                    WAL_NAME_NEW);
    (void)prepare (recovery, FS_REMOVE);
    submit (recovery, on_leftover_removed);
  } else {
    next_segment (recovery);
  }
}

static void on_locked (struct fs_request *request) {
  struct wal_recovery *recovery = request->owner;
  if (request->status == RAFT_ENOT_FOUND) {
    end_badly (recovery,
               raft_fail (&recovery->detail, RAFT_ENOT_INITIALISED,
                          "expected a directory made by init, got none"));
    return;
  }
  if (request->status == RAFT_ELOCKED && request->size > 0) {
    end_badly (recovery,
               raft_fail (&recovery->detail, RAFT_ELOCKED,
                          "the directory is in use by process %llu",
                          (unsigned long long)request->size));
    return;
  }
  if (is_good (recovery, "locked")) {
    prepare (recovery, FS_LIST)->bytes = &recovery->list;
    submit (recovery, on_listed);
  }
}

int wal_recovery_start (struct wal *wal) {
  struct wal_recovery *recovery
    = raft_allocate_zeroed (wal->memory, sizeof *recovery);
  if (recovery == NULL) {
    return RAFT_ENOMEM;
  }
  wal->recovery = recovery;
  wal->contents.keeps_runs = true;
  recovery->wal = wal;
  recovery->replay.contents = &wal->contents;
  recovery->replay.bug = wal->bug;
  recovery->replay.next_number = 1;
  recovery->replay.covered = wal->options.covered;
  recovery->replay.detail = &recovery->detail;
  raft_buffer_init (&recovery->list, &raft_memory_plain);
  raft_buffer_init (&recovery->bytes, &raft_memory_plain);
  raft_buffer_init (&recovery->kept, &raft_memory_plain);
  (void)snprintf (recovery->name, sizeof recovery->name, "the directory");
  (void)prepare (recovery, FS_LOCK);
  submit (recovery, on_locked);
  return RAFT_OK;
}
