/* SPDX-License-Identifier: MIT
**
** plan.c - a history made ready to be searched; see plan.h.
**
** Rule: linear in the history, but for the sorting of classes; nothing here
**       recurses. */

#include "check/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/panic.h"

void plan_init (struct plan *plan, struct raft_memory *memory) {
  memset (plan, 0, sizeof *plan);
  plan->memory = memory;
}

void plan_free (struct plan *plan) {
  raft_release (plan->memory, plan->operations,
                plan->capacity * sizeof *plan->operations);
  raft_release (plan->memory, plan->events,
                plan->event_capacity * sizeof *plan->events);
  raft_release (plan->memory, plan->components,
                plan->component_count * sizeof *plan->components);
  raft_release (plan->memory, plan->lists,
                plan->list_size * sizeof *plan->lists);
  plan_init (plan, plan->memory);
}

/* ---- the history as it is told ----------------------------------------- */

int plan_add (struct plan *plan, const struct check_operation *operation) {
  struct plan_operation *added;
  raft_assert (operation->action < CHECK_ACTIONS);
  raft_assert (plan->count < CHECK_NONE / 2);
  if (raft_reserve (plan->memory, (void **)&plan->operations,
                    &plan->capacity, plan->count + 1, sizeof *added)
      != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  added = &plan->operations[plan->count++];
  memset (added, 0xff, sizeof *added);
  added->what = *operation;
  return RAFT_OK;
}

static int add_event (struct plan *plan, uint32_t event) {
  if (raft_reserve (plan->memory, (void **)&plan->events,
                    &plan->event_capacity, plan->event_count + 1,
                    sizeof *plan->events)
      != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  plan->events[plan->event_count++] = event;
  return RAFT_OK;
}

int plan_call (struct plan *plan, uint32_t operation) {
  int status;
  if (operation >= plan->count
      || plan->operations[operation].call != CHECK_NONE) {
    return RAFT_EINVALID;
  }
  status = add_event (plan, operation * 2);
  if (status == RAFT_OK) {
    plan->operations[operation].call = (uint32_t)plan->event_count - 1;
  }
  return status;
}

int plan_return (struct plan *plan, uint32_t operation) {
  int status;
  if (operation >= plan->count
      || plan->operations[operation].call == CHECK_NONE
      || plan->operations[operation].end != CHECK_NONE) {
    return RAFT_EINVALID;
  }
  status = add_event (plan, operation * 2 + 1);
  if (status == RAFT_OK) {
    plan->operations[operation].end = (uint32_t)plan->event_count - 1;
  }
  return status;
}

/* ---- classes ----------------------------------------------------------- */

static int compare (uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

static int compare_meaning (const struct plan_operation *a,
                            const struct plan_operation *b) {
  int order = compare (a->what.action, b->what.action);
  order = order != 0 ? order : compare (a->what.component, b->what.component);
  order = order != 0 ? order : compare (a->what.first, b->what.first);
  return order != 0 ? order : compare (a->what.second, b->what.second);
}

/* By meaning, then by return, then by call. */
static int compare_operations (const void *left, const void *right) {
  const struct plan_operation *a = *(struct plan_operation *const *)left;
  const struct plan_operation *b = *(struct plan_operation *const *)right;
  int order = compare_meaning (a, b);
  order = order != 0 ? order : compare (a->end, b->end);
  return order != 0 ? order : compare (a->call, b->call);
}

static int find_classes (struct plan *plan) {
  size_t size = (plan->count + 1) * sizeof (struct plan_operation *);
  struct plan_operation **sorted = raft_allocate (plan->memory, size);
  uint32_t class = 0;
  size_t i;
  if (sorted == NULL) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < plan->count; i++) {
    sorted[i] = &plan->operations[i];
  }
  qsort (sorted, plan->count, sizeof *sorted, compare_operations);
  for (i = 0; i < plan->count; i++) {
    if (i > 0 && compare_meaning (sorted[i - 1], sorted[i]) == 0) {
      sorted[i]->twin = (uint32_t)(sorted[i - 1] - plan->operations);
    } else {
      class++;
    }
    sorted[i]->class = class;
  }
  plan->class_count = class + 1;
  raft_release (plan->memory, sorted, size);
  return RAFT_OK;
}

/* ---- the lists of components ------------------------------------------- */

static uint32_t count_components (const struct plan *plan) {
  uint32_t count = 1;
  size_t i;
  for (i = 0; i < plan->count; i++) {
    if (plan->operations[i].what.component >= count) {
      count = plan->operations[i].what.component + 1;
    }
  }
  return count;
}

static bool is_viewer (enum check_action action) {
  return action == CHECK_READ || action == CHECK_DIFFERS
         || action == CHECK_SWAP;
}

/* Counts into the *_end fields, then turns counts into empty ranges. */
static void lay_out (struct plan *plan) {
  uint32_t at = 0;
  uint32_t i;
  for (i = 0; i < plan->count; i++) {
    const struct plan_operation *operation = &plan->operations[i];
    struct plan_component *component
      = &plan->components[operation->what.component];
    component->closed_end += operation->end != CHECK_NONE;
    component->open_end += operation->end == CHECK_NONE;
    component->reads_end += operation->end != CHECK_NONE
                            && operation->what.action == CHECK_READ;
    component->viewers_end += is_viewer (operation->what.action);
  }
  for (i = 0; i < plan->component_count; i++) {
    struct plan_component *component = &plan->components[i];
    uint32_t closed = component->closed_end;
    uint32_t open = component->open_end;
    uint32_t reads = component->reads_end;
    uint32_t viewers = component->viewers_end;
    component->closed = component->closed_end = at;
    component->open = component->open_end = at + closed;
    component->reads = component->reads_end = at + closed + open;
    component->viewers = component->viewers_end = at + closed + open + reads;
    at += closed + open + reads + viewers;
  }
  raft_assert (at <= plan->list_size);
}

/* An action joins those of its component. */
static void note_kind (struct plan_component *component,
                       enum check_action action) {
  if (is_viewer (action) || action == CHECK_WRITE
      || action == component->kind) {
    return;
  }
  component->kind = component->kind == CHECK_WRITE
                        && (action == CHECK_APPEND || action == CHECK_INSERT)
                      ? action
                      : CHECK_STEP;
}

/* The same for changes that may be made in any order. */
static void note_change (struct plan_component *component,
                         enum check_action action) {
  if (plan_is_look (action) || action == component->change) {
    return;
  }
  component->change = component->change == CHECK_ACTIONS
                          && (action == CHECK_INSERT || action == CHECK_ADD)
                        ? action
                        : CHECK_STEP;
}

static void fill_lists (struct plan *plan) {
  size_t i;
  for (i = 0; i < plan->event_count; i++) {
    uint32_t number = plan->events[i] / 2;
    const struct plan_operation *operation = &plan->operations[number];
    struct plan_component *component
      = &plan->components[operation->what.component];
    if (plan->events[i] % 2 == 0) {
      note_kind (component, operation->what.action);
      note_change (component, operation->what.action);
      if (is_viewer (operation->what.action)) {
        plan->lists[component->viewers_end++] = number;
      }
      plan->lists[operation->end != CHECK_NONE ? component->closed_end++
                                               : component->open_end++]
        = number;
    } else if (operation->what.action == CHECK_READ) {
      plan->lists[component->reads_end++] = number;
    }
  }
}

/* ---- what is known at each event --------------------------------------- */

/* While walking: what a component's operations are told at their return. */
struct walk {
  uint32_t oldest;
  uint32_t reads;
};

static void walk_call (struct plan *plan, struct plan_operation *operation,
                       uint32_t *free_places, uint32_t *free_count) {
  if (operation->end == CHECK_NONE) {
    operation->place = plan->open_places++;
  } else {
    operation->place = *free_count > 0 ? free_places[--*free_count]
                                       : plan->places++;
  }
}

static void walk_return (struct plan *plan, struct plan_operation *operation,
                         struct walk *walk) {
  const struct plan_component *component
    = &plan->components[operation->what.component];
  while (walk->oldest < component->closed_end
         && plan->operations[plan->lists[walk->oldest]].end
              < operation->end) {
    walk->oldest++;
  }
  operation->oldest = walk->oldest;
  operation->reads = walk->reads;
  walk->reads += operation->what.action == CHECK_READ;
}

static void walk_events (struct plan *plan, struct walk *walks,
                         uint32_t *free_places) {
  uint32_t free_count = 0;
  size_t i;
  for (i = 0; i < plan->component_count; i++) {
    walks[i].oldest = plan->components[i].closed;
    walks[i].reads = plan->components[i].reads;
  }
  for (i = 0; i < plan->event_count; i++) {
    struct plan_operation *operation
      = &plan->operations[plan->events[i] / 2];
    struct walk *walk = &walks[operation->what.component];
    if (plan->events[i] % 2 == 0) {
      walk_call (plan, operation, free_places, &free_count);
    } else {
      walk_return (plan, operation, walk);
      free_places[free_count++] = operation->place;
    }
  }
}

int plan_finish (struct plan *plan) {
  size_t walks_size, places_size;
  struct walk *walks;
  uint32_t *free_places;
  uint32_t i;
  plan->component_count = count_components (plan);
  plan->list_size = 3 * plan->count + 1;
  plan->components = raft_allocate_zeroed (
    plan->memory, plan->component_count * sizeof *plan->components);
  plan->lists = raft_allocate (plan->memory,
                               plan->list_size * sizeof *plan->lists);
  if (plan->components == NULL || plan->lists == NULL
      || find_classes (plan) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < plan->component_count; i++) {
    plan->components[i].kind = CHECK_WRITE;
    plan->components[i].change = CHECK_ACTIONS;
  }
  lay_out (plan);
  fill_lists (plan);
  walks_size = plan->component_count * sizeof *walks;
  places_size = (plan->count + 1) * sizeof *free_places;
  walks = raft_allocate (plan->memory, walks_size);
  free_places = raft_allocate (plan->memory, places_size);
  if (walks != NULL && free_places != NULL) {
    walk_events (plan, walks, free_places);
  }
  raft_release (plan->memory, walks, walks_size);
  raft_release (plan->memory, free_places, places_size);
  return walks != NULL && free_places != NULL ? RAFT_OK : RAFT_ENOMEM;
}
