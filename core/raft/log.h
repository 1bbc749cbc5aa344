/* SPDX-License-Identifier: MIT
**
** log.h - what the engine knows of its log: terms of all entries, sizes of
** the latest, and how much of it is durable.
**
** Holds:     runs of equal term from base + 1 on; the entries still cached by
**            ring 1; the writes that are under way.
** Knows not: roles, commit. It is told where it must not be cut.
**
**   index     1   2   3   4   5   6   7   8   9
**   term      1   1   1   2   2   2   2   4   4    runs: (1,1) (4,2) (8,4)
**                         |-- cached ---------|
**                     first_cached           last
**             |-- durable ------|-- writing --|
**                             stable
**
** Rule:      what stood at or below 'base' is committed and in a snapshot. Its
**            terms are not known any more, except that of 'base' itself.
** Invariant: base <= stable <= last; first_cached <= last + 1; what is not
**            durable is cached; a write that is under way covers only indexes
**            that were not cut since it was issued: one written, cut and
**            written again is durable with the second write, not the first
**            (etcd/raft, append aba race).
** Source:    Diss. 3.5, 10.2.1 (writing in parallel). */

#ifndef RAFT_RAFT_LOG_H
#define RAFT_RAFT_LOG_H

#include "base/bug.h"
#include "raft/raft.h"

struct raft_log_write {
  uint64_t ticket;
  raft_index last; /* durable up to here when it is done, if not cut since */
  raft_term term;  /* term and vote as they were written */
  raft_id vote;
};

struct raft_log {
  struct raft_memory *memory;
  struct raft_term_run *runs;
  size_t run_count;
  size_t run_capacity;
  struct raft_entry *ring; /* of entry i: slot i modulo ring_capacity */
  size_t ring_capacity;    /* a power of two, or 0 */
  raft_index base;         /* compacted up to here; 0: nothing */
  raft_term base_term;
  raft_index first_cached;
  raft_index last;
  raft_index stable;
  uint64_t cached_bytes;
  struct raft_log_write *writes; /* oldest first */
  size_t write_count;
  size_t write_capacity;
  uint64_t ticket;         /* of the newest write; 0: none yet */
  uint64_t ticket_done;    /* this one and all before it are durable */
  enum raft_bug bug;
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM. */
int raft_log_init (struct raft_log *log, struct raft_memory *memory,
                   const struct raft_recovered *recovered);
void raft_log_free (struct raft_log *log);
int raft_log_copy (const struct raft_log *log, struct raft_memory *memory,
                   struct raft_log *copy);

/* Room for 'entries' more, in 'runs' further runs, and one more write.
** Errors: RAFT_ENOMEM; the log is as before. */
int raft_log_reserve (struct raft_log *log, size_t entries, size_t runs);

/* The term of an index; index 0 has term 0. RAFT_ENOT_FOUND past the end, and
** below base. */
int raft_log_term (const struct raft_log *log, raft_index index,
                   raft_term *term);
/* The same for an index that is known to be in the log. */
raft_term raft_log_term_at (const struct raft_log *log, raft_index index);
raft_term raft_log_last_term (const struct raft_log *log);
/* Whether a log that ends with (index, term) is at least as up to date as
** this one (Paper 5.4.1). */
bool raft_log_is_behind (const struct raft_log *log, raft_index index,
                         raft_term term);
/* The last index at or below 'index' whose term is at most 'term'. What is at
** or below base counts as such: it is committed, so equal everywhere. */
raft_index raft_log_find (const struct raft_log *log, raft_index index,
                          raft_term term);
bool raft_log_is_cached (const struct raft_log *log, raft_index index);
const struct raft_entry *raft_log_entry (const struct raft_log *log,
                                         raft_index index);
/* How many cached entries from 'first' to 'last' fit both bounds; at least
** one. 'bytes' becomes their size. */
uint32_t raft_log_page (const struct raft_log *log, raft_index first,
                        raft_index last, uint64_t max_entries,
                        uint64_t *bytes);

/* Appends one reserved entry. */
void raft_log_append (struct raft_log *log, const struct raft_entry *entry);
/* Cuts everything from 'first' on. */
void raft_log_truncate (struct raft_log *log, raft_index first);
/* A write of term, vote and the log as it is now begins; returns its ticket.*/
uint64_t raft_log_write_begin (struct raft_log *log, raft_term term,
                               raft_id vote);
/* The newest write at or before a ticket, of those under way; false: none. */
bool raft_log_write_covers (const struct raft_log *log, uint64_t ticket,
                            struct raft_log_write *newest);
/* A ticket is done. Returns the newest write it covers in *done (term and
** vote that are durable now); false when it was done before. */
bool raft_log_write_end (struct raft_log *log, uint64_t ticket,
                         struct raft_log_write *done);
/* Forgets the oldest cached entries up to 'limit' while more than 'bytes'. */
void raft_log_evict (struct raft_log *log, raft_index limit, uint64_t bytes);

/* Entries at or below 'index', all durable, are forgotten. */
void raft_log_compact (struct raft_log *log, raft_index index);
/* The log is empty and goes on after 'index', of 'term'. */
void raft_log_reset (struct raft_log *log, raft_index index, raft_term term);

RAFT_HIDDEN_END

#endif
