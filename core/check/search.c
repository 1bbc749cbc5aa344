/* SPDX-License-Identifier: MIT
**
** search.c - the search of check.h.
**
** Holds:  a walk, depth first, over configurations. From one, that waits for
**         the return of an operation, the operation itself may take effect
**         next, or first another one that is under way.
** Rule:   the walk keeps its own stack: histories are longer than C's.
**
** What keeps it small, each without losing an order:
** (1) nothing takes effect before a return waits for it (Lowe's just-in-time
**     linearization), so the next return and a few bits say what a set of all
**     operations would;
** (2) only operations on the component waited for are tried: others commute
**     with it, and come when they are waited for themselves;
** (3) a change that commutes with all others comes first if nobody looks;
** (4) looks take effect at once (configuration.h); twins stand in for each
**     other (plan.h); a configuration that used more is not looked at (memo.h);
** (5) the next read must still be able to see what it saw; states that no one
**     can tell apart are one (sight.h). */

#include <string.h>

#include "base/error.h"
#include "base/panic.h"
#include "check/configuration.h"
#include "check/memo.h"
#include "check/sight.h"

struct frame {
  const struct memo_entry *entry;
  uint32_t stage; /* 0: the waiting one; 1: those that return; 2: the open;
                  ** 3: no more */
  uint32_t at;    /* in the list of that stage */
};

struct check {
  struct raft_arena *arena;
  struct check_limits limits;
  struct plan plan;
  struct states states;
  struct memo memo;
  struct configuration now; /* being made */
  struct frame *stack;
  size_t depth, capacity;
  const struct memo_entry *furthest;
  enum check_verdict verdict;
  bool begun; /* the first configuration is in the memo */
  bool no_memory;
  bool exact; /* see check_be_exact */
  uint32_t initial;
};

int check_new (struct raft_arena *arena, const struct check_limits *limits,
               struct check **out) {
  struct check *check = raft_allocate_zeroed (&arena->memory, sizeof *check);
  if (check == NULL) {
    return RAFT_ENOMEM;
  }
  check->arena = arena;
  check->limits = *limits;
  plan_init (&check->plan, &arena->memory);
  states_init (&check->states, &arena->memory);
  *out = check;
  return RAFT_OK;
}

void check_free (struct check *check) {
  struct raft_memory *memory;
  if (check == NULL) {
    return;
  }
  memory = &check->arena->memory;
  raft_release (memory, check->stack,
                check->capacity * sizeof *check->stack);
  if (check->now.words != NULL) {
    raft_release (memory, check->now.words,
                  configuration_words (&check->now) * sizeof (uint64_t));
    memo_free (&check->memo);
  }
  states_free (&check->states);
  plan_free (&check->plan);
  raft_release (memory, check, sizeof *check);
}

int check_bytes (struct check *check, const void *data, size_t size,
                 uint32_t *number) {
  return states_number (&check->states, data, size, number);
}

int check_add (struct check *check, const struct check_operation *operation) {
  return plan_add (&check->plan, operation);
}

int check_call (struct check *check, uint32_t operation) {
  return plan_call (&check->plan, operation);
}

int check_return (struct check *check, uint32_t operation) {
  return plan_return (&check->plan, operation);
}

void check_be_exact (struct check *check) {
  check->exact = true;
}

int check_begin (struct check *check, uint32_t initial) {
  size_t words;
  raft_assert (check->now.words == NULL);
  if (plan_finish (&check->plan) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  configuration_init (&check->now, &check->plan, &check->states);
  words = configuration_words (&check->now);
  check->now.words = raft_allocate_zeroed (&check->arena->memory,
                                           words * sizeof (uint64_t));
  if (check->now.words == NULL) {
    return RAFT_ENOMEM;
  }
  memo_init (&check->memo, &check->arena->memory,
             configuration_key_words (&check->now), words);
  check->initial = initial;
  check->verdict = CHECK_RUNNING;
  return RAFT_OK;
}

/* ---- whom to try next -------------------------------------------------- */

/* Of twins under way only the first to return is tried. */
static bool stands_behind_twin (const struct check *check,
                                const struct plan_operation *operation) {
  uint32_t event = configuration_event (&check->now);
  uint32_t twin = operation->twin;
  while (twin != CHECK_NONE && check->plan.operations[twin].end >= event) {
    const struct plan_operation *other = &check->plan.operations[twin];
    if (other->call < event && !configuration_has (&check->now, twin)) {
      return true;
    }
    twin = other->twin;
  }
  return false;
}

static bool may_be_tried (const struct check *check, uint32_t operation,
                          uint32_t waiting) {
  const struct plan_operation *one = &check->plan.operations[operation];
  return operation != waiting && !plan_is_look (one->what.action)
         && one->end >= configuration_event (&check->now)
         && !configuration_has (&check->now, operation)
         && !stands_behind_twin (check, one);
}

/* The next in list [at, end) that may be tried; CHECK_NONE: no more. */
static uint32_t next_in (const struct check *check, struct frame *frame,
                         uint32_t end, uint32_t waiting) {
  const struct plan *plan = &check->plan;
  uint32_t event = configuration_event (&check->now);
  while (frame->at < end
         && plan->operations[plan->lists[frame->at]].call < event) {
    uint32_t operation = plan->lists[frame->at++];
    if (may_be_tried (check, operation, waiting)) {
      return operation;
    }
  }
  return CHECK_NONE;
}

/* Whether the waiting one, a change, may as well come before all others: they
** commute, and nobody looks. */
static bool comes_first (const struct check *check,
                         const struct plan_operation *waiting) {
  const struct plan *plan = &check->plan;
  const struct plan_component *component
    = &plan->components[waiting->what.component];
  uint32_t event = configuration_event (&check->now);
  uint32_t at;
  if (component->change == CHECK_STEP || plan_is_look (waiting->what.action)) {
    return false;
  }
  for (at = waiting->oldest; at < component->closed_end; at++) {
    const struct plan_operation *one = &plan->operations[plan->lists[at]];
    if (one->call > event) {
      break;
    }
    if (plan_is_look (one->what.action) && one->end > event
        && !configuration_has (&check->now, plan->lists[at])) {
      return false;
    }
  }
  return true;
}

/* The next to be tried from the configuration in check->now. */
static uint32_t candidate (struct check *check, struct frame *frame) {
  uint32_t waiting = configuration_waiting (&check->now);
  const struct plan_operation *one = &check->plan.operations[waiting];
  const struct plan_component *component
    = &check->plan.components[one->what.component];
  uint32_t found = CHECK_NONE;
  if (frame->stage == 0) {
    frame->stage = 1;
    frame->at = one->oldest;
    if (comes_first (check, one)) {
      frame->stage = 3;
    }
    if (!plan_is_look (one->what.action)) {
      return waiting;
    }
  }
  if (frame->stage == 1) {
    found = next_in (check, frame, component->closed_end, waiting);
    if (found != CHECK_NONE) {
      return found;
    }
    frame->stage = 2;
    frame->at = component->open;
  }
  return frame->stage == 2
           ? next_in (check, frame, component->open_end, waiting)
           : CHECK_NONE;
}

/* ---- steps ------------------------------------------------------------- */

static void copy_words (struct check *check, const struct memo_entry *entry) {
  memcpy (check->now.words, entry->words,
          check->memo.words * sizeof *entry->words);
}

static enum check_verdict out_of_memory (struct check *check) {
  check->no_memory = true;
  return CHECK_UNKNOWN;
}

/* Keeps the configuration in check->now and goes on from it. */
static enum check_verdict enter (struct check *check,
                                 const struct memo_entry *parent,
                                 uint32_t operation) {
  struct memo_entry *entry;
  struct frame *frame;
  if (raft_reserve (&check->arena->memory, (void **)&check->stack,
                    &check->capacity, check->depth + 1, sizeof *frame)
        != RAFT_OK
      || memo_add (&check->memo, check->now.words, parent, operation, &entry)
           != RAFT_OK) {
    return out_of_memory (check);
  }
  if (entry == NULL) {
    return CHECK_RUNNING;
  }
  if (check->furthest == NULL
      || entry->words[0] > check->furthest->words[0]) {
    check->furthest = entry;
  }
  if (configuration_waiting (&check->now) == CHECK_NONE) {
    return CHECK_LINEARIZABLE;
  }
  frame = &check->stack[check->depth++];
  memset (frame, 0, sizeof *frame);
  frame->entry = entry;
  return CHECK_RUNNING;
}

static void clear_words (struct check *check) {
  uint32_t i;
  memset (check->now.words, 0, check->memo.words * sizeof (uint64_t));
  for (i = 0; i < check->plan.component_count; i++) {
    configuration_set_state (&check->now, i, check->initial);
  }
}

static enum check_verdict first (struct check *check) {
  enum check_verdict verdict;
  clear_words (check);
  verdict = configuration_settle (&check->now, CHECK_NONE, NULL, NULL);
  if (verdict == CHECK_UNKNOWN) {
    return out_of_memory (check);
  }
  if (verdict != CHECK_RUNNING) {
    return verdict;
  }
  check->begun = true;
  return enter (check, NULL, CHECK_NONE);
}

/* From the configuration in check->now, by one operation. */
static enum check_verdict take (struct check *check,
                                const struct memo_entry *from,
                                uint32_t operation) {
  uint32_t waiting = configuration_waiting (&check->now);
  uint32_t changed = check->plan.operations[operation].what.component;
  enum check_verdict verdict = configuration_take (&check->now, operation);
  if (verdict == CHECK_NOT
      || (verdict == CHECK_RUNNING && !check->exact
          && sight_is_lost (&check->now, changed, waiting))) {
    return CHECK_RUNNING;
  }
  if (verdict == CHECK_RUNNING) {
    verdict = configuration_settle (&check->now, changed, NULL, NULL);
  }
  if (verdict == CHECK_UNKNOWN) {
    return out_of_memory (check);
  }
  return verdict == CHECK_RUNNING ? enter (check, from, operation) : verdict;
}

static enum check_verdict step (struct check *check) {
  struct frame *frame = &check->stack[check->depth - 1];
  struct frame before = *frame;
  const struct memo_entry *entry = frame->entry;
  enum check_verdict verdict;
  uint32_t operation;
  copy_words (check, entry);
  operation = candidate (check, frame);
  if (operation == CHECK_NONE) {
    check->depth--;
    return CHECK_RUNNING;
  }
  verdict = take (check, entry, operation);
  if (verdict == CHECK_ASKING) {
    check->stack[check->depth - 1] = before; /* again, once it is answered */
  }
  return verdict;
}

enum check_verdict check_run (struct check *check, uint64_t budget) {
  uint64_t until = check->memo.count + budget;
  raft_assert (check->now.words != NULL);
  raft_assert (check->verdict != CHECK_ASKING);
  while (check->verdict == CHECK_RUNNING) {
    if (check->memo.count >= check->limits.states) {
      check->verdict = CHECK_UNKNOWN;
    } else if (check->arena->bytes > check->limits.bytes) {
      check->verdict = out_of_memory (check);
    } else if (check->memo.count >= until) {
      return CHECK_RUNNING;
    } else if (!check->begun) {
      check->verdict = first (check);
    } else if (check->depth == 0) {
      check->verdict = CHECK_NOT;
    } else {
      check->verdict = step (check);
    }
  }
  return check->verdict;
}

/* ---- questions and results --------------------------------------------- */

void check_question (const struct check *check, uint32_t *state,
                     uint32_t *operation) {
  raft_assert (check->verdict == CHECK_ASKING);
  *state = check->now.asked_state;
  *operation = check->now.asked_operation;
}

int check_answer (struct check *check, uint32_t next) {
  uint32_t operation = check->now.asked_operation;
  int status;
  raft_assert (check->verdict == CHECK_ASKING);
  raft_assert (next != STATES_UNASKED);
  status = states_remember (&check->states, check->now.asked_state,
                            check->plan.operations[operation].class, next);
  if (status == RAFT_OK) {
    check->verdict = CHECK_RUNNING;
  }
  return status;
}

void check_get_counts (const struct check *check,
                       struct check_counts *counts) {
  counts->states = check->memo.count;
  counts->peak_bytes = check->arena->peak;
  counts->no_memory = check->no_memory;
}

/* Goes again from one configuration to the next, writing down the looks. */
static void tell (struct check *check, const struct memo_entry *from,
                  uint32_t operation, uint32_t *order, uint32_t *count) {
  uint32_t changed = CHECK_NONE;
  enum check_verdict verdict = CHECK_RUNNING;
  if (from != NULL) {
    copy_words (check, from);
    order[(*count)++] = operation;
    changed = check->plan.operations[operation].what.component;
    verdict = configuration_take (&check->now, operation);
  } else {
    clear_words (check);
  }
  raft_assert (verdict == CHECK_RUNNING); /* every step was made before */
  verdict = configuration_settle (&check->now, changed, order, count);
  raft_assert (verdict == CHECK_RUNNING);
}

/* Entries know where they came from: the way to the furthest is turned round
** on the stack, which a search that has ended does not need any more. */
static int collect_way (struct check *check, size_t *length) {
  const struct memo_entry *entry;
  size_t count = 0;
  for (entry = check->furthest; entry != NULL; entry = entry->parent) {
    count++;
  }
  if (raft_reserve (&check->arena->memory, (void **)&check->stack,
                    &check->capacity, count, sizeof *check->stack)
      != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  *length = count;
  for (entry = check->furthest; entry != NULL; entry = entry->parent) {
    check->stack[--count].entry = entry;
  }
  check->depth = 0;
  return RAFT_OK;
}

/* The states again, also those that the search took for one another. */
static int tell_states (struct check *check, const uint32_t *order,
                        uint32_t count, uint32_t *states) {
  uint32_t i;
  clear_words (check);
  for (i = 0; i < count; i++) {
    const struct plan_operation *one = &check->plan.operations[order[i]];
    uint32_t component = one->what.component;
    if (states_step (&check->states, &one->what, one->class,
                     configuration_state (&check->now, component), &states[i])
        != RAFT_OK) {
      return RAFT_ENOMEM;
    }
    raft_assert (states[i] < STATES_UNSEEN);
    configuration_set_state (&check->now, component, states[i]);
  }
  return RAFT_OK;
}

int check_furthest (struct check *check, uint32_t *order, uint32_t *states,
                    uint32_t *count, uint32_t *blocked) {
  size_t length, i;
  *count = 0;
  *blocked = CHECK_NONE;
  if (collect_way (check, &length) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  for (i = 0; i < length; i++) {
    const struct memo_entry *entry = check->stack[i].entry;
    tell (check, i == 0 ? NULL : entry->parent, entry->operation, order,
          count);
    *blocked = configuration_waiting (&check->now);
  }
  return tell_states (check, order, *count, states);
}

const uint8_t *check_state (const struct check *check, uint32_t state,
                            size_t *size) {
  raft_assert (state < check->states.count);
  *size = check->states.list[state].size;
  return check->states.list[state].data;
}
