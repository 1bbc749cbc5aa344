/* SPDX-License-Identifier: MIT
**
** session.c - which commands of which client were applied (Diss. 6.3).
**
** Records and sessions are cut from pools that live as long as the table. A
** record that is forgotten while its batch is still with the machine waits
** in limbo: the plan of that batch points to it. */

#include "replica/session.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

#define SESSION_POOL_BYTES 8192 /* cut into sessions or records */
/* Of one part of sweeping: records, and pages of their results; some 2 MiB,
** which is more than the results of most batches. */
#define SESSION_SWEEP_WORK 512
#define SESSION_SHED 64 /* sessions and pools, of one part of shedding */

struct session_pool {
  struct session_pool *next;
  size_t size; /* bytes, this head included */
};

struct session_bounds replica_session_bounds (
  const struct raft_limits *limits) {
  struct session_bounds bounds;
  bounds.sessions_max = limits->sessions;
  bounds.bytes_max = limits->session_bytes;
  bounds.result_max = limits->entry_bytes;
  bounds.expire_us = limits->session_expire_us;
  return bounds;
}

void replica_session_table_init (struct session_table *table,
                                 struct raft_memory *memory,
                                 const struct session_bounds *bounds,
                                 enum raft_bug bug) {
  struct session_bounds copy = *bounds; /* they may be the table's own */
  memset (table, 0, sizeof *table);
  table->memory = memory;
  table->bounds = copy;
  table->bug = bug;
  replica_slots_init (&table->sessions, memory);
  replica_slots_init (&table->records, memory);
}

void replica_session_table_free (struct session_table *table) {
  while (!replica_session_table_shed (table)) {
  }
}

/* ---- room ------------------------------------------------------------- */

static uint64_t session_hash (uint64_t id) { return raft_mix (id); }

static uint64_t record_hash (uint64_t session, uint64_t sequence) {
  return raft_mix (raft_mix (session) + sequence);
}

static void *session_pool_new (struct session_table *table) {
  struct session_pool *pool
    = raft_allocate_zeroed (table->memory, SESSION_POOL_BYTES);
  if (pool != NULL) {
    pool->size = SESSION_POOL_BYTES;
    pool->next = table->pools;
    table->pools = pool;
  }
  return pool;
}

static int session_grow (struct session_table *table) {
  struct session_pool *pool = session_pool_new (table);
  struct session *cut;
  size_t i;
  if (pool == NULL) {
    return RAFT_ENOMEM;
  }
  cut = (struct session *)(pool + 1);
  for (i = 0; i < (SESSION_POOL_BYTES - sizeof *pool) / sizeof *cut; i++) {
    cut[i].newer = table->free_sessions;
    table->free_sessions = &cut[i];
    table->free_session_count++;
  }
  return RAFT_OK;
}

static int record_grow (struct session_table *table) {
  struct session_pool *pool = session_pool_new (table);
  struct session_record *cut;
  size_t i;
  if (pool == NULL) {
    return RAFT_ENOMEM;
  }
  cut = (struct session_record *)(pool + 1);
  for (i = 0; i < (SESSION_POOL_BYTES - sizeof *pool) / sizeof *cut; i++) {
    cut[i].next = table->free_records;
    table->free_records = &cut[i];
    table->free_record_count++;
  }
  return RAFT_OK;
}

int replica_session_table_reserve (struct session_table *table, size_t sessions,
                                   size_t commands) {
  int status = replica_slots_reserve (&table->sessions, sessions);
  if (status == RAFT_OK) {
    status = replica_slots_reserve (&table->records, commands);
  }
  while (status == RAFT_OK && table->free_session_count < sessions) {
    status = session_grow (table);
  }
  while (status == RAFT_OK && table->free_record_count < commands) {
    status = record_grow (table);
  }
  return status;
}

/* ---- forgetting ------------------------------------------------------- */

/* What a record counts. */
static uint64_t record_bytes (const struct session_record *record) {
  return record->status == RAFT_ERESULT_LOST
           ? SESSION_RECORD_BYTES : SESSION_RECORD_BYTES + record->size;
}

/* The oldest record of a session goes to limbo. */
static void session_forget_oldest (struct session_table *table,
                                   struct session *session) {
  struct session_record *record = session->oldest;
  uint64_t bytes = record_bytes (record);
  session->oldest = record->next;
  if (session->oldest == NULL) {
    session->newest = NULL;
  }
  raft_assert (session->record_count > 0);
  session->record_count--;
  session->bytes -= bytes;
  table->record_count--;
  table->bytes -= bytes;
  replica_slots_remove (&table->records, &record->link);
  record->session = NULL;
  record->next = table->limbo;
  if (table->limbo == NULL) {
    table->limbo_last = record;
  }
  table->limbo = record;
}

/* Returns how much work that was. */
static size_t record_reuse (struct session_table *table,
                            struct session_record *record) {
  size_t work = 1 + (record->large != NULL ? record->size / 4096 : 0);
  raft_block_release (record->large);
  record->large = NULL;
  record->has_result = false;
  record->next = table->free_records;
  table->free_records = record;
  table->free_record_count++;
  return work;
}

static void session_reuse (struct session_table *table,
                           struct session *session) {
  session->newer = table->free_sessions;
  table->free_sessions = session;
  table->free_session_count++;
}

bool replica_session_is_swept (const struct session_table *table) {
  return table->garbage == NULL && table->dropped == NULL;
}

static size_t sweep_garbage (struct session_table *table) {
  struct session_record *record = table->garbage;
  table->garbage = record->next;
  return record_reuse (table, record);
}

static size_t sweep_dropped (struct session_table *table) {
  struct session *session = table->dropped;
  struct session_record *record = session->oldest;
  if (record == NULL) {
    table->dropped = session->newer;
    session_reuse (table, session);
    return 1;
  }
  session->oldest = record->next;
  replica_slots_remove (&table->records, &record->link);
  return record_reuse (table, record);
}

bool replica_session_sweep (struct session_table *table) {
  size_t work = 0;
  while (work < SESSION_SWEEP_WORK && !replica_session_is_swept (table)) {
    work += table->garbage != NULL ? sweep_garbage (table)
                                   : sweep_dropped (table);
  }
  return replica_session_is_swept (table);
}

void replica_session_batch_end (struct session_table *table) {
  if (table->limbo != NULL) {
    table->limbo_last->next = table->garbage;
    table->garbage = table->limbo;
    table->limbo = NULL;
  }
  (void)replica_session_sweep (table);
}

/* ---- sessions, least recently used first ------------------------------ */

static struct session *session_find (const struct session_table *table,
                                     uint64_t id) {
  struct session_link *link = replica_slots_chain (&table->sessions,
                                                   session_hash (id));
  while (link != NULL && ((struct session *)link)->id != id) {
    link = link->next;
  }
  return (struct session *)link;
}

bool replica_session_has (const struct session_table *table, uint64_t id) {
  return session_find (table, id) != NULL;
}

static void session_unlink (struct session_table *table,
                            struct session *session) {
  if (session->older != NULL) {
    session->older->newer = session->newer;
  } else {
    table->least_recent = session->newer;
  }
  if (session->newer != NULL) {
    session->newer->older = session->older;
  } else {
    table->most_recent = session->older;
  }
}

static void session_append (struct session_table *table,
                            struct session *session) {
  session->newer = NULL;
  session->older = table->most_recent;
  if (session->older != NULL) {
    session->older->newer = session;
  } else {
    table->least_recent = session;
  }
  table->most_recent = session;
}

static void session_drop (struct session_table *table,
                          struct session *session) {
  replica_slots_remove (&table->sessions, &session->link);
  session_unlink (table, session);
  session->is_dropped = true;
  table->bytes -= session->bytes;
  table->record_count -= session->record_count;
  table->session_count--;
  if (session->oldest != NULL) {
    session->newer = table->dropped;
    table->dropped = session;
  } else {
    session_reuse (table, session);
  }
}

uint64_t replica_session_open (struct session_table *table, uint64_t id) {
  struct session *session = table->free_sessions;
  uint64_t expired = 0;
  raft_assert (session != NULL && session_find (table, id) == NULL);
  table->free_sessions = session->newer;
  table->free_session_count--;
  memset (session, 0, sizeof *session);
  session->id = id;
  session->first_unacknowledged = 1;
  session->used = table->time;
  session->link.hash = session_hash (id);
  replica_slots_add (&table->sessions, &session->link);
  session_append (table, session);
  table->session_count++;
  if (table->session_count > table->bounds.sessions_max) {
    expired = table->least_recent->id;
    session_drop (table, table->least_recent);
  }
  return expired;
}

bool replica_session_close (struct session_table *table, uint64_t id) {
  struct session *session = session_find (table, id);
  if (session == NULL) {
    return false;
  }
  session_drop (table, session);
  return true;
}

uint64_t replica_session_trim (struct session_table *table) {
  struct session *session = table->least_recent;
  uint64_t id;
  if (table->bytes <= table->bounds.bytes_max || session == NULL) {
    return 0;
  }
  id = session->id;
  session_drop (table, session);
  return id;
}

/* The times of the log rise, so the session longest without an entry is the
** one whose last entry is oldest. */
uint64_t replica_session_time (struct session_table *table, raft_time time) {
  struct session *session = table->least_recent;
  uint64_t id;
  table->time = time;
  if (session == NULL || time < session->used
      || time - session->used < table->bounds.expire_us) {
    return 0;
  }
  id = session->id;
  session_drop (table, session);
  return id;
}

/* ---- commands --------------------------------------------------------- */

static struct session_record *record_find (const struct session_table *table,
                                           uint64_t session,
                                           uint64_t sequence) {
  struct session_link *link = replica_slots_chain (
    &table->records, record_hash (session, sequence));
  while (link != NULL) {
    struct session_record *record = (struct session_record *)link;
    if (record->session_id == session && record->sequence == sequence) {
      return record;
    }
    link = link->next;
  }
  return NULL;
}

static struct session_record *record_new (struct session_table *table,
                                          struct session *session,
                                          uint64_t sequence) {
  struct session_record *record = table->free_records;
  raft_assert (record != NULL);
  table->free_records = record->next;
  table->free_record_count--;
  memset (record, 0, offsetof (struct session_record, small));
  record->session = session;
  record->session_id = session->id;
  record->sequence = sequence;
  record->status = RAFT_ERESULT_LOST;
  record->link.hash = record_hash (session->id, sequence);
  replica_slots_add (&table->records, &record->link);
  if (session->newest != NULL) {
    session->newest->next = record;
  } else {
    session->oldest = record;
  }
  session->newest = record;
  session->record_count++;
  session->bytes += SESSION_RECORD_BYTES;
  table->record_count++;
  table->bytes += SESSION_RECORD_BYTES;
  return record;
}

/* The client has these answers. Only from the oldest on, and not all of a
** great many: one that is kept longer costs memory, and is still right. */
static void session_acknowledge (struct session_table *table,
                                 struct session *session, uint64_t first) {
  if (first > session->first_unacknowledged) {
    session->first_unacknowledged = first;
  }
  for (uint32_t i = 0; i < SESSION_ACKNOWLEDGED_MAX
         && session->oldest != NULL
         && session->oldest->sequence < session->first_unacknowledged; i++) {
    session_forget_oldest (table, session);
  }
}

enum session_verdict replica_session_command (struct session_table *table,
                                              uint64_t id, uint64_t sequence,
                                              uint64_t first_unacknowledged,
                                              struct session_record **record) {
  struct session *session = session_find (table, id);
  struct session_record *found;
  if (session == NULL) {
    return SESSION_EXPIRED;
  }
  session_unlink (table, session);
  session_append (table, session);
  session->used = table->time;
  session_acknowledge (table, session, first_unacknowledged);
  found = record_find (table, id, sequence);
  if (found != NULL && !raft_bug (table, NO_DEDUPLICATION)) {
    *record = found;
    return SESSION_DUPLICATE;
  }
  if (sequence < session->first_unacknowledged
      && !raft_bug (table, NO_DEDUPLICATION)) {
    return SESSION_LOST;
  }
  *record = record_new (table, session, sequence);
  return SESSION_FRESH;
}

void replica_session_keep_lost (struct session_table *table,
                                struct session_record *record, int status,
                                size_t size) {
  struct session *session = record->session;
  record->status = status;
  record->size = size;
  if (session != NULL && !session->is_dropped) {
    session->bytes += size;
    table->bytes += size;
  }
}

void replica_session_keep (struct session_table *table,
                           struct session_record *record, int status,
                           const uint8_t *data, size_t size) {
  raft_assert (!record->has_result && status != RAFT_ERESULT_LOST);
  if (size > table->bounds.result_max) {
    return; /* the fact alone is kept, on every member alike */
  }
  replica_session_keep_lost (table, record, status, size);
  if (size <= SESSION_INLINE_BYTES) {
    if (size > 0) {
      memcpy (record->small, data, size);
    }
    record->has_result = true;
    return;
  }
  record->large = raft_block_new (table->memory, size);
  if (record->large != NULL) {
    memcpy (record->large->bytes, data, size);
    record->has_result = true;
  }
}

const uint8_t *replica_session_result (const struct session_record *record) {
  raft_assert (record->has_result);
  return record->large != NULL ? record->large->bytes : record->small;
}

uint64_t replica_session_table_hash (const struct session_table *table) {
  const struct session *session;
  uint64_t hash = raft_mix (table->bytes);
  for (session = table->least_recent; session != NULL;
       session = session->newer) {
    const struct session_record *record;
    hash = raft_mix (hash + session->id);
    hash = raft_mix (hash + session->first_unacknowledged);
    hash = raft_mix (hash + session->used);
    for (record = session->oldest; record != NULL; record = record->next) {
      hash = raft_mix (hash + record->sequence);
      hash = raft_mix (hash + (uint64_t)-(int64_t)record->status);
      hash = raft_mix (hash + record->size);
    }
  }
  return hash;
}

/* ---- the end ----------------------------------------------------------- */

static void pool_free (struct session_table *table) {
  struct session_pool *pool = table->pools;
  table->pools = pool->next;
  raft_release (table->memory, pool, pool->size);
}

bool replica_session_table_shed (struct session_table *table) {
  uint32_t i;
  for (i = 0; i < SESSION_SHED && table->least_recent != NULL; i++) {
    session_drop (table, table->least_recent);
  }
  replica_session_batch_end (table);
  if (table->least_recent != NULL || !replica_session_is_swept (table)) {
    return false;
  }
  for (i = 0; i < SESSION_SHED && table->pools != NULL; i++) {
    pool_free (table);
  }
  if (table->pools != NULL) {
    return false;
  }
  replica_slots_free (&table->sessions);
  replica_slots_free (&table->records);
  replica_session_table_init (table, table->memory, &table->bounds,
                              table->bug);
  return true;
}
