/* SPDX-License-Identifier: MIT
**
** types.h - the numbers of Raft, and the two words every header uses.
**
** Holds:     ids, terms, indexes, times; hidden visibility.
** Invariant: every value stays below 2^53, so that each Lua, LuaJIT
**            included, holds it exactly. */

#ifndef RAFT_BASE_TYPES_H
#define RAFT_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One shared object exports luaopen_* and nothing else: another library of
** this name (Debian's libraft) may live in the same process. Each header of
** core/ stands between these two; no compiler flag is needed. */
#define RAFT_HIDDEN_BEGIN _Pragma("GCC visibility push(hidden)")
#define RAFT_HIDDEN_END _Pragma("GCC visibility pop")

typedef uint64_t raft_id;    /* a member, from 1; 0 is nobody */
typedef uint64_t raft_term;  /* from 1; 0 is "before any term" */
typedef uint64_t raft_index; /* of the log, from 1; 0 is "before the log" */
typedef uint64_t raft_time;  /* microseconds, below RAFT_TIME_MAX */

#define RAFT_ID_NONE ((raft_id)0)
#define RAFT_INDEX_MAX (((uint64_t)1 << 53) - 1)
#define RAFT_TIME_MAX (((uint64_t)1 << 53) - 1) /* also: "never" */

#define RAFT_MILLISECOND ((raft_time)1000)
#define RAFT_SECOND ((raft_time)1000000)

#endif
