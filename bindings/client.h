/* SPDX-License-Identifier: MIT
**
** client.h - raft.core.client: the handle under lua/raft/client.lua.
**
** Holds:  a userdata over core/uv/caller.h: calls by number, turns of its
**         loop, completions one at a time.
** Rule:   nothing here calls a Lua function; collecting it frees and calls
**         nothing. */

#ifndef RAFT_BINDINGS_CLIENT_H
#define RAFT_BINDINGS_CLIENT_H

#include "base/types.h"
#include "compat.h"

RAFT_HIDDEN_BEGIN

/* Adds 'client' to the table on top of the stack:
**   client (addresses, deadline_us, retry_us, has_session, begins_at_first)
**     -> handle, or nil, message, code
**   now () -> microseconds of a clock that only goes on
**   wall () -> microseconds since 1970 */
void binding_client_open (lua_State *L);

RAFT_HIDDEN_END

#endif
