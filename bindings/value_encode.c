/* SPDX-License-Identifier: MIT
**
** value_encode.c - from a Lua value to its one canonical encoding.
**
** A table is walked twice: once to see whether it is an array, once, when it
** is a map, to collect its keys into a userdata that is then sorted. The keys
** also stand in a Lua table, so that they live on whatever a finalizer does
** to the table meanwhile; nothing here is memory that a raised error would
** leak. Recursion is bounded by the depth of values, 64. */

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "value.h"
#include "wire/value.h"

#define PATH_MAX_BYTES 160 /* of a path in a detail, ending zero included */
#define CHANGED "a table changed while it was encoded"
#define PATH_KEY_BYTES 32  /* of one string key in it */

struct encode_key {
  const char *text; /* NULL: an integer */
  size_t size;
  int64_t integer;
  int slot;         /* in the Lua table that holds the keys */
};

struct encoder {
  lua_State *L;
  struct raft_buffer *out;
  struct raft_detail *detail;
  unsigned depth;                            /* tables that are open */
  const void *tables[WIRE_VALUE_DEPTH];      /* which, to see a cycle */
  struct encode_key path[WIRE_VALUE_DEPTH];  /* the key in each */
};

static int encode_value (struct encoder *encoder, int index);

/* ---- where it went wrong ---------------------------------------------- */

struct path_text {
  char text[PATH_MAX_BYTES];
  size_t size;
};

static void path_put (struct path_text *path, const char *text) {
  size_t size = strlen (text);
  if (path->size + size < sizeof path->text - 3) {
    memcpy (path->text + path->size, text, size + 1);
    path->size += size;
  } else if (path->size < sizeof path->text) {
    memcpy (path->text + path->size, "...", 4);
    path->size = sizeof path->text; /* full */
  }
}

static bool is_name (const struct encode_key *key) {
  size_t i;
  for (i = 0; i < key->size; i++) {
    char c = key->text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                  || c == '_';
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
      return false;
    }
  }
  return key->size > 0 && key->size <= PATH_KEY_BYTES;
}

static void path_put_key (struct path_text *path,
                          const struct encode_key *key) {
  struct raft_detail word; /* a text of bounded size */
  char shown[PATH_KEY_BYTES + 1];
  size_t size = key->size < PATH_KEY_BYTES ? key->size : PATH_KEY_BYTES;
  size_t i;
  if (key->text == NULL) {
    (void)raft_fail (&word, 0, "[%lld]", (long long)key->integer);
    path_put (path, word.text);
    return;
  }
  for (i = 0; i < size; i++) {
    char c = key->text[i];
    shown[i] = c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
  }
  shown[size] = '\0';
  (void)raft_fail (&word, 0, is_name (key) ? ".%s" : "[\"%s\"]", shown);
  path_put (path, word.text);
}

static int encode_fail (struct encoder *encoder, const char *what,
                        const char *how) {
  struct path_text path;
  unsigned i;
  path.size = 0;
  path_put (&path, "value");
  for (i = 0; i < encoder->depth; i++) {
    path_put_key (&path, &encoder->path[i]);
  }
  return raft_fail (encoder->detail, RAFT_EINVALID, "%s: %s%s", path.text,
                    what, how);
}

/* "a table", "an integer" of the value at 'index'. */
static int encode_refuse (struct encoder *encoder, int index,
                          const char *how) {
  const char *type = luaL_typename (encoder->L, index);
  struct raft_detail what;
  (void)raft_fail (&what, 0, "a %s", type);
  return encode_fail (encoder, what.text, how);
}

/* ---- keys ------------------------------------------------------------- */

/* Whether the number at 'index' can be a key, and which. */
static bool integer_key (lua_State *L, int index, int64_t *integer) {
  double real;
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger (L, index)) {
    *integer = (int64_t)lua_tointeger (L, index);
    return true;
  }
#endif
  real = (double)lua_tonumber (L, index);
  if (!(real > -(double)WIRE_INTEGER_LIMIT
        && real < (double)WIRE_INTEGER_LIMIT)
      || (double)(int64_t)real != real) {
    return false;
  }
  *integer = (int64_t)real;
  return true;
}

/* The key at 'index', which stays as it is. False: it cannot be one. */
static bool read_key (lua_State *L, int index, struct encode_key *key) {
  int type = lua_type (L, index);
  memset (key, 0, sizeof *key);
  if (type == LUA_TSTRING) {
    key->text = lua_tolstring (L, index, &key->size);
    return true;
  }
  return type == LUA_TNUMBER && integer_key (L, index, &key->integer);
}

static int key_order (const void *left, const void *right) {
  const struct encode_key *a = left, *b = right;
  if (a->text != NULL && b->text != NULL) {
    return wire_key_compare (a->text, a->size, b->text, b->size);
  }
  if (a->text == NULL && b->text == NULL) {
    return (a->integer > b->integer) - (a->integer < b->integer);
  }
  return a->text == NULL ? -1 : 1;
}

/* ---- tables ----------------------------------------------------------- */

struct table_shape {
  uint32_t count;
  bool is_array; /* keys 1 … count */
};

static int see_shape (struct encoder *encoder, int table,
                      struct table_shape *shape) {
  lua_State *L = encoder->L;
  int64_t last = 0;
  bool dense = true;
  shape->count = 0;
  lua_pushnil (L);
  while (lua_next (L, table) != 0) {
    struct encode_key key;
    lua_pop (L, 1);
    if (!read_key (L, -1, &key)) {
      return encode_refuse (encoder, -1,
                            lua_type (L, -1) == LUA_TNUMBER
                              ? " that is no integer, or too large, cannot "
                                "be a key"
                              : " cannot be a key");
    }
    if (shape->count == INT32_MAX) {
      return encode_fail (encoder, "too many keys", "");
    }
    shape->count++;
    dense = dense && key.text == NULL && key.integer > 0;
    last = key.integer > last ? key.integer : last;
  }
  shape->is_array = dense && last == (int64_t)shape->count;
  return RAFT_OK;
}

/* The value on top of the stack, which is popped. */
static int encode_member (struct encoder *encoder,
                          const struct encode_key *key) {
  lua_State *L = encoder->L;
  int status;
  encoder->path[encoder->depth - 1] = *key;
  if (lua_isnil (L, -1)) {
    return encode_fail (encoder, CHANGED, "");
  }
  status = encode_value (encoder, lua_gettop (L));
  lua_pop (L, 1);
  return status;
}

static int encode_array (struct encoder *encoder, int table, uint32_t count) {
  struct encode_key key;
  uint32_t i;
  int status = wire_value_array (encoder->out, count);
  memset (&key, 0, sizeof key);
  for (i = 1; i <= count && status == RAFT_OK; i++) {
    key.integer = i;
    lua_rawgeti (encoder->L, table, (int)i);
    status = encode_member (encoder, &key);
  }
  return status;
}

/* Fills 'keys' and the Lua table at 'holder'. Nothing is allocated between
** here, so no finalizer runs; one may have run since the keys were counted. */
static int collect_keys (struct encoder *encoder, int table, int holder,
                         struct encode_key *keys, uint32_t count) {
  lua_State *L = encoder->L;
  uint32_t i = 0;
  lua_pushnil (L);
  while (lua_next (L, table) != 0) {
    lua_pop (L, 1);
    if (i == count || !read_key (L, -1, &keys[i])) {
      return encode_fail (encoder, CHANGED, "");
    }
    keys[i].slot = (int)i + 1;
    lua_pushvalue (L, -1);
    lua_rawseti (L, holder, keys[i].slot);
    i++;
  }
  if (i != count) {
    return encode_fail (encoder, CHANGED, "");
  }
  qsort (keys, count, sizeof *keys, key_order);
  return RAFT_OK;
}

static int encode_pair (struct encoder *encoder, int table, int holder,
                        const struct encode_key *key) {
  lua_State *L = encoder->L;
  int status = key->text != NULL
                 ? wire_value_string (encoder->out, key->text, key->size)
                 : wire_value_integer (encoder->out, key->integer);
  if (status != RAFT_OK) {
    return status;
  }
  lua_rawgeti (L, holder, key->slot);
  lua_rawget (L, table);
  return encode_member (encoder, key);
}

static int encode_map (struct encoder *encoder, int table, uint32_t count) {
  lua_State *L = encoder->L;
  struct encode_key *keys = lua_newuserdata (L, count * sizeof *keys);
  int holder, status;
  uint32_t i;
  lua_createtable (L, (int)count, 0);
  holder = lua_gettop (L);
  status = collect_keys (encoder, table, holder, keys, count);
  if (status == RAFT_OK) {
    status = wire_value_map (encoder->out, count);
  }
  for (i = 0; i < count && status == RAFT_OK; i++) {
    status = encode_pair (encoder, table, holder, &keys[i]);
  }
  if (status == RAFT_OK) {
    lua_settop (L, holder - 2);
  }
  return status;
}

static int encode_shaped (struct encoder *encoder, int table,
                          const struct table_shape *shape) {
  if (shape->count == 0) {
    return binding_value_is_map (encoder->L, table)
             ? wire_value_map (encoder->out, 0)
             : wire_value_array (encoder->out, 0);
  }
  return shape->is_array ? encode_array (encoder, table, shape->count)
                         : encode_map (encoder, table, shape->count);
}

static int encode_table (struct encoder *encoder, int table) {
  const void *self = lua_topointer (encoder->L, table);
  struct table_shape shape = { 0, false };
  unsigned i;
  int status;
  for (i = 0; i < encoder->depth; i++) {
    if (encoder->tables[i] == self) {
      return encode_fail (encoder, "a table that contains itself", "");
    }
  }
  if (encoder->depth == WIRE_VALUE_DEPTH) {
    return encode_fail (encoder, "deeper than 64 tables", "");
  }
  luaL_checkstack (encoder->L, 8, "value");
  status = see_shape (encoder, table, &shape);
  if (status == RAFT_OK) {
    encoder->tables[encoder->depth] = self;
    encoder->depth++;
    status = encode_shaped (encoder, table, &shape);
  }
  if (status == RAFT_OK) {
    encoder->depth--;
  }
  return status;
}

/* ---- values ----------------------------------------------------------- */

static int encode_number (struct encoder *encoder, int index) {
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger (encoder->L, index)) {
    return wire_value_integer (encoder->out,
                               (int64_t)lua_tointeger (encoder->L, index));
  }
#endif
  return wire_value_double (encoder->out,
                            (double)lua_tonumber (encoder->L, index));
}

/* 'index' is absolute. */
static int encode_value (struct encoder *encoder, int index) {
  lua_State *L = encoder->L;
  const char *text;
  size_t size;
  switch (lua_type (L, index)) {
    case LUA_TNIL: return wire_value_nil (encoder->out);
    case LUA_TBOOLEAN:
      return wire_value_boolean (encoder->out,
                                 lua_toboolean (L, index) != 0);
    case LUA_TNUMBER: return encode_number (encoder, index);
    case LUA_TSTRING:
      text = lua_tolstring (L, index, &size);
      return wire_value_string (encoder->out, text, size);
    case LUA_TTABLE: return encode_table (encoder, index);
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
      if (binding_value_is_null (L, index)) {
        return wire_value_nil (encoder->out);
      }
      return encode_refuse (encoder, index, " cannot be encoded");
    default: return encode_refuse (encoder, index, " cannot be encoded");
  }
}

int binding_value_encode (lua_State *L, int index, struct raft_buffer *out,
                          struct raft_detail *detail) {
  struct encoder encoder;
  size_t start = out->size;
  int top = lua_gettop (L);
  int status;
  encoder.L = L;
  encoder.out = out;
  encoder.detail = detail;
  encoder.depth = 0;
  luaL_checkstack (L, 4, "value");
  status = encode_value (&encoder, lua_absindex (L, index));
  lua_settop (L, top);
  if (status != RAFT_OK) {
    out->size = start;
  }
  return status;
}
