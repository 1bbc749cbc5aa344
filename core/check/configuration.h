/* SPDX-License-Identifier: MIT
**
** configuration.h - one configuration of a search, being made.
**
** Holds:     the words of memo.h with names, and what happens by itself: looks
**            that fit take effect at once, and returns pass.
** Rule:      a look changes nothing, so an order in which it comes as early
**            as it fits exists whenever any order does: there is no choice.
** Invariant: after configuration_settle the event of the configuration is the
**            return of an operation that has not taken effect, or the end. */

#ifndef RAFT_CHECK_CONFIGURATION_H
#define RAFT_CHECK_CONFIGURATION_H

#include "check/plan.h"
#include "check/states.h"

struct configuration {
  const struct plan *plan;
  struct states *states;
  size_t place_words; /* of the places */
  size_t state_words;
  size_t open_words;
  uint32_t asked_state; /* after CHECK_ASKING */
  uint32_t asked_operation;
  uint64_t *words; /* the configuration itself */
};

RAFT_HIDDEN_BEGIN

/* Reads the sizes from the plan. */
void configuration_init (struct configuration *configuration,
                         const struct plan *plan, struct states *states);

size_t configuration_key_words (const struct configuration *configuration);
size_t configuration_words (const struct configuration *configuration);

uint32_t configuration_state (const struct configuration *configuration,
                              uint32_t component);
void configuration_set_state (struct configuration *configuration,
                              uint32_t component, uint32_t state);

/* Whether the operation, called before the event of the configuration and
** not returned, has taken effect. */
bool configuration_has (const struct configuration *configuration,
                        uint32_t operation);

/* Lets a change take effect. CHECK_RUNNING: done; CHECK_NOT: it cannot be;
** CHECK_ASKING; CHECK_UNKNOWN: out of memory. */
enum check_verdict configuration_take (struct configuration *configuration,
                                       uint32_t operation);

/* Lets happen what happens by itself. Each look that takes effect is written
** to 'log' (NULL: nowhere), at *count. The same results. 'changed': the
** component whose state has just been changed; CHECK_NONE: none. */
enum check_verdict configuration_settle (struct configuration *configuration,
                                         uint32_t changed, uint32_t *log,
                                         uint32_t *count);

static inline uint32_t configuration_event (
  const struct configuration *configuration) {
  return (uint32_t)configuration->words[0];
}

/* The operation whose return is waited for; CHECK_NONE at the end. */
static inline uint32_t configuration_waiting (
  const struct configuration *configuration) {
  uint32_t event = configuration_event (configuration);
  return event < configuration->plan->event_count
           ? configuration->plan->events[event] / 2
           : CHECK_NONE;
}

RAFT_HIDDEN_END

#endif
