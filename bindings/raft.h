/* SPDX-License-Identifier: MIT
**
** raft.h - the userdata raft.engine: raft_step as it is.
**
** Holds:  what luaopen_raft_core adds to its table; the engine in a handle. */

#ifndef RAFT_BINDINGS_RAFT_H
#define RAFT_BINDINGS_RAFT_H

#include "compat.h"

#include "base/types.h"

struct raft;

RAFT_HIDDEN_BEGIN

/* Adds new(options, recovered) to the table on top of the stack. */
void binding_raft_open (lua_State *L);
/* Of the handle at 1. Raises when it is closed. */
struct raft *binding_raft_check (lua_State *L);

RAFT_HIDDEN_END

#endif
