/* SPDX-License-Identifier: MIT
**
** states.h - states of a model, each kept once, and the steps between them.
**
** Holds:     byte strings numbered by content, and a table of steps already
**            made: (state, class of operation) -> state.
** Knows not: operations in time.
** Invariant: two states are equal if and only if their numbers are. */

#ifndef RAFT_CHECK_STATES_H
#define RAFT_CHECK_STATES_H

#include "check/check.h"

#define STATES_UNASKED (CHECK_NONE - 1) /* a step not made yet */
#define STATES_UNSEEN (CHECK_NONE - 2)  /* one nobody can see: sight.h */

struct state_bytes {
  uint8_t *data;
  size_t size;
  uint64_t hash;
};

struct state_step {
  uint64_t from; /* state and class; all ones: the place is free */
  uint32_t next;
};

struct states {
  struct raft_memory *memory;
  struct state_bytes *list;
  size_t count;
  size_t capacity;
  uint32_t *places; /* by hash: number, or CHECK_NONE */
  size_t place_count;
  struct state_step *steps;
  size_t step_count;
  size_t step_places;
};

RAFT_HIDDEN_BEGIN

void states_init (struct states *states, struct raft_memory *memory);
void states_free (struct states *states);

/* The number of these bytes. Errors: RAFT_ENOMEM. */
int states_number (struct states *states, const void *data, size_t size,
                   uint32_t *number);

/* What an operation of class 'class' makes of a state, if that was found
** before; else STATES_UNASKED. */
uint32_t states_known (const struct states *states, uint32_t state,
                       uint32_t class);
/* Remembers it. Errors: RAFT_ENOMEM. */
int states_remember (struct states *states, uint32_t state, uint32_t class,
                     uint32_t next);

/* What the operation makes of a state: *next is a state, CHECK_NONE (it
** cannot be), or STATES_UNASKED (the caller's model must say).
** Errors: RAFT_ENOMEM. */
int states_step (struct states *states,
                 const struct check_operation *operation, uint32_t class,
                 uint32_t state, uint32_t *next);

/* Whether 'state' is 'later', or becomes it by actions of one kind alone:
** CHECK_APPEND ('later' begins with it), CHECK_INSERT (its elements are all
** there); with CHECK_WRITE only if it is. */
bool states_may_become (const struct states *states, uint32_t state,
                        uint32_t later, enum check_action kind);

RAFT_HIDDEN_END

#endif
