/* SPDX-License-Identifier: MIT
**
** ask.h - one question to one member, waited for. */

#ifndef RAFT_BINDINGS_ASK_H
#define RAFT_BINDINGS_ASK_H

#include <lua.h>

#include "base/types.h"

RAFT_HIDDEN_BEGIN

/* Adds 'ask' to the table on top of the stack. */
void binding_ask_open (lua_State *L);

RAFT_HIDDEN_END

#endif
