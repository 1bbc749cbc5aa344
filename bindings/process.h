/* SPDX-License-Identifier: MIT
**
** process.h - processes of this computer, for who starts and ends them. */

#ifndef RAFT_BINDINGS_PROCESS_H
#define RAFT_BINDINGS_PROCESS_H

#include "compat.h"

#include "base/types.h"

RAFT_HIDDEN_BEGIN

/* Adds process_start and poll to the table on top of the stack. */
void binding_process_open (lua_State *L);

RAFT_HIDDEN_END

#endif
