/* SPDX-License-Identifier: MIT
**
** reads.h - questions that wait: for the engine's word, for an index to be
** applied, for the machine.
**
** Holds:     a table of reads in lists, one list per state; the requests
**            that the machine has.
** Knows not: the engine, the wire.
** Invariant: a read is in exactly one list; its id names slot and life, so
**            that a late word about an earlier read of the slot is noticed.
**
**   intake ─► round ─► applying ─► ready ─► asked ─► free
**             (engine)  (index)     ▲
**   stale reads without a bound, state hashes ──┘                       */

#ifndef RAFT_REPLICA_READS_H
#define RAFT_REPLICA_READS_H

#include "base/memory.h"
#include "base/slice.h"
#include "port/machine.h"
#include "raft/event.h"
#include "replica/calls.h"

#define READS_ASKED_MAX 32 /* questions that the machine has at a time */

enum read_state {
  READ_FREE,
  READ_INTAKE,   /* came in this turn */
  READ_ROUND,    /* the engine asks the followers */
  READ_APPLYING, /* 'index' is not applied yet */
  READ_READY,    /* the machine may be asked */
  READ_ASKED,
  READ_STATES
};

struct replica_read {
  enum read_state state;
  uint32_t next;       /* slot, of the same list; 0: none */
  uint32_t previous;
  uint64_t life;       /* counts the uses of this slot */
  struct replica_caller caller;
  raft_index index;    /* to be applied first; of a state hash: of what */
  bool is_digest;      /* the state hash, for a status */
  enum raft_read_kind kind; /* as the engine is asked */
  raft_time max_age_us;
  struct raft_slice question;
};

struct read_list {
  uint32_t first; /* slots; 0: none */
  uint32_t last;
  uint32_t count;
};

struct replica_reads {
  struct raft_memory *memory;
  struct replica_read *slots; /* slot 0 is not used */
  size_t capacity;
  size_t used;                /* slots ever used, slot 0 included */
  struct read_list lists[READ_STATES];
  /* The machine's. */
  struct machine_request *requests; /* READS_ASKED_MAX, made when first
                                       needed; request i serves asked[i] */
  struct machine_entry questions[READS_ASKED_MAX];
  struct machine_result results[READS_ASKED_MAX];
  uint32_t asked[READS_ASKED_MAX];  /* slots; 0: the request is free */
  uint32_t asked_count;
  uint64_t served[RAFT_READ_STALE + 1]; /* by kind, since the start */
  uint64_t leases_missed; /* reads by lease that needed a round */
};

RAFT_HIDDEN_BEGIN

void replica_reads_init (struct replica_reads *reads,
                         struct raft_memory *memory);
void replica_reads_free (struct replica_reads *reads);

/* A free slot, moved to 'state'. Takes over the question's reference.
** 0: out of memory (the reference stays the caller's). */
uint32_t replica_reads_add (struct replica_reads *reads, enum read_state state,
                            const struct replica_caller *caller,
                            struct raft_slice question);
struct replica_read *replica_reads_at (const struct replica_reads *reads,
                                       uint32_t slot);
/* To the end of another list. */
void replica_reads_move (struct replica_reads *reads, uint32_t slot,
                         enum read_state state);
/* Forgets a read: to the free list. */
void replica_reads_end (struct replica_reads *reads, uint32_t slot);

/* The name of a read for the engine, and back; 0: it is over. */
uint64_t replica_reads_id (const struct replica_reads *reads, uint32_t slot);
uint32_t replica_reads_of_id (const struct replica_reads *reads, uint64_t id);
/* Reads that are not free. */
uint64_t replica_reads_waiting (const struct replica_reads *reads);

RAFT_HIDDEN_END

#endif
