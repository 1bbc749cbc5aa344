/* SPDX-License-Identifier: MIT
**
** states.c - states of a model, each kept once; see states.h.
**
** Rule: reserve all memory, then change. */

#include "check/states.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/panic.h"

#define PLACES_FIRST 64 /* a power of two, as every later size */
#define ELEMENT 4       /* bytes of one element of a set or queue */
#define SUM 8           /* bytes of a number that is added to */

void states_init (struct states *states, struct raft_memory *memory) {
  memset (states, 0, sizeof *states);
  states->memory = memory;
}

void states_free (struct states *states) {
  size_t i;
  for (i = 0; i < states->count; i++) {
    raft_release (states->memory, states->list[i].data,
                  states->list[i].size + 1);
  }
  raft_release (states->memory, states->list,
                states->capacity * sizeof *states->list);
  raft_release (states->memory, states->places,
                states->place_count * sizeof *states->places);
  raft_release (states->memory, states->steps,
                states->step_places * sizeof *states->steps);
  states_init (states, states->memory);
}

/* ---- numbers by content ------------------------------------------------ */

/* The place of these bytes, or the free one where they belong. */
static size_t place_of (const struct states *states, const void *data,
                        size_t size, uint64_t hash) {
  size_t mask = states->place_count - 1;
  size_t place = (size_t)hash & mask;
  for (;; place = (place + 1) & mask) {
    uint32_t number = states->places[place];
    const struct state_bytes *held;
    if (number == CHECK_NONE) {
      return place;
    }
    held = &states->list[number];
    if (held->hash == hash && held->size == size
        && memcmp (held->data, data, size) == 0) {
      return place;
    }
  }
}

static int grow_places (struct states *states) {
  size_t count = states->place_count * 2;
  size_t i;
  uint32_t *places;
  if (states->count * 2 < states->place_count) {
    return RAFT_OK;
  }
  if (count == 0) {
    count = PLACES_FIRST;
  }
  places = raft_allocate (states->memory, count * sizeof *places);
  if (places == NULL) {
    return RAFT_ENOMEM;
  }
  memset (places, 0xff, count * sizeof *places);
  for (i = 0; i < states->count; i++) {
    size_t place = (size_t)states->list[i].hash & (count - 1);
    while (places[place] != CHECK_NONE) {
      place = (place + 1) & (count - 1);
    }
    places[place] = (uint32_t)i;
  }
  raft_release (states->memory, states->places,
                states->place_count * sizeof *places);
  states->places = places;
  states->place_count = count;
  return RAFT_OK;
}

int states_number (struct states *states, const void *data, size_t size,
                   uint32_t *number) {
  uint64_t hash = raft_checksum (data, size, 0);
  struct state_bytes *held;
  size_t place;
  uint8_t *copy;
  if (grow_places (states) != RAFT_OK
      || raft_reserve (states->memory, (void **)&states->list,
                       &states->capacity, states->count + 1,
                       sizeof *states->list)
           != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  place = place_of (states, data, size, hash);
  if (states->places[place] != CHECK_NONE) {
    *number = states->places[place];
    return RAFT_OK;
  }
  copy = raft_allocate (states->memory, size + 1); /* never of size 0 */
  if (copy == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy (copy, data, size);
  held = &states->list[states->count];
  held->data = copy;
  held->size = size;
  held->hash = hash;
  *number = (uint32_t)states->count++;
  raft_assert (*number < STATES_UNSEEN);
  states->places[place] = *number;
  return RAFT_OK;
}

/* ---- steps already made ------------------------------------------------ */

static struct state_step *step_place (struct state_step *steps, size_t places,
                                      uint64_t from) {
  size_t place = (size_t)raft_mix (from) & (places - 1);
  while (steps[place].from != UINT64_MAX && steps[place].from != from) {
    place = (place + 1) & (places - 1);
  }
  return &steps[place];
}

static uint64_t step_from (uint32_t state, uint32_t class) {
  return (uint64_t)state << 32 | class;
}

uint32_t states_known (const struct states *states, uint32_t state,
                       uint32_t class) {
  const struct state_step *step;
  if (states->step_places == 0) {
    return STATES_UNASKED;
  }
  step = step_place (states->steps, states->step_places,
                     step_from (state, class));
  return step->from == UINT64_MAX ? STATES_UNASKED : step->next;
}

static int grow_steps (struct states *states) {
  size_t count = states->step_places * 2;
  size_t i;
  struct state_step *steps;
  if (states->step_count * 2 < states->step_places) {
    return RAFT_OK;
  }
  if (count == 0) {
    count = PLACES_FIRST;
  }
  steps = raft_allocate (states->memory, count * sizeof *steps);
  if (steps == NULL) {
    return RAFT_ENOMEM;
  }
  memset (steps, 0xff, count * sizeof *steps);
  for (i = 0; i < states->step_places; i++) {
    if (states->steps[i].from != UINT64_MAX) {
      *step_place (steps, count, states->steps[i].from) = states->steps[i];
    }
  }
  raft_release (states->memory, states->steps,
                states->step_places * sizeof *steps);
  states->steps = steps;
  states->step_places = count;
  return RAFT_OK;
}

int states_remember (struct states *states, uint32_t state, uint32_t class,
                     uint32_t next) {
  struct state_step *step;
  if (grow_steps (states) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  step = step_place (states->steps, states->step_places,
                     step_from (state, class));
  raft_assert (step->from == UINT64_MAX || step->next == next);
  states->step_count += step->from == UINT64_MAX;
  step->from = step_from (state, class);
  step->next = next;
  return RAFT_OK;
}

/* ---- what an operation makes of a state -------------------------------- */

/* The number of 'head' with 'tail' put in after its first 'at' bytes. */
static int joined (struct states *states, const struct state_bytes *head,
                   const struct state_bytes *tail, size_t at,
                   uint32_t *next) {
  size_t size = head->size + tail->size;
  uint8_t *bytes = raft_allocate (states->memory, size + 1);
  int status;
  if (bytes == NULL) {
    return RAFT_ENOMEM;
  }
  memcpy (bytes, head->data, at);
  memcpy (bytes + at, tail->data, tail->size);
  memcpy (bytes + at + tail->size, head->data + at, head->size - at);
  status = states_number (states, bytes, size, next);
  raft_release (states->memory, bytes, size + 1);
  return status;
}

/* Where in sorted elements 'element' stands, or belongs. */
static size_t element_place (const struct state_bytes *set,
                             const uint8_t *element) {
  size_t low = 0;
  size_t high = set->size / ELEMENT;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (memcmp (set->data + middle * ELEMENT, element, ELEMENT) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low * ELEMENT;
}

static bool has_element (const struct state_bytes *set,
                         const uint8_t *element) {
  size_t at = element_place (set, element);
  return at < set->size && memcmp (set->data + at, element, ELEMENT) == 0;
}

static int added (struct states *states, const struct state_bytes *old,
                  const struct state_bytes *more, uint32_t *next) {
  uint8_t sum[SUM];
  raft_assert (old->size == SUM && more->size == SUM);
  raft_store_u64 (sum, raft_load_u64 (old->data) + raft_load_u64 (more->data));
  return states_number (states, sum, SUM, next);
}

static int cut (struct states *states, const struct state_bytes *old,
                size_t size, uint32_t *next) {
  return states_number (states, old->data + size, old->size - size, next);
}

/* The actions whose result is a string not numbered before, perhaps. */
static int make (struct states *states,
                 const struct check_operation *operation, uint32_t state,
                 uint32_t *next) {
  struct state_bytes old = states->list[state]; /* the list may move */
  struct state_bytes more = states->list[operation->first];
  switch (operation->action) {
    case CHECK_APPEND: return joined (states, &old, &more, old.size, next);
    case CHECK_ADD: return added (states, &old, &more, next);
    case CHECK_INSERT:
      raft_assert (old.size % ELEMENT == 0 && more.size == ELEMENT);
      if (has_element (&old, more.data)) {
        *next = state;
        return RAFT_OK;
      }
      return joined (states, &old, &more, element_place (&old, more.data),
                     next);
    case CHECK_TAKE:
      if (old.size >= more.size
          && memcmp (old.data, more.data, more.size) == 0) {
        return cut (states, &old, more.size, next);
      }
      *next = CHECK_NONE;
      return RAFT_OK;
    default:
      raft_assert (operation->action == CHECK_TAKE_ANY);
      if (old.size >= ELEMENT) {
        return cut (states, &old, ELEMENT, next);
      }
      *next = CHECK_NONE;
      return RAFT_OK;
  }
}

int states_step (struct states *states,
                 const struct check_operation *operation, uint32_t class,
                 uint32_t state, uint32_t *next) {
  int status;
  switch (operation->action) {
    case CHECK_READ:
      *next = state == operation->first ? state : CHECK_NONE;
      return RAFT_OK;
    case CHECK_DIFFERS:
      *next = state != operation->first ? state : CHECK_NONE;
      return RAFT_OK;
    case CHECK_WRITE:
      *next = operation->first;
      return RAFT_OK;
    case CHECK_SWAP:
      *next = state == operation->first ? operation->second : CHECK_NONE;
      return RAFT_OK;
    default:
      break;
  }
  if (state == STATES_UNSEEN) {
    *next = state; /* it grows, unseen */
    return RAFT_OK;
  }
  *next = states_known (states, state, class);
  if (*next != STATES_UNASKED || operation->action == CHECK_LOOK
      || operation->action == CHECK_STEP) {
    return RAFT_OK;
  }
  status = make (states, operation, state, next);
  return status == RAFT_OK ? states_remember (states, state, class, *next)
                           : status;
}

bool states_may_become (const struct states *states, uint32_t state,
                        uint32_t later, enum check_action kind) {
  const struct state_bytes *now, *then;
  size_t at;
  if (kind == CHECK_WRITE || state == STATES_UNSEEN) {
    return state == later;
  }
  now = &states->list[state];
  then = &states->list[later];
  if (now->size > then->size) {
    return false;
  }
  if (kind == CHECK_APPEND) {
    return memcmp (now->data, then->data, now->size) == 0;
  }
  for (at = 0; at < now->size; at += ELEMENT) {
    if (!has_element (then, now->data + at)) {
      return false;
    }
  }
  return true;
}
