/* SPDX-License-Identifier: MIT
**
** slots.c - a hash table that grows by one slot at a time. */

#include "replica/slots.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

#define SLOTS_PART 256 /* small for a small table, and few for a big one */
#define SLOTS_FIRST 16

void replica_slots_init (struct session_slots *slots,
                         struct raft_memory *memory) {
  memset (slots, 0, sizeof *slots);
  slots->memory = memory;
  slots->half = SLOTS_FIRST;
  slots->used = SLOTS_FIRST;
}

void replica_slots_free (struct session_slots *slots) {
  for (size_t i = 0; i < slots->part_count; i++) {
    raft_release (slots->memory, slots->parts[i],
                  SLOTS_PART * sizeof **slots->parts);
  }
  raft_release (slots->memory, slots->parts,
                slots->part_capacity * sizeof *slots->parts);
  replica_slots_init (slots, slots->memory);
}

int replica_slots_reserve (struct session_slots *slots, size_t more) {
  size_t links = slots->count + more;
  size_t needed = links > slots->used ? links : slots->used;
  size_t parts = (needed + SLOTS_PART - 1) / SLOTS_PART;
  void *array = slots->parts;
  int status = raft_reserve (slots->memory, &array, &slots->part_capacity,
                             parts, sizeof *slots->parts);
  slots->parts = array;
  while (status == RAFT_OK && slots->part_count < parts) {
    struct session_link **part
      = raft_allocate_zeroed (slots->memory, SLOTS_PART * sizeof *part);
    if (part == NULL) {
      return RAFT_ENOMEM;
    }
    slots->parts[slots->part_count] = part;
    slots->part_count++;
  }
  return status;
}

static struct session_link **slot_at (const struct session_slots *slots,
                                      size_t at) {
  return &slots->parts[at / SLOTS_PART][at % SLOTS_PART];
}

static struct session_link **slot_of (const struct session_slots *slots,
                                      uint64_t hash) {
  size_t at = (size_t)hash & (2 * slots->half - 1);
  return slot_at (slots, at < slots->used ? at : at - slots->half);
}

/* The chain of the slot that is next is divided between it and a new one. */
static void split (struct session_slots *slots) {
  size_t new_at = slots->used;
  struct session_link **old = slot_at (slots, new_at - slots->half);
  struct session_link **new = slot_at (slots, new_at);
  while (*old != NULL) {
    struct session_link *link = *old;
    if (((size_t)link->hash & (2 * slots->half - 1)) == new_at) {
      *old = link->next;
      link->next = *new;
      *new = link;
    } else {
      old = &link->next;
    }
  }
  slots->used++;
  if (slots->used == 2 * slots->half) {
    slots->half = slots->used;
  }
}

void replica_slots_add (struct session_slots *slots,
                        struct session_link *link) {
  struct session_link **slot;
  if (slots->count == slots->used) {
    split (slots);
  }
  slot = slot_of (slots, link->hash);
  link->next = *slot;
  *slot = link;
  slots->count++;
}

void replica_slots_remove (struct session_slots *slots,
                           const struct session_link *link) {
  struct session_link **at = slot_of (slots, link->hash);
  while (*at != link) {
    raft_assert (*at != NULL);
    at = &(*at)->next;
  }
  *at = link->next;
  slots->count--;
}

struct session_link *replica_slots_chain (const struct session_slots *slots,
                                          uint64_t hash) {
  return slots->count > 0 ? *slot_of (slots, hash) : NULL;
}
