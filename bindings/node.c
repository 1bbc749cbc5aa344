/* SPDX-License-Identifier: MIT
**
** node.c - the userdata raft.node: a member that runs in this process.
**
** Rule: the member has threads of its own; what Lua does here only looks,
**       asks and ends. The handle exists, closed, before anything can fail.
** Rule: __gc ends the member and joins its threads, and calls no Lua: what
**       was not taken from its mailbox is dropped. */

#include "node.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "machine.h"
#include "uv/directory.h"
#include "value.h"
#include "wire/rpc.h"

#define NODE "raft.node"
#define STATUS_US (5 * RAFT_SECOND) /* for the engine to answer its host */

struct node_box {
  struct real_server *server; /* NULL: closed */
  bool has_signals;
  int signals;                /* descriptor */
};

static struct node_box *check_box (lua_State *L) {
  return luaL_checkudata (L, 1, NODE);
}

static struct real_server *check_node (lua_State *L) {
  struct node_box *box = check_box (L);
  if (box->server == NULL) {
    luaL_error (L, "expected an open node, got a closed one");
  }
  return box->server;
}

/* ---- life -------------------------------------------------------------- */

static struct node_box *push_box (lua_State *L) {
  struct node_box *box = lua_newuserdata (L, sizeof *box);
  box->server = NULL;
  box->has_signals = false;
  box->signals = -1;
  luaL_getmetatable (L, NODE);
  lua_setmetatable (L, -2);
  return box;
}

static int node_close (lua_State *L) {
  struct node_box *box = check_box (L);
  struct real_server *server = box->server;
  if (box->has_signals) {
    box->has_signals = false;
    binding_signals_restore ();
  }
  box->server = NULL;
  if (server != NULL) {
    real_server_free (server);
  }
  return 0;
}

/* node_start { dir = …, machine = { machine = "kv", … }, … } -> node, when
** it is open; else nil, message, code. */
static int node_start (lua_State *L) {
  struct real_server_options options;
  struct raft_detail detail = { "" };
  struct node_box *box;
  int status;
  luaL_checktype (L, 1, LUA_TTABLE);
  lua_settop (L, 1);
  box = push_box (L);
  binding_node_read_options (L, 1, &options);
  lua_getfield (L, 1, "machine");
  luaL_checktype (L, -1, LUA_TTABLE);
  status = binding_machine_from_lua (L, -1, &options.machine);
  if (status == RAFT_OK) {
    status = real_server_start (&box->server, &options);
  }
  if (status == RAFT_OK) {
    status = real_server_await (box->server, &detail);
  }
  if (status != RAFT_OK) {
    if (box->server != NULL) {
      real_server_free (box->server);
      box->server = NULL;
    }
    return binding_push_failure (L, status, &detail);
  }
  lua_settop (L, 2);
  return 1;
}

/* node_join { dir = …, id = 4, first = bytes of entry 1 } -> true. */
static int node_join (lua_State *L) {
  struct raft_detail detail = { "" };
  struct raft_limits limits;
  struct raft_slice first;
  const char *dir;
  raft_id id;
  size_t size;
  int status;
  luaL_checktype (L, 1, LUA_TTABLE);
  lua_getfield (L, 1, "dir");
  lua_getfield (L, 1, "id");
  lua_getfield (L, 1, "first");
  dir = luaL_checkstring (L, 2);
  id = (raft_id)luaL_checknumber (L, 3);
  first = raft_slice_borrowed (
    (const uint8_t *)luaL_checklstring (L, 4, &size), 0);
  first.size = size;
  raft_limits_default (&limits);
  status = real_directory_join (dir, id, first, &limits, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* node_init { dir = …, id = 1, name = …, members = { … } } -> true. */
static int node_init (lua_State *L) {
  struct node_init_options options;
  struct raft_detail detail = { "" };
  int status;
  binding_node_read_init (L, 1, &options);
  status = real_directory_make (options.dir, options.id, &options.value,
                                &options.limits, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* ---- looking in -------------------------------------------------------- */

static const char *level_name (unsigned level) {
  switch (level) {
    case RAFT_TRACE_ERROR: return "error";
    case RAFT_TRACE_WARN: return "warn";
    case RAFT_TRACE_INFO: return "info";
    case RAFT_TRACE_DEBUG: return "debug";
    default: return "wire";
  }
}

static void set_number (lua_State *L, const char *name, uint64_t number) {
  lua_pushnumber (L, (lua_Number)number);
  lua_setfield (L, -2, name);
}

static void set_printed (lua_State *L, const char *name,
                         const struct raft_trace *trace,
                         int (*print) (const struct raft_trace *trace,
                                       struct raft_buffer *out)) {
  struct raft_buffer *out = binding_buffer_push (L);
  if (print (trace, out) != RAFT_OK) {
    luaL_error (L, "out of memory");
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  lua_setfield (L, -3, name);
  raft_buffer_free (out);
  lua_pop (L, 1);
}

/* take () -> { time = , wall = , member = , group = , term = , kind = ,
** level = , text = , json = }, or nil. */
static int node_take (lua_State *L) {
  struct real_server *server = check_node (L);
  struct real_record record;
  const struct raft_trace *trace = &record.trace;
  if (!real_mailbox_take (real_server_mailbox (server), &record)) {
    lua_pushnil (L);
    return 1;
  }
  lua_newtable (L);
  set_number (L, "time", trace->time);
  set_number (L, "wall", record.wall);
  set_number (L, "member", trace->member);
  set_number (L, "group", trace->group);
  set_number (L, "term", trace->term);
  lua_pushstring (L, raft_trace_name (trace->kind));
  lua_setfield (L, -2, "kind");
  lua_pushstring (L, level_name (raft_trace_level_of (trace->kind)));
  lua_setfield (L, -2, "level");
  set_printed (L, "text", trace, raft_trace_text);
  set_printed (L, "json", trace, raft_trace_json);
  real_record_free (&record);
  return 1;
}

/* phase () -> "open", or "ended" [, message, code]: it stopped by itself. */
static int node_phase (lua_State *L) {
  struct raft_detail detail;
  int status;
  enum real_phase phase = real_mailbox_phase (
    real_server_mailbox (check_node (L)), &status, &detail);
  lua_pushstring (L, phase == REAL_ENDED ? "ended" : "open");
  if (status == RAFT_OK) {
    return 1;
  }
  lua_pushstring (L, detail.text);
  lua_pushstring (L, raft_error_name (status));
  return 3;
}

static int node_address (lua_State *L) {
  lua_pushstring (L, real_server_address (check_node (L)));
  return 1;
}

static int node_fd (lua_State *L) {
  lua_pushinteger (L,
                   real_server_mailbox (check_node (L))->descriptors[0]);
  return 1;
}

static int push_answer (lua_State *L, const struct raft_buffer *answer) {
  struct raft_detail detail = { "" };
  struct wire_rpc rpc;
  int status = wire_rpc_decode (answer->data, answer->size, &rpc);
  if (status == RAFT_OK && rpc.error != RAFT_OK) {
    status = rpc.error;
    (void)raft_fail (&detail, status, "%.*s", (int)rpc.message.size,
                     (const char *)rpc.message.data);
  }
  if (status == RAFT_OK) {
    status = binding_value_decode (L, rpc.result.data, rpc.result.size,
                                   &detail);
  }
  return status == RAFT_OK ? 1 : binding_push_failure (L, status, &detail);
}

/* status ([with_state_hash]) -> table, or nil, message, code. */
static int node_status (lua_State *L) {
  static const uint8_t with_state[]
    = { 0x91, 0xaa, 's', 't', 'a', 't', 'e', '_', 'h', 'a', 's', 'h' };
  struct real_server *server = check_node (L);
  bool wants_state = lua_toboolean (L, 2);
  struct raft_buffer *answer = binding_buffer_push (L);
  int status = real_server_ask (server, "status", with_state,
                                wants_state ? sizeof with_state : 0);
  if (status == RAFT_OK) {
    status = real_mailbox_wait (real_server_mailbox (server), STATUS_US,
                                answer);
  }
  return status == RAFT_OK ? push_answer (L, answer)
                           : binding_push_failure (L, status, NULL);
}

/* order (method, params, microseconds) -> value, or nil, message, code. */
static int node_order (lua_State *L) {
  struct real_server *server = check_node (L);
  const char *method = luaL_checkstring (L, 2);
  size_t size;
  const char *params = luaL_checklstring (L, 3, &size);
  raft_time limit = (raft_time)luaL_checknumber (L, 4);
  struct raft_buffer *answer = binding_buffer_push (L);
  int status = real_server_ask (server, method, (const uint8_t *)params,
                                size);
  if (status == RAFT_OK) {
    status = real_mailbox_wait (real_server_mailbox (server), limit, answer);
  }
  return status == RAFT_OK ? push_answer (L, answer)
                           : binding_push_failure (L, status, NULL);
}

/* ---- running ----------------------------------------------------------- */

/* signals (true): from now on SIGINT, SIGTERM and SIGHUP end a wait, once;
** signals (false): no more. Returns whether that is so. */
static int node_signals (lua_State *L) {
  struct node_box *box = check_box (L);
  bool wanted = lua_toboolean (L, 2);
  if (wanted && !box->has_signals) {
    box->signals = binding_signals_take ();
    box->has_signals = box->signals >= 0;
  } else if (!wanted && box->has_signals) {
    box->has_signals = false;
    binding_signals_restore ();
  }
  lua_pushboolean (L, box->has_signals);
  return 1;
}

/* wait ([microseconds]) -> "ready", "signal", or nil: the time is over. */
static int node_wait (lua_State *L) {
  struct real_server *server = check_node (L);
  struct node_box *box = check_box (L);
  struct pollfd polled[2];
  int timeout = -1;
  int count;
  if (!lua_isnoneornil (L, 2)) {
    lua_Number us = luaL_checknumber (L, 2);
    timeout = us < 2e12 ? (int)((us + 999) / 1000) : -1;
  }
  polled[0].fd = real_server_mailbox (server)->descriptors[0];
  polled[0].events = POLLIN;
  polled[1].fd = box->has_signals ? box->signals : -1;
  polled[1].events = POLLIN;
  polled[0].revents = 0;
  polled[1].revents = 0;
  do {
    count = poll (polled, 2, timeout);
  } while (count < 0 && errno == EINTR);
  if (count > 0 && polled[1].revents != 0) {
    char byte;
    ssize_t ignored = read (box->signals, &byte, 1);
    (void)ignored;
    lua_pushliteral (L, "signal");
  } else if (count > 0) {
    lua_pushliteral (L, "ready");
  } else {
    lua_pushnil (L);
  }
  return 1;
}

/* stop (): begins to end; phase () tells when it has. */
static int node_stop (lua_State *L) {
  real_server_stop (check_node (L));
  return 0;
}

static const luaL_Reg METHODS[] = {
  { "address", node_address }, { "close", node_close },
  { "fd", node_fd },           { "phase", node_phase },
  { "signals", node_signals }, { "status", node_status },
  { "order", node_order },
  { "stop", node_stop },       { "take", node_take },
  { "wait", node_wait },       { NULL, NULL },
};

void binding_node_open (lua_State *L) {
  if (luaL_newmetatable (L, NODE)) {
    luaL_newlib (L, METHODS);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, node_close);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, node_start);
  lua_setfield (L, -2, "node_start");
  lua_pushcfunction (L, node_init);
  lua_setfield (L, -2, "node_init");
  lua_pushcfunction (L, node_join);
  lua_setfield (L, -2, "node_join");
}
