/* SPDX-License-Identifier: MIT
**
** log.c - terms, sizes and durability of the entries. See log.h. */

#include "raft/log.h"

#include <string.h>

#include "base/panic.h"

int raft_log_init (struct raft_log *log, struct raft_memory *memory,
                   const struct raft_recovered *recovered) {
  memset (log, 0, sizeof *log);
  log->memory = memory;
  log->base = recovered->base_index;
  log->base_term = recovered->base_term;
  log->last = recovered->last_index;
  log->stable = recovered->last_index;
  log->first_cached = recovered->last_index + 1;
  if (recovered->run_count > 0) {
    void *runs = NULL;
    if (raft_reserve (memory, &runs, &log->run_capacity, recovered->run_count,
                      sizeof *log->runs)
        != RAFT_OK) {
      return RAFT_ENOMEM;
    }
    log->runs = runs;
    memcpy (runs, recovered->runs, recovered->run_count * sizeof *log->runs);
    log->run_count = recovered->run_count;
  }
  return RAFT_OK;
}

void raft_log_free (struct raft_log *log) {
  raft_release (log->memory, log->runs, log->run_capacity * sizeof *log->runs);
  raft_release (log->memory, log->ring,
                log->ring_capacity * sizeof *log->ring);
  raft_release (log->memory, log->writes,
                log->write_capacity * sizeof *log->writes);
}

static void *log_duplicate (struct raft_memory *memory, const void *from,
                            size_t size) {
  void *to = raft_allocate (memory, size);
  if (to != NULL) {
    memcpy (to, from, size);
  }
  return to;
}

int raft_log_copy (const struct raft_log *log, struct raft_memory *memory,
                   struct raft_log *copy) {
  *copy = *log;
  copy->memory = memory;
  copy->runs = NULL;
  copy->ring = NULL;
  copy->writes = NULL;
  if (log->run_capacity > 0) {
    copy->runs = log_duplicate (memory, log->runs,
                                log->run_capacity * sizeof *log->runs);
  }
  if (log->ring_capacity > 0) {
    copy->ring = log_duplicate (memory, log->ring,
                                log->ring_capacity * sizeof *log->ring);
  }
  if (log->write_capacity > 0) {
    copy->writes = log_duplicate (memory, log->writes,
                                  log->write_capacity * sizeof *log->writes);
  }
  if ((log->run_capacity > 0 && copy->runs == NULL)
      || (log->ring_capacity > 0 && copy->ring == NULL)
      || (log->write_capacity > 0 && copy->writes == NULL)) {
    raft_log_free (copy);
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

/* ---- room ------------------------------------------------------------- */

static size_t log_cached_count (const struct raft_log *log) {
  return (size_t)(log->last + 1 - log->first_cached);
}

/* The ring moves as a whole: slot numbers depend on its capacity. */
static int log_reserve_ring (struct raft_log *log, size_t entries) {
  size_t capacity = log->ring_capacity < 8 ? 8 : log->ring_capacity;
  struct raft_entry *ring;
  while (capacity < log_cached_count (log) + entries) {
    capacity *= 2;
  }
  if (capacity == log->ring_capacity) {
    return RAFT_OK;
  }
  ring = raft_allocate (log->memory, capacity * sizeof *ring);
  if (ring == NULL) {
    return RAFT_ENOMEM;
  }
  for (raft_index i = log->first_cached; i <= log->last; i++) {
    ring[i & (capacity - 1)] = log->ring[i & (log->ring_capacity - 1)];
  }
  raft_release (log->memory, log->ring,
                log->ring_capacity * sizeof *log->ring);
  log->ring = ring;
  log->ring_capacity = capacity;
  return RAFT_OK;
}

int raft_log_reserve (struct raft_log *log, size_t entries, size_t runs) {
  void *run_array = log->runs;
  void *write_array = log->writes;
  int status = raft_reserve (log->memory, &run_array, &log->run_capacity,
                             log->run_count + runs, sizeof *log->runs);
  log->runs = run_array;
  if (status == RAFT_OK) {
    status = raft_reserve (log->memory, &write_array, &log->write_capacity,
                           log->write_count + 1, sizeof *log->writes);
    log->writes = write_array;
  }
  if (status == RAFT_OK) {
    status = log_reserve_ring (log, entries);
  }
  return status;
}

/* ---- questions -------------------------------------------------------- */

/* The run that holds 'index', which is in the log. */
static const struct raft_term_run *log_run (const struct raft_log *log,
                                            raft_index index) {
  size_t lo = 0;
  size_t hi = log->run_count;
  raft_assert (index > log->base && index <= log->last && hi > 0);
  while (hi - lo > 1) { /* runs[lo].first <= index < runs[hi].first */
    size_t middle = lo + (hi - lo) / 2;
    if (log->runs[middle].first <= index) {
      lo = middle;
    } else {
      hi = middle;
    }
  }
  return &log->runs[lo];
}

int raft_log_term (const struct raft_log *log, raft_index index,
                   raft_term *term) {
  if (index < log->base && raft_bug (log, COMPACTED_TERM_ZERO)) {
    *term = 0;
    return RAFT_OK;
  }
  if (index > log->last || index < log->base) {
    return RAFT_ENOT_FOUND;
  }
  *term = raft_log_term_at (log, index);
  return RAFT_OK;
}

raft_term raft_log_term_at (const struct raft_log *log, raft_index index) {
  return index == log->base ? log->base_term : log_run (log, index)->term;
}

raft_term raft_log_last_term (const struct raft_log *log) {
  return log->run_count == 0 ? log->base_term
                             : log->runs[log->run_count - 1].term;
}

bool raft_log_is_behind (const struct raft_log *log, raft_index index,
                         raft_term term) {
  raft_term own = raft_log_last_term (log);
  return own < term || (own == term && log->last <= index);
}

/*  term  1 1 1 2 2 2 2 4 4     find (9, 3): runs back to term 2, so 7;
**  index 1 2 3 4 5 6 7 8 9     find (5, 2): 5;  find (9, 0): 0 */
raft_index raft_log_find (const struct raft_log *log, raft_index index,
                          raft_term term) {
  size_t run = log->run_count;
  if (index > log->last) {
    index = log->last;
  }
  if (index <= log->base) {
    return index;
  }
  while (run > 0) {
    run--;
    if (log->runs[run].first > index) {
      continue;
    }
    if (log->runs[run].term <= term) {
      return index;
    }
    index = log->runs[run].first - 1;
  }
  return log->base;
}

bool raft_log_is_cached (const struct raft_log *log, raft_index index) {
  return index >= log->first_cached && index <= log->last;
}

const struct raft_entry *raft_log_entry (const struct raft_log *log,
                                         raft_index index) {
  raft_assert (raft_log_is_cached (log, index));
  return &log->ring[index & (log->ring_capacity - 1)];
}

uint32_t raft_log_page (const struct raft_log *log, raft_index first,
                        raft_index last, uint64_t max_entries,
                        uint64_t *bytes) {
  uint64_t max_bytes = *bytes;
  uint32_t count = 0;
  raft_assert (first <= last);
  *bytes = 0;
  while (first + count <= last && count < max_entries) {
    uint64_t size = raft_log_entry (log, first + count)->size;
    if (count > 0 && *bytes + size > max_bytes) {
      break;
    }
    *bytes += size;
    count++;
  }
  return count;
}

/* ---- changes ---------------------------------------------------------- */

void raft_log_append (struct raft_log *log, const struct raft_entry *entry) {
  raft_index index = log->last + 1;
  raft_assert (entry->term >= raft_log_last_term (log) && entry->term > 0);
  raft_assert (log_cached_count (log) < log->ring_capacity);
  if (log->run_count == 0 || entry->term > raft_log_last_term (log)) {
    raft_assert (log->run_count < log->run_capacity);
    log->runs[log->run_count].first = index;
    log->runs[log->run_count].term = entry->term;
    log->run_count++;
  }
  log->ring[index & (log->ring_capacity - 1)] = *entry;
  log->last = index;
  log->cached_bytes += entry->size;
}

void raft_log_truncate (struct raft_log *log, raft_index first) {
  raft_assert (first > log->base && first <= log->last);
  for (raft_index i = log->last; i >= first && i >= log->first_cached; i--) {
    log->cached_bytes -= raft_log_entry (log, i)->size;
  }
  while (log->run_count > 0 && log->runs[log->run_count - 1].first >= first) {
    log->run_count--;
  }
  log->last = first - 1;
  if (log->first_cached > first) {
    log->first_cached = first;
  }
  if (log->stable >= first) {
    log->stable = first - 1;
  }
  if (raft_bug (log, STABLE_BY_INDEX)) {
    return;
  }
  for (size_t i = 0; i < log->write_count; i++) {
    if (log->writes[i].last >= first) {
      log->writes[i].last = first - 1;
    }
  }
}

uint64_t raft_log_write_begin (struct raft_log *log, raft_term term,
                               raft_id vote) {
  struct raft_log_write *write;
  raft_assert (log->write_count < log->write_capacity);
  write = &log->writes[log->write_count];
  log->write_count++;
  log->ticket++;
  write->ticket = log->ticket;
  write->last = log->last;
  write->term = term;
  write->vote = vote;
  return log->ticket;
}

static size_t writes_up_to (const struct raft_log *log, uint64_t ticket) {
  size_t count = 0;
  raft_assert (ticket <= log->ticket);
  while (count < log->write_count && log->writes[count].ticket <= ticket) {
    count++;
  }
  return count;
}

bool raft_log_write_covers (const struct raft_log *log, uint64_t ticket,
                            struct raft_log_write *newest) {
  size_t count = writes_up_to (log, ticket);
  if (count > 0) {
    *newest = log->writes[count - 1];
  }
  return count > 0;
}

bool raft_log_write_end (struct raft_log *log, uint64_t ticket,
                         struct raft_log_write *done) {
  size_t count = writes_up_to (log, ticket);
  if (!raft_log_write_covers (log, ticket, done)) {
    return false;
  }
  log->ticket_done = done->ticket;
  log->write_count -= count;
  memmove (log->writes, log->writes + count,
           log->write_count * sizeof *log->writes);
  if (done->last > log->last) { /* only a bug leaves it past the end */
    done->last = log->last;
  }
  if (done->last > log->stable) {
    log->stable = done->last;
  }
  return true;
}

void raft_log_evict (struct raft_log *log, raft_index limit, uint64_t bytes) {
  if (limit > log->stable) {
    limit = log->stable;
  }
  while (log->cached_bytes > bytes && log->first_cached <= limit) {
    log->cached_bytes -= raft_log_entry (log, log->first_cached)->size;
    log->first_cached++;
  }
}

/*  base 0     runs (1,1) (4,2) (8,4)        compact (5)
**  base 5, 2  runs (6,2) (8,4)              what is left of run (4,2) */
void raft_log_compact (struct raft_log *log, raft_index index) {
  size_t gone = 0;
  raft_assert (index >= log->base && index <= log->stable);
  log->base_term = raft_log_term_at (log, index);
  log->base = index;
  while (gone < log->run_count
         && (gone + 1 < log->run_count ? log->runs[gone + 1].first
                                       : log->last + 1)
              <= index + 1) {
    gone++;
  }
  log->run_count -= gone;
  if (gone > 0) { /* there may be no array at all */
    memmove (log->runs, log->runs + gone,
             log->run_count * sizeof *log->runs);
  }
  if (log->run_count > 0 && log->runs[0].first <= index) {
    log->runs[0].first = index + 1;
  }
  while (log->first_cached <= index) {
    log->cached_bytes -= raft_log_entry (log, log->first_cached)->size;
    log->first_cached++;
  }
}

void raft_log_reset (struct raft_log *log, raft_index index,
                     raft_term term) {
  log->base = index;
  log->base_term = term;
  log->run_count = 0;
  log->first_cached = index + 1;
  log->last = index;
  log->stable = index;
  log->cached_bytes = 0;
  for (size_t i = 0; i < log->write_count; i++) {
    log->writes[i].last = index; /* what they held is gone */
  }
}
