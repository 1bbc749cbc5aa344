/* SPDX-License-Identifier: MIT
**
** wal.h - the log on disk: a member's term, vote, entries and peers.
**
** Holds:     what the rest of ring 1 may ask of it. The file format is the
**            head comment of record.h.
** Knows not: roles, messages. It reads envelopes (wire/entry.h), not payloads.
** Invariant: what was reported durable is found again after any crash, or
**            the log refuses to open and says where it is damaged.
** Rule:      one batch is one sync; a batch is written only after the sync
**            of the batch before returned.
** Rule:      nothing here waits; everything has a completion. A failed write
**            or sync is final: 'failed' is called once, and nothing after it.
*/

#ifndef RAFT_WAL_WAL_H
#define RAFT_WAL_WAL_H

#include "base/bug.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/memory.h"
#include "base/slice.h"
#include "base/trace.h"
#include "port/clock.h"
#include "port/fs.h"
#include "raft/raft.h"

/* Whose log it is. In the head of every file. */
struct wal_identity {
  uint64_t cluster;      /* hash of entry 1 and the cluster's name */
  uint64_t incarnation;  /* drawn when the directory was made, never 0 */
  raft_id member;
};

/* Another member's directory, as first met (DESIGN: identity). */
struct wal_peer {
  raft_id member;
  uint64_t incarnation;
};

struct wal_recovered {
  struct wal_identity identity;
  raft_term term;
  raft_id vote;
  raft_index base_index;            /* the entries begin after it; 0: whole */
  const struct raft_term_run *runs; /* of the entries that are there */
  uint32_t run_count;
  raft_index last_index;
  raft_time last_time;              /* of the last entry */
  struct raft_slice configuration;  /* the latest configuration entry, with
                                       its envelope; empty: a snapshot has
                                       it */
  raft_index configuration_index;
  struct raft_slice previous;       /* the one before it, likewise */
  raft_index previous_index;
  const struct wal_peer *peers;
  uint32_t peer_count;
  uint64_t bytes;                   /* of all segments */
};

struct wal;

struct wal_options {
  struct raft_memory *memory; /* the member's; for everything but reads */
  struct port_fs *fs;
  struct port_clock *clock;
  struct raft_tracer *tracer; /* NULL: no traces */
  raft_id member;             /* for traces; 0 before it is known */
  const char *place;          /* where the directory is, for messages only;
                                 NULL: not said. Outlives the log */
  raft_index covered;         /* a snapshot covers the log up to here: what is
                                 missing at its beginning may be missing */
  bool is_unfinished;         /* it is made out of another directory: init
                                 marks it (WAL_NAME_UNFINISHED), open does
                                 not mind; who makes it unmarks it */
  struct raft_limits limits;
  enum raft_bug bug;
  void *owner;
  /* Opening ended. On success 'recovered' is valid during the call, and all
  ** of it is durable. On failure 'detail' names file and offset, and the log
  ** can only be freed. */
  void (*opened) (void *owner, int status,
                  const struct wal_recovered *recovered,
                  const struct raft_detail *detail);
  /* Everything up to and including this ticket is durable. */
  void (*durable) (void *owner, uint64_t ticket);
  /* The disk failed; nothing that was not reported durable ever will be. */
  void (*failed) (void *owner, int status, const struct raft_detail *detail);
  /* No room for further entries (yes), or room again (no). Term and vote can
  ** still be written: a reserve is kept for them. */
  void (*full) (void *owner, bool yes);
  /* Then: term and vote up to this ticket are durable, though an entry up to
  ** it waits for room. */
  void (*voted) (void *owner, uint64_t ticket);
};

/* One thing to make durable. Entries that stand at or after 'first' go; then
** 'count' entries follow. first 0: only term and vote. */
struct wal_write {
  uint64_t ticket;            /* ascending by one */
  raft_term term;
  raft_id vote;
  raft_index first;
  bool is_reset;              /* the log is empty before them, and goes on at
                                 'first': a snapshot has what was there */
  const struct raft_slice *entries; /* envelopes with payloads; the log adds
                                       its own references */
  uint32_t count;
};

/* Old entries, read back. The caller owns it and keeps it until 'done'. */
struct wal_load {
  raft_index first;
  uint32_t count;             /* asked for; lowered to what can come */
  uint64_t max_bytes;         /* at least one entry comes whatever its size */
  /* Result: */
  int status;                 /* 0, RAFT_ECORRUPT, RAFT_EIO, RAFT_ENOMEM;
                                 RAFT_EINVALID: not in the log (any more) */
  struct raft_detail detail;
  struct raft_slice *entries; /* 'loaded' of them; array and references
                                 become the caller's (wal_load_free) */
  uint32_t loaded;
  void (*done) (struct wal_load *load);
  void *owner;
  struct wal *wal;            /* set by the log */
  struct wal_load *next;      /* the log's, while it waits */
};

struct wal_status {
  uint64_t bytes;             /* of all segments */
  uint32_t segments;
  uint64_t syncs;             /* since opening */
  uint64_t synced_bytes;
  uint64_t batch_records[16]; /* histogram: batches of [2^i, 2^(i+1)) */
  raft_time sync_started;     /* of the sync in flight; 0: none */
  struct raft_durations took; /* of write and sync together, since opening */
  bool full;
};

RAFT_HIDDEN_BEGIN

/* Makes the directory and its first segment, with entry 1 (an encoded entry
** of kind CONFIGURATION, index 1, term 1; copied), current term 1, no vote.
** 'done' is called once. Errors given to it: RAFT_ENOT_EMPTY, RAFT_EDENIED,
** RAFT_ELOCKED, RAFT_EDISK_FULL, RAFT_EIO, RAFT_ENOMEM.
** Errors: RAFT_ENOMEM (then 'done' is not called). */
int wal_init (const struct wal_options *options,
              const struct wal_identity *identity, struct raft_slice entry,
              void (*done) (void *owner, int status,
                            const struct raft_detail *detail));

/* Starts to open; ends with 'opened'. RAFT_ENOT_INITIALISED: no log there, or
** one that is marked as unfinished.
** Errors: RAFT_ENOMEM (then 'opened' is not called). */
int wal_open (struct wal **wal, const struct wal_options *options);

/* Queues one write. Errors: RAFT_ENOMEM, nothing is queued. */
int wal_persist (struct wal *wal, const struct wal_write *write);

/* Queues a peer's incarnation; durable with its ticket, as a write.
** Errors: RAFT_ENOMEM. */
int wal_persist_peer (struct wal *wal, uint64_t ticket,
                      const struct wal_peer *peer);

/* Queues a read. Cannot fail: what is wrong comes with 'done'. */
void wal_read (struct wal *wal, struct wal_load *load);
void wal_load_free (struct wal_load *load);

/* A snapshot covers the entries up to 'index': segments that hold nothing
** else are removed, oldest first, one by one. */
void wal_compact (struct wal *wal, raft_index index);

/* When nothing is queued, proves the last batch durable with a mark, and
** tries again for space when full. To be called at wal_deadline. */
void wal_on_time (struct wal *wal);
raft_time wal_deadline (const struct wal *wal);

void wal_get_status (const struct wal *wal, struct wal_status *status);

/* Finishes what is queued, writes a mark, closes the files, then 'done'.
** After a failure only closes. */
void wal_close (struct wal *wal, void (*done) (void *owner));
/* After 'done', or when the world will not complete anything any more. */
void wal_free (struct wal *wal);

RAFT_HIDDEN_END

#endif
