/* SPDX-License-Identifier: MIT
**
** schedule.c - a list that grows, and a table of it. */

#include "sim/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

struct sim_schedule *sim_schedule_new (void) {
  return calloc (1, sizeof (struct sim_schedule));
}

void sim_schedule_free (struct sim_schedule *schedule) {
  if (schedule == NULL) {
    return;
  }
  for (size_t i = 0; i < schedule->action_count; i++) {
    free (schedule->actions[i].bytes);
  }
  sim_map_free (&schedule->by_key);
  free (schedule->actions);
  free (schedule->chosen);
  free (schedule);
}

/* Room for one more. */
static void *grow (void *items, size_t count, size_t *capacity,
                   size_t size) {
  if (count == *capacity) {
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    items = realloc (items, *capacity * size);
    raft_assert (items != NULL);
  }
  return items;
}

void sim_schedule_act (struct sim_schedule *schedule,
                       const struct sim_action *action) {
  struct sim_action *copy;
  schedule->actions
    = grow (schedule->actions, schedule->action_count,
            &schedule->action_capacity, sizeof *schedule->actions);
  copy = &schedule->actions[schedule->action_count];
  *copy = *action;
  if (action->size > 0) {
    copy->bytes = malloc (action->size);
    raft_assert (copy->bytes != NULL);
    memcpy (copy->bytes, action->bytes, action->size);
  }
  schedule->action_count++;
}

static uint64_t key_of (enum sim_choice_kind kind, struct sim_matter matter) {
  return (uint64_t)kind << 56 | matter.code;
}

void sim_schedule_choose (struct sim_schedule *schedule,
                          enum sim_choice_kind kind, struct sim_matter matter,
                          uint64_t value) {
  struct sim_chosen chosen = { key_of (kind, matter), value };
  raft_assert (kind < SIM_CHOICE_RECORDED && !schedule->is_mapped);
  schedule->chosen = grow (schedule->chosen, schedule->chosen_count,
                           &schedule->chosen_capacity,
                           sizeof *schedule->chosen);
  schedule->chosen[schedule->chosen_count] = chosen;
  schedule->chosen_count++;
}

uint64_t sim_schedule_find (struct sim_schedule *schedule,
                            enum sim_choice_kind kind,
                            struct sim_matter matter) {
  const uint64_t *value;
  if (!schedule->is_mapped) {
    for (size_t i = 0; i < schedule->chosen_count; i++) {
      *sim_map_at (&schedule->by_key, schedule->chosen[i].key)
        = schedule->chosen[i].value;
    }
    schedule->is_mapped = true;
  }
  value = sim_map_find (&schedule->by_key, key_of (kind, matter));
  return value == NULL ? 0 : *value;
}
