/* SPDX-License-Identifier: MIT
**
** recover.h - going on after a lost majority, from Lua. */

#ifndef RAFT_BINDINGS_RECOVER_H
#define RAFT_BINDINGS_RECOVER_H

#include "compat.h"
#include "replica/recover.h"

RAFT_HIDDEN_BEGIN

/* Adds to the table on top of the stack: directory_look { dir, limits } and
** directory_recover { dir, into, limits } -> a survivor; else nil, message,
** code; and directory_is_within (path, outer). */
void binding_recover_open (lua_State *L);

/* Pushes { member = 1, cluster = "…", incarnation = "…", term = , last = ,
** last_term = , last_time = , snapshot = , configuration_index = ,
** configuration = payload }. */
void binding_survivor_push (lua_State *L,
                            const struct replica_survivor *survivor);

RAFT_HIDDEN_END

#endif
