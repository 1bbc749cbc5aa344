/* SPDX-License-Identifier: MIT
**
** configuration.c - one configuration of a search; see configuration.h. */

#include "check/configuration.h"

#include "base/error.h"
#include "base/panic.h"
#include "check/sight.h"

#define WORD_BITS 64

void configuration_init (struct configuration *configuration,
                         const struct plan *plan, struct states *states) {
  configuration->plan = plan;
  configuration->states = states;
  configuration->place_words = (plan->places + WORD_BITS - 1) / WORD_BITS;
  configuration->state_words = (plan->component_count + 1) / 2;
  configuration->open_words = (plan->open_places + WORD_BITS - 1) / WORD_BITS;
}

size_t configuration_key_words (const struct configuration *configuration) {
  return 1 + configuration->place_words + configuration->state_words;
}

size_t configuration_words (const struct configuration *configuration) {
  return configuration_key_words (configuration) + configuration->open_words;
}

/* ---- parts ------------------------------------------------------------- */

uint32_t configuration_state (const struct configuration *configuration,
                              uint32_t component) {
  uint64_t word = configuration->words[1 + configuration->place_words
                                       + component / 2];
  return (uint32_t)(component % 2 == 0 ? word : word >> 32);
}

void configuration_set_state (struct configuration *configuration,
                              uint32_t component, uint32_t state) {
  uint64_t *word = &configuration->words[1 + configuration->place_words
                                         + component / 2];
  *word = component % 2 == 0
            ? (*word >> 32 << 32) | state
            : (*word & UINT32_MAX) | (uint64_t)state << 32;
}

static uint64_t *word_of (const struct configuration *configuration,
                          const struct plan_operation *operation) {
  size_t first = operation->end != CHECK_NONE
                   ? 1
                   : configuration_key_words (configuration);
  return &configuration->words[first + operation->place / WORD_BITS];
}

static uint64_t bit_of (const struct plan_operation *operation) {
  return (uint64_t)1 << operation->place % WORD_BITS;
}

bool configuration_has (const struct configuration *configuration,
                        uint32_t operation) {
  const struct plan_operation *one
    = &configuration->plan->operations[operation];
  raft_assert (one->call < configuration_event (configuration));
  return (*word_of (configuration, one) & bit_of (one)) != 0;
}

static enum check_verdict next_state (struct configuration *configuration,
                                      uint32_t operation, uint32_t *next) {
  const struct plan_operation *one
    = &configuration->plan->operations[operation];
  uint32_t state = configuration_state (configuration, one->what.component);
  if (states_step (configuration->states, &one->what, one->class, state, next)
      != RAFT_OK) {
    return CHECK_UNKNOWN;
  }
  if (*next == STATES_UNASKED) {
    configuration->asked_state = state;
    configuration->asked_operation = operation;
    return CHECK_ASKING;
  }
  return *next == CHECK_NONE ? CHECK_NOT : CHECK_RUNNING;
}

enum check_verdict configuration_take (struct configuration *configuration,
                                       uint32_t operation) {
  const struct plan_operation *one
    = &configuration->plan->operations[operation];
  uint32_t next;
  enum check_verdict verdict = next_state (configuration, operation, &next);
  if (verdict == CHECK_RUNNING) {
    configuration_set_state (configuration, one->what.component, next);
    *word_of (configuration, one) |= bit_of (one);
  }
  return verdict;
}

/* ---- what happens by itself -------------------------------------------- */

/* A look that is under way takes effect if it fits. */
static enum check_verdict look (struct configuration *configuration,
                                uint32_t operation, uint32_t *log,
                                uint32_t *count) {
  const struct plan_operation *one
    = &configuration->plan->operations[operation];
  uint32_t next;
  enum check_verdict verdict;
  if (!plan_is_look (one->what.action) || one->end == CHECK_NONE
      || (*word_of (configuration, one) & bit_of (one)) != 0) {
    return CHECK_RUNNING;
  }
  verdict = next_state (configuration, operation, &next);
  if (verdict == CHECK_RUNNING) {
    *word_of (configuration, one) |= bit_of (one);
    if (log != NULL) {
      log[(*count)++] = operation;
    }
  }
  return verdict == CHECK_NOT ? CHECK_RUNNING : verdict;
}

/* All looks at a component that were under way when its state changed. */
static enum check_verdict look_again (struct configuration *configuration,
                                      uint32_t changed, uint32_t *log,
                                      uint32_t *count) {
  const struct plan *plan = configuration->plan;
  uint32_t event = configuration_event (configuration);
  uint32_t end = plan->components[changed].closed_end;
  uint32_t at = plan->operations[plan->events[event] / 2].oldest;
  for (; at < end; at++) {
    const struct plan_operation *one = &plan->operations[plan->lists[at]];
    enum check_verdict verdict;
    if (one->call > event) {
      break;
    }
    if (one->end < event) {
      continue; /* its place may be another's by now */
    }
    verdict = look (configuration, plan->lists[at], log, count);
    if (verdict != CHECK_RUNNING) {
      return verdict;
    }
  }
  return CHECK_RUNNING;
}

enum check_verdict configuration_settle (struct configuration *configuration,
                                         uint32_t changed, uint32_t *log,
                                         uint32_t *count) {
  const struct plan *plan = configuration->plan;
  enum check_verdict verdict = CHECK_RUNNING;
  if (changed != CHECK_NONE) {
    verdict = look_again (configuration, changed, log, count);
    if (verdict == CHECK_RUNNING
        && sight_dim (configuration, changed) != RAFT_OK) {
      return CHECK_UNKNOWN;
    }
  }
  while (verdict == CHECK_RUNNING
         && configuration->words[0] < plan->event_count) {
    uint32_t event = plan->events[configuration->words[0]];
    const struct plan_operation *one = &plan->operations[event / 2];
    if (event % 2 == 0) {
      verdict = look (configuration, event / 2, log, count);
      if (verdict != CHECK_RUNNING) {
        break;
      }
    } else if ((*word_of (configuration, one) & bit_of (one)) != 0) {
      *word_of (configuration, one) &= ~bit_of (one);
    } else {
      break;
    }
    configuration->words[0]++;
    if (event % 2 == 1
        && sight_dim (configuration, one->what.component) != RAFT_OK) {
      return CHECK_UNKNOWN;
    }
  }
  return verdict;
}
