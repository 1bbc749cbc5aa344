/* SPDX-License-Identifier: MIT
**
** raft_event.h - Lua tables as events, options and recovered states.
**
** Holds:  readers with the field names of core/raft/raft.h.
** Rule:   the arrays that an event borrows are userdata left on the Lua
**         stack: they live until the C function returns, and a reader that
**         raises leaks nothing. */

#ifndef RAFT_BINDINGS_RAFT_EVENT_H
#define RAFT_BINDINGS_RAFT_EVENT_H

#include "field.h"
#include "raft/raft.h"

RAFT_HIDDEN_BEGIN

/* { kind = "propose", now = 7, wall = 0, random = 1,
**   entries = { { kind = "command", size = 100, checksum = 1 } } } */
void raft_event_read (lua_State *L, int index, struct raft_event *event);

/* { id = 1, election_us = 250000, limits = { entry_bytes = 100 },
**   trace_levels = 31, bug = "stale_vote", now = 0, random = 1 } */
void raft_options_read (lua_State *L, int index, struct raft_options *options,
                        raft_time *now, uint64_t *random);

/* { term = 1, vote = 0, runs = { { first = 1, term = 1 } }, last_index = 1,
**   configuration = { voters = { 1, 2, 3 } }, configuration_index = 1 } */
void raft_recovered_read (lua_State *L, int index,
                          struct raft_recovered *recovered);

RAFT_HIDDEN_END

#endif
