/* SPDX-License-Identifier: MIT
**
** contents.h - what a log says: term, vote, last index, latest configuration,
** peers, and where on disk each entry is.
**
** Holds:     the sum of all batches written or read so far.
** Knows not: files, requests, the format.
** Invariant: 'places' and 'configurations' ascend by index, and none stands
**            above last_index; places stand above base_index.
** Rule:      changes cannot fail: room for them is reserved before, so that
**            the log stays as it was when memory runs out.
**
**   index    1  2  3  4  5  6  7  8  9       one place per batch that holds
**            |-- 17 --|  |18|  |-- 19 --|    entries: index i is in the last
**   places   1           4     6             place whose first is <= i   */

#ifndef RAFT_WAL_CONTENTS_H
#define RAFT_WAL_CONTENTS_H

#include "base/memory.h"
#include "base/slice.h"
#include "raft/raft.h"
#include "wal/wal.h"

/* Where one batch is. */
struct wal_place {
  raft_index first;  /* of the entries in it that still stand */
  uint64_t segment;
  uint64_t offset;
  uint64_t size;
};

struct wal_configuration {
  raft_index index;
  struct raft_slice entry;
};

struct wal_contents {
  struct raft_memory *memory;
  raft_term term;
  raft_id vote;
  raft_index base_index;  /* entries begin after it */
  raft_index last_index;
  raft_time last_time;    /* the latest of all entries ever seen */
  struct wal_place *places;
  size_t place_count;
  size_t place_capacity;
  struct wal_configuration *configurations;
  size_t configuration_count;
  size_t configuration_capacity;
  struct wal_peer *peers;
  size_t peer_count;
  size_t peer_capacity;
  bool keeps_runs;        /* only while recovering */
  struct raft_term_run *runs;
  size_t run_count;
  size_t run_capacity;
};

/* How many of each may be added without failing. */
struct wal_room {
  size_t places;
  size_t configurations;
  size_t peers;
  size_t runs;
};

struct wal_new_entry {
  raft_index index;       /* last_index + 1 */
  raft_term term;
  raft_time time;
  bool is_configuration;
  struct raft_slice bytes; /* of a configuration: retained */
};

RAFT_HIDDEN_BEGIN

void wal_contents_init (struct wal_contents *contents,
                        struct raft_memory *memory);
void wal_contents_free (struct wal_contents *contents);

/* Errors: RAFT_ENOMEM. */
int wal_contents_reserve (struct wal_contents *contents,
                          const struct wal_room *room);

/* No entries; they go on after 'index'. */
void wal_contents_reset (struct wal_contents *contents, raft_index index);
/* All entries go, and the last ones of those that are not there: they go on
** after 'index', which is before base_index. */
void wal_contents_shorten (struct wal_contents *contents, raft_index index);
/* What stood in segments before 'segment' is gone. */
void wal_contents_compact (struct wal_contents *contents, uint64_t segment);
/* The last index in segments up to 'segment'. */
raft_index wal_contents_last_in (const struct wal_contents *contents,
                                 uint64_t segment);
/* A configuration whose entry is not there any more; reserved. */
void wal_contents_configure (struct wal_contents *contents, raft_index index,
                             struct raft_slice entry);

/* Entries at or after 'first' go; first may be last_index + 1. */
void wal_contents_truncate (struct wal_contents *contents, raft_index first);
/* 'place' is the batch that holds it; its 'first' is not looked at. */
void wal_contents_append (struct wal_contents *contents,
                          const struct wal_place *place,
                          const struct wal_new_entry *entry);
void wal_contents_peer (struct wal_contents *contents,
                        const struct wal_peer *peer);

/* The batch that holds an index of (base_index, last_index]. *end is the
** index behind the last that this batch holds. */
const struct wal_place *wal_contents_find (
  const struct wal_contents *contents, raft_index index, raft_index *end);

/* The latest configuration; NULL: none yet. */
const struct wal_configuration *wal_contents_configuration (
  const struct wal_contents *contents);

void wal_contents_forget_runs (struct wal_contents *contents);

RAFT_HIDDEN_END

#endif
