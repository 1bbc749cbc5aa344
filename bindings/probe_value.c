/* SPDX-License-Identifier: MIT
**
** probe_value.c - the codec between Lua values and bytes while memory ends:
** that of the buffer, and that of Lua, which raises. */

#include <stdlib.h>

#include "compat.h"
#include "value.h"

void raft_probe_value (lua_State *L);

/* value_encode_fail (value, n) -> name of the status when the nth allocation
** for the buffer fails, whether the buffer was left as it was */
static int probe_encode_fail (lua_State *L) {
  lua_Number fail_at = luaL_checknumber (L, 2);
  struct raft_detail detail = { "" };
  struct raft_arena arena;
  struct raft_buffer out;
  int status;
  bool as_before;
  raft_arena_init (&arena);
  arena.fail_at = (uint64_t)fail_at;
  arena.fail_count = 1;
  raft_buffer_init (&out, &arena.memory);
  /* Lua has room for what follows: if it raised, the arena would be lost.
  ** That is for value_lua_fail. */
  status = binding_value_encode (L, 1, &out, &detail);
  as_before = out.size == 0;
  raft_arena_clear (&arena);
  lua_pushstring (L, raft_error_name (status));
  lua_pushboolean (L, as_before);
  return 2;
}

/* ---- a Lua whose memory ends ------------------------------------------ */

struct meter {
  size_t live;       /* bytes */
  uint64_t calls;    /* growths */
  uint64_t fail_at;  /* from this one on; 0: never */
};

static void *meter_allocate (void *user, void *block, size_t old_size,
                             size_t size) {
  struct meter *meter = user;
  void *moved;
  if (block == NULL) {
    old_size = 0; /* Lua says what kind of thing it is here */
  }
  if (size == 0) {
    free (block);
    meter->live -= old_size;
    return NULL;
  }
  if (size > old_size) {
    meter->calls++;
    if (meter->fail_at != 0 && meter->calls >= meter->fail_at) {
      return NULL;
    }
  }
  moved = realloc (block, size);
  if (moved != NULL) {
    meter->live = meter->live - old_size + size;
  }
  return moved;
}

struct round_trip {
  const uint8_t *data;
  size_t size;
  struct raft_buffer *out;
  int status;
};

/* [round_trip] -> nothing: bytes to value to bytes. */
static int run_round_trip (lua_State *L) {
  struct round_trip *trip = lua_touserdata (L, 1);
  struct raft_detail detail;
  trip->status = binding_value_decode (L, trip->data, trip->size, &detail);
  if (trip->status == RAFT_OK) {
    trip->status = binding_value_encode (L, -1, trip->out, &detail);
  }
  return 0;
}

/* Gives the name of how it ended: "ok", a code, or "raised". */
static const char *try_round_trip (struct meter *meter,
                                   struct round_trip *trip,
                                   uint64_t fail_after) {
  lua_State *inner = lua_newstate (meter_allocate, meter);
  const char *how = "raised";
  if (inner == NULL) {
    return "refused"; /* LuaJIT takes no allocator on some machines */
  }
  lua_pushcfunction (inner, run_round_trip); /* light: needs no memory */
  lua_pushlightuserdata (inner, trip);
  meter->fail_at = meter->calls + fail_after;
  if (lua_pcall (inner, 1, 0, 0) == 0) {
    how = raft_error_name (trip->status);
  }
  meter->fail_at = 0;
  lua_close (inner);
  return how;
}

/* value_lua_fail (bytes, n) -> how a decode and encode end when Lua has no
** memory from its nth allocation on, bytes live after the state was closed
** and the buffer freed, bytes that came out */
static int probe_lua_fail (lua_State *L) {
  struct round_trip trip;
  struct raft_arena arena;
  struct raft_buffer out;
  struct meter meter = { 0, 0, 0 };
  uint64_t fail_after = (uint64_t)luaL_checknumber (L, 2);
  const char *how;
  size_t out_size;
  trip.data = (const uint8_t *)luaL_checklstring (L, 1, &trip.size);
  raft_arena_init (&arena);
  raft_buffer_init (&out, &arena.memory);
  trip.out = &out;
  trip.status = RAFT_OK;
  how = try_round_trip (&meter, &trip, fail_after);
  out_size = out.size;
  raft_buffer_free (&out);
  meter.live += arena.bytes;
  raft_arena_clear (&arena);
  lua_pushstring (L, how);
  lua_pushnumber (L, (lua_Number)meter.live);
  lua_pushnumber (L, (lua_Number)out_size);
  return 3;
}

static const luaL_Reg functions[]
  = { { "value_encode_fail", probe_encode_fail },
      { "value_lua_fail", probe_lua_fail },
      { NULL, NULL } };

void raft_probe_value (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
