/* SPDX-License-Identifier: MIT
**
** node.h - core/uv for Lua: the userdata raft.node.
**
** Holds:  what luaopen_raft_core adds to its table, and what the files node*.c
**         share. The face with words is lua/raft/node.lua. */

#ifndef RAFT_BINDINGS_NODE_H
#define RAFT_BINDINGS_NODE_H

#include "compat.h"

#include "uv/server.h"
#include "wire/configuration.h"

/* What one call of node_init asks for. */
struct node_init_options {
  const char *dir;
  raft_id id;
  struct wire_configuration value;
  struct raft_limits limits;
};

RAFT_HIDDEN_BEGIN

/* Adds node_start (options) -> node, and node_init (options) -> true; both
** else nil, message, code. */
void binding_node_open (lua_State *L);

/* ---- node_options.c: from tables ---------------------------------------- */

/* Reads { dir = "…", listen = "host:port", limits = { … }, … } at 'index' but
** for the machine; strings live as long as the table. Raises for a mistake. */
void binding_node_read_options (lua_State *L, int index,
                                struct real_server_options *options);
/* Reads { dir = "…", id = 1, name = "…", members = { { id, address } … } }. */
void binding_node_read_init (lua_State *L, int index,
                             struct node_init_options *options);

/* Reads its field 'limits', over the defaults. Raises for a mistake. */
void binding_node_read_limits (lua_State *L, int index,
                               struct raft_limits *limits);

/* ---- node_signal.c: SIGINT, SIGTERM and SIGHUP end a run ---------------- */

/* Until restore, the first of these signals makes the returned descriptor
** readable instead of ending the process. -1: no descriptor is left, or
** another run is under way. */
int binding_signals_take (void);
void binding_signals_restore (void);
/* The signal that came; 0: none. */
int binding_signals_seen (void);

RAFT_HIDDEN_END

#endif
