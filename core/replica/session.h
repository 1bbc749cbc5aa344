/* SPDX-License-Identifier: MIT
**
** session.h - which commands of which client were applied, and what came out.
**
** Holds:     open sessions, least recently used first; per session the
**            results of what the client has not acknowledged yet.
** Knows not: the log, the machine, connections. It is told each entry in log
**            order and answers what to do with it.
** Invariant: the table is a function of the log alone: two members that
**            applied the same index have equal tables, whatever batches the
**            entries came in.
** Source:    Diss. 6.3 (linearizable semantics, sessions, expiry by an order
**            that all members agree on).
**
** Expiry. By number of sessions, when one is opened; by the time in the log,
** which no clock of a member has a part in, with each entry; by bytes of kept
** results, in replica_session_trim. How long a result is, is known only when
** the machine has answered, that is at the end of a batch of entries. So
** replica_session_trim belongs to fixed indexes (SESSION_TRIM_ENTRIES), at
** which a batch ends on every member.
**
** Cost. An entry costs the same however much is kept: what is forgotten at
** once, a session with all of its results, is only taken out of what counts,
** and its memory is given back by parts (replica_session_sweep). */

#ifndef RAFT_REPLICA_SESSION_H
#define RAFT_REPLICA_SESSION_H

#include "base/bug.h"
#include "base/limit.h"
#include "base/memory.h"
#include "base/slice.h"
#include "base/types.h"
#include "replica/slots.h"

/* Sessions expire by bytes only after an index that is a multiple of this. */
#define SESSION_TRIM_ENTRIES 256
/* What a kept result counts beside its bytes: its place in the table. */
#define SESSION_RECORD_BYTES 64
/* Results up to this size need no allocation of their own. */
#define SESSION_INLINE_BYTES 40
/* Results that one command may acknowledge at most; the next one the rest. */
#define SESSION_ACKNOWLEDGED_MAX 256

struct session;

/* One applied command of a session. */
struct session_record {
  struct session_link link;    /* first: a chain's link is its record */
  struct session_record *next; /* of the session, in order of application; of
                                  the free list; or of those in limbo */
  struct session *session;     /* NULL: forgotten meanwhile */
  uint64_t session_id;
  uint64_t sequence;
  int status;       /* RAFT_ERESULT_LOST until replica_session_keep */
  size_t size;      /* of the result */
  bool has_result;  /* its bytes are here */
  struct raft_block *large; /* a result of more than SESSION_INLINE_BYTES */
  uint8_t small[SESSION_INLINE_BYTES];
};

struct session {
  struct session_link link; /* first */
  struct session *newer; /* least recently used first; or of those dropped,
                            or free */
  struct session *older;
  uint64_t id;           /* index of the entry that opened it */
  uint64_t first_unacknowledged;
  raft_time used;        /* in the envelope of its last entry */
  struct session_record *oldest; /* records in order of application */
  struct session_record *newest;
  uint32_t record_count;
  uint64_t bytes;        /* that they count */
  bool is_dropped;       /* nobody finds it any more */
};

struct session_pool; /* memory that sessions or records are cut from */

/* The same on all members, or they forget different things. */
struct session_bounds {
  uint64_t sessions_max;
  uint64_t bytes_max;
  uint64_t result_max;   /* a larger result is not kept: bytes */
  raft_time expire_us;   /* without an entry for so long: it expires */
};

struct session_table {
  struct raft_memory *memory;
  struct session_bounds bounds;
  enum raft_bug bug;
  raft_time time;        /* of the log, as far as it was told */
  struct session_slots sessions;
  struct session_slots records;
  struct session *least_recent;
  struct session *most_recent;
  uint64_t session_count;
  uint64_t record_count;
  uint64_t bytes;        /* of kept results, as counted on every member */
  struct session *free_sessions;
  size_t free_session_count;
  struct session_record *free_records;
  size_t free_record_count;
  struct session_record *limbo; /* forgotten, not to be reused yet */
  struct session_record *limbo_last;
  struct session_record *garbage; /* forgotten, to be given back */
  struct session *dropped; /* those with records, to be given back */
  struct session_pool *pools;
};

/* What to do with a command. */
enum session_verdict {
  SESSION_FRESH,     /* apply it, then replica_session_keep (record) */
  SESSION_DUPLICATE, /* applied before: 'record' has or gets the result */
  SESSION_LOST,      /* applied before, its result is gone */
  SESSION_EXPIRED    /* no such session */
};

RAFT_HIDDEN_BEGIN

/* What a member's limits say of sessions. */
struct session_bounds replica_session_bounds (
  const struct raft_limits *limits);
void replica_session_table_init (struct session_table *table,
                                 struct raft_memory *memory,
                                 const struct session_bounds *bounds,
                                 enum raft_bug bug);
void replica_session_table_free (struct session_table *table);
/* The same by parts: true, it is empty. Nothing else is asked of it between.*/
bool replica_session_table_shed (struct session_table *table);

/* Room for so many further sessions and commands, so that what follows
** cannot fail. Errors: RAFT_ENOMEM; the table is as before. */
int replica_session_table_reserve (struct session_table *table, size_t sessions,
                                   size_t commands);

/* An entry of the log, of any kind, has this time: later than the one before.
** Returns the id of a session that expires by it, 0: none (call until then),
** before the entry itself is looked at. */
uint64_t replica_session_time (struct session_table *table, raft_time time);

/* The entry at 'id' opens a session. Returns the id of the session that
** expires for it, 0: none. */
uint64_t replica_session_open (struct session_table *table, uint64_t id);
bool replica_session_has (const struct session_table *table, uint64_t id);
/* Returns whether there was one. */
bool replica_session_close (struct session_table *table, uint64_t id);

/* A command of session 'id' (not 0), with the lowest sequence whose result
** the client still wants. */
enum session_verdict replica_session_command (struct session_table *table,
                                              uint64_t id, uint64_t sequence,
                                              uint64_t first_unacknowledged,
                                              struct session_record **record);

/* What came out of a fresh command. When memory is out the bytes are lost,
** never the fact; the count of bytes is the same either way. */
void replica_session_keep (struct session_table *table,
                           struct session_record *record, int status,
                           const uint8_t *data, size_t size);
const uint8_t *replica_session_result (const struct session_record *record);
/* What came out, of a size whose bytes were lost elsewhere. */
void replica_session_keep_lost (struct session_table *table,
                                struct session_record *record, int status,
                                size_t size);

/* The results of a batch are in: records that were forgotten during it may
** be reused. */
void replica_session_batch_end (struct session_table *table);

/* Gives back a part of what was forgotten. True: that was all. No batch is
** with the machine. */
bool replica_session_sweep (struct session_table *table);
bool replica_session_is_swept (const struct session_table *table);

/* While more bytes are kept than allowed, the session longest without a
** command expires. Returns its id, 0: nothing to do (call until then). */
uint64_t replica_session_trim (struct session_table *table);

/* A hash over all that decides later verdicts. */
uint64_t replica_session_table_hash (const struct session_table *table);

RAFT_HIDDEN_END

#endif
