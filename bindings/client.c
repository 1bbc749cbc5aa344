/* SPDX-License-Identifier: MIT
**
** client.c - the handle of a client.
**
**   handle:propose (value, deadline_us)           -> number
**   handle:query (value, read, deadline_us, max_age_us, index) -> number
**   handle:ask (endpoint, method, params, deadline_us) -> number
**   handle:cancel (number)                        -> whether it was under way
**   handle:turn (wait_us)                         -> whether some are done
**   handle:take () -> number, true, result
**                  -> number, nil, message, code, leader, retry_ms
**                  -> nothing, when none is done
**   handle:fd ()   handle:wait () -> microseconds, or nil: no time is due
**   handle:close ()   handle:is_closed ()
**
** The first three give nil, message, code when a call is refused. Whoever
** gives wrong arguments is lua/raft/client.lua, so that messages are short.*/

#include "client.h"

#include <string.h>

#include "machine_state.h"
#include "uv/caller.h"
#include "uv/clock.h"
#include "value.h"

#define CLIENT "raft.client"

struct client_box {
  struct real_caller caller;
  struct raft_buffer bytes;  /* what is being encoded */
  struct real_call *taken;   /* lent by the caller, given back next time */
  bool is_open;
};

static struct client_box *check_box (lua_State *L) {
  return luaL_checkudata (L, 1, CLIENT);
}

static struct client_box *check_open (lua_State *L) {
  struct client_box *box = check_box (L);
  if (!box->is_open) {
    luaL_error (L, "expected an open client, got a closed one");
  }
  return box;
}

static raft_time check_time (lua_State *L, int index) {
  lua_Number number = luaL_optnumber (L, index, 0);
  if (!(number >= 0 && number < (lua_Number)RAFT_TIME_MAX)) {
    luaL_argerror (L, index, "expected microseconds");
  }
  return (raft_time)number;
}

/* ---- calls ------------------------------------------------------------- */

static int encode (lua_State *L, struct client_box *box, int index,
                   struct raft_detail *detail) {
  box->bytes.size = 0;
  return binding_value_encode (L, index, &box->bytes, detail);
}

static int started (lua_State *L, const struct client_box *box, int status,
                    struct raft_detail *detail, uint64_t number) {
  if (status == RAFT_EOVERLOADED) {
    (void)raft_fail (detail, status, "expected at most %d calls of a client"
                     " under way, got one more", CLIENT_OUTSTANDING_MAX);
  } else if (status == RAFT_ETOO_LARGE) {
    (void)raft_fail (detail, status, "expected a value of at most %zu bytes,"
                     " got one of %zu", (size_t)CLIENT_COMMAND_MAX,
                     box->bytes.size);
  }
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, detail);
  }
  lua_pushnumber (L, (lua_Number)number);
  return 1;
}

static struct wire_view encoded (const struct client_box *box) {
  struct wire_view view = { box->bytes.data, box->bytes.size };
  return view;
}

static int client_handle_propose (lua_State *L) {
  struct client_box *box = check_open (L);
  struct raft_detail detail = { "" };
  raft_time deadline = check_time (L, 3);
  uint64_t number = 0;
  int status = encode (L, box, 2, &detail);
  if (status == RAFT_OK) {
    status = real_caller_propose (&box->caller, encoded (box), deadline,
                                  &number);
  }
  return started (L, box, status, &detail, number);
}

static int client_handle_query (lua_State *L) {
  static const char *const reads[]
    = { "linear", "stale", "lease", "follower", NULL };
  struct client_box *box = check_open (L);
  struct raft_detail detail = { "" };
  struct wire_query query = { .question = { NULL, 0 } };
  raft_time deadline = check_time (L, 4);
  uint64_t number = 0;
  int status;
  query.read = (enum wire_read)luaL_checkoption (L, 3, NULL, reads);
  query.max_age_us = check_time (L, 5);
  query.index = (raft_index)luaL_optnumber (L, 6, 0);
  status = encode (L, box, 2, &detail);
  if (status == RAFT_OK) {
    query.question = encoded (box);
    status = real_caller_query (&box->caller, &query, deadline, &number);
  }
  return started (L, box, status, &detail, number);
}

static int client_handle_ask (lua_State *L) {
  struct client_box *box = check_open (L);
  struct raft_detail detail = { "" };
  unsigned endpoint = (unsigned)luaL_checkinteger (L, 2);
  const char *method = luaL_checkstring (L, 3);
  raft_time deadline = check_time (L, 5);
  uint64_t number = 0;
  int status = encode (L, box, 4, &detail);
  if (status == RAFT_OK) {
    status = real_caller_ask (&box->caller, endpoint, method, encoded (box),
                              deadline, &number);
  }
  return started (L, box, status, &detail, number);
}

static int client_handle_cancel (lua_State *L) {
  struct client_box *box = check_open (L);
  lua_pushboolean (L, real_caller_cancel (
                        &box->caller, (uint64_t)luaL_checknumber (L, 2)));
  return 1;
}

/* ---- turns ------------------------------------------------------------- */

static int client_handle_turn (lua_State *L) {
  struct client_box *box = check_open (L);
  real_caller_turn (&box->caller, check_time (L, 2));
  lua_pushboolean (L, box->caller.done != NULL);
  return 1;
}

static void give_back (struct client_box *box) {
  if (box->taken != NULL) {
    real_caller_give_back (&box->caller, box->taken);
    box->taken = NULL;
  }
}

static void push_known (lua_State *L, uint64_t number) {
  if (number == 0) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)number);
  }
}

/* Pushes nil, message, code, leader, retry_ms. A machine's message is whole in
** its result; other texts are short. */
static int push_failed (lua_State *L, const struct real_call *call) {
  const struct client_call *inner = &call->call;
  lua_pushnil (L);
  if (inner->status != RAFT_EAPPLY_FAILED || call->result.size == 0
      || binding_value_decode (L, call->result.data, call->result.size, NULL)
           != RAFT_OK) {
    lua_pushstring (L, inner->detail.text[0] != '\0'
                         ? inner->detail.text
                         : raft_error_text (inner->status));
  }
  lua_pushstring (L, raft_error_name (inner->status));
  push_known (L, inner->leader);
  push_known (L, inner->retry_us / RAFT_MILLISECOND);
  return 5;
}

static int push_result (lua_State *L, const struct real_call *call) {
  struct raft_detail detail = { "" };
  int status = RAFT_OK;
  lua_pushboolean (L, 1);
  if (call->result.size == 0) {
    lua_pushnil (L);
  } else {
    status = binding_value_decode (L, call->result.data, call->result.size,
                                   &detail);
  }
  if (status != RAFT_OK) {
    lua_pop (L, 1);
    return binding_push_failure (L, status, &detail);
  }
  return 2;
}

static int client_handle_take (lua_State *L) {
  struct client_box *box = check_box (L);
  struct real_call *call;
  luaL_checkstack (L, 8, "raft.client");
  give_back (box);
  call = real_caller_take (&box->caller);
  if (call == NULL) {
    return 0;
  }
  box->taken = call;
  lua_pushnumber (L, (lua_Number)call->number);
  return 1 + (call->call.status == RAFT_OK ? push_result (L, call)
                                           : push_failed (L, call));
}

static int client_handle_fd (lua_State *L) {
  lua_pushinteger (L, real_caller_descriptor (&check_open (L)->caller));
  return 1;
}

static int client_handle_wait (lua_State *L) {
  raft_time wait = real_caller_wait (&check_open (L)->caller);
  if (wait == RAFT_TIME_MAX) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)wait);
  }
  return 1;
}

/* ---- life -------------------------------------------------------------- */

/* What was under way waits to be taken. */
static int client_handle_close (lua_State *L) {
  struct client_box *box = check_box (L);
  if (box->is_open) {
    box->is_open = false;
    real_caller_close (&box->caller);
  }
  return 0;
}

static int client_handle_is_closed (lua_State *L) {
  lua_pushboolean (L, !check_box (L)->is_open);
  return 1;
}

static int client_handle_collect (lua_State *L) {
  struct client_box *box = check_box (L);
  give_back (box);
  box->is_open = false;
  real_caller_free (&box->caller);
  raft_buffer_free (&box->bytes);
  return 0;
}

static const luaL_Reg methods[] = {
  { "propose", client_handle_propose },
  { "query", client_handle_query },
  { "ask", client_handle_ask },
  { "cancel", client_handle_cancel },
  { "turn", client_handle_turn },
  { "take", client_handle_take },
  { "fd", client_handle_fd },
  { "wait", client_handle_wait },
  { "close", client_handle_close },
  { "is_closed", client_handle_is_closed },
  { NULL, NULL },
};

static struct client_box *push_box (lua_State *L) {
  struct client_box *box = lua_newuserdata (L, sizeof *box);
  memset (box, 0, sizeof *box);
  raft_buffer_init (&box->bytes, &raft_memory_plain);
  raft_arena_init (&box->caller.arena);
  raft_buffer_init (&box->caller.dialer.greeting, &raft_memory_plain);
  luaL_getmetatable (L, CLIENT);
  lua_setmetatable (L, -2);
  return box;
}

/* A machine that asked its own member would wait for itself. */
static void refuse_machine (lua_State *L) {
  machine_push_slots (L);
  if (!lua_isnil (L, -1)) {
    luaL_error (L, "raft.client: expected the state of a program, got that"
                   " of a machine: apply and query cannot call members");
  }
  lua_pop (L, 1);
}

static int client_make (lua_State *L) {
  const char *addresses[CLIENT_ENDPOINTS_MAX];
  struct real_caller_options options;
  struct client_box *box;
  size_t count;
  int status;
  refuse_machine (L);
  luaL_checktype (L, 1, LUA_TTABLE);
  count = lua_rawlen (L, 1);
  luaL_argcheck (L, count >= 1 && count <= CLIENT_ENDPOINTS_MAX, 1,
                 "expected 1 to 64 addresses");
  memset (&options, 0, sizeof options);
  options.deadline_us = check_time (L, 2);
  options.retry_us = check_time (L, 3);
  options.no_session = !lua_toboolean (L, 4);
  options.begins_at_first = lua_toboolean (L, 5);
  box = push_box (L);
  luaL_checkstack (L, (int)count + 4, "raft.client");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti (L, 1, (int)i + 1);
    addresses[i] = luaL_checkstring (L, -1);
  }
  options.addresses = addresses;
  options.address_count = (unsigned)count;
  status = real_caller_init (&box->caller, &options);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  box->is_open = true;
  lua_pop (L, (int)count);
  return 1;
}

static int clock_now (lua_State *L) {
  struct port_clock clock;
  real_clock_init (&clock);
  lua_pushnumber (L, (lua_Number)clock.now (&clock));
  return 1;
}

static int clock_wall (lua_State *L) {
  struct port_clock clock;
  real_clock_init (&clock);
  lua_pushnumber (L, (lua_Number)clock.wall (&clock));
  return 1;
}

void binding_client_open (lua_State *L) {
  if (luaL_newmetatable (L, CLIENT)) {
    luaL_newlib (L, methods);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, client_handle_collect);
    lua_setfield (L, -2, "__gc");
    lua_pushliteral (L, "locked");
    lua_setfield (L, -2, "__metatable");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, client_make);
  lua_setfield (L, -2, "client");
  lua_pushcfunction (L, clock_now);
  lua_setfield (L, -2, "now");
  lua_pushcfunction (L, clock_wall);
  lua_setfield (L, -2, "wall");
}
