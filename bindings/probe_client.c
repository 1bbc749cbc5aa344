/* SPDX-License-Identifier: MIT
**
** probe_client.c - core/client for specs: a client whose world is the spec.
**
**   local client = probe.client { addresses = { "a:1", "b:1" },
**                                 no_session = false, retry_us = 10000 }
**   client:propose(bytes [, deadline_us])   -> number of the call
**   client:query(bytes, "linear" | "stale" [, deadline_us])
**   client:ask(endpoint, method, params [, deadline_us])
**   client:connected(0)  client:disconnected(0)  client:message(0, bytes)
**   client:advance(us)   time passes, deadlines are kept
**   client:done_with()   -> { { "connect", 0, "a:1" }, { "send", 0, bytes } }
**   client:completed()   -> { { call = 1, code = "ok", result = bytes } }   */

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/panic.h"
#include "client/client.h"
#include "field.h"
#include "value.h"

#define CLIENT_NAME "raft.probe.client"
#define CLIENT_CALLS_MAX 3000 /* of one spec */

void raft_probe_client (lua_State *L);

/* Something that the client asked of its door. */
struct door_note {
  struct door_note *next;
  const char *what;
  unsigned endpoint;
  size_t size;
  uint8_t bytes[];
};

struct probe_call {
  struct client_call call; /* first */
  struct probe_client *owner;
  unsigned number;
  bool is_done;
  unsigned done_count;
  uint8_t *result;
  size_t result_size;
};

struct probe_client {
  struct port_dial dial; /* first */
  struct port_clock clock;
  struct raft_arena arena;
  struct client *client;
  raft_time now;
  uint64_t chance;
  struct door_note *notes;
  struct door_note **last_note;
  struct probe_call *calls[CLIENT_CALLS_MAX];
  unsigned call_count;
  unsigned told;          /* completions that Lua has seen */
  struct probe_call *completed[CLIENT_CALLS_MAX];
  unsigned completed_count;
  bool cancels_next;      /* when one is done, the call after it is given up */
  bool calls_again;       /* when one is done, another is made */
  int again_status;       /* of that one */
};

/* ---- the doors -------------------------------------------------------- */

static void note (struct port_dial *dial, const char *what,
                  unsigned endpoint, const void *bytes, size_t size) {
  struct probe_client *owner = (struct probe_client *)(void *)dial;
  struct door_note *added = calloc (1, sizeof *added + size);
  raft_assert (added != NULL);
  added->what = what;
  added->endpoint = endpoint;
  added->size = size;
  if (size > 0) {
    memcpy (added->bytes, bytes, size);
  }
  *owner->last_note = added;
  owner->last_note = &added->next;
}

static void dial_connect (struct port_dial *dial, unsigned endpoint,
                          const char *address) {
  note (dial, "connect", endpoint, address, strlen (address));
}

static void dial_send (struct port_dial *dial, unsigned endpoint,
                       struct raft_slice message) {
  note (dial, "send", endpoint, message.data, message.size);
  raft_slice_release (&message);
}

static void dial_disconnect (struct port_dial *dial, unsigned endpoint) {
  note (dial, "disconnect", endpoint, NULL, 0);
}

static struct probe_client *of_clock (struct port_clock *clock) {
  return (struct probe_client *)(void *)(
    (char *)clock - offsetof (struct probe_client, clock));
}

static raft_time clock_now (struct port_clock *clock) {
  return of_clock (clock)->now;
}

static uint64_t clock_random (struct port_clock *clock) {
  return raft_mix (++of_clock (clock)->chance);
}

static void call_again (struct probe_client *owner);

static void on_done (struct client_call *call) {
  struct probe_call *done = (struct probe_call *)(void *)call;
  struct probe_client *owner = done->owner;
  done->done_count++;
  raft_assert (done->done_count == 1);
  done->is_done = true;
  done->result_size = call->result.size;
  done->result = malloc (call->result.size + 1);
  raft_assert (done->result != NULL);
  if (call->result.size > 0) {
    memcpy (done->result, call->result.data, call->result.size);
  }
  owner->completed[owner->completed_count++] = done;
  if (owner->cancels_next) {
    owner->cancels_next = false;
    client_cancel (owner->client, &owner->calls[done->number]->call);
  }
  if (owner->calls_again) {
    owner->calls_again = false;
    call_again (owner);
  }
}

/* ---- made and freed --------------------------------------------------- */

static struct probe_client *client_at (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  luaL_argcheck (L, owner->client != NULL, 1, "the client is freed");
  return owner;
}

static void owner_init (struct probe_client *owner) {
  memset (owner, 0, sizeof *owner);
  owner->dial.connect = dial_connect;
  owner->dial.send = dial_send;
  owner->dial.disconnect = dial_disconnect;
  owner->clock.now = clock_now;
  owner->clock.wall = clock_now;
  owner->clock.random = clock_random;
  owner->now = 1000 * RAFT_SECOND;
  owner->last_note = &owner->notes;
  raft_arena_init (&owner->arena);
}

static int client_make (lua_State *L) {
  struct field_table fields = field_open (
    L, 1, "client", "addresses no_session retry_us deadline_us seed ");
  const char *addresses[CLIENT_ENDPOINTS_MAX];
  struct client_options options;
  struct probe_client *owner;
  unsigned count = 0;
  int status;
  memset (&options, 0, sizeof options);
  owner = lua_newuserdata (L, sizeof *owner);
  owner_init (owner);
  luaL_getmetatable (L, CLIENT_NAME);
  lua_setmetatable (L, -2);
  lua_getfield (L, 1, "addresses");
  while (count < CLIENT_ENDPOINTS_MAX && count < lua_rawlen (L, -1)) {
    lua_rawgeti (L, -1, (int)count + 1);
    addresses[count++] = luaL_checkstring (L, -1);
    lua_pop (L, 1); /* the list keeps it */
  }
  lua_pop (L, 1);
  owner->chance = field_number (&fields, "seed", 1, RAFT_INDEX_MAX);
  options.memory = &owner->arena.memory;
  options.dial = &owner->dial;
  options.clock = &owner->clock;
  options.addresses = addresses;
  options.address_count = count;
  options.no_session = field_boolean (&fields, "no_session");
  options.retry_us = field_number (&fields, "retry_us", 0, RAFT_TIME_MAX);
  options.deadline_us
    = field_number (&fields, "deadline_us", 0, RAFT_TIME_MAX);
  status = client_new (&owner->client, &options);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  return 1;
}

static int client_l_free (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  if (owner->client != NULL) {
    client_free (owner->client);
    owner->client = NULL;
  }
  return 0;
}

static int client_collect (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  unsigned i;
  (void)client_l_free (L);
  while (owner->notes != NULL) {
    struct door_note *next = owner->notes->next;
    free (owner->notes);
    owner->notes = next;
  }
  for (i = 0; i < owner->call_count; i++) {
    free (owner->calls[i]->result);
    free (owner->calls[i]);
  }
  owner->call_count = 0;
  raft_arena_clear (&owner->arena);
  return 0;
}

/* ---- calls ------------------------------------------------------------ */

static struct probe_call *make_call (struct probe_client *owner) {
  struct probe_call *call = calloc (1, sizeof *call);
  raft_assert (call != NULL && owner->call_count < CLIENT_CALLS_MAX);
  call->owner = owner;
  call->call.done = on_done;
  owner->calls[owner->call_count++] = call;
  call->number = owner->call_count;
  return call;
}

static void call_again (struct probe_client *owner) {
  static const uint8_t nil[] = { 0xc0 };
  struct wire_query query = { .question = { nil, sizeof nil },
                              .read = WIRE_READ_STALE };
  owner->again_status = client_query (
    owner->client, &make_call (owner)->call, &query);
}

static struct probe_call *new_call (lua_State *L, struct probe_client *owner,
                                    int deadline_index) {
  struct probe_call *call;
  luaL_argcheck (L, owner->call_count < CLIENT_CALLS_MAX, 1,
                 "too many calls for a spec");
  call = make_call (owner);
  call->call.deadline_us
    = (raft_time)luaL_optnumber (L, deadline_index, 0);
  return call;
}

static struct wire_view view_at (lua_State *L, int index) {
  struct wire_view view;
  view.data = (const uint8_t *)luaL_checklstring (L, index, &view.size);
  return view;
}

static int push_called (lua_State *L, const struct probe_call *call,
                        int status) {
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushnumber (L, (lua_Number)call->number);
  return 1;
}

static int client_l_propose (lua_State *L) {
  struct probe_client *owner = client_at (L);
  struct wire_view command = view_at (L, 2);
  struct probe_call *call = new_call (L, owner, 3);
  return push_called (L, call,
                      client_propose (owner->client, &call->call, command));
}

static int client_l_query (lua_State *L) {
  struct probe_client *owner = client_at (L);
  struct wire_view question = view_at (L, 2);
  static const char *const reads[]
    = { "linear", "stale", "lease", "follower", NULL };
  struct wire_query query = { .question = question };
  struct probe_call *call = new_call (L, owner, 4);
  query.read = (enum wire_read)luaL_checkoption (L, 3, NULL, reads);
  return push_called (L, call,
                      client_query (owner->client, &call->call, &query));
}

static int client_l_ask (lua_State *L) {
  struct probe_client *owner = client_at (L);
  unsigned endpoint = (unsigned)luaL_checknumber (L, 2);
  const char *method = luaL_checkstring (L, 3);
  struct wire_view params = view_at (L, 4);
  struct probe_call *call = new_call (L, owner, 5);
  return push_called (L, call, client_ask (owner->client, &call->call,
                                           endpoint, method, params));
}

static int client_l_cancel (lua_State *L) {
  struct probe_client *owner = client_at (L);
  unsigned number = (unsigned)luaL_checknumber (L, 2);
  luaL_argcheck (L, number >= 1 && number <= owner->call_count, 2,
                 "no such call");
  client_cancel (owner->client, &owner->calls[number - 1]->call);
  return 0;
}

/* client:cancel_next(): the next call that is done gives up the one that was
** made after it. */
static int client_l_cancel_next (lua_State *L) {
  client_at (L)->cancels_next = true;
  return 0;
}

/* client:call_again(): when the next call is done, another one is made. */
static int client_l_call_again (lua_State *L) {
  client_at (L)->calls_again = true;
  return 0;
}

/* client:called_again() -> the status of that one; also of a freed client */
static int client_l_called_again (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  lua_pushstring (L, raft_error_name (owner->again_status));
  return 1;
}

/* ---- the world -------------------------------------------------------- */

static int client_l_connected (lua_State *L) {
  client_on_connected (client_at (L)->client,
                       (unsigned)luaL_checknumber (L, 2));
  return 0;
}

static int client_l_disconnected (lua_State *L) {
  client_on_disconnected (client_at (L)->client,
                          (unsigned)luaL_checknumber (L, 2),
                          NET_DOWN_REFUSED,
                          lua_toboolean (L, 3) ? "cut" : NULL);
  return 0;
}

static int client_l_message (lua_State *L) {
  struct wire_view bytes = view_at (L, 3);
  client_on_message (client_at (L)->client,
                     (unsigned)luaL_checknumber (L, 2), bytes.data,
                     bytes.size);
  return 0;
}

/* Time moves from deadline to deadline. */
static int client_l_advance (lua_State *L) {
  struct probe_client *owner = client_at (L);
  raft_time end = owner->now + (raft_time)luaL_checknumber (L, 2);
  unsigned turns = 0;
  while (client_deadline (owner->client) <= end) {
    raft_time due = client_deadline (owner->client);
    owner->now = due > owner->now ? due : owner->now;
    client_on_time (owner->client);
    if (++turns > 100000) {
      return luaL_error (L, "a deadline does not move");
    }
  }
  owner->now = end;
  return 0;
}

/* client:pass(us): time passes and nobody tells the client. */
static int client_l_pass (lua_State *L) {
  client_at (L)->now += (raft_time)luaL_checknumber (L, 2);
  return 0;
}

static int client_l_now (lua_State *L) {
  lua_pushnumber (L, (lua_Number)client_at (L)->now);
  return 1;
}

/* The request that was sent, taken apart: a checksum is no Lua number. */
static void push_sent (lua_State *L, const struct door_note *done) {
  struct wire_rpc rpc;
  struct wire_propose propose;
  if (wire_rpc_decode (done->bytes, done->size, &rpc) != RAFT_OK) {
    luaL_error (L, "the client sent something that is not RPC");
  }
  lua_newtable (L);
  field_set_number (L, "id", rpc.id);
  lua_pushlstring (L, (const char *)rpc.method.data, rpc.method.size);
  lua_setfield (L, -2, "method");
  lua_pushlstring (L, (const char *)rpc.params.data, rpc.params.size);
  lua_setfield (L, -2, "params");
  if (rpc.method.size == 7 && memcmp (rpc.method.data, "propose", 7) == 0) {
    if (wire_propose_decode (rpc.params, &propose, NULL) != RAFT_OK) {
      luaL_error (L, "the client sent a propose that is none");
    }
    lua_pushlstring (L, (const char *)propose.command.data,
                     propose.command.size);
    lua_setfield (L, -2, "command");
    field_set_number (L, "session", propose.session);
    field_set_number (L, "sequence", propose.sequence);
    field_set_number (L, "first", propose.first_unacknowledged);
  }
}

static int client_l_done_with (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  int count = 0;
  lua_newtable (L);
  while (owner->notes != NULL) {
    struct door_note *done = owner->notes;
    lua_newtable (L);
    lua_pushstring (L, done->what);
    lua_rawseti (L, -2, 1);
    lua_pushnumber (L, (lua_Number)done->endpoint);
    lua_rawseti (L, -2, 2);
    if (strcmp (done->what, "send") == 0) {
      push_sent (L, done);
    } else {
      lua_pushlstring (L, (const char *)done->bytes, done->size);
    }
    lua_rawseti (L, -2, 3);
    lua_rawseti (L, -2, ++count);
    owner->notes = done->next;
    free (done);
  }
  owner->last_note = &owner->notes;
  return 1;
}

static int client_l_completed (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  int count = 0;
  lua_newtable (L);
  while (owner->told < owner->completed_count) {
    const struct probe_call *call = owner->completed[owner->told++];
    lua_newtable (L);
    field_set_number (L, "call", call->number);
    field_set_string (L, "code", raft_error_name (call->call.status));
    field_set_string (L, "detail", call->call.detail.text);
    field_set_number (L, "leader", call->call.leader);
    field_set_number (L, "retry_us", call->call.retry_us);
    lua_pushlstring (L, (const char *)call->result, call->result_size);
    lua_setfield (L, -2, "result");
    lua_rawseti (L, -2, ++count);
  }
  return 1;
}

static int client_l_outstanding (lua_State *L) {
  lua_pushnumber (L,
                  (lua_Number)client_outstanding (client_at (L)->client));
  return 1;
}

/* client:fail_memory(nth, count) */
static int client_l_fail_memory (lua_State *L) {
  struct probe_client *owner = client_at (L);
  uint64_t nth = (uint64_t)luaL_checknumber (L, 2);
  owner->arena.fail_at = nth == 0 ? 0 : owner->arena.calls + nth;
  owner->arena.fail_count = (uint64_t)luaL_optnumber (L, 3, 1);
  return 0;
}

/* -> allocations so far, bytes */
static int client_l_memory (lua_State *L) {
  struct probe_client *owner = luaL_checkudata (L, 1, CLIENT_NAME);
  lua_pushnumber (L, (lua_Number)owner->arena.calls);
  lua_pushnumber (L, (lua_Number)owner->arena.bytes);
  return 2;
}

static const luaL_Reg client_methods[] = {
  { "free", client_l_free },
  { "propose", client_l_propose },
  { "query", client_l_query },
  { "ask", client_l_ask },
  { "cancel", client_l_cancel },
  { "cancel_next", client_l_cancel_next },
  { "call_again", client_l_call_again },
  { "called_again", client_l_called_again },
  { "connected", client_l_connected },
  { "disconnected", client_l_disconnected },
  { "message", client_l_message },
  { "advance", client_l_advance },
  { "pass", client_l_pass },
  { "now", client_l_now },
  { "done_with", client_l_done_with },
  { "completed", client_l_completed },
  { "outstanding", client_l_outstanding },
  { "fail_memory", client_l_fail_memory },
  { "memory", client_l_memory },
  { NULL, NULL }
};

void raft_probe_client (lua_State *L) {
  if (luaL_newmetatable (L, CLIENT_NAME)) {
    luaL_newlib (L, client_methods);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, client_collect);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, client_make);
  lua_setfield (L, -2, "client");
}
