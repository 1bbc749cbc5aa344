/* SPDX-License-Identifier: MIT
**
** sim_watch.c - an end to loops of scenarios.
**
** Holds: a count hook. Threads inherit it, which hooks set from Lua are not,
**        so that no coroutine of a scenario escapes it.
** Rule:  past its limit the error is raised at every instruction, so that a
**        pcall in a loop catches it once, and the loop around it dies. */

#include <stdio.h>
#include <string.h>

#include "sim.h"

#define WATCH_STEP 10000 /* instructions between two looks at the limit */
#define PREFIX_MAX 512

struct watch {
  lua_State *driver; /* who resumes: where hooks are of all threads alike, as
                     ** LuaJIT has them, it is looked at, too */
  lua_Number count; /* instructions so far */
  lua_Number limit;
  char prefix[PREFIX_MAX];
};

static const char watch_key = 0; /* its address, in the registry */

static struct watch *find_watch (lua_State *L) {
  struct watch *watch;
  lua_pushlightuserdata (L, (void *)&watch_key);
  lua_rawget (L, LUA_REGISTRYINDEX);
  watch = lua_touserdata (L, -1);
  lua_pop (L, 1);
  return watch;
}

static struct watch *make_watch (lua_State *L) {
  struct watch *watch = find_watch (L);
  if (watch == NULL) {
    lua_pushlightuserdata (L, (void *)&watch_key);
    watch = lua_newuserdata (L, sizeof *watch);
    memset (watch, 0, sizeof *watch);
    lua_rawset (L, LUA_REGISTRYINDEX);
  }
  return watch;
}

/* Pushes "file:line: ", or nothing when there is no such place. */
static void push_place (lua_State *L, const char *prefix) {
  lua_Debug at;
  for (int level = 0; lua_getstack (L, level, &at); level++) {
    (void)lua_getinfo (L, "Sl", &at);
    if (at.currentline > 0
        && strncmp (at.source, prefix, strlen (prefix)) != 0) {
      lua_pushfstring (L, "%s:%d: ", at.short_src, at.currentline);
      return;
    }
  }
  lua_pushliteral (L, "");
}

static void on_count (lua_State *L, lua_Debug *debug) {
  struct watch *watch = find_watch (L);
  (void)debug;
  watch->count += lua_gethookcount (L);
  if (L != watch->driver && watch->limit > 0 && watch->count > watch->limit) {
    char text[120];
    lua_sethook (L, on_count, LUA_MASKCOUNT, 1);
    (void)snprintf (text, sizeof text, "more than %.0f instructions without "
                    "waiting for anything: a loop without end?",
                    (double)watch->limit);
    push_place (L, watch->prefix);
    lua_pushstring (L, text);
    lua_concat (L, 2);
    (void)lua_error (L);
  }
}

int binding_sim_watch (lua_State *L) {
  lua_State *thread = lua_tothread (L, 1);
  lua_Number limit = luaL_checknumber (L, 2);
  const char *prefix = luaL_checkstring (L, 3);
  struct watch *watch = make_watch (L);
  luaL_argcheck (L, thread != NULL, 1, "expected a coroutine");
  watch->driver = L;
  watch->count = 0;
  watch->limit = limit;
  (void)snprintf (watch->prefix, sizeof watch->prefix, "%s", prefix);
  lua_sethook (thread, limit > 0 ? on_count : NULL,
               limit > 0 ? LUA_MASKCOUNT : 0, WATCH_STEP);
  return 0;
}
