/* SPDX-License-Identifier: MIT
**
** reads.c - questions that wait, in lists. */

#include "replica/reads.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

/* An id is life and slot: 2^29 lives of 2^24 slots stay below 2^53. */
#define READS_SLOT_BITS 24
#define READS_LIFE_MAX (((uint64_t)1 << 29) - 1)

void replica_reads_init (struct replica_reads *reads,
                         struct raft_memory *memory) {
  memset (reads, 0, sizeof *reads);
  reads->memory = memory;
  reads->used = 1;
}

void replica_reads_free (struct replica_reads *reads) {
  size_t i;
  for (i = 1; i < reads->used; i++) {
    raft_slice_release (&reads->slots[i].question);
  }
  if (reads->requests != NULL) {
    for (i = 0; i < READS_ASKED_MAX; i++) {
      raft_buffer_free (&reads->requests[i].bytes);
    }
  }
  raft_release (reads->memory, reads->requests,
                READS_ASKED_MAX * sizeof *reads->requests);
  raft_release (reads->memory, reads->slots,
                reads->capacity * sizeof *reads->slots);
  replica_reads_init (reads, reads->memory);
}

struct replica_read *replica_reads_at (const struct replica_reads *reads,
                                       uint32_t slot) {
  raft_assert (slot > 0 && slot < reads->used);
  return &reads->slots[slot];
}

static void list_push (struct replica_reads *reads, uint32_t slot,
                       enum read_state state) {
  struct read_list *list = &reads->lists[state];
  struct replica_read *read = replica_reads_at (reads, slot);
  read->state = state;
  read->next = 0;
  read->previous = list->last;
  if (list->last != 0) {
    replica_reads_at (reads, list->last)->next = slot;
  } else {
    list->first = slot;
  }
  list->last = slot;
  list->count++;
}

static void list_remove (struct replica_reads *reads, uint32_t slot) {
  struct replica_read *read = replica_reads_at (reads, slot);
  struct read_list *list = &reads->lists[read->state];
  raft_assert (list->count > 0);
  if (read->previous != 0) {
    replica_reads_at (reads, read->previous)->next = read->next;
  } else {
    list->first = read->next;
  }
  if (read->next != 0) {
    replica_reads_at (reads, read->next)->previous = read->previous;
  } else {
    list->last = read->previous;
  }
  list->count--;
}

static uint32_t reads_new_slot (struct replica_reads *reads) {
  void *array = reads->slots;
  int status;
  if (reads->used >= (size_t)1 << READS_SLOT_BITS) {
    return 0;
  }
  status = raft_reserve (reads->memory, &array, &reads->capacity,
                         reads->used + 1, sizeof *reads->slots);
  reads->slots = array;
  if (status != RAFT_OK) {
    return 0;
  }
  memset (&reads->slots[reads->used], 0, sizeof *reads->slots);
  return (uint32_t)reads->used++;
}

uint32_t replica_reads_add (struct replica_reads *reads, enum read_state state,
                            const struct replica_caller *caller,
                            struct raft_slice question) {
  uint32_t slot = reads->lists[READ_FREE].first;
  struct replica_read *read;
  if (slot != 0) {
    list_remove (reads, slot);
  } else {
    slot = reads_new_slot (reads);
    if (slot == 0) {
      return 0;
    }
  }
  read = replica_reads_at (reads, slot);
  read->life = read->life % READS_LIFE_MAX + 1;
  read->caller = *caller;
  read->index = 0;
  read->is_digest = false;
  read->kind = RAFT_READ_LINEAR;
  read->max_age_us = 0;
  read->question = question;
  list_push (reads, slot, state);
  return slot;
}

void replica_reads_move (struct replica_reads *reads, uint32_t slot,
                         enum read_state state) {
  raft_assert (replica_reads_at (reads, slot)->state != READ_FREE);
  list_remove (reads, slot);
  list_push (reads, slot, state);
}

void replica_reads_end (struct replica_reads *reads, uint32_t slot) {
  raft_slice_release (&replica_reads_at (reads, slot)->question);
  replica_reads_move (reads, slot, READ_FREE);
}

uint64_t replica_reads_id (const struct replica_reads *reads, uint32_t slot) {
  return replica_reads_at (reads, slot)->life << READS_SLOT_BITS | slot;
}

uint32_t replica_reads_of_id (const struct replica_reads *reads, uint64_t id) {
  uint64_t slot = id & (((uint64_t)1 << READS_SLOT_BITS) - 1);
  if (slot == 0 || slot >= reads->used
      || reads->slots[slot].state == READ_FREE
      || reads->slots[slot].life != id >> READS_SLOT_BITS) {
    return 0;
  }
  return (uint32_t)slot;
}

uint64_t replica_reads_waiting (const struct replica_reads *reads) {
  return reads->used - 1 - reads->lists[READ_FREE].count;
}
