/* SPDX-License-Identifier: MIT
**
** options.c - options and counters by name. */

#include "sim/options.h"

#include <string.h>

#include "base/error.h"
#include "base/panic.h"

struct option_row {
  const char *name;
  size_t offset;
  uint64_t value;
};

static const struct option_row OPTIONS[] = {
#define X(name, value, unit, meaning) \
  { #name, offsetof (struct sim_options, name), value },
  SIM_OPTIONS (X)
#undef X
};

static const char *const COUNTERS[] = {
#define X(name, meaning) #name,
  SIM_COUNTERS (X)
#undef X
};

#define OPTION_COUNT (sizeof OPTIONS / sizeof OPTIONS[0])
#define COUNTER_COUNT (sizeof COUNTERS / sizeof COUNTERS[0])

static uint64_t *option_at (struct sim_options *options, size_t i) {
  return (uint64_t *)(void *)((char *)options + OPTIONS[i].offset);
}

void sim_options_default (struct sim_options *options) {
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    *option_at (options, i) = OPTIONS[i].value;
  }
  options->replay = NULL;
  raft_limits_default (&options->limits);
  /* A recovery reads whole segments: with small ones a member restarts a
  ** thousand times in a second of ours, and segments change often. */
  options->limits.segment_bytes = 128 * RAFT_KIB;
  options->limits.batch_bytes = 32 * RAFT_KIB;
  options->limits.entry_bytes = 16 * RAFT_KIB;
}

int sim_options_set (struct sim_options *options, const char *name,
                     uint64_t value) {
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (strcmp (OPTIONS[i].name, name) == 0) {
      *option_at (options, i) = value;
      return RAFT_OK;
    }
  }
  return RAFT_ENOT_FOUND;
}

const char *sim_option_name (size_t at) {
  return at < OPTION_COUNT ? OPTIONS[at].name : NULL;
}

const char *sim_counter_name (size_t at) {
  return at < COUNTER_COUNT ? COUNTERS[at] : NULL;
}

uint64_t sim_counter_value (const struct sim_counters *counters, size_t at) {
  raft_assert (at < COUNTER_COUNT);
  return ((const uint64_t *)(const void *)counters)[at];
}
