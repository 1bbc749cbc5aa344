/* SPDX-License-Identifier: MIT
**
** limit.c - defaults, and setting a limit by name. */

#include "base/limit.h"

#include <string.h>

#include "base/error.h"

void raft_limits_default (struct raft_limits *limits) {
#define X(name, value, unit, reason) limits->name = (value);
  RAFT_LIMITS (X)
#undef X
}

int raft_limits_set (struct raft_limits *limits, const char *name,
                     uint64_t value) {
#define X(field, standard, unit, reason) \
  if (strcmp (name, #field) == 0) {      \
    limits->field = value;               \
    return RAFT_OK;                      \
  }
  RAFT_LIMITS (X)
#undef X
  return RAFT_ENOT_FOUND;
}
