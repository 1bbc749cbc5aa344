/* SPDX-License-Identifier: MIT
**
** batch.c - from records to slices. */

#include "wal/batch.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"
#include "wire/entry.h"

static const uint8_t zeros[WAL_SECTOR];

/* Besides one per peer: CHECKPOINT and CONFIGURATION. */
#define CHECKPOINT_RECORDS 2

struct wal_batch *wal_batch_new (struct raft_memory *memory) {
  struct wal_batch *batch = raft_allocate_zeroed (memory, sizeof *batch);
  if (batch != NULL) {
    batch->memory = memory;
  }
  return batch;
}

void wal_batch_clear (struct wal_batch *batch) {
  for (size_t i = 0; i < batch->record_count; i++) {
    raft_slice_release (&batch->records[i].body);
  }
  raft_slice_release (&batch->configuration);
  batch->next = NULL;
  batch->last_ticket = 0;
  batch->record_count = 0;
  batch->body_bytes = 0;
  batch->entry_count = 0;
  batch->slice_count = 0;
  memset (&batch->promised, 0, sizeof batch->promised);
}

void wal_batch_free (struct wal_batch *batch) {
  if (batch == NULL) {
    return;
  }
  wal_batch_clear (batch);
  raft_release (batch->memory, batch->records,
                batch->record_capacity * sizeof *batch->records);
  raft_release (batch->memory, batch->heads, batch->heads_capacity);
  raft_release (batch->memory, batch->slices,
                batch->slice_capacity * sizeof *batch->slices);
  raft_release (batch->memory, batch, sizeof *batch);
}

int wal_batch_reserve (struct wal_batch *batch, size_t records,
                       size_t peers) {
  size_t own = batch->record_count + records;
  size_t all = own + peers + CHECKPOINT_RECORDS;
  void *array = batch->records;
  int status = raft_reserve (batch->memory, &array, &batch->record_capacity,
                             own, sizeof *batch->records);
  batch->records = array;
  if (status == RAFT_OK) {
    array = batch->heads;
    status = raft_reserve (batch->memory, &array, &batch->heads_capacity,
                           WAL_BATCH_HEAD + all * WAL_RECORD_HEAD, 1);
    batch->heads = array;
  }
  if (status == RAFT_OK) {
    /* Heads, the checkpoint's configuration, bodies, padding. */
    array = batch->slices;
    status = raft_reserve (batch->memory, &array, &batch->slice_capacity,
                           own + 3, sizeof *batch->slices);
    batch->slices = array;
  }
  return status;
}

void wal_batch_add (struct wal_batch *batch, enum wal_record_kind kind,
                    uint64_t a, uint64_t b, struct raft_slice body) {
  struct wal_pending_record *pending = &batch->records[batch->record_count];
  raft_assert (batch->record_count < batch->record_capacity);
  raft_assert (body.size <= UINT32_MAX / 2);
  pending->record.kind = (uint8_t)kind;
  pending->record.size = (uint32_t)body.size;
  pending->record.a = a;
  pending->record.b = b;
  pending->record.checksum = 0;
  pending->body = raft_slice_retain (body);
  batch->record_count++;
  batch->body_bytes += body.size;
  if (kind == WAL_ENTRY) {
    batch->entry_count++;
  }
}

uint64_t wal_batch_size (const struct wal_batch *batch) {
  return wal_sectors (WAL_BATCH_HEAD + batch->record_count * WAL_RECORD_HEAD
                      + batch->body_bytes);
}

uint64_t wal_batch_size_with_checkpoint (
  const struct wal_batch *batch, const struct wal_contents *contents) {
  const struct wal_configuration *configuration
    = wal_contents_configuration (contents);
  uint64_t extra = (1 + contents->peer_count) * WAL_RECORD_HEAD;
  if (configuration != NULL) {
    extra += WAL_RECORD_HEAD + configuration->entry.size;
  }
  return wal_sectors (WAL_BATCH_HEAD + batch->record_count * WAL_RECORD_HEAD
                      + batch->body_bytes + extra);
}

/* ---- sealing ----------------------------------------------------------- */

struct sealing {
  struct wal_batch *batch;
  uint64_t salt;
  size_t count;     /* record heads written */
  uint64_t bytes;   /* of bodies */
};

static void seal_record (struct sealing *sealing, struct wal_record record,
                         struct raft_slice body) {
  struct wal_batch *batch = sealing->batch;
  size_t at = WAL_BATCH_HEAD + sealing->count * WAL_RECORD_HEAD;
  raft_assert (at + WAL_RECORD_HEAD <= batch->heads_capacity);
  record.checksum = raft_checksum (body.data, body.size, sealing->salt);
  wal_record_encode (&record, batch->heads + at);
  sealing->count++;
  sealing->bytes += body.size;
  if (body.size > 0) {
    raft_assert (batch->slice_count < batch->slice_capacity);
    batch->slices[batch->slice_count] = body;
    batch->slice_count++;
  }
}

static void seal_checkpoint (struct sealing *sealing,
                             const struct wal_contents *contents) {
  const struct wal_configuration *configuration
    = wal_contents_configuration (contents);
  struct wal_record record;
  memset (&record, 0, sizeof record);
  record.kind = WAL_CHECKPOINT;
  record.a = contents->last_index;
  seal_record (sealing, record, raft_slice_borrowed (zeros, 0));
  for (size_t i = 0; i < contents->peer_count; i++) {
    record.kind = WAL_PEER;
    record.a = contents->peers[i].member;
    record.b = contents->peers[i].incarnation;
    seal_record (sealing, record, raft_slice_borrowed (zeros, 0));
  }
  if (configuration != NULL) {
    record.kind = WAL_CONFIGURATION;
    record.size = (uint32_t)configuration->entry.size;
    record.a = configuration->index;
    record.b = raft_load_u64 (configuration->entry.data + 16);
    raft_slice_release (&sealing->batch->configuration);
    sealing->batch->configuration = raft_slice_retain (configuration->entry);
    seal_record (sealing, record, configuration->entry);
  }
}

static void seal_head (const struct sealing *sealing, uint64_t number) {
  struct wal_batch *batch = sealing->batch;
  struct wal_batch_head head;
  head.number = number;
  head.size = (uint32_t)batch->sealed_size;
  head.record_count = (uint32_t)sealing->count;
  head.term = batch->term;
  head.vote = batch->vote;
  head.records_checksum
    = raft_checksum (batch->heads + WAL_BATCH_HEAD,
                     sealing->count * WAL_RECORD_HEAD, sealing->salt);
  wal_batch_head_encode (&head, sealing->salt, batch->heads);
}

void wal_batch_seal (struct wal_batch *batch,
                     const struct wal_batch_place *place,
                     const struct wal_contents *contents) {
  struct sealing sealing = { batch, 0, 0, 0 };
  size_t heads_size;
  uint64_t used;
  sealing.salt = wal_batch_salt (place->salt, place->number, place->offset);
  batch->slice_count = 1;
  if (place->begins_segment) {
    seal_checkpoint (&sealing, contents);
  }
  for (size_t i = 0; i < batch->record_count; i++) {
    seal_record (&sealing, batch->records[i].record, batch->records[i].body);
  }
  heads_size = WAL_BATCH_HEAD + sealing.count * WAL_RECORD_HEAD;
  used = heads_size + sealing.bytes;
  batch->sealed_size = wal_sectors (used);
  raft_assert (batch->sealed_size <= UINT32_MAX);
  batch->slices[0] = raft_slice_borrowed (batch->heads, heads_size);
  if (batch->sealed_size > used) {
    raft_assert (batch->slice_count < batch->slice_capacity);
    batch->slices[batch->slice_count]
      = raft_slice_borrowed (zeros, (size_t)(batch->sealed_size - used));
    batch->slice_count++;
  }
  seal_head (&sealing, place->number);
}

static void apply_entry (const struct wal_pending_record *pending,
                         const struct wal_place *place,
                         struct wal_contents *contents) {
  struct wal_new_entry entry;
  entry.index = pending->record.a;
  entry.term = pending->record.b;
  entry.time = 0; /* told once, by recovery */
  entry.is_configuration = pending->body.data[0] == RAFT_ENTRY_CONFIGURATION;
  entry.bytes = pending->body;
  wal_contents_append (contents, place, &entry);
}

void wal_batch_apply (const struct wal_batch *batch,
                      const struct wal_batch_place *place,
                      struct wal_contents *contents) {
  struct wal_place where
    = { 0, place->segment, place->offset, batch->sealed_size };
  contents->term = batch->term;
  contents->vote = batch->vote;
  for (size_t i = 0; i < batch->record_count; i++) {
    const struct wal_pending_record *pending = &batch->records[i];
    struct wal_peer peer;
    switch (pending->record.kind) {
      case WAL_TRUNCATE:
        wal_contents_truncate (contents, pending->record.a);
        break;
      case WAL_RESET:
        wal_contents_reset (contents, pending->record.a);
        break;
      case WAL_ENTRY:
        apply_entry (pending, &where, contents);
        break;
      default:
        peer.member = pending->record.a;
        peer.incarnation = pending->record.b;
        wal_contents_peer (contents, &peer);
        break;
    }
  }
}
