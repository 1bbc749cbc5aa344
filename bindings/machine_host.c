/* SPDX-License-Identifier: MIT
**
** machine_host.c - what the sandbox gets from C.
**
** Holds:  random numbers of the entry, and the functions with which
**         sandbox_guard.lua tells errors of the machine from errors that
**         must not be caught:
**
**           handler (message)      at each error, where it is raised
**           caught (message)       after a protected call failed
**           died (thread, message) after a coroutine failed
**           exhausted (message)    memory or C stack ran out
**           halt (message)         a machine without sandbox cannot go on
**           xpcall (fn, handler, ...)
**
** How:    Lua calls no handler for an error of memory or of the handler
**         itself, so that an unhandled one is one of those. An overflow of
**         the stack is an error with that text that was not raised by the
**         functions error or assert.
** Limit:  Lua 5.4 takes error ("not enough memory", 0) for the real thing. */

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "machine_state.h"
#include "value.h"

#define STACK_IS_FULL "the machine's stack is full: a recursion without end?"
#define RANDOM_STEP 0x9e3779b97f4a7c15u /* splitmix64 */

void machine_halt (struct lua_machine *self, int status, const char *why) {
  if (self->halted == RAFT_OK) {
    self->halted = status;
    (void)snprintf (self->why, sizeof self->why, "%s", why);
  }
}

void machine_halt_memory (struct lua_machine *self) {
  char why[100];
  (void)snprintf (why, sizeof why,
                  "the machine needs more than its limit of %llu bytes",
                  (unsigned long long)self->options.memory_bytes);
  machine_halt (self, RAFT_ENOMEM, why);
}

static struct lua_machine *self_of (lua_State *L) {
  return lua_touserdata (L, lua_upvalueindex (1));
}

/* ---- random numbers --------------------------------------------------- */

static uint64_t draw (lua_State *L, struct lua_machine *self) {
  if (!self->in_apply) {
    (void)luaL_error (L, "random numbers belong to an entry: they can be "
                         "drawn in apply only");
  }
  self->drawn++;
  return raft_mix (self->random + self->drawn * RANDOM_STEP);
}

/* 0 … count - 1, each as likely as the others. */
static uint64_t draw_below (lua_State *L, struct lua_machine *self,
                            uint64_t count) {
  uint64_t limit = UINT64_MAX - UINT64_MAX % count;
  uint64_t bits;
  do {
    bits = draw (L, self);
  } while (bits >= limit);
  return bits % count;
}

static int64_t whole_argument (lua_State *L, int index) {
  lua_Number number = luaL_checknumber (L, index);
  if (!(number > -9007199254740992.0 && number < 9007199254740992.0)
      || (lua_Number)(int64_t)number != number) {
    return luaL_argerror (L, index, "a whole number below 2^53 expected");
  }
  return (int64_t)number;
}

static void push_whole (lua_State *L, int64_t value) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger (L, (lua_Integer)value);
#else
  lua_pushnumber (L, (lua_Number)value);
#endif
}

/* random () -> [0, 1); random (n) -> 1 … n; random (m, n) -> m … n */
static int host_random (lua_State *L) {
  struct lua_machine *self = self_of (L);
  int64_t low = 1, high;
  if (lua_gettop (L) == 0) {
    lua_Number unit = (lua_Number)(draw (L, self) >> 11);
    lua_pushnumber (L, unit / 9007199254740992.0);
    return 1;
  }
  high = whole_argument (L, lua_gettop (L) > 1 ? 2 : 1);
  if (lua_gettop (L) > 1) {
    low = whole_argument (L, 1);
  }
  luaL_argcheck (L, low <= high, lua_gettop (L) > 1 ? 2 : 1,
                 "interval is empty");
  push_whole (L, low + (int64_t)draw_below (L, self,
                                            (uint64_t)(high - low) + 1));
  return 1;
}

/* ---- errors ----------------------------------------------------------- */

/* Whether the value at 'index' is a message that ends with 'words'. */
static bool ends_with (lua_State *L, int index, const char *words) {
  size_t size, length = strlen (words);
  const char *message;
  if (lua_type (L, index) != LUA_TSTRING) {
    return false;
  }
  message = lua_tolstring (L, index, &size);
  return size >= length && strcmp (message + size - length, words) == 0;
}

/* With a reason in brackets ("stack overflow (string slice too long)") it is
** about arguments, and the same everywhere. */
static bool says_overflow (lua_State *L, int index) {
  return ends_with (L, index, "stack overflow");
}

/* Lua 5.3 says the second as if it were any error. */
static bool says_memory (lua_State *L, int index) {
  return ends_with (L, index, "not enough memory")
         || ends_with (L, index, "not enough memory for buffer allocation");
}

/* Whether the function at 'level' of a stack is error or assert. */
static bool raised_by_machine (lua_State *L, lua_State *of, int level) {
  lua_Debug debug;
  bool same = false;
  if (lua_getstack (of, level, &debug) && lua_checkstack (of, 1)
      && lua_getinfo (of, "f", &debug)) {
    if (of != L) {
      lua_xmove (of, L, 1);
    }
    same = lua_rawequal (L, -1, lua_upvalueindex (2))
           || lua_rawequal (L, -1, lua_upvalueindex (3));
    lua_pop (L, 1);
  }
  return same;
}

/* Judges an error with the message at 'index', raised in 'of' at 'level'. */
static void judge (lua_State *L, struct lua_machine *self, int index,
                   lua_State *of, int level) {
  if (says_overflow (L, index) && !raised_by_machine (L, of, level)) {
    machine_halt (self, RAFT_EMACHINE, STACK_IS_FULL);
  } else if (says_memory (L, index) && !raised_by_machine (L, of, level)) {
    machine_halt_memory (self);
  }
}

static int host_handler (lua_State *L) {
  struct lua_machine *self = self_of (L);
  self->handled = true;
  judge (L, self, 1, L, 1);
  return 1;
}

void machine_halt_unhandled (lua_State *L, struct lua_machine *self,
                             int index) {
  if (says_memory (L, index)) {
    machine_halt_memory (self);
  } else {
    machine_halt (self, RAFT_EMACHINE, STACK_IS_FULL);
  }
}

static int raise_halted (lua_State *L, struct lua_machine *self) {
  lua_pushstring (L, self->why);
  return lua_error (L);
}

static int host_caught (lua_State *L) {
  struct lua_machine *self = self_of (L);
  bool handled = self->handled;
  self->handled = false;
  if (self->halted == RAFT_OK && !handled) {
    machine_halt_unhandled (L, self, 1);
  }
  return self->halted != RAFT_OK ? raise_halted (L, self) : 0;
}

/* xpcall (fn, handler, ...), for the VM whose own takes no arguments. */
static int host_xpcall (lua_State *L) {
  int status;
  lua_pushvalue (L, 1);
  lua_remove (L, 1);
  lua_insert (L, 2); /* handler, fn, ... */
  status = lua_pcall (L, lua_gettop (L) - 2, LUA_MULTRET, 1);
  lua_pushboolean (L, status == LUA_OK);
  lua_replace (L, 1);
  return lua_gettop (L);
}

static int host_died (lua_State *L) {
  struct lua_machine *self = self_of (L);
  lua_State *thread = lua_tothread (L, 1);
  if (thread != NULL) {
    judge (L, self, 2, thread, 0);
  }
  return self->halted != RAFT_OK ? raise_halted (L, self) : 0;
}

static int host_exhausted (lua_State *L) {
  struct lua_machine *self = self_of (L);
  if (says_overflow (L, 1)) {
    machine_halt (self, RAFT_EMACHINE, STACK_IS_FULL);
  }
  machine_halt_memory (self);
  return raise_halted (L, self);
}

/* What a machine that keeps its state itself says when it cannot: its disk is
** full, say. Others may go on, so this is no result of a command. */
static int host_halt (lua_State *L) {
  struct lua_machine *self = self_of (L);
  machine_halt (self, RAFT_EMACHINE, luaL_checkstring (L, 1));
  return raise_halted (L, self);
}

/* ---- the table -------------------------------------------------------- */

/* host[name] = function (self, error, assert as upvalues) */
static void set_function (lua_State *L, struct lua_machine *self,
                          const char *name, lua_CFunction function) {
  lua_pushlightuserdata (L, self);
  lua_getglobal (L, "error");
  lua_getglobal (L, "assert");
  lua_pushcclosure (L, function, 3);
  lua_setfield (L, -2, name);
}

void machine_host_push (lua_State *L, struct lua_machine *self) {
  lua_newtable (L);
  binding_value_open (L); /* null, map */
  set_function (L, self, "random", host_random);
  set_function (L, self, "handler", host_handler);
  set_function (L, self, "caught", host_caught);
  set_function (L, self, "died", host_died);
  set_function (L, self, "xpcall", host_xpcall);
  set_function (L, self, "exhausted", host_exhausted);
  set_function (L, self, "halt", host_halt);
}
