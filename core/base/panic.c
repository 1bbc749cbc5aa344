/* SPDX-License-Identifier: MIT
**
** panic.c - one thread-local guard. */

#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local struct raft_guard *current;

void raft_guard_enter (struct raft_guard *guard) {
  guard->outer = current;
  guard->what[0] = '\0';
  current = guard;
}

void raft_guard_leave (struct raft_guard *guard) {
  current = guard->outer;
}

void raft_panic (const char *expression, const char *file, int line) {
  struct raft_guard *guard = current;
  if (guard == NULL) {
    (void)fprintf (stderr, "assert: %s %s:%d\n", expression, file, line);
    abort ();
  }
  (void)snprintf (guard->what, sizeof guard->what, "%s %s:%d", expression,
                  file, line);
  longjmp (guard->jump, 1);
}
