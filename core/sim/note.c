/* SPDX-License-Identifier: MIT
**
** note.c - keeping what is shown of a run. */

#include "sim/note.h"

#include <stdlib.h>
#include <string.h>

#include "sim/check_inside.h"

/* ---- records ----------------------------------------------------------- */

void sim_note_fields (struct sim_world *world, enum raft_trace_kind kind,
                      raft_id member, const uint64_t fields[4]) {
  struct raft_trace *note = sim_trace_next (world);
  if (note == NULL) {
    return;
  }
  raft_assert (member <= world->member_count);
  note->time = world->now;
  note->member = member;
  note->term = world->checks->members[member].term;
  note->kind = kind;
  memcpy (note->fields, fields, 4 * sizeof fields[0]);
}

void sim_note (struct sim_world *world, enum raft_trace_kind kind,
               raft_id member) {
  const uint64_t fields[4] = { 0 };
  sim_note_fields (world, kind, member, fields);
}

void sim_note_lost (struct sim_world *world, const struct sim_event *event,
                    enum raft_reason why) {
  const uint64_t fields[4] = { event->message, event->source, event->target,
                               (uint64_t)why };
  sim_note_fields (world, RAFT_TRACE_SIM_LOST, event->target, fields);
}

/* ---- operations -------------------------------------------------------- */

/* They are found from the end, where the youngest are. */
static struct sim_kept_operation *find (struct sim_world *world,
                                        uint64_t number) {
  size_t at = world->kept_count;
  while (at > 0 && world->kept[at - 1].number > number) {
    at--;
  }
  return at > 0 && world->kept[at - 1].number == number
           ? &world->kept[at - 1]
           : NULL;
}

/* The older half makes room. */
static void let_go (struct sim_world *world) {
  size_t gone = (world->kept_count + 1) / 2;
  for (size_t i = 0; i < gone; i++) {
    free (world->kept[i].bytes);
  }
  world->kept_count -= gone;
  memmove (world->kept, world->kept + gone,
           world->kept_count * sizeof *world->kept);
}

void sim_note_invoked (struct sim_world *world,
                       const struct sim_operation *operation,
                       uint32_t client, struct wire_view bytes) {
  struct sim_kept_operation *kept;
  if (world->trace_room == 0) {
    return;
  } else if (world->kept_count >= world->trace_room) {
    let_go (world);
  }
  world->kept
    = sim_check_grow (world->kept, &world->kept_capacity,
                      world->kept_count + 1, sizeof *world->kept);
  kept = &world->kept[world->kept_count];
  kept->bytes = malloc (bytes.size + 1);
  raft_assert (kept->bytes != NULL);
  memcpy (kept->bytes, bytes.data, bytes.size);
  kept->size = bytes.size;
  kept->client = client;
  kept->number = operation->number;
  kept->kind = operation->kind;
  kept->from = world->now;
  world->kept_count++;
}

void sim_note_done (struct sim_world *world,
                    const struct sim_operation *operation) {
  struct sim_kept_operation *kept = find (world, operation->number);
  uint8_t *bytes;
  if (kept == NULL) {
    return;
  }
  bytes = realloc (kept->bytes, kept->size + operation->size + 1);
  raft_assert (bytes != NULL);
  if (operation->size > 0) {
    memcpy (bytes + kept->size, operation->bytes, operation->size);
  }
  kept->bytes = bytes;
  kept->result_size = operation->size;
  kept->to = world->now;
  kept->youngest = world->counters.invoked;
  kept->status = operation->status;
}

void sim_note_free (struct sim_world *world) {
  for (size_t i = 0; i < world->kept_count; i++) {
    free (world->kept[i].bytes);
  }
  free (world->kept);
}
