/* SPDX-License-Identifier: MIT
**
** writer.c - from queued records to durable ones.
**
** Rule:   one batch is one write and one sync; the next is sealed only after
**         that sync returned, so that its existence proves this one. What is
**         queued meanwhile joins the next, up to batch_bytes.
** Rule:   what has no room on a full disk waits, and is the only thing that
**         does: a vote goes before it, or nobody could be elected.
** Rule:   the last sector of a segment is left to a mark: the last batch
**         before a quiet time, or before closing, can always be proven.
** Source: Diss. 10.2.1 (batching); ATC'20 (a failed sync is final). */

#include <string.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "wal/inside.h"
#include "wire/entry.h"

static void on_written (struct fs_request *request);
static void on_synced (struct fs_request *request);

/* ---- the queue --------------------------------------------------------- */

static void recycle (struct wal *wal, struct wal_batch *batch) {
  wal_batch_clear (batch);
  if (wal->unused == NULL) {
    wal->unused = batch;
  } else {
    wal_batch_free (batch);
  }
}

void wal_writer_free (struct wal *wal) {
  while (wal->queue != NULL) {
    struct wal_batch *next = wal->queue->next;
    wal_batch_free (wal->queue);
    wal->queue = next;
  }
  if (wal->flying != wal->mark) {
    wal_batch_free (wal->flying);
  }
  wal_batch_free (wal->mark);
  wal_batch_free (wal->unused);
}

/* A batch never needs more than half a segment, unless one write does. */
static uint64_t batch_limit (const struct wal *wal) {
  uint64_t half = wal->options.limits.segment_bytes / 2;
  uint64_t bytes = wal->options.limits.batch_bytes;
  return bytes < half ? bytes : half;
}

/* The batch that 'bytes' more can join, in the queue or not yet. */
static struct wal_batch *batch_for (struct wal *wal, uint64_t bytes) {
  struct wal_batch *batch = wal->queue_last;
  if (batch != NULL && wal_batch_size (batch) + bytes <= batch_limit (wal)) {
    return batch;
  }
  batch = wal->unused;
  if (batch != NULL) {
    wal->unused = NULL;
    return batch;
  }
  return wal_batch_new (wal->memory);
}

static int reserve (struct wal *wal, struct wal_batch *batch,
                    size_t records, const struct wal_room *more) {
  struct wal_room all = wal->promised;
  int status;
  all.places += more->places;
  all.configurations += more->configurations;
  all.peers += more->peers;
  status = wal_contents_reserve (&wal->contents, &all);
  if (status == RAFT_OK) {
    status = wal_batch_reserve (batch, records,
                                wal->contents.peer_count + all.peers);
  }
  if (status != RAFT_OK && batch->record_count == 0
      && batch != wal->queue_last) {
    recycle (wal, batch);
  }
  return status;
}

static void enqueue (struct wal *wal, struct wal_batch *batch,
                     const struct wal_room *more) {
  if (batch != wal->queue_last) {
    if (wal->queue_last == NULL) {
      wal->queue = batch;
    } else {
      wal->queue_last->next = batch;
    }
    wal->queue_last = batch;
  }
  batch->promised.places += more->places;
  batch->promised.configurations += more->configurations;
  batch->promised.peers += more->peers;
  wal->promised.places += more->places;
  wal->promised.configurations += more->configurations;
  wal->promised.peers += more->peers;
}

static void keep_promise (struct wal *wal, const struct wal_batch *batch) {
  wal->promised.places -= batch->promised.places;
  wal->promised.configurations -= batch->promised.configurations;
  wal->promised.peers -= batch->promised.peers;
}

static void add_entries (struct wal *wal, struct wal_batch *batch,
                         const struct wal_write *write) {
  if (write->is_reset) {
    wal_batch_add (batch, WAL_RESET, write->first - 1, 0,
                   raft_slice_borrowed ("", 0));
  } else if (write->first <= wal->queued_last) {
    wal_batch_add (batch, WAL_TRUNCATE, write->first, 0,
                   raft_slice_borrowed ("", 0));
  }
  for (uint32_t i = 0; i < write->count; i++) {
    struct wire_entry entry;
    int status = wire_entry_decode (write->entries[i].data,
                                    write->entries[i].size, &entry);
    raft_assert (status == RAFT_OK && entry.index == write->first + i);
    wal_batch_add (batch, WAL_ENTRY, entry.index, entry.term,
                   write->entries[i]);
  }
  wal->queued_last = write->first + write->count - 1;
}

int wal_persist (struct wal *wal, const struct wal_write *write) {
  struct wal_room more = { 0, 0, 0, 0 };
  struct wal_batch *batch;
  uint64_t bytes = ((uint64_t)write->count + 1) * WAL_RECORD_HEAD;
  if (wal->life != WAL_OPEN) {
    raft_assert (wal->life == WAL_FAILED);
    return RAFT_OK;
  }
  raft_assert (write->first > 0 || write->count == 0);
  raft_assert (write->is_reset || write->first <= wal->queued_last + 1);
  for (uint32_t i = 0; i < write->count; i++) {
    bytes += write->entries[i].size;
    raft_assert (write->entries[i].size >= WIRE_ENTRY_HEAD);
    if (write->entries[i].data[0] == RAFT_ENTRY_CONFIGURATION) {
      more.configurations++;
    }
  }
  batch = batch_for (wal, bytes);
  if (batch == NULL) {
    return RAFT_ENOMEM;
  }
  more.places = write->count > 0 ? 1 : 0;
  if (reserve (wal, batch, (size_t)write->count + 1, &more) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  enqueue (wal, batch, &more);
  batch->last_ticket = write->ticket;
  batch->term = write->term;
  batch->vote = write->vote;
  if (write->first > 0) {
    add_entries (wal, batch, write);
  }
  wal_writer_turn (wal);
  return RAFT_OK;
}

/* Term and vote of the log once everything queued is written. */
static void copy_latest_vote (const struct wal *wal,
                              struct wal_batch *batch) {
  const struct wal_batch *before = wal->queue_last;
  if (before == batch) {
    return;
  }
  batch->term = before != NULL ? before->term : wal->contents.term;
  batch->vote = before != NULL ? before->vote : wal->contents.vote;
}

int wal_persist_peer (struct wal *wal, uint64_t ticket,
                      const struct wal_peer *peer) {
  struct wal_room more = { 0, 0, 1, 0 };
  struct wal_batch *batch;
  if (wal->life != WAL_OPEN) {
    raft_assert (wal->life == WAL_FAILED);
    return RAFT_OK;
  }
  batch = batch_for (wal, WAL_RECORD_HEAD);
  if (batch == NULL || reserve (wal, batch, 1, &more) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  copy_latest_vote (wal, batch);
  enqueue (wal, batch, &more);
  batch->last_ticket = ticket;
  wal_batch_add (batch, WAL_PEER, peer->member, peer->incarnation,
                 raft_slice_borrowed ("", 0));
  wal_writer_turn (wal);
  return RAFT_OK;
}

/* ---- flying ------------------------------------------------------------ */

static void submit_sync (struct wal *wal) {
  struct fs_request *request = &wal->sync_request;
  memset (request, 0, sizeof *request);
  request->operation = FS_SYNC;
  request->file = wal->current.file;
  request->done = on_synced;
  request->owner = wal;
  wal->fs->submit (wal->fs, request);
}

static void fly (struct wal *wal, struct wal_batch *batch) {
  struct fs_request *request = &wal->write_request;
  struct wal_batch_place place;
  raft_assert (wal->flying == NULL);
  place.number = wal->next_number;
  place.segment = wal->current.number;
  place.offset = wal->current.offset;
  place.salt = wal->current.salt;
  place.begins_segment = wal->current.offset == WAL_SECTOR;
  wal_batch_seal (batch, &place, &wal->contents);
  raft_assert (batch->sealed_size
               <= wal->current.size - wal->current.offset);
  keep_promise (wal, batch);
  wal_batch_apply (batch, &place, &wal->contents);
  wal->flying = batch;
  wal->sync_started = wal_now (wal);
  wal->sync_is_retried = false;
  memset (request, 0, sizeof *request);
  request->operation = FS_WRITE;
  request->file = wal->current.file;
  request->offset = wal->current.offset;
  request->slices = batch->slices;
  request->slice_count = batch->slice_count;
  request->done = on_written;
  request->owner = wal;
  wal->fs->submit (wal->fs, request);
  if (!raft_bug (wal, SKIP_SYNC)) {
    submit_sync (wal);
  }
}

static void count_batch (struct wal *wal, const struct wal_batch *batch) {
  raft_time took = wal_now (wal) - wal->sync_started;
  uint64_t fields[3] = { batch->sealed_size, batch->record_count, took };
  uint32_t slot = 0;
  while (slot < 15 && batch->record_count >> (slot + 1) != 0) {
    slot++;
  }
  wal->status.batch_records[slot]++;
  wal->status.syncs++;
  wal->status.synced_bytes += batch->sealed_size;
  raft_durations_add (&wal->status.took, took);
  wal_trace (wal, RAFT_TRACE_SYNC, fields, 3);
}

static void tell_voted (struct wal *wal) {
  uint64_t ticket = wal->voted;
  wal->voted = 0;
  if (ticket != 0 && wal->life != WAL_FAILED) {
    wal->options.voted (wal->options.owner, ticket);
  }
}

static void land (struct wal *wal) {
  struct wal_batch *batch = wal->flying;
  uint64_t ticket = batch->last_ticket;
  wal->flying = NULL;
  wal->current.offset += batch->sealed_size;
  wal->next_number++;
  wal->is_marked = batch == wal->mark;
  wal->quiet_since = wal_now (wal);
  count_batch (wal, batch);
  if (batch != wal->mark) {
    recycle (wal, batch);
  }
  if (ticket != 0 && wal->life != WAL_FAILED) {
    wal->options.durable (wal->options.owner, ticket);
  }
  tell_voted (wal);
  wal_writer_turn (wal);
}

static void crash_land (struct wal *wal, int status, const char *what) {
  char name[WAL_NAME_BYTES];
  struct wal_batch *batch = wal->flying;
  uint64_t offset = wal->current.offset;
  wal_segment_name (wal->current.number, name);
  wal->flying = NULL;
  if (batch != wal->mark) {
    recycle (wal, batch);
  }
  wal_fail (wal, status, what, name, offset);
}

static void on_written (struct fs_request *request) {
  struct wal *wal = request->owner;
  if (raft_bug (wal, VOTE_ERROR_IGNORED)) {
    request->status = RAFT_OK;
  }
  if (raft_bug (wal, SKIP_SYNC)) {
    if (request->status == RAFT_OK) {
      land (wal);
    } else {
      crash_land (wal, request->status, "write");
    }
  }
}

static void on_synced (struct fs_request *request) {
  struct wal *wal = request->owner;
  if (raft_bug (wal, RETRY_SYNC) && request->status != RAFT_OK
      && !wal->sync_is_retried) {
    wal->sync_is_retried = true;
    submit_sync (wal);
    return;
  }
  if (wal->write_request.status != RAFT_OK) {
    crash_land (wal, wal->write_request.status, "write");
  } else if (request->status != RAFT_OK) {
    crash_land (wal, request->status, "sync");
  } else {
    land (wal);
  }
}

/* ---- what next --------------------------------------------------------- */

/* Bytes of the current segment that a batch may use. */
static uint64_t room_for (const struct wal *wal,
                          const struct wal_batch *batch) {
  uint64_t left = wal->current.size - wal->current.offset;
  uint64_t kept = batch == wal->mark ? 0 : WAL_SECTOR;
  if (wal->is_full && batch->entry_count > 0) {
    kept += wal_sectors (wal->current.size / WAL_RESERVE_PART);
  }
  return left > kept ? left - kept : 0;
}

static bool fits_current (const struct wal *wal,
                          const struct wal_batch *batch) {
  uint64_t size = wal->current.offset == WAL_SECTOR
                    ? wal_batch_size_with_checkpoint (batch, &wal->contents)
                    : wal_batch_size (batch);
  return size <= room_for (wal, batch);
}

/* Moving on closes a file: one at a time. */
static bool fits_spare (const struct wal *wal,
                        const struct wal_batch *batch) {
  return wal->spare_is_made && !wal->is_closing_file
         && wal_batch_size_with_checkpoint (batch, &wal->contents)
              <= wal->spare.size - 2 * WAL_SECTOR;
}

bool wal_writer_has_work (const struct wal *wal) {
  if (wal->flying != NULL) {
    return true;
  }
  if (wal->queue != NULL
      && (fits_current (wal, wal->queue) || fits_spare (wal, wal->queue)
          || !wal->is_full)) {
    return true;
  }
  return !wal->is_marked && fits_current (wal, wal->mark);
}

static struct wal_batch *dequeue (struct wal *wal) {
  struct wal_batch *batch = wal->queue;
  wal->queue = batch->next;
  batch->next = NULL;
  if (wal->queue == NULL) {
    wal->queue_last = NULL;
  }
  return batch;
}

static void fly_mark (struct wal *wal) {
  wal->mark->term = wal->contents.term;
  wal->mark->vote = wal->contents.vote;
  fly (wal, wal->mark);
}

static bool vote_goes_first (const struct wal *wal) {
  const struct wal_batch *last = wal->queue_last;
  return wal->is_full && fits_current (wal, wal->mark)
         && wal_batch_size (wal->mark) + WAL_SECTOR
              <= room_for (wal, wal->mark)
         && (last->term != wal->contents.term
             || last->vote != wal->contents.vote);
}

/* A batch of its own. What waits is written after it, and so from now on says
** no older vote. */
static void fly_vote (struct wal *wal) {
  const struct wal_batch *last = wal->queue_last;
  wal->mark->term = last->term;
  wal->mark->vote = last->vote;
  wal->voted = last->last_ticket;
  for (struct wal_batch *batch = wal->queue; batch != NULL;
       batch = batch->next) {
    batch->term = last->term;
    batch->vote = last->vote;
  }
  fly (wal, wal->mark);
}

void wal_writer_turn (struct wal *wal) {
  uint64_t wanted = 0;
  if (wal->life != WAL_OPEN && wal->life != WAL_CLOSING) {
    wal_maybe_close (wal);
    return;
  }
  if (wal->flying == NULL && wal->queue != NULL) {
    if (fits_current (wal, wal->queue)) {
      fly (wal, dequeue (wal));
    } else if (fits_spare (wal, wal->queue)) {
      wal_spare_take (wal);
      fly (wal, dequeue (wal));
    } else {
      wanted = wal_batch_size_with_checkpoint (wal->queue, &wal->contents);
      if (vote_goes_first (wal)) {
        fly_vote (wal);
      }
    }
  }
  if (wal->flying == NULL && wal->life == WAL_CLOSING && !wal->is_marked
      && (wal->queue == NULL || wal->is_full)
      && fits_current (wal, wal->mark)) {
    fly_mark (wal);
  }
  if (wal->life == WAL_OPEN || wanted > 0) {
    wal_spare_turn (wal, wanted);
  }
  wal_remover_turn (wal);
  wal_maybe_close (wal);
}

/* ---- time -------------------------------------------------------------- */

static bool mark_is_wanted (const struct wal *wal) {
  return wal->life == WAL_OPEN && wal->flying == NULL && wal->queue == NULL
         && !wal->is_marked && !wal->is_full
         && fits_current (wal, wal->mark);
}

void wal_on_time (struct wal *wal) {
  if (mark_is_wanted (wal)
      && wal_now (wal) >= wal->quiet_since + WAL_IDLE_US) {
    fly_mark (wal);
  }
  wal_writer_turn (wal);
}

raft_time wal_deadline (const struct wal *wal) {
  raft_time deadline = RAFT_TIME_MAX;
  if (mark_is_wanted (wal)) {
    deadline = wal->quiet_since + WAL_IDLE_US;
  }
  if (wal->life == WAL_OPEN && wal->is_full && !wal->is_making
      && wal->retry_at < deadline) {
    deadline = wal->retry_at;
  }
  return deadline;
}
