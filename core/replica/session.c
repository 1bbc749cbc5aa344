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
}

static void record_drop_bytes (struct session_table *table,
                               struct session_record *record) {
  raft_release (table->memory, record->large, record->size);
  record->large = NULL;
  record->has_result = false;
}

void replica_session_table_free (struct session_table *table) {
  struct session *session = table->least_recent;
  struct session_pool *pool;
  while (session != NULL) {
    struct session_record *record = session->oldest;
    while (record != NULL) {
      record_drop_bytes (table, record);
      record = record->next;
    }
    session = session->newer;
  }
  replica_session_batch_end (table);
  while ((pool = table->pools) != NULL) {
    table->pools = pool->next;
    raft_release (table->memory, pool, pool->size);
  }
  raft_release (table->memory, table->sessions,
                table->session_slots * sizeof *table->sessions);
  raft_release (table->memory, table->records,
                table->record_slots * sizeof *table->records);
  replica_session_table_init (table, table->memory, &table->bounds,
                              table->bug);
}

/* ---- room ------------------------------------------------------------- */

static size_t session_slot (const struct session_table *table, uint64_t id) {
  return (size_t)raft_mix (id) & (table->session_slots - 1);
}

static size_t record_slot (const struct session_table *table,
                           uint64_t session, uint64_t sequence) {
  return (size_t)raft_mix (raft_mix (session) + sequence)
         & (table->record_slots - 1);
}

static int session_rehash (struct session_table *table, size_t needed) {
  size_t slots = table->session_slots == 0 ? 16 : table->session_slots;
  struct session **grown;
  struct session *session;
  while (slots < needed) {
    slots *= 2;
  }
  if (slots == table->session_slots) {
    return RAFT_OK;
  }
  grown = raft_allocate_zeroed (table->memory, slots * sizeof *grown);
  if (grown == NULL) {
    return RAFT_ENOMEM;
  }
  raft_release (table->memory, table->sessions,
                table->session_slots * sizeof *grown);
  table->sessions = grown;
  table->session_slots = slots;
  for (session = table->least_recent; session != NULL;
       session = session->newer) {
    struct session **slot = &grown[session_slot (table, session->id)];
    session->next_hashed = *slot;
    *slot = session;
  }
  return RAFT_OK;
}

static int record_rehash (struct session_table *table, size_t needed) {
  size_t slots = table->record_slots == 0 ? 64 : table->record_slots;
  struct session_record **grown;
  struct session *session;
  while (slots < needed) {
    slots *= 2;
  }
  if (slots == table->record_slots) {
    return RAFT_OK;
  }
  grown = raft_allocate_zeroed (table->memory, slots * sizeof *grown);
  if (grown == NULL) {
    return RAFT_ENOMEM;
  }
  raft_release (table->memory, table->records,
                table->record_slots * sizeof *grown);
  table->records = grown;
  table->record_slots = slots;
  for (session = table->least_recent; session != NULL;
       session = session->newer) {
    struct session_record *record;
    for (record = session->oldest; record != NULL; record = record->next) {
      size_t slot = record_slot (table, session->id, record->sequence);
      record->next_hashed = grown[slot];
      grown[slot] = record;
    }
  }
  return RAFT_OK;
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
  int status = session_rehash (table,
                               (size_t)table->session_count + sessions);
  if (status == RAFT_OK) {
    status = record_rehash (table, (size_t)table->record_count + commands);
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

static void record_unhash (struct session_table *table,
                           const struct session_record *record) {
  struct session_record **at = &table->records[record_slot (
    table, record->session_id, record->sequence)];
  while (*at != record) {
    raft_assert (*at != NULL);
    at = &(*at)->next_hashed;
  }
  *at = record->next_hashed;
}

/* The oldest record of a session goes to limbo. */
static void session_forget_oldest (struct session_table *table,
                                   struct session *session) {
  struct session_record *record = session->oldest;
  session->oldest = record->next;
  if (session->oldest == NULL) {
    session->newest = NULL;
  }
  record_unhash (table, record);
  raft_assert (table->record_count > 0);
  table->record_count--;
  if (record->status != RAFT_ERESULT_LOST) {
    table->bytes -= SESSION_RECORD_BYTES + record->size;
  } else {
    table->bytes -= SESSION_RECORD_BYTES;
  }
  record->session = NULL;
  record->next = table->limbo;
  table->limbo = record;
}

void replica_session_batch_end (struct session_table *table) {
  struct session_record *record;
  while ((record = table->limbo) != NULL) {
    table->limbo = record->next;
    record_drop_bytes (table, record);
    record->next = table->free_records;
    table->free_records = record;
    table->free_record_count++;
  }
}

/* ---- sessions, least recently used first ------------------------------ */

static struct session *session_find (const struct session_table *table,
                                     uint64_t id) {
  struct session *session = NULL;
  if (table->session_slots > 0) {
    session = table->sessions[session_slot (table, id)];
  }
  while (session != NULL && session->id != id) {
    session = session->next_hashed;
  }
  return session;
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

static void session_link (struct session_table *table,
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
  struct session **at = &table->sessions[session_slot (table, session->id)];
  while (session->oldest != NULL) {
    session_forget_oldest (table, session);
  }
  while (*at != session) {
    raft_assert (*at != NULL);
    at = &(*at)->next_hashed;
  }
  *at = session->next_hashed;
  session_unlink (table, session);
  session->newer = table->free_sessions;
  table->free_sessions = session;
  table->free_session_count++;
  table->session_count--;
}

uint64_t replica_session_open (struct session_table *table, uint64_t id) {
  struct session *session = table->free_sessions;
  struct session **slot;
  uint64_t expired = 0;
  raft_assert (session != NULL && session_find (table, id) == NULL);
  table->free_sessions = session->newer;
  table->free_session_count--;
  memset (session, 0, sizeof *session);
  session->id = id;
  session->first_unacknowledged = 1;
  session->used = table->time;
  slot = &table->sessions[session_slot (table, id)];
  session->next_hashed = *slot;
  *slot = session;
  session_link (table, session);
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
  struct session_record *record = NULL;
  if (table->record_slots > 0) {
    record = table->records[record_slot (table, session, sequence)];
  }
  while (record != NULL
         && (record->session_id != session || record->sequence != sequence)) {
    record = record->next_hashed;
  }
  return record;
}

static struct session_record *record_new (struct session_table *table,
                                          struct session *session,
                                          uint64_t sequence) {
  struct session_record *record = table->free_records;
  size_t slot = record_slot (table, session->id, sequence);
  raft_assert (record != NULL);
  table->free_records = record->next;
  table->free_record_count--;
  memset (record, 0, offsetof (struct session_record, small));
  record->session = session;
  record->session_id = session->id;
  record->sequence = sequence;
  record->status = RAFT_ERESULT_LOST;
  record->next_hashed = table->records[slot];
  table->records[slot] = record;
  if (session->newest != NULL) {
    session->newest->next = record;
  } else {
    session->oldest = record;
  }
  session->newest = record;
  table->record_count++;
  table->bytes += SESSION_RECORD_BYTES;
  return record;
}

/* The client has these answers. Only from the oldest on: one that is kept
** longer because an older one waits costs memory, and is still right. */
static void session_acknowledge (struct session_table *table,
                                 struct session *session, uint64_t first) {
  if (first > session->first_unacknowledged) {
    session->first_unacknowledged = first;
  }
  while (session->oldest != NULL
         && session->oldest->sequence < session->first_unacknowledged) {
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
  session_link (table, session);
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

void replica_session_keep (struct session_table *table,
                           struct session_record *record, int status,
                           const uint8_t *data, size_t size) {
  raft_assert (!record->has_result && status != RAFT_ERESULT_LOST);
  if (size > table->bounds.result_max) {
    return; /* the fact alone is kept, on every member alike */
  }
  record->status = status;
  record->size = size;
  if (record->session != NULL) {
    table->bytes += size;
  }
  if (size <= SESSION_INLINE_BYTES) {
    if (size > 0) {
      memcpy (record->small, data, size);
    }
    record->has_result = true;
    return;
  }
  record->large = raft_allocate (table->memory, size);
  if (record->large != NULL) {
    memcpy (record->large, data, size);
    record->has_result = true;
  }
}

const uint8_t *replica_session_result (const struct session_record *record) {
  raft_assert (record->has_result);
  return record->large != NULL ? record->large : record->small;
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
