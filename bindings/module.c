/* SPDX-License-Identifier: MIT
**
** module.c - raft.core: what C gives to lua/raft.
**
** Holds:  luaopen_raft_core and the tables of core/base as Lua tables:
**           version  "0.1.0"
**           errors   { not_leader = { number = 3, text = "this member …" } }
**           limits   { { name = "entry_bytes", value = 1048576,
**                        unit = "bytes", reason = "one command, …" } }
**           traces   { { name = "raft.role", level = "info" } }
**           reasons  { "started", … }
** Rule:   nothing is done at require time but making tables; opened again,
**         it makes them again. */

#include "compat.h"

#include "base/bug.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/trace.h"
#include "ask.h"
#include "check.h"
#include "client.h"
#include "machine.h"
#include "network.h"
#include "node.h"
#include "process.h"
#include "raft.h"
#include "recover.h"
#include "sim.h"
#include "survey.h"
#include "value.h"

#define RAFT_VERSION "0.1.0"

LUALIB_API int luaopen_raft_core (lua_State *L);

static void push_errors (lua_State *L) {
  lua_newtable (L);
#define X(symbol, code, name, message)        \
  lua_createtable (L, 0, 2);                  \
  lua_pushinteger (L, code);                  \
  lua_setfield (L, -2, "number");             \
  lua_pushliteral (L, message);               \
  lua_setfield (L, -2, "text");               \
  lua_setfield (L, -2, name);
  RAFT_ERRORS (X)
#undef X
}

struct limit_row {
  const char *name;
  uint64_t value;
  const char *unit;
  const char *reason;
};

static const struct limit_row limit_rows[] = {
#define X(name, value, unit, reason) { #name, value, unit, reason },
  RAFT_LIMITS (X)
#undef X
};

static void push_limits (lua_State *L) {
  size_t i;
  lua_newtable (L);
  for (i = 0; i < sizeof limit_rows / sizeof limit_rows[0]; i++) {
    lua_createtable (L, 0, 4);
    lua_pushstring (L, limit_rows[i].name);
    lua_setfield (L, -2, "name");
    lua_pushnumber (L, (lua_Number)limit_rows[i].value);
    lua_setfield (L, -2, "value");
    lua_pushstring (L, limit_rows[i].unit);
    lua_setfield (L, -2, "unit");
    lua_pushstring (L, limit_rows[i].reason);
    lua_setfield (L, -2, "reason");
    lua_rawseti (L, -2, (int)i + 1);
  }
}

static const char *level_name (unsigned level) {
  switch (level) {
    case RAFT_TRACE_ERROR: return "error";
    case RAFT_TRACE_WARN: return "warn";
    case RAFT_TRACE_INFO: return "info";
    case RAFT_TRACE_DEBUG: return "debug";
    default: return "wire";
  }
}

static void push_traces (lua_State *L) {
  int kind;
  lua_newtable (L);
  for (kind = RAFT_TRACE_NONE + 1; kind < RAFT_TRACE_COUNT; kind++) {
    enum raft_trace_kind row = (enum raft_trace_kind)kind;
    lua_createtable (L, 0, 2);
    lua_pushstring (L, raft_trace_name (row));
    lua_setfield (L, -2, "name");
    lua_pushstring (L, level_name (raft_trace_level_of (row)));
    lua_setfield (L, -2, "level");
    lua_rawseti (L, -2, kind);
  }
}

static void push_reasons (lua_State *L) {
  int reason;
  lua_newtable (L);
  for (reason = RAFT_REASON_NONE + 1; reason < RAFT_REASON_COUNT; reason++) {
    lua_pushstring (L, raft_reason_text ((enum raft_reason)reason));
    lua_rawseti (L, -2, reason);
  }
}

/* The bugs that this build can have: { { name = "stale_vote", seen =
** "Xraft#33", text = "votes of …" } }, empty in every build but one. */
static void push_bugs (lua_State *L) {
  lua_newtable (L);
#ifdef RAFT_WITH_BUGS
#define X(symbol, bug, where, what)                          \
  lua_createtable (L, 0, 3);                                 \
  lua_pushliteral (L, bug);                                  \
  lua_setfield (L, -2, "name");                              \
  lua_pushliteral (L, where);                                \
  lua_setfield (L, -2, "seen");                              \
  lua_pushliteral (L, what);                                 \
  lua_setfield (L, -2, "text");                              \
  lua_rawseti (L, -2, RAFT_BUG_##symbol);
  RAFT_BUGS (X)
#undef X
#endif
}

LUALIB_API int luaopen_raft_core (lua_State *L) {
  lua_newtable (L);
  lua_pushliteral (L, RAFT_VERSION);
  lua_setfield (L, -2, "version");
  push_errors (L);
  lua_setfield (L, -2, "errors");
  push_limits (L);
  lua_setfield (L, -2, "limits");
  push_traces (L);
  lua_setfield (L, -2, "traces");
  push_reasons (L);
  lua_setfield (L, -2, "reasons");
  push_bugs (L);
  lua_setfield (L, -2, "bugs");
  binding_ask_open (L);
  binding_check_open (L);
  binding_machine_handle_open (L);
  binding_network_open (L);
  binding_node_open (L);
  binding_process_open (L);
  binding_raft_open (L);
  binding_value_open (L);
  binding_client_open (L);
  binding_sim_open (L);
  binding_recover_open (L);
  binding_survey_open (L);
  return 1;
}
