/* SPDX-License-Identifier: MIT
**
** calls.c - who waits for what: client connections and their calls. */

#include "replica/calls.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

#define CALLS_SLOTS_FIRST 16 /* of the first tables */

void replica_calls_init (struct replica_calls *calls,
                         struct raft_memory *memory) {
  memset (calls, 0, sizeof *calls);
  calls->memory = memory;
  raft_buffer_init (&calls->payloads, memory);
}

void replica_calls_free (struct replica_calls *calls) {
  raft_buffer_free (&calls->payloads);
  raft_release (calls->memory, calls->connections,
                calls->connection_slots * sizeof *calls->connections);
  raft_release (calls->memory, calls->proposals,
                calls->proposal_capacity * sizeof *calls->proposals);
  raft_release (calls->memory, calls->waiting,
                calls->waiting_capacity * sizeof *calls->waiting);
  replica_calls_init (calls, calls->memory);
}

/* ---- connections ------------------------------------------------------ */

static size_t connection_home (size_t slots, uint64_t number) {
  return (size_t)raft_mix (number) & (slots - 1);
}

/* The slot that holds 'number', or the free one where it belongs. */
static struct replica_connection *connection_slot (
  struct replica_connection *table, size_t slots, uint64_t number) {
  size_t at = connection_home (slots, number);
  while (table[at].number != 0 && table[at].number != number) {
    at = (at + 1) & (slots - 1);
  }
  return &table[at];
}

struct replica_connection *replica_connection_find (
  const struct replica_calls *calls, uint64_t number) {
  struct replica_connection *slot;
  if (calls->connection_slots == 0 || number == 0) {
    return NULL;
  }
  slot = connection_slot (calls->connections, calls->connection_slots,
                          number);
  return slot->number == number ? slot : NULL;
}

static int connection_reserve (struct replica_calls *calls) {
  size_t slots = calls->connection_slots == 0 ? CALLS_SLOTS_FIRST
                                              : calls->connection_slots * 2;
  struct replica_connection *grown;
  size_t i;
  if (calls->connection_count * 2 < calls->connection_slots) {
    return RAFT_OK;
  }
  grown = raft_allocate_zeroed (calls->memory, slots * sizeof *grown);
  if (grown == NULL) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < calls->connection_slots; i++) {
    if (calls->connections[i].number != 0) {
      *connection_slot (grown, slots, calls->connections[i].number)
        = calls->connections[i];
    }
  }
  raft_release (calls->memory, calls->connections,
                calls->connection_slots * sizeof *grown);
  calls->connections = grown;
  calls->connection_slots = slots;
  return RAFT_OK;
}

struct replica_connection *replica_connection_make (
  struct replica_calls *calls, uint64_t number) {
  struct replica_connection *slot = replica_connection_find (calls, number);
  raft_assert (number != 0);
  if (slot != NULL) {
    return slot;
  }
  if (connection_reserve (calls) != RAFT_OK) {
    return NULL;
  }
  slot = connection_slot (calls->connections, calls->connection_slots,
                          number);
  slot->number = number;
  slot->serial = ++calls->serial;
  calls->connection_count++;
  return slot;
}

void replica_connection_remove (struct replica_calls *calls,
                                uint64_t number) {
  struct replica_connection *table = calls->connections;
  struct replica_connection *slot = replica_connection_find (calls, number);
  size_t mask = calls->connection_slots - 1;
  size_t hole, at;
  if (slot == NULL) {
    return;
  }
  calls->connection_count--;
  hole = (size_t)(slot - table);
  memset (slot, 0, sizeof *slot);
  /* Those behind the hole move up, unless they stand at or after home. */
  for (at = (hole + 1) & mask; table[at].number != 0; at = (at + 1) & mask) {
    size_t home = connection_home (calls->connection_slots, table[at].number);
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      table[hole] = table[at];
      memset (&table[at], 0, sizeof table[at]);
      hole = at;
    }
  }
}

/* ---- proposals of this turn ------------------------------------------- */

int replica_calls_propose (struct replica_calls *calls,
                           const struct replica_proposal *proposal,
                           const uint8_t *payload) {
  void *array = calls->proposals;
  int status = raft_reserve (calls->memory, &array,
                             &calls->proposal_capacity,
                             calls->proposal_count + 1,
                             sizeof *calls->proposals);
  struct replica_proposal *added;
  size_t offset = calls->payloads.size;
  calls->proposals = array;
  if (status == RAFT_OK) {
    status = raft_buffer_append (&calls->payloads, payload, proposal->size);
  }
  if (status != RAFT_OK) {
    return status;
  }
  added = &calls->proposals[calls->proposal_count++];
  *added = *proposal;
  added->offset = offset;
  return RAFT_OK;
}

/* ---- calls that wait for their index ---------------------------------- */

static struct replica_call *waiting_slot (const struct replica_calls *calls,
                                          size_t position) {
  return &calls->waiting[(calls->waiting_first + position)
                         & (calls->waiting_capacity - 1)];
}

int replica_calls_reserve (struct replica_calls *calls, size_t count) {
  size_t needed = calls->waiting_count + count;
  size_t capacity = calls->waiting_capacity == 0 ? CALLS_SLOTS_FIRST
                                                 : calls->waiting_capacity;
  struct replica_call *grown;
  size_t i;
  while (capacity < needed) {
    capacity *= 2;
  }
  if (capacity == calls->waiting_capacity) {
    return RAFT_OK;
  }
  grown = raft_allocate (calls->memory, capacity * sizeof *grown);
  if (grown == NULL) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < calls->waiting_count; i++) {
    grown[i] = *waiting_slot (calls, i);
  }
  raft_release (calls->memory, calls->waiting,
                calls->waiting_capacity * sizeof *grown);
  calls->waiting = grown;
  calls->waiting_capacity = capacity;
  calls->waiting_first = 0;
  return RAFT_OK;
}

void replica_calls_push (struct replica_calls *calls,
                         const struct replica_call *call) {
  const struct replica_call *newest = replica_calls_newest (calls);
  raft_assert (calls->waiting_count < calls->waiting_capacity);
  raft_assert (newest == NULL || newest->index < call->index);
  *waiting_slot (calls, calls->waiting_count) = *call;
  calls->waiting_count++;
}

struct replica_call *replica_calls_oldest (
  const struct replica_calls *calls) {
  return calls->waiting_count == 0 ? NULL : waiting_slot (calls, 0);
}

struct replica_call *replica_calls_newest (
  const struct replica_calls *calls) {
  return calls->waiting_count == 0
           ? NULL : waiting_slot (calls, calls->waiting_count - 1);
}

void replica_calls_pop_oldest (struct replica_calls *calls) {
  raft_assert (calls->waiting_count > 0);
  calls->waiting_first
    = (calls->waiting_first + 1) & (calls->waiting_capacity - 1);
  calls->waiting_count--;
}

void replica_calls_pop_newest (struct replica_calls *calls) {
  raft_assert (calls->waiting_count > 0);
  calls->waiting_count--;
}
