/* SPDX-License-Identifier: MIT
**
** value.c - raft.null, raft.map, and decoding.
**
** Decoding asks first whether the bytes are a value at all (wire_value_admit):
** from then on every count is true, so that tables can be made at their size
** without a hostile count making us reserve what never comes, and recursion
** is at most 64 deep. */

#include "value.h"

#include "compat.h"
#include "wire/value.h"

#define NULL_NAME "raft.null"
#define MAP_NAME "raft.map"
#define BUFFER_NAME "raft.buffer"
#define NULL_VALUE "raft.null.value" /* its key in the registry */

/* ---- the two marks ---------------------------------------------------- */

static int null_tostring (lua_State *L) {
  lua_pushliteral (L, "null");
  return 1;
}

static void null_make (lua_State *L) {
  (void)lua_newuserdata (L, 1);
  if (luaL_newmetatable (L, NULL_NAME)) {
    lua_pushcfunction (L, null_tostring);
    lua_setfield (L, -2, "__tostring");
    lua_pushliteral (L, NULL_NAME);
    lua_setfield (L, -2, "__name");
    lua_pushliteral (L, NULL_NAME);
    lua_setfield (L, -2, "__metatable");
  }
  lua_setmetatable (L, -2);
  lua_pushvalue (L, -1);
  lua_setfield (L, LUA_REGISTRYINDEX, NULL_VALUE);
}

void binding_value_push_null (lua_State *L) {
  luaL_checkstack (L, 3, "raft.null");
  lua_getfield (L, LUA_REGISTRYINDEX, NULL_VALUE);
  if (lua_isnil (L, -1)) {
    lua_pop (L, 1);
    null_make (L);
  }
}

bool binding_value_is_null (lua_State *L, int index) {
  bool same;
  if (lua_type (L, index) == LUA_TLIGHTUSERDATA) {
    return lua_touserdata (L, index) == NULL;
  }
  index = lua_absindex (L, index);
  lua_getfield (L, LUA_REGISTRYINDEX, NULL_VALUE);
  same = lua_type (L, -1) == LUA_TUSERDATA && lua_rawequal (L, -1, index);
  lua_pop (L, 1);
  return same;
}

/* The first key takes the mark away (see the header). */
static int map_newindex (lua_State *L) {
  if (!lua_isnil (L, 3)) {
    lua_settop (L, 3);
    lua_rawset (L, 1); /* raises for a nil key; the mark then stays */
    lua_pushnil (L);
    lua_setmetatable (L, 1);
  }
  return 0;
}

static void push_map_metatable (lua_State *L) {
  luaL_checkstack (L, 3, MAP_NAME);
  if (luaL_newmetatable (L, MAP_NAME)) {
    lua_pushcfunction (L, map_newindex);
    lua_setfield (L, -2, "__newindex");
    lua_pushliteral (L, MAP_NAME);
    lua_setfield (L, -2, "__name");
    lua_pushliteral (L, MAP_NAME);
    lua_setfield (L, -2, "__metatable");
  }
}

bool binding_value_is_map (lua_State *L, int index) {
  bool marked = false;
  if (lua_getmetatable (L, index)) {
    luaL_getmetatable (L, MAP_NAME);
    marked = lua_rawequal (L, -1, -2);
    lua_pop (L, 2);
  }
  return marked;
}

/* raft.map (table) -> table */
static int map_call (lua_State *L) {
  luaL_checktype (L, 1, LUA_TTABLE);
  lua_settop (L, 1);
  lua_pushnil (L);
  if (lua_next (L, 1) != 0) {
    lua_settop (L, 1);
    return 1; /* its keys say what it is */
  }
  if (lua_getmetatable (L, 1)) {
    push_map_metatable (L);
    if (!lua_rawequal (L, -1, -2)) {
      return luaL_argerror (L, 1, "a table without metatable expected");
    }
  } else {
    push_map_metatable (L);
    lua_setmetatable (L, 1);
  }
  lua_settop (L, 1);
  return 1;
}

/* ---- decoding --------------------------------------------------------- */

struct decoder {
  lua_State *L;
  struct wire_cursor cursor;
  struct raft_detail *detail;
};

static int decode_value (struct decoder *decoder, unsigned depth);

static int push_integer (struct decoder *decoder, int64_t integer) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger (decoder->L, (lua_Integer)integer);
#else
  if (integer <= -WIRE_INTEGER_LIMIT || integer >= WIRE_INTEGER_LIMIT) {
    return raft_fail (decoder->detail, RAFT_ENOT_REPRESENTABLE,
                      "value: this Lua cannot hold the integer %lld exactly",
                      (long long)integer);
  }
  lua_pushnumber (decoder->L, (lua_Number)integer);
#endif
  return RAFT_OK;
}

/* A float that is integral is that integer, as in the canonical form. */
static int push_double (struct decoder *decoder, double real) {
  if (real > -(double)WIRE_INTEGER_LIMIT && real < (double)WIRE_INTEGER_LIMIT
      && (double)(int64_t)real == real) {
    return push_integer (decoder, (int64_t)real);
  }
  lua_pushnumber (decoder->L, (lua_Number)real);
  return RAFT_OK;
}

static int decode_array (struct decoder *decoder, uint32_t count,
                         unsigned depth) {
  uint32_t i;
  lua_createtable (decoder->L, (int)count, 0);
  for (i = 1; i <= count; i++) {
    int status = decode_value (decoder, depth);
    if (status != RAFT_OK) {
      return status;
    }
    lua_rawseti (decoder->L, -2, (int)i);
  }
  return RAFT_OK;
}

static int decode_map (struct decoder *decoder, uint32_t count,
                       unsigned depth) {
  uint32_t i;
  lua_createtable (decoder->L, 0, (int)count);
  if (count == 0) {
    push_map_metatable (decoder->L);
    lua_setmetatable (decoder->L, -2);
  }
  for (i = 0; i < count; i++) {
    int status = decode_value (decoder, depth);
    if (status == RAFT_OK) {
      status = decode_value (decoder, depth);
    }
    if (status != RAFT_OK) {
      return status;
    }
    lua_rawset (decoder->L, -3);
  }
  return RAFT_OK;
}

/* Pushes one value; on an error, whatever. 'depth' is that of the container
** it stands in; 0 at the top. */
static int decode_value (struct decoder *decoder, unsigned depth) {
  lua_State *L = decoder->L;
  struct wire_value value;
  int status = wire_cursor_next (&decoder->cursor, &value);
  if (status != RAFT_OK) {
    return status;
  }
  luaL_checkstack (L, 4, "value");
  switch (value.type) {
    case WIRE_NIL:
      if (depth == 0) {
        lua_pushnil (L);
      } else {
        binding_value_push_null (L);
      }
      return RAFT_OK;
    case WIRE_BOOLEAN:
      lua_pushboolean (L, value.boolean);
      return RAFT_OK;
    case WIRE_INTEGER: return push_integer (decoder, value.integer);
    case WIRE_UNSIGNED:
      return raft_fail (decoder->detail, RAFT_ENOT_REPRESENTABLE,
                        "value: no Lua can hold the integer %llu exactly",
                        (unsigned long long)value.number);
    case WIRE_DOUBLE: return push_double (decoder, value.real);
    case WIRE_STRING:
      lua_pushlstring (L, (const char *)value.data, value.count);
      return RAFT_OK;
    case WIRE_ARRAY: return decode_array (decoder, value.count, depth + 1);
    case WIRE_MAP: return decode_map (decoder, value.count, depth + 1);
  }
  return RAFT_EMALFORMED;
}

int binding_value_decode (lua_State *L, const uint8_t *data, size_t size,
                          struct raft_detail *detail) {
  struct decoder decoder = { L, { data, size, 0 }, detail };
  int top = lua_gettop (L);
  int status = wire_value_admit (data, size, detail);
  if (status == RAFT_OK) {
    status = decode_value (&decoder, 0);
  }
  if (status != RAFT_OK) {
    lua_settop (L, top);
  }
  return status;
}

/* ---- for Lua ---------------------------------------------------------- */

static int buffer_gc (lua_State *L) {
  raft_buffer_free (luaL_checkudata (L, 1, BUFFER_NAME));
  return 0;
}

struct raft_buffer *binding_buffer_push (lua_State *L) {
  struct raft_buffer *buffer;
  luaL_checkstack (L, 3, BUFFER_NAME);
  buffer = lua_newuserdata (L, sizeof *buffer);
  raft_buffer_init (buffer, &raft_memory_plain);
  if (luaL_newmetatable (L, BUFFER_NAME)) {
    lua_pushcfunction (L, buffer_gc);
    lua_setfield (L, -2, "__gc");
    lua_pushliteral (L, BUFFER_NAME);
    lua_setfield (L, -2, "__metatable");
  }
  lua_setmetatable (L, -2);
  return buffer;
}

int binding_push_failure (lua_State *L, int code,
                          const struct raft_detail *detail) {
  bool has_text = detail != NULL && detail->text[0] != '\0';
  luaL_checkstack (L, 3, "failure");
  lua_pushnil (L);
  lua_pushstring (L, has_text ? detail->text : raft_error_text (code));
  lua_pushstring (L, raft_error_name (code));
  return 3;
}

static int value_encode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct raft_buffer *out;
  int status;
  luaL_checkany (L, 1);
  out = binding_buffer_push (L);
  status = binding_value_encode (L, 1, out, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_pushboolean (L, 1);
  lua_pushlstring (L, (const char *)out->data, out->size);
  raft_buffer_free (out);
  return 2;
}

static int value_decode (lua_State *L) {
  struct raft_detail detail = { "" };
  size_t size;
  const char *bytes = luaL_checklstring (L, 1, &size);
  int status;
  lua_pushboolean (L, 1);
  status = binding_value_decode (L, (const uint8_t *)bytes, size, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  return 2;
}

void binding_value_open (lua_State *L) {
  luaL_checkstack (L, 4, "raft");
  binding_value_push_null (L);
  lua_setfield (L, -2, "null");
  lua_pushcfunction (L, map_call);
  lua_setfield (L, -2, "map");
  lua_pushcfunction (L, value_encode);
  lua_setfield (L, -2, "encode");
  lua_pushcfunction (L, value_decode);
  lua_setfield (L, -2, "decode");
}
