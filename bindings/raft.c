/* SPDX-License-Identifier: MIT
**
** raft.c - the userdata raft.engine: raft_step as it is.
**
** Holds:     one engine with an arena of its own.
** Invariant: 'raft' is NULL before new() succeeded, after close(), and after
**            an assertion failed; each method checks it.
** Rule:      every call into ring 0 stands alone under a guard; no Lua
**            function is called while the guard is set. */

#include "raft.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "raft_effect.h"
#include "raft_event.h"
#include "raft_words.h"

#define ENGINE "raft.engine"
#define PANICKED 1 /* no code of error.h is positive */

struct engine {
  struct raft_arena arena;
  struct raft *raft;
  raft_time now;       /* of the last event */
  char why[200];       /* after an assertion: which */
};

/* ---- calls under a guard ---------------------------------------------- */

struct call {
  const struct raft_options *options;
  const struct raft_recovered *recovered;
  const struct raft_event *event;
  struct engine *copy;
  raft_index index;
  raft_term term;
  uint64_t random;
  uint64_t hash;
  const char *broken;
};

static int guarded (struct engine *engine,
                    int (*body) (struct engine *engine, struct call *call),
                    struct call *call) {
  struct raft_guard guard;
  volatile int status = PANICKED;
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    status = body (engine, call);
  }
  raft_guard_leave (&guard);
  if (status == PANICKED) {
    engine->raft = NULL;
    (void)snprintf (engine->why, sizeof engine->why, "%s", guard.what);
    raft_arena_clear (&engine->arena);
  }
  return status;
}

static int body_new (struct engine *engine, struct call *call) {
  return raft_new (&engine->raft, &engine->arena.memory, call->options,
                   call->recovered, engine->now, call->random);
}

static int body_step (struct engine *engine, struct call *call) {
  return raft_step (engine->raft, call->event);
}

static int body_copy (struct engine *engine, struct call *call) {
  return raft_copy (engine->raft, &call->copy->arena.memory,
                    &call->copy->raft);
}

static int body_hash (struct engine *engine, struct call *call) {
  call->hash = raft_hash (engine->raft);
  return RAFT_OK;
}

static int body_term_of (struct engine *engine, struct call *call) {
  return raft_term_of (engine->raft, call->index, &call->term);
}

static int body_broken (struct engine *engine, struct call *call) {
  call->broken = raft_broken_invariant (engine->raft);
  return RAFT_OK;
}

/* ---- handles ---------------------------------------------------------- */

/* A closed handle, on top of the stack. */
static struct engine *push_engine (lua_State *L) {
  struct engine *engine = lua_newuserdata (L, sizeof *engine);
  memset (engine, 0, sizeof *engine);
  raft_arena_init (&engine->arena);
  luaL_getmetatable (L, ENGINE);
  lua_setmetatable (L, -2);
  return engine;
}

static struct engine *check_engine (lua_State *L) {
  struct engine *engine = luaL_checkudata (L, 1, ENGINE);
  if (engine->raft == NULL && engine->why[0] != '\0') {
    luaL_error (L, "the engine is stopped: assert: %s", engine->why);
  }
  if (engine->raft == NULL) {
    luaL_error (L, "expected an open engine, got a closed one");
  }
  return engine;
}

struct raft *binding_raft_check (lua_State *L) {
  return check_engine (L)->raft;
}

static int fail (lua_State *L, struct engine *engine, int status) {
  if (status == PANICKED) {
    return luaL_error (L, "assert: %s", engine->why);
  }
  lua_pushnil (L);
  lua_pushstring (L, raft_error_text (status));
  lua_pushstring (L, raft_error_name (status));
  return 3;
}

/* new(options, recovered) -> engine | nil, message, code */
static int engine_new (lua_State *L) {
  struct raft_options options;
  struct raft_recovered recovered;
  struct call call = { .options = &options, .recovered = &recovered };
  struct engine *engine;
  raft_time now;
  int status;
  lua_settop (L, 2);
  raft_options_read (L, 1, &options, &now, &call.random);
  raft_recovered_read (L, 2, &recovered);
  engine = push_engine (L);
  engine->now = now;
  status = guarded (engine, body_new, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  return 1;
}

/* step(event) -> effects | nil, message, code */
static int engine_step (lua_State *L) {
  struct engine *engine = check_engine (L);
  struct raft_event event;
  struct call call = { .event = &event };
  const struct raft_effect *effects;
  size_t count;
  int status;
  lua_settop (L, 2);
  raft_event_read (L, 2, &event);
  if (event.now < engine->now) {
    char expected[80];
    (void)snprintf (expected, sizeof expected, "at least %llu, got %llu",
                    (unsigned long long)engine->now,
                    (unsigned long long)event.now);
    return luaL_error (L, "event.now: expected %s", expected);
  }
  status = guarded (engine, body_step, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  engine->now = event.now;
  effects = raft_effects (engine->raft, &count);
  raft_effects_push (L, effects, count);
  return 1;
}

static int engine_deadline (lua_State *L) {
  struct engine *engine = check_engine (L);
  field_push_bits (L, raft_deadline (engine->raft));
  return 1;
}

static int engine_status (lua_State *L) {
  struct engine *engine = check_engine (L);
  struct raft_status status;
  raft_get_status (engine->raft, &status);
  raft_status_push (L, &status);
  return 1;
}

/* hash() -> 16 hexadecimal digits */
static int engine_hash (lua_State *L) {
  struct engine *engine = check_engine (L);
  struct call call = { .hash = 0 };
  int status = guarded (engine, body_hash, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  field_push_hex (L, call.hash);
  return 1;
}

/* copy() -> engine | nil, message, code */
static int engine_copy (lua_State *L) {
  struct engine *engine = check_engine (L);
  struct call call = { .copy = push_engine (L) };
  int status;
  call.copy->now = engine->now;
  status = guarded (engine, body_copy, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  return 1;
}

/* term_of(index) -> term | nil, message, code */
static int engine_term_of (lua_State *L) {
  struct engine *engine = check_engine (L);
  lua_Number index = luaL_checknumber (L, 2);
  struct call call = { .term = 0 };
  int status;
  luaL_argcheck (L, index >= 0 && index <= (lua_Number)RAFT_INDEX_MAX, 2,
                 "expected an index from 0 to 2^53 - 1");
  call.index = (raft_index)index;
  status = guarded (engine, body_term_of, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  field_push_bits (L, call.term);
  return 1;
}

/* broken_invariant() -> its name, or nil */
static int engine_broken (lua_State *L) {
  struct engine *engine = check_engine (L);
  struct call call = { .broken = NULL };
  int status = guarded (engine, body_broken, &call);
  if (status != RAFT_OK) {
    return fail (L, engine, status);
  }
  lua_pushstring (L, call.broken); /* nil for NULL */
  return 1;
}

/* fail_allocation(n, count): the nth allocation from now on fails, and the
** count - 1 after it; 0 ends that. For tests of what drives an engine. */
static int engine_fail_allocation (lua_State *L) {
  struct engine *engine = check_engine (L);
  lua_Number nth = luaL_checknumber (L, 2);
  lua_Number count = luaL_optnumber (L, 3, 1);
  luaL_argcheck (L, nth >= 0 && nth < 1e15, 2, "expected 0 or more");
  luaL_argcheck (L, count >= 1 && count < 1e15, 3, "expected 1 or more");
  engine->arena.fail_at
    = nth < 1 ? 0 : engine->arena.calls + (uint64_t)nth;
  engine->arena.fail_count = (uint64_t)count;
  return 0;
}

/* memory() -> { bytes = 1000, peak = 2000, calls = 30 } */
static int engine_memory (lua_State *L) {
  struct engine *engine = check_engine (L);
  lua_createtable (L, 0, 3);
  field_set_number (L, "bytes", engine->arena.bytes);
  field_set_number (L, "peak", engine->arena.peak);
  field_set_number (L, "calls", engine->arena.calls);
  return 1;
}

/* close(), and the end of a collected or <close> engine; again is nothing. */
static int engine_close (lua_State *L) {
  struct engine *engine = luaL_checkudata (L, 1, ENGINE);
  engine->raft = NULL;
  raft_arena_clear (&engine->arena);
  return 0;
}

static int engine_tostring (lua_State *L) {
  struct engine *engine = luaL_checkudata (L, 1, ENGINE);
  if (engine->raft == NULL) {
    lua_pushliteral (L, ENGINE " (closed)");
  } else {
    struct raft_status status;
    raft_get_status (engine->raft, &status);
    lua_pushfstring (
      L, ENGINE " (%s, term %d, last %d, commit %d)",
      raft_words_role.words[(int)status.role - raft_words_role.first],
      (int)status.term, (int)status.last, (int)status.commit);
  }
  return 1;
}

static const luaL_Reg methods[] = {
  { "step", engine_step },
  { "deadline", engine_deadline },
  { "status", engine_status },
  { "hash", engine_hash },
  { "copy", engine_copy },
  { "term_of", engine_term_of },
  { "broken_invariant", engine_broken },
  { "fail_allocation", engine_fail_allocation },
  { "memory", engine_memory },
  { "close", engine_close },
  { NULL, NULL }
};

static const luaL_Reg metamethods[] = { { "__gc", engine_close },
                                        { "__close", engine_close },
                                        { "__tostring", engine_tostring },
                                        { NULL, NULL } };

void binding_raft_open (lua_State *L) {
  luaL_newmetatable (L, ENGINE);
  luaL_setfuncs (L, metamethods, 0);
  lua_newtable (L);
  luaL_setfuncs (L, methods, 0);
  lua_setfield (L, -2, "__index");
  lua_pushliteral (L, ENGINE);
  lua_setfield (L, -2, "__name");
  lua_pop (L, 1);
  lua_pushcfunction (L, engine_new);
  lua_setfield (L, -2, "new");
}
