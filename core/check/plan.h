/* SPDX-License-Identifier: MIT
**
** plan.h - a history made ready to be searched.
**
** Holds:     the operations, when each was called and returned, and what can
**            be known before the search: whom to try where.
** Knows not: states.
** Invariant: at any time an operation that is under way has a place no other
**            one under way has: one of 'places' if it returns, one of
**            'open_places' if it never does. Places are used again.
**
** Equal operations are twins: of those under way, only the one that returns
** first needs to be tried, since any order with another one first can be had
** by changing the two over. 'twin' chains them by their returns. */

#ifndef RAFT_CHECK_PLAN_H
#define RAFT_CHECK_PLAN_H

#include "check/check.h"

struct plan_operation {
  struct check_operation what;
  uint32_t call;   /* position of its event */
  uint32_t end;    /* of its return; CHECK_NONE: never */
  uint32_t place;  /* while under way */
  uint32_t class;  /* equal operations have equal classes */
  uint32_t twin;   /* of its class, the one that returns before it */
  /* At its return: */
  uint32_t oldest; /* of its component, the first in 'closed' still there */
  uint32_t reads;  /* of its component, the first in 'reads' not yet over */
};

/* Lists of the operations of one component, each a range of an array. */
struct plan_component {
  uint32_t closed, closed_end; /* those that return, as called */
  uint32_t open, open_end;     /* those that never do, as called */
  uint32_t reads, reads_end;   /* CHECK_READ, as returned */
  uint32_t viewers, viewers_end; /* all that depend on a state being 'first':
                               ** CHECK_READ, CHECK_DIFFERS, CHECK_SWAP */
  enum check_action kind;      /* beside these and CHECK_WRITE there is only
                               ** CHECK_APPEND or CHECK_INSERT; CHECK_WRITE:
                               ** neither; CHECK_STEP: more, or both */
  enum check_action change;    /* CHECK_INSERT or CHECK_ADD: all that change
                               ** do it so, in any order; else CHECK_STEP */
};

struct plan {
  struct raft_memory *memory;
  struct plan_operation *operations;
  size_t count, capacity;
  uint32_t *events; /* operation * 2, plus 1 for its return */
  size_t event_count, event_capacity;
  struct plan_component *components;
  uint32_t component_count;
  uint32_t *lists; /* what the components' ranges are ranges of */
  size_t list_size;
  uint32_t places, open_places;
  uint32_t class_count; /* classes are below it */
};

RAFT_HIDDEN_BEGIN

void plan_init (struct plan *plan, struct raft_memory *memory);
void plan_free (struct plan *plan);

/* As check_add, check_call, check_return. */
int plan_add (struct plan *plan, const struct check_operation *operation);
int plan_call (struct plan *plan, uint32_t operation);
int plan_return (struct plan *plan, uint32_t operation);
/* After the last event. Errors: RAFT_ENOMEM. */
int plan_finish (struct plan *plan);

static inline bool plan_is_look (enum check_action action) {
  return action <= CHECK_LOOK;
}

RAFT_HIDDEN_END

#endif
