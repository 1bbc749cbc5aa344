/* SPDX-License-Identifier: MIT
**
** check.h - the userdata raft.check: core/check for Lua.
**
** Holds:  what luaopen_raft_core adds to its table. The face with words is
**         lua/raft/check.lua. */

#ifndef RAFT_BINDINGS_CHECK_H
#define RAFT_BINDINGS_CHECK_H

#include "compat.h"

#include "base/types.h"

RAFT_HIDDEN_BEGIN

/* Adds check(history) -> search to the table on top of the stack. */
void binding_check_open (lua_State *L);

RAFT_HIDDEN_END

#endif
