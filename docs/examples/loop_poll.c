/* SPDX-License-Identifier: MIT
**
** loop_poll.c - a member in the loop of a C program, which holds a Lua state.
**
**   cc loop_poll.c $(pkg-config --cflags --libs lua5.4) -o loop_poll
**   ./loop_poll DIR            DIR was made by luaraft init
**
** The program waits for what is its own (here: a line on stdin, which is a
** command to the cluster) and for the descriptors of the member and a client.
** Only when one of them is readable, or the client's time has come, is Lua
** called at all. */

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <poll.h>
#include <stdio.h>

static const char glue[]
  = "local raft = require 'raft'\n"
    "local node = assert(raft.node { dir = ..., machine = 'raft.kv',\n"
    "  on_log = function(record) print(record.kind) end })\n"
    "local client = raft.client { node:address() }\n"
    "local glue = { node = node:fd(), client = client:fd() }\n"
    "function glue.turn()\n"
    "  assert(node:step())\n"
    "  client:step()\n"
    "  return client:timeout() or -1\n"
    "end\n"
    "function glue.add(text)\n"
    "  client:propose({ 'add', 'visits', tonumber(text) },\n"
    "    function(ok, visits) print('visits:', ok and visits) end)\n"
    "end\n"
    "function glue.close()\n"
    "  client:close()\n"
    "  assert(node:close())\n"
    "end\n"
    "return glue\n";

/* Calls glue[name] with a text or nothing; returns the number it gave. */
static double call (lua_State *L, const char *name, const char *text) {
  double number;
  lua_getfield (L, 1, name);
  lua_pushstring (L, text);
  if (lua_pcall (L, 1, 1, 0) != LUA_OK) {
    (void)fprintf (stderr, "%s: %s\n", name, lua_tostring (L, -1));
    number = -2;
  } else {
    number = lua_tonumber (L, -1);
  }
  lua_pop (L, 1);
  return number;
}

static int descriptor (lua_State *L, const char *name) {
  int fd;
  lua_getfield (L, 1, name);
  fd = (int)lua_tointeger (L, -1);
  lua_pop (L, 1);
  return fd;
}

static void run (lua_State *L) {
  struct pollfd waits[3] = { { .fd = 0, .events = POLLIN },
                             { .events = POLLIN }, { .events = POLLIN } };
  char line[100];
  waits[1].fd = descriptor (L, "node");
  waits[2].fd = descriptor (L, "client");
  for (;;) {
    double seconds = call (L, "turn", NULL);
    if (seconds == -2
        || poll (waits, 3, seconds < 0 ? -1 : (int)(seconds * 1000) + 1) < 0) {
      return;
    }
    if (waits[0].revents != 0) {
      if (fgets (line, sizeof line, stdin) == NULL) {
        return;
      }
      (void)call (L, "add", line);
    }
  }
}

int main (int count, char **words) {
  lua_State *L = luaL_newstate ();
  int status = L == NULL || count != 2;
  if (status == 0) {
    (void)setvbuf (stdin, NULL, _IONBF, 0); /* poll sees what is not read */
    luaL_openlibs (L);
    status = luaL_loadstring (L, glue);
    lua_pushstring (L, words[1]);
    status = status != 0 ? status : lua_pcall (L, 1, 1, 0);
    if (status != 0) {
      (void)fprintf (stderr, "%s\n", lua_tostring (L, -1));
    } else {
      run (L);
      (void)call (L, "close", NULL);
    }
  }
  if (L != NULL) {
    lua_close (L);
  }
  return status != 0;
}
