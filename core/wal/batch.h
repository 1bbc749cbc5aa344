/* SPDX-License-Identifier: MIT
**
** batch.h - records that wait to be written together, and their bytes.
**
** Holds:     records added in order, with references to their bodies; after
**            wal_batch_seal the slices that one FS_WRITE takes.
** Knows not: when and where it is written.
** Invariant: memory for sealing is reserved while records are added: sealing
**            cannot fail. Bodies are never copied.
**
**   slices   | head, record heads | body | body | body | zeros |
**              'heads', our own     references           static          */

#ifndef RAFT_WAL_BATCH_H
#define RAFT_WAL_BATCH_H

#include "base/memory.h"
#include "base/slice.h"
#include "wal/contents.h"
#include "wal/record.h"

struct wal_pending_record {
  struct wal_record record;
  struct raft_slice body; /* the batch owns this reference */
};

struct wal_batch {
  struct raft_memory *memory;
  struct wal_batch *next;
  uint64_t last_ticket;   /* durable with it; 0: none */
  raft_term term;         /* of its last write */
  raft_id vote;
  struct wal_pending_record *records;
  size_t record_count;
  size_t record_capacity;
  uint64_t body_bytes;
  uint32_t entry_count;
  struct wal_room promised; /* reserved in the contents for it */
  uint8_t *heads;
  size_t heads_capacity;
  struct raft_slice *slices;
  size_t slice_count;
  size_t slice_capacity;
  struct raft_slice configuration; /* of its checkpoint, owned: the batch
                                      itself may cut that entry */
  uint64_t sealed_size;   /* bytes on disk */
};

/* Where a batch goes. */
struct wal_batch_place {
  uint64_t number;
  uint64_t segment;
  uint64_t offset;
  uint64_t salt;
  bool begins_segment;    /* a checkpoint comes first */
};

RAFT_HIDDEN_BEGIN

/* NULL: out of memory. */
struct wal_batch *wal_batch_new (struct raft_memory *memory);
void wal_batch_free (struct wal_batch *batch);
/* Forgets the records, keeps the memory. */
void wal_batch_clear (struct wal_batch *batch);

/* Room for 'records' more, sealing included, when at most 'peers' peers are
** known by then. Errors: RAFT_ENOMEM. */
int wal_batch_reserve (struct wal_batch *batch, size_t records,
                       size_t peers);

/* Adds a record, reserved; retains the body. */
void wal_batch_add (struct wal_batch *batch, enum wal_record_kind kind,
                    uint64_t a, uint64_t b, struct raft_slice body);

/* Bytes on disk without checkpoint, and with that of 'contents'. */
uint64_t wal_batch_size (const struct wal_batch *batch);
uint64_t wal_batch_size_with_checkpoint (const struct wal_batch *batch,
                                         const struct wal_contents *contents);

/* Makes slices and checksums for that place. 'contents' is the log before
** this batch. */
void wal_batch_seal (struct wal_batch *batch,
                     const struct wal_batch_place *place,
                     const struct wal_contents *contents);

/* Adds what the sealed batch says to the contents (reserved). */
void wal_batch_apply (const struct wal_batch *batch,
                      const struct wal_batch_place *place,
                      struct wal_contents *contents);

RAFT_HIDDEN_END

#endif
