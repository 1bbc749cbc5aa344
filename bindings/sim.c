/* SPDX-License-Identifier: MIT
**
** sim.c - the userdata raft.world.
**
** Rule: calls into members run under the world's guard, and no Lua function
**       is called under it: arguments are read before, results pushed
**       after. */

#include "sim.h"

#include "field.h"
#include "sim/client.h"
#include "sim/member.h"
#include "sim/net.h"
#include "sim/run.h"

#define WORLD "raft.world"

struct world_box {
  struct sim_world *world; /* NULL: closed */
  struct sim_provider *provider; /* of Lua machines, or NULL */
};

static struct sim_world *check_world (lua_State *L) {
  struct world_box *box = luaL_checkudata (L, 1, WORLD);
  if (box->world == NULL) {
    luaL_error (L, "expected an open world, got a closed one");
  }
  return box->world;
}

struct sim_world *binding_sim_world (lua_State *L) {
  return check_world (L);
}

static lua_Number check_whole (lua_State *L, int index, uint64_t least,
                               uint64_t most) {
  lua_Number number = luaL_checknumber (L, index);
  if (!(number >= (lua_Number)least && number <= (lua_Number)most)
      || number != (lua_Number)(uint64_t)number) {
    luaL_argerror (L, index,
                   lua_pushfstring (L, "expected a whole number %d to %f",
                                    (int)least, (lua_Number)most));
  }
  return number;
}

static raft_id check_id (lua_State *L, int index) {
  struct sim_world *world = check_world (L);
  return (raft_id)check_whole (L, index, 1, world->member_count);
}

raft_id binding_sim_id (lua_State *L, int index) {
  return check_id (L, index);
}

static raft_time check_time (lua_State *L, int index) {
  return (raft_time)check_whole (L, index, 0, RAFT_TIME_MAX / 4);
}

/* ---- life -------------------------------------------------------------- */

/* sim_new (options [, machine options]): without, the register machine. */
static int world_new (lua_State *L) {
  struct sim_options options;
  struct world_box *box;
  binding_sim_read_options (L, 1, &options);
  lua_settop (L, 2);
  box = lua_newuserdata (L, sizeof *box);
  box->world = NULL;
  box->provider = NULL;
  luaL_getmetatable (L, WORLD);
  lua_setmetatable (L, -2);
  if (!lua_isnil (L, 2)) {
    box->provider = binding_sim_provider_new (L, 2);
  }
  lua_getfield (L, 1, "schedule");
  if (!lua_isnil (L, -1)) {
    options.replay = binding_sim_read_schedule (L, lua_gettop (L));
  }
  lua_pop (L, 1);
  box->world = sim_world_new (&options, box->provider);
  if (box->world == NULL) {
    return luaL_error (L, "out of memory");
  }
  if (box->provider != NULL) {
    binding_sim_provider_join (box->provider, box->world);
  }
  return 1;
}

static int world_close (lua_State *L) {
  struct world_box *box = luaL_checkudata (L, 1, WORLD);
  struct sim_world *world = box->world;
  box->world = NULL;
  sim_world_free (world);
  binding_sim_provider_free (box->provider);
  box->provider = NULL;
  return 0;
}

/* ---- running ----------------------------------------------------------- */

static int world_step (lua_State *L) {
  lua_pushboolean (L, sim_world_step (check_world (L)));
  return 1;
}

static int world_run_for (lua_State *L) {
  struct sim_world *world = check_world (L);
  lua_pushboolean (L, sim_world_run (world, check_time (L, 2)));
  return 1;
}

/* advance (time): runs to that time, or until a client has something to
** take; -> whether the run goes on. */
static int world_advance (lua_State *L) {
  struct sim_world *world = check_world (L);
  raft_time end = (raft_time)check_whole (L, 2, 0, RAFT_TIME_MAX);
  bool is_done = false;
  while (!is_done && !sim_world_has_ended (world)) {
    if (!sim_world_has_next (world, end)) {
      world->now = world->now < end ? end : world->now;
      break;
    }
    (void)sim_world_step (world);
    for (unsigned i = 1; i <= world->client_count; i++) {
      is_done |= world->clients[i]->finished != NULL;
    }
  }
  lua_pushboolean (L, !sim_world_has_ended (world));
  return 1;
}

static int world_begin (lua_State *L) {
  sim_run_start (check_world (L));
  return 0;
}

static int world_settle (lua_State *L) {
  lua_pushboolean (L, sim_run_settle (check_world (L)));
  return 1;
}

static int world_run (lua_State *L) {
  lua_pushboolean (L, sim_run (check_world (L)));
  return 1;
}

/* ---- members ----------------------------------------------------------- */

static int world_status (lua_State *L) {
  struct sim_world *world = check_world (L);
  binding_sim_push_status (L, world, check_id (L, 2));
  return 1;
}

static int world_leader (lua_State *L) {
  struct sim_member *leader = sim_world_leader (check_world (L));
  if (leader == NULL) {
    lua_pushnil (L);
  } else {
    lua_pushinteger (L, (lua_Integer)leader->id);
  }
  return 1;
}

/* ---- clients ----------------------------------------------------------- */

struct client_call_box {
  struct sim_client *client;
  bool has_session;
  bool is_pinned;
  raft_id home;
  enum sim_operation_kind kind;
  struct wire_view bytes;
  struct sim_terms terms;
  uint64_t number;
  int status;
};

static void call_client_new (struct sim_world *world, void *argument) {
  struct client_call_box *box = argument;
  sim_run_chose_client (world, box->has_session, box->home, box->is_pinned);
  box->client = sim_client_new_at (world, box->has_session, box->home,
                                   box->is_pinned);
}

/* client ([has_session [, home [, is_pinned]]]) -> number */
static int world_client (lua_State *L) {
  struct sim_world *world = check_world (L);
  struct client_call_box box = { 0 };
  box.has_session = lua_isnoneornil (L, 2) || lua_toboolean (L, 2);
  box.home = lua_isnoneornil (L, 3) ? RAFT_ID_NONE : check_id (L, 3);
  box.is_pinned = lua_toboolean (L, 4);
  if (!sim_world_has_ended (world)) {
    sim_guarded (world, call_client_new, &box);
  }
  if (box.client == NULL) {
    return luaL_error (L, "no more clients");
  }
  lua_pushinteger (L, (lua_Integer)box.client->number);
  return 1;
}

static struct sim_client *check_client (lua_State *L, int index) {
  struct sim_world *world = check_world (L);
  return world->clients[(unsigned)check_whole (L, index, 1,
                                               world->client_count)];
}

static void call_invoke (struct sim_world *world, void *argument) {
  struct client_call_box *box = argument;
  (void)world;
  box->number = sim_client_invoke (box->client, box->kind, box->bytes,
                                   box->terms, &box->status);
}

/* invoke (client, "write" | "read" | …, bytes [, deadline [, max_age]]) ->
** number, or nil, message, code. */
static int world_invoke (lua_State *L) {
  struct sim_world *world = check_world (L);
  struct client_call_box box = { 0 };
  size_t size;
  box.client = check_client (L, 2);
  box.kind = (enum sim_operation_kind)luaL_checkoption (
    L, 3, NULL, sim_operation_words);
  box.bytes.data = (const uint8_t *)luaL_checklstring (L, 4, &size);
  box.bytes.size = size;
  box.terms.deadline_us = lua_isnoneornil (L, 5) ? 0 : check_time (L, 5);
  box.terms.max_age_us = lua_isnoneornil (L, 6) ? 0 : check_time (L, 6);
  box.status = RAFT_ECLOSED;
  if (!sim_world_has_ended (world)) {
    sim_guarded (world, call_invoke, &box);
  }
  if (box.number == 0) {
    lua_pushnil (L);
    lua_pushstring (L, raft_error_text (box.status));
    lua_pushstring (L, raft_error_name (box.status));
    return 3;
  }
  lua_pushinteger (L, (lua_Integer)box.number);
  return 1;
}

/* take (client) -> the oldest completion, or nil. */
static int world_take (lua_State *L) {
  struct sim_client *client = check_client (L, 2);
  struct sim_operation *operation = sim_client_take (client);
  if (operation == NULL) {
    lua_pushnil (L);
    return 1;
  }
  /* Given back first: pushing may raise, and the bytes stay as they are until
  ** the next operation begins. */
  sim_client_give_back (client, operation);
  binding_sim_push_operation (L, operation);
  return 1;
}

/* recorded () -> the rows of what was done and chosen so far, and whether the
** run was begun. */
static int world_recorded (lua_State *L) {
  struct sim_world *world = check_world (L);
  if (world->record == NULL) {
    return luaL_error (L, "schedule: expected a world with record = 1");
  }
  binding_sim_push_schedule (L, world->record);
  lua_pushboolean (L, world->has_begun);
  return 2;
}

/* ---- looking in -------------------------------------------------------- */

static int world_now (lua_State *L) {
  lua_pushinteger (L, (lua_Integer)check_world (L)->now);
  return 1;
}

static int world_result (lua_State *L) {
  binding_sim_push_result (L, check_world (L));
  return 1;
}

/* trace_span () -> the numbers of the oldest and the youngest record that is
** kept; the second is below the first where none is. */
static int world_trace_span (lua_State *L) {
  struct sim_world *world = check_world (L);
  size_t count = world->trace_count;
  size_t room = world->trace_room;
  lua_pushinteger (L, (lua_Integer)(count > room ? count - room : 0) + 1);
  lua_pushinteger (L, (lua_Integer)count);
  return 2;
}

/* trace (i) -> text, time, member, term, or nil where none is kept. */
static int world_trace (lua_State *L) {
  struct sim_world *world = check_world (L);
  size_t at = (size_t)check_whole (L, 2, 1, UINT32_MAX);
  const struct raft_trace *trace;
  struct raft_buffer text;
  trace = sim_trace_at (world, at);
  if (trace == NULL) {
    lua_pushnil (L);
    return 1;
  }
  raft_buffer_init (&text, &raft_memory_plain);
  if (raft_trace_text (trace, &text) != RAFT_OK) {
    return luaL_error (L, "out of memory");
  }
  lua_pushlstring (L, (const char *)text.data, text.size);
  raft_buffer_free (&text);
  lua_pushinteger (L, (lua_Integer)trace->time);
  lua_pushinteger (L, (lua_Integer)trace->member);
  lua_pushinteger (L, (lua_Integer)trace->term);
  return 4;
}

/* records (first, last) -> a list; both from 1. */
static int world_records (lua_State *L) {
  struct sim_world *world = check_world (L);
  size_t first = (size_t)check_whole (L, 2, 1, UINT32_MAX);
  size_t last = (size_t)check_whole (L, 3, 0, UINT32_MAX);
  binding_sim_push_records (L, world, first, last);
  return 1;
}

static int world_operations (lua_State *L) {
  binding_sim_push_operations (L, check_world (L));
  return 1;
}

static int sim_options_list (lua_State *L) {
  binding_sim_push_options (L);
  return 1;
}

static const luaL_Reg METHODS[] = {
  { "advance", world_advance },
  { "begin", world_begin },
  { "client", world_client },
  { "close", world_close },
  { "invoke", world_invoke },
  { "leader", world_leader },
  { "now", world_now },
  { "operations", world_operations },
  { "recorded", world_recorded },
  { "records", world_records },
  { "result", world_result },
  { "run", world_run },
  { "run_for", world_run_for },
  { "settle", world_settle },
  { "status", world_status },
  { "step", world_step },
  { "take", world_take },
  { "trace", world_trace },
  { "trace_span", world_trace_span },
  { NULL, NULL },
};

void binding_sim_open (lua_State *L) {
  if (luaL_newmetatable (L, WORLD)) {
    luaL_newlib (L, METHODS);
    binding_sim_fault_open (L);
    binding_sim_open_verbs (L);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, world_close);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, world_new);
  lua_setfield (L, -2, "sim_new");
  lua_pushcfunction (L, sim_options_list);
  lua_setfield (L, -2, "sim_options");
  lua_pushcfunction (L, binding_sim_interrupt);
  lua_setfield (L, -2, "sim_interrupt");
  lua_pushcfunction (L, binding_sim_interrupted);
  lua_setfield (L, -2, "sim_interrupted");
  lua_pushcfunction (L, binding_sim_watch);
  lua_setfield (L, -2, "sim_watch");
  lua_newtable (L);
  for (int i = 0; i < SIM_HEAL_COUNT; i++) {
    lua_pushstring (L, sim_heal_name ((enum sim_heal)i));
    lua_rawseti (L, -2, i + 1);
  }
  lua_setfield (L, -2, "sim_heals");
}
