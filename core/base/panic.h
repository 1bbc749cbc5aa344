/* SPDX-License-Identifier: MIT
**
** panic.h - what a broken invariant does.
**
** Holds:  raft_assert, on in release builds, and the guard that a world sets
**         around every call into rings 0 and 1.
** Rule:   no Lua frame and no lock lies between guard and assertion. The
**         member that failed is not called again; its memory is freed as a
**         whole (memory.h). Without a guard an assertion aborts. */

#ifndef RAFT_BASE_PANIC_H
#define RAFT_BASE_PANIC_H

#include <setjmp.h>

#include "base/types.h"

/* clang and gcc 12 both name the file without its folder, so that two
** checkouts give equal objects. */
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

#define raft_assert(expression)                                  \
  ((expression) ? (void)0                                        \
                : raft_panic (#expression, __FILE_NAME__, __LINE__))

RAFT_HIDDEN_BEGIN

/* One guarded call, on the stack of the world that makes it. */
struct raft_guard {
  jmp_buf jump;
  struct raft_guard *outer; /* the guard to restore, or NULL */
  char what[200];           /* after a panic: "EXPR file:line" */
};

/* Enters a guard on this thread:
**   raft_guard_enter (&guard);
**   if (setjmp (guard.jump) == 0) { call; } else { guard.what says why; }
**   raft_guard_leave (&guard); */
void raft_guard_enter (struct raft_guard *guard);
void raft_guard_leave (struct raft_guard *guard);

/* Jumps to this thread's guard, or aborts. Never returns. */
void raft_panic (const char *expression, const char *file, int line)
  __attribute__ ((noreturn));

RAFT_HIDDEN_END

#endif
