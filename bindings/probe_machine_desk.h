/* SPDX-License-Identifier: MIT
**
** probe_machine_desk.h - the machine of the desk: it counts.
**
** The result of a command is how many were applied, itself included. A
** command that is a string may ask for more:
**   "fail…"   it fails, with the command as its message
**   "big…"    its result is a string of 1,000 bytes for each byte of it
** A question is answered with the count; "fail…" fails. */

#ifndef RAFT_BINDINGS_PROBE_MACHINE_DESK_H
#define RAFT_BINDINGS_PROBE_MACHINE_DESK_H

#include "compat.h"
#include "probe_desk.h"

RAFT_HIDDEN_BEGIN

void desk_machine_perform (struct desk_member *member,
                           struct machine_request *request);
void desk_machine_forget (struct desk_member *member);

/* Pushes what a member says of itself; nothing of one
** that is down. */
int desk_status_push (lua_State *L, const struct desk_member *member);

RAFT_HIDDEN_END

#endif
