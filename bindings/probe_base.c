/* SPDX-License-Identifier: MIT
**
** probe_base.c - core/base for specs.
**
** Holds:  checksums, names of errors, limits by name, an assertion under
**         guards, and the userdata raft.probe.store: one arena with a buffer,
**         a chunk and the slices cut from it.
** Rule:   numbers of 64 bits are strings of 16 hexadecimal digits. */

#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/chunk.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/limit.h"
#include "base/panic.h"
#include "base/slice.h"
#include "field.h"

#define STORE "raft.probe.store"
#define STORE_SLICES 64

struct store {
  struct raft_arena arena;
  struct raft_buffer buffer;
  struct raft_chunk chunk;
  struct raft_slice slices[STORE_SLICES];
};

void raft_probe_base (lua_State *L);

/* checksum(bytes, salt) -> hex */
static int base_checksum (lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring (L, 1, &size);
  uint64_t salt = (uint64_t)luaL_optnumber (L, 2, 0);
  field_push_hex (L, raft_checksum (data, size, salt));
  return 1;
}

/* error_of_name(name) -> number, 0 when there is none */
static int base_error_of_name (lua_State *L) {
  size_t size;
  const char *name = luaL_checklstring (L, 1, &size);
  lua_pushinteger (L, raft_error_of_name (name, size));
  return 1;
}

/* error_name(number) -> name, text */
static int base_error_name (lua_State *L) {
  int code = (int)luaL_checknumber (L, 1);
  lua_pushstring (L, raft_error_name (code));
  lua_pushstring (L, raft_error_text (code));
  return 2;
}

/* error_detail(text) -> the detail that raft_fail wrote, the code */
static int base_error_detail (lua_State *L) {
  struct raft_detail detail;
  int code
    = raft_fail (&detail, RAFT_ECORRUPT, "<%s>", luaL_checkstring (L, 1));
  lua_pushstring (L, detail.text);
  lua_pushinteger (L, raft_fail (NULL, code, "nobody reads this"));
  return 2;
}

/* limits_set(name, value) -> { entry_bytes = …, … } | nil, code */
static int base_limits_set (lua_State *L) {
  struct raft_limits limits;
  int status;
  raft_limits_default (&limits);
  status = raft_limits_set (&limits, luaL_checkstring (L, 1),
                            (uint64_t)luaL_checknumber (L, 2));
  if (status != RAFT_OK) {
    lua_pushnil (L);
    lua_pushstring (L, raft_error_name (status));
    return 2;
  }
  lua_newtable (L);
#define X(name, value, unit, reason) \
  field_set_number (L, #name, limits.name);
  RAFT_LIMITS (X)
#undef X
  return 1;
}

/* u64_bytes(hex) -> its 8 bytes as stored, the hex as loaded again */
static int base_u64_bytes (lua_State *L) {
  uint8_t bytes[9] = { 0 };
  uint64_t value;
  lua_settop (L, 1);
  lua_createtable (L, 0, 1);
  lua_insert (L, 1);
  lua_setfield (L, 1, "value");
  {
    struct field_table table = field_open (L, 1, "u64", "value ");
    value = field_bits (&table, "value");
  }
  raft_store_u64 (bytes + 1, value); /* an odd address */
  lua_pushlstring (L, (const char *)bytes + 1, 8);
  field_push_hex (L, raft_load_u64 (bytes + 1));
  return 2;
}

/* ---- panics ----------------------------------------------------------- */

static void fail_inside (struct raft_guard *inner, bool also_outside) {
  raft_guard_enter (inner);
  if (setjmp (inner->jump) == 0) {
    int answer = 41;
    raft_assert (answer == 42);
  }
  raft_guard_leave (inner);
  if (also_outside) {
    raft_assert (also_outside == false);
  }
}

/* guarded(also_outside) -> what the inner guard caught, what the outer one
** did ("" when nothing reached it) */
static int base_guarded (lua_State *L) {
  struct raft_guard outer, inner;
  bool also_outside = lua_toboolean (L, 1) != 0;
  raft_guard_enter (&outer);
  if (setjmp (outer.jump) == 0) {
    fail_inside (&inner, also_outside);
  }
  raft_guard_leave (&outer);
  lua_pushstring (L, inner.what);
  lua_pushstring (L, outer.what);
  return 2;
}

/* ---- memory ----------------------------------------------------------- */

static struct store *check_store (lua_State *L) {
  return luaL_checkudata (L, 1, STORE);
}

static int push_status (lua_State *L, int status) {
  lua_pushstring (L, raft_error_name (status));
  return 1;
}

/* store() -> an empty one */
static int base_store (lua_State *L) {
  struct store *store = lua_newuserdata (L, sizeof *store);
  memset (store, 0, sizeof *store);
  raft_arena_init (&store->arena);
  raft_buffer_init (&store->buffer, &store->arena.memory);
  raft_chunk_init (&store->chunk, &store->arena.memory);
  luaL_getmetatable (L, STORE);
  lua_setmetatable (L, -2);
  return 1;
}

static int store_clear (lua_State *L) {
  struct store *store = check_store (L);
  raft_arena_clear (&store->arena);
  raft_buffer_init (&store->buffer, &store->arena.memory);
  raft_chunk_init (&store->chunk, &store->arena.memory);
  memset (store->slices, 0, sizeof store->slices);
  return 0;
}

/* fail(n, count): the nth allocation from now on, and those after it */
static int store_fail (lua_State *L) {
  struct store *store = check_store (L);
  store->arena.fail_at
    = store->arena.calls + (uint64_t)luaL_checknumber (L, 2);
  store->arena.fail_count = (uint64_t)luaL_optnumber (L, 3, 1);
  return 0;
}

/* memory() -> { bytes = 10, peak = 20, calls = 3 } */
static int store_memory (lua_State *L) {
  struct store *store = check_store (L);
  lua_createtable (L, 0, 3);
  field_set_number (L, "bytes", store->arena.bytes);
  field_set_number (L, "peak", store->arena.peak);
  field_set_number (L, "calls", store->arena.calls);
  return 1;
}

/* append(bytes) -> "ok" | "no_memory" */
static int store_append (lua_State *L) {
  struct store *store = check_store (L);
  size_t size;
  const char *data = luaL_checklstring (L, 2, &size);
  return push_status (L, raft_buffer_append (&store->buffer, data, size));
}

static int store_consume (lua_State *L) {
  struct store *store = check_store (L);
  raft_buffer_consume (&store->buffer, (size_t)luaL_checknumber (L, 2));
  return 0;
}

/* bytes() -> the buffer's */
static int store_bytes (lua_State *L) {
  struct store *store = check_store (L);
  lua_pushlstring (L, (const char *)store->buffer.data, store->buffer.size);
  return 1;
}

static int store_free (lua_State *L) {
  struct store *store = check_store (L);
  raft_buffer_free (&store->buffer);
  raft_chunk_free (&store->chunk);
  return 0;
}

static struct raft_slice *check_slice (lua_State *L, struct store *store) {
  lua_Number number = luaL_checknumber (L, 2);
  luaL_argcheck (L, number >= 1 && number <= STORE_SLICES, 2, "no such slice");
  return &store->slices[(int)number - 1];
}

/* cut(n, bytes) -> "ok" | "no_memory": slice n becomes a copy of them */
static int store_cut (lua_State *L) {
  struct store *store = check_store (L);
  struct raft_slice *slice = check_slice (L, store);
  size_t size;
  const char *data = luaL_checklstring (L, 3, &size);
  struct raft_slice cut = { NULL, NULL, 0 };
  int status = raft_chunk_copy (&store->chunk, data, size, &cut);
  if (status == RAFT_OK) {
    raft_slice_release (slice);
    *slice = cut;
  }
  return push_status (L, status);
}

/* share(n, m): slice n becomes another reference to slice m */
static int store_share (lua_State *L) {
  struct store *store = check_store (L);
  struct raft_slice *slice = check_slice (L, store);
  struct raft_slice other;
  lua_remove (L, 2);
  other = raft_slice_retain (*check_slice (L, store));
  raft_slice_release (slice);
  *slice = other;
  return 0;
}

static int store_slice (lua_State *L) {
  struct store *store = check_store (L);
  struct raft_slice *slice = check_slice (L, store);
  lua_pushlstring (L, (const char *)slice->data, slice->size);
  return 1;
}

static int store_release (lua_State *L) {
  struct store *store = check_store (L);
  raft_slice_release (check_slice (L, store));
  return 0;
}

static const luaL_Reg methods[] = {
  { "append", store_append },   { "bytes", store_bytes },
  { "clear", store_clear },     { "consume", store_consume },
  { "cut", store_cut },         { "fail", store_fail },
  { "free", store_free },       { "memory", store_memory },
  { "release", store_release }, { "share", store_share },
  { "slice", store_slice },     { NULL, NULL }
};

/* durations (microseconds, …) -> counts, total, longest */
static int base_durations (lua_State *L) {
  struct raft_durations durations;
  int count = lua_gettop (L);
  memset (&durations, 0, sizeof durations);
  for (int i = 1; i <= count; i++) {
    raft_durations_add (&durations, (raft_time)luaL_checknumber (L, i));
  }
  lua_createtable (L, RAFT_DURATION_BUCKETS, 0);
  for (int i = 0; i < RAFT_DURATION_BUCKETS; i++) {
    lua_pushnumber (L, (lua_Number)durations.buckets[i]);
    lua_rawseti (L, -2, i + 1);
  }
  lua_pushnumber (L, (lua_Number)durations.total);
  lua_pushnumber (L, (lua_Number)durations.longest);
  return 3;
}

static const luaL_Reg functions[] = {
  { "checksum", base_checksum },
  { "durations", base_durations },
  { "error_detail", base_error_detail },
  { "error_name", base_error_name },
  { "error_of_name", base_error_of_name },
  { "guarded", base_guarded },
  { "limits_set", base_limits_set },
  { "store", base_store },
  { "u64_bytes", base_u64_bytes },
  { NULL, NULL }
};

void raft_probe_base (lua_State *L) {
  luaL_newmetatable (L, STORE);
  lua_pushcfunction (L, store_clear);
  lua_setfield (L, -2, "__gc");
  lua_newtable (L);
  luaL_setfuncs (L, methods, 0);
  lua_setfield (L, -2, "__index");
  lua_pop (L, 1);
  luaL_setfuncs (L, functions, 0);
}
