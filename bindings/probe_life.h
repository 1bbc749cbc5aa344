/* SPDX-License-Identifier: MIT
**
** probe_life.h - one life of a log on a pretended disk, for specs.
**
** Holds:  a log with its arena, clock and callbacks, and what these said.
** Rule:   a life ends with life_end; its disk stays the caller's. */

#ifndef RAFT_BINDINGS_PROBE_LIFE_H
#define RAFT_BINDINGS_PROBE_LIFE_H

#include "base/bug.h"
#include "base/memory.h"
#include "sim/disk.h"
#include "wal/wal.h"

#define LIFE_PEERS 8
#define LIFE_RUNS 64

struct life_options {
  uint64_t segment_bytes;
  uint64_t batch_bytes;
  uint64_t seed;        /* of the salts */
  enum raft_bug bug;
  raft_index covered;   /* by a snapshot */
};

struct life {
  struct raft_arena arena;
  struct port_clock clock;
  raft_time now;
  uint64_t seed;
  struct sim_disk *disk;
  struct wal_options options;
  struct wal *wal;          /* NULL: not open */
  bool has_opened;          /* opened was called, well or badly */
  int open_status;
  struct raft_detail detail;/* of opening, init or failing */
  bool has_failed;
  int fail_status;
  uint64_t durable;         /* latest ticket */
  uint64_t durable_calls;
  bool is_full;
  uint64_t full_calls;
  uint64_t voted; /* ticket: a vote that went before entries */
  bool has_closed;
  bool init_done;
  int init_status;
  bool load_done;
  /* As told by opened: */
  struct wal_identity identity;
  raft_term term;
  raft_id vote;
  raft_index base_index;
  raft_index last_index;
  raft_time last_time;
  raft_index configuration_index;
  uint64_t configuration_sum; /* of its bytes */
  struct wal_peer peers[LIFE_PEERS];
  uint32_t peer_count;
  struct raft_term_run runs[LIFE_RUNS];
  uint32_t run_count;
  uint64_t bytes;
};

RAFT_HIDDEN_BEGIN

void life_begin (struct life *life, struct sim_disk *disk,
                 const struct life_options *options);
/* Frees the log. Returns the bytes that it forgot to free. */
size_t life_end (struct life *life);

/* The identity that all specs use. */
void life_identity (struct wal_identity *identity);

/* Starts; the caller steps the disk until init_done. */
int life_init (struct life *life, struct raft_slice entry);
/* Starts; the caller steps the disk until has_opened. */
int life_open (struct life *life);

/* Reads, stepping the disk. The caller frees *load (wal_load_free). */
void life_read (struct life *life, struct wal_load *load, raft_index first,
                uint32_t count);

/* Closes, stepping the disk; all time passes that it needs. */
void life_close (struct life *life);

/* Lets the log be quiet until its deadline, and steps the disk. */
void life_rest (struct life *life);

RAFT_HIDDEN_END

#endif
