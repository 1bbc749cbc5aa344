/* SPDX-License-Identifier: MIT
**
** check.c - the userdata raft.check: one search over one history.
**
** Holds:     core.check { … } and the methods run, answer, counts, furthest,
**            state, close.
** Invariant: 'check' is NULL before the history was read, after close(), and
**            after an assertion failed; each method checks it.
** Rule:      every call into core/check stands alone under a guard; no Lua
**            function is called while the guard is set. A model in Lua is
**            asked between two calls, never from within one.
**
**   core.check {
**     actions = { "write", "read" },      what each operation does
**     firsts = { "\1", "\1" },            bytes; a number with look and step
**     seconds = { false, false },         bytes, with swap
**     components = { 0, 0 },
**     events = { 1, -1, 2, -2 },          calls, and returns as negative ones
**     initial = "", states = 1e6, bytes = 2^28,
**     exact = false, fail_at = 0 }                                          */

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/panic.h"
#include "check/check.h"
#include "field.h"

#define CHECK "raft.check"
#define PANICKED 1 /* no code of error.h is positive */
#define BUDGET_MOST ((lua_Number)1e15)

static const char *const action_words[] = {
  "read",   "differs", "look", "write",    "swap", "append", "add",
  "insert", "take",    "take_any", "step", NULL
};

struct handle {
  struct raft_arena arena;
  struct check *check;
  uint32_t count; /* of operations */
  char why[200];  /* after an assertion: which */
};

/* ---- calls under a guard ----------------------------------------------- */

struct call {
  struct check_limits limits;
  struct check_operation operation;
  const char *bytes;
  size_t size;
  uint32_t number;
  bool exact;
  uint64_t budget;
  enum check_verdict verdict;
  uint32_t *order; /* and the states behind it */
  uint32_t told, blocked;
  const uint8_t *state;
};

static int guarded (struct handle *handle,
                    int (*body) (struct handle *handle, struct call *call),
                    struct call *call) {
  struct raft_guard guard;
  volatile int status = PANICKED;
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    status = body (handle, call);
  }
  raft_guard_leave (&guard);
  if (status == PANICKED) {
    handle->check = NULL;
    (void)snprintf (handle->why, sizeof handle->why, "%s", guard.what);
    raft_arena_clear (&handle->arena);
  }
  return status;
}

static int body_new (struct handle *handle, struct call *call) {
  return check_new (&handle->arena, &call->limits, &handle->check);
}

static int body_bytes (struct handle *handle, struct call *call) {
  return check_bytes (handle->check, call->bytes, call->size, &call->number);
}

static int body_add (struct handle *handle, struct call *call) {
  return check_add (handle->check, &call->operation);
}

static int body_call (struct handle *handle, struct call *call) {
  return check_call (handle->check, call->number);
}

static int body_return (struct handle *handle, struct call *call) {
  return check_return (handle->check, call->number);
}

static int body_begin (struct handle *handle, struct call *call) {
  if (call->exact) {
    check_be_exact (handle->check);
  }
  return check_begin (handle->check, call->number);
}

static int body_run (struct handle *handle, struct call *call) {
  call->verdict = check_run (handle->check, call->budget);
  return RAFT_OK;
}

static int body_answer (struct handle *handle, struct call *call) {
  return check_answer (handle->check, call->number);
}

static int body_furthest (struct handle *handle, struct call *call) {
  return check_furthest (handle->check, call->order,
                         call->order + handle->count, &call->told,
                         &call->blocked);
}

static int body_state (struct handle *handle, struct call *call) {
  call->state = check_state (handle->check, call->number, &call->size);
  return RAFT_OK;
}

/* ---- handles ----------------------------------------------------------- */

static struct handle *check_handle (lua_State *L) {
  struct handle *handle = luaL_checkudata (L, 1, CHECK);
  if (handle->check == NULL && handle->why[0] != '\0') {
    luaL_error (L, "the search is stopped: assert: %s", handle->why);
  }
  if (handle->check == NULL) {
    luaL_error (L, "expected an open search, got a closed one");
  }
  return handle;
}

static int fail (lua_State *L, struct handle *handle, int status) {
  if (status == PANICKED) {
    return luaL_error (L, "assert: %s", handle->why);
  }
  lua_pushnil (L);
  lua_pushstring (L, raft_error_text (status));
  lua_pushstring (L, raft_error_name (status));
  return 3;
}

/* ---- reading a history ------------------------------------------------- */

/* What stands on top of the stack as a number: bytes are numbered, numbers
** are meant as they are. Pops it. */
static int read_number (lua_State *L, struct handle *handle,
                        const char *where, uint32_t *number) {
  struct call call = { .bytes = NULL };
  int status = RAFT_OK;
  if (lua_type (L, -1) == LUA_TNUMBER) {
    lua_Number given = lua_tonumber (L, -1);
    if (!(given >= 0 && given < (lua_Number)(CHECK_NONE - 1))) {
      luaL_error (L, "%s: expected a number below 2^32 - 2", where);
    }
    *number = (uint32_t)given;
  } else if (lua_type (L, -1) == LUA_TSTRING) {
    call.bytes = lua_tolstring (L, -1, &call.size);
    status = guarded (handle, body_bytes, &call);
    *number = call.number;
  } else if (lua_toboolean (L, -1)) {
    luaL_error (L, "%s: expected bytes or a number, got %s", where,
                luaL_typename (L, -1));
  } else {
    *number = 0;
  }
  lua_pop (L, 1);
  return status;
}

static void read_shape (lua_State *L, uint32_t position,
                        struct check_operation *operation) {
  lua_rawgeti (L, 3, (int)position);
  operation->action
    = (enum check_action)luaL_checkoption (L, -1, NULL, action_words);
  lua_rawgeti (L, 6, (int)position);
  if (!(lua_tonumber (L, -1) >= 0
        && lua_tonumber (L, -1) < (lua_Number)(CHECK_NONE / 2))) {
    luaL_error (L, "components[%d]: expected a number from 0",
                (int)position);
  }
  operation->component = (uint32_t)lua_tonumber (L, -1);
  lua_pop (L, 2);
}

static int read_operations (lua_State *L, struct handle *handle) {
  uint32_t count = (uint32_t)lua_rawlen (L, 3);
  uint32_t i;
  for (i = 1; i <= count; i++) {
    struct call call = { .number = 0 };
    int status;
    read_shape (L, i, &call.operation);
    lua_rawgeti (L, 4, (int)i);
    status = read_number (L, handle, "firsts", &call.operation.first);
    if (status == RAFT_OK) {
      lua_rawgeti (L, 5, (int)i);
      status = read_number (L, handle, "seconds", &call.operation.second);
    }
    if (status == RAFT_OK) {
      status = guarded (handle, body_add, &call);
    }
    if (status != RAFT_OK) {
      return status;
    }
  }
  handle->count = count;
  return RAFT_OK;
}

static int read_events (lua_State *L, struct handle *handle) {
  uint32_t count = (uint32_t)lua_rawlen (L, 7);
  uint32_t i;
  for (i = 1; i <= count; i++) {
    struct call call = { .number = 0 };
    lua_Number event;
    int status;
    lua_rawgeti (L, 7, (int)i);
    event = lua_tonumber (L, -1);
    lua_pop (L, 1);
    if (!(event >= -(lua_Number)handle->count && event != 0
          && event <= (lua_Number)handle->count)) {
      luaL_error (L, "events[%d]: expected the number of an operation",
                  (int)i);
    }
    call.number = (uint32_t)(event > 0 ? event : -event) - 1;
    status = guarded (handle, event > 0 ? body_call : body_return, &call);
    if (status == RAFT_EINVALID) {
      luaL_error (L, "events[%d]: expected one call and then at most one "
                  "return of each operation", (int)i);
    }
    if (status != RAFT_OK) {
      return status;
    }
  }
  return RAFT_OK;
}

/* The lists, on the stack at 3 to 7, and the initial state at 8. */
static void push_parts (lua_State *L) {
  static const char *const lists[] = { "actions", "firsts", "seconds",
                                       "components", "events" };
  size_t i;
  for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    lua_getfield (L, 1, lists[i]);
    if (!lua_istable (L, -1)) {
      luaL_error (L, "%s: expected a list, got %s", lists[i],
                  luaL_typename (L, -1));
    }
  }
  lua_getfield (L, 1, "initial");
}

/* check(history) -> search | nil, message, code */
static int check_open (lua_State *L) {
  struct call call = { .number = 0 };
  struct handle *handle;
  struct field_table table;
  int status;
  lua_settop (L, 1);
  table = field_open (L, 1, "check",
                      "actions firsts seconds components events initial "
                      "states bytes fail_at exact ");
  call.limits.states = field_required (&table, "states", RAFT_INDEX_MAX);
  call.limits.bytes = field_required (&table, "bytes", RAFT_INDEX_MAX);
  call.exact = field_boolean (&table, "exact");
  handle = lua_newuserdata (L, sizeof *handle);
  memset (handle, 0, sizeof *handle);
  raft_arena_init (&handle->arena);
  luaL_getmetatable (L, CHECK);
  lua_setmetatable (L, -2);
  handle->arena.fail_at = field_number (&table, "fail_at", 0, RAFT_INDEX_MAX);
  handle->arena.fail_count = 1;
  push_parts (L);
  status = guarded (handle, body_new, &call);
  if (status == RAFT_OK) {
    status = read_operations (L, handle);
  }
  if (status == RAFT_OK) {
    status = read_events (L, handle);
  }
  if (status == RAFT_OK) {
    status = read_number (L, handle, "initial", &call.number);
  }
  if (status == RAFT_OK) {
    status = guarded (handle, body_begin, &call);
  }
  if (status != RAFT_OK) {
    return fail (L, handle, status);
  }
  lua_settop (L, 2);
  return 1;
}

/* ---- methods ----------------------------------------------------------- */

/* run(budget) -> "running" | "linearizable" | "not" | "unknown"
**              | "asking", state, operation */
static int method_run (lua_State *L) {
  static const char *const words[] = { "running", "asking", "linearizable",
                                       "not", "unknown" };
  struct handle *handle = check_handle (L);
  lua_Number budget = luaL_checknumber (L, 2);
  struct call call = { .budget = 0 };
  uint32_t state, operation;
  int status;
  luaL_argcheck (L, budget >= 1 && budget <= BUDGET_MOST, 2,
                 "expected 1 or more");
  call.budget = (uint64_t)budget;
  status = guarded (handle, body_run, &call);
  if (status != RAFT_OK) {
    return fail (L, handle, status);
  }
  lua_pushstring (L, words[call.verdict]);
  if (call.verdict != CHECK_ASKING) {
    return 1;
  }
  check_question (handle->check, &state, &operation);
  lua_pushnumber (L, (lua_Number)state);
  lua_pushnumber (L, (lua_Number)operation + 1);
  return 3;
}

/* answer(state or nil) -> true | nil, message, code */
static int method_answer (lua_State *L) {
  struct handle *handle = check_handle (L);
  struct call call = { .number = CHECK_NONE };
  int status;
  if (!lua_isnoneornil (L, 2)) {
    lua_Number next = luaL_checknumber (L, 2);
    luaL_argcheck (L, next >= 0 && next < (lua_Number)(CHECK_NONE - 1), 2,
                   "expected the number of a state");
    call.number = (uint32_t)next;
  }
  status = guarded (handle, body_answer, &call);
  if (status != RAFT_OK) {
    return fail (L, handle, status);
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* counts() -> { states = 12, peak_bytes = 4096, no_memory = false } */
static int method_counts (lua_State *L) {
  struct handle *handle = check_handle (L);
  struct check_counts counts;
  check_get_counts (handle->check, &counts);
  lua_createtable (L, 0, 3);
  field_set_number (L, "states", counts.states);
  field_set_number (L, "peak_bytes", counts.peak_bytes);
  field_set_boolean (L, "no_memory", counts.no_memory);
  return 1;
}

static void push_list (lua_State *L, const uint32_t *numbers, uint32_t count,
                       uint32_t plus) {
  uint32_t i;
  lua_createtable (L, (int)count, 0);
  for (i = 0; i < count; i++) {
    lua_pushnumber (L, (lua_Number)numbers[i] + plus);
    lua_rawseti (L, -2, (int)i + 1);
  }
}

/* furthest() -> order, states, blocked | nil, message, code */
static int method_furthest (lua_State *L) {
  struct handle *handle = check_handle (L);
  struct call call = { .number = 0 };
  int status;
  lua_settop (L, 1);
  call.order = lua_newuserdata (L, (size_t)(2 * handle->count + 1)
                                     * sizeof *call.order);
  status = guarded (handle, body_furthest, &call);
  if (status != RAFT_OK) {
    return fail (L, handle, status);
  }
  push_list (L, call.order, call.told, 1);
  push_list (L, call.order + handle->count, call.told, 0);
  if (call.blocked == CHECK_NONE) {
    return 2;
  }
  lua_pushnumber (L, (lua_Number)call.blocked + 1);
  return 3;
}

/* state(number) -> bytes */
static int method_state (lua_State *L) {
  struct handle *handle = check_handle (L);
  lua_Number number = luaL_checknumber (L, 2);
  struct call call = { .number = 0 };
  int status;
  luaL_argcheck (L, number >= 0 && number < (lua_Number)CHECK_NONE, 2,
                 "expected the number of a state");
  call.number = (uint32_t)number;
  status = guarded (handle, body_state, &call);
  if (status != RAFT_OK) {
    return fail (L, handle, status);
  }
  lua_pushlstring (L, (const char *)call.state, call.size);
  return 1;
}

/* Frees the search. Closing twice is allowed. */
static int method_close (lua_State *L) {
  struct handle *handle = luaL_checkudata (L, 1, CHECK);
  handle->check = NULL;
  raft_arena_clear (&handle->arena);
  return 0;
}

void binding_check_open (lua_State *L) {
  static const luaL_Reg methods[] = {
    { "run", method_run },           { "answer", method_answer },
    { "counts", method_counts },     { "furthest", method_furthest },
    { "state", method_state },       { "close", method_close },
    { "__gc", method_close },        { NULL, NULL },
  };
  if (luaL_newmetatable (L, CHECK)) {
    luaL_setfuncs (L, methods, 0);
    lua_pushvalue (L, -1);
    lua_setfield (L, -2, "__index");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, check_open);
  lua_setfield (L, -2, "check");
}
