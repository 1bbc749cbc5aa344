/* SPDX-License-Identifier: MIT
**
** sight.c - what later operations can still see of a state; see sight.h. */

#include "check/sight.h"

#include "base/error.h"
#include "base/panic.h"

#define LOOK_AHEAD 256 /* operations; with more the answer is "perhaps" */

/* ---- states that nobody can tell apart ---------------------------------- */

/* Just after the last return of an operation of the component that might
** notice 'state' or what it grows to; CHECK_NONE: it never returns. */
static int seen_until (struct configuration *configuration,
                       uint32_t component, uint32_t state, uint32_t *until) {
  const struct plan *plan = configuration->plan;
  const struct plan_component *one = &plan->components[component];
  uint32_t class = plan->class_count + component; /* no operation's class */
  uint32_t at;
  *until = states_known (configuration->states, state, class);
  if (*until != STATES_UNASKED) {
    return RAFT_OK;
  }
  *until = 0;
  for (at = one->viewers_end; at > one->viewers; at--) {
    const struct plan_operation *viewer
      = &plan->operations[plan->lists[at - 1]]; /* late ones say most */
    if (viewer->end >= *until
        && states_may_become (configuration->states, state,
                              viewer->what.first, one->kind)) {
      *until = viewer->end == CHECK_NONE ? CHECK_NONE : viewer->end + 1;
    }
    if (*until == CHECK_NONE) {
      break;
    }
  }
  return states_remember (configuration->states, state, class, *until);
}

int sight_dim (struct configuration *configuration, uint32_t component) {
  uint32_t state = configuration_state (configuration, component);
  uint32_t until;
  if (configuration->plan->components[component].kind == CHECK_STEP
      || state == STATES_UNSEEN) {
    return RAFT_OK;
  }
  if (seen_until (configuration, component, state, &until) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  if (until <= configuration_event (configuration)) {
    configuration_set_state (configuration, component, STATES_UNSEEN);
  }
  return RAFT_OK;
}

/* ---- states from which the next read is out of reach -------------------- */

/* Whether the operation, once it took effect, may lead to 'seen'. */
static bool may_lead_to (const struct configuration *configuration,
                         const struct plan_operation *operation,
                         uint32_t seen, enum check_action kind) {
  uint32_t made;
  switch (operation->what.action) {
    case CHECK_WRITE: made = operation->what.first; break;
    case CHECK_SWAP: made = operation->what.second; break;
    default: return false; /* it only looks, or grows what is there */
  }
  return states_may_become (configuration->states, made, seen, kind);
}

/* Whether one of a list, from 'at' on, that has not taken effect yet and is
** called before 'until', may lead to what 'read' saw. */
static bool one_may_lead (const struct configuration *configuration,
                          uint32_t at, uint32_t end,
                          const struct plan_operation *read) {
  const struct plan *plan = configuration->plan;
  uint32_t event = configuration_event (configuration);
  uint32_t last = end - at > LOOK_AHEAD ? at + LOOK_AHEAD : end;
  for (; at < last; at++) {
    uint32_t number = plan->lists[at];
    const struct plan_operation *one = &plan->operations[number];
    if (one->call > read->end) {
      return false;
    }
    if (one->end >= event
        && !(one->call < event
             && configuration_has (configuration, number))
        && may_lead_to (configuration, one, read->what.first,
                        plan->components[one->what.component].kind)) {
      return true;
    }
  }
  return last < end;
}

/* The first read of the component to return that has not taken effect. */
static const struct plan_operation *next_read (
  const struct configuration *configuration, uint32_t component,
  uint32_t at) {
  const struct plan *plan = configuration->plan;
  uint32_t event = configuration_event (configuration);
  for (; at < plan->components[component].reads_end; at++) {
    uint32_t number = plan->lists[at];
    if (plan->operations[number].call > event
        || !configuration_has (configuration, number)) {
      return &plan->operations[number];
    }
  }
  return NULL;
}

bool sight_is_lost (const struct configuration *configuration,
                    uint32_t component, uint32_t waiting) {
  const struct plan *plan = configuration->plan;
  const struct plan_component *one = &plan->components[component];
  uint32_t state = configuration_state (configuration, component);
  const struct plan_operation *read;
  raft_assert (plan->operations[waiting].what.component == component);
  if (one->kind == CHECK_STEP) {
    return false;
  }
  read = next_read (configuration, component,
                    plan->operations[waiting].reads);
  return read != NULL
         && !states_may_become (configuration->states, state,
                                read->what.first, one->kind)
         && !one_may_lead (configuration, plan->operations[waiting].oldest,
                           one->closed_end, read)
         && !one_may_lead (configuration, one->open, one->open_end, read);
}
