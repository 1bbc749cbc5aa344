/* SPDX-License-Identifier: MIT
**
** network.h - in which network namespace this thread is. */

#ifndef RAFT_BINDINGS_NETWORK_H
#define RAFT_BINDINGS_NETWORK_H

#include "compat.h"

#include "base/types.h"

RAFT_HIDDEN_BEGIN

/* Adds enter_network to the table on top of the stack. */
void binding_network_open (lua_State *L);

RAFT_HIDDEN_END

#endif
