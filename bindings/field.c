/* SPDX-License-Identifier: MIT
**
** field.c - reading the fields of a Lua table, strictly. */

#include "field.h"

#include <stdio.h>
#include <string.h>

#define FIELD_MAX (((uint64_t)1 << 53) - 1)

/* What came, for people: the value at the top of the stack. Pushes it. */
static const char *shown (lua_State *L, int index) {
  switch (lua_type (L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: return "nothing";
    case LUA_TBOOLEAN: return lua_toboolean (L, index) ? "true" : "false";
    case LUA_TNUMBER:
      lua_pushvalue (L, index);
      return lua_tostring (L, -1);
    case LUA_TSTRING:
      if (lua_rawlen (L, index) <= 40) {
        return lua_pushfstring (L, "\"%s\"", lua_tostring (L, index));
      }
      return "a long string";
    default: return lua_pushfstring (L, "a %s", luaL_typename (L, index));
  }
}

static int refuse (const struct field_table *table, const char *name,
                   const char *expected, int index) {
  return luaL_error (table->L, "%s.%s: expected %s, got %s", table->path,
                     name, expected, shown (table->L, index));
}

static const char *item_name (lua_State *L, uint32_t position) {
  return lua_pushfstring (L, "[%d]", (int)position);
}

static bool is_known (const char *keys, const char *key, size_t size) {
  const char *at = keys;
  while (*at != '\0') {
    const char *end = strchr (at, ' ');
    if ((size_t)(end - at) == size && memcmp (at, key, size) == 0) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

static void check_keys (const struct field_table *table, const char *keys) {
  lua_State *L = table->L;
  lua_pushnil (L);
  while (lua_next (L, table->index) != 0) {
    size_t size;
    const char *key;
    lua_pop (L, 1);
    if (lua_type (L, -1) != LUA_TSTRING) {
      luaL_error (L, "%s: expected only named fields (%s), got the key %s",
                  table->path, keys, shown (L, -1));
    }
    key = lua_tolstring (L, -1, &size);
    if (!is_known (keys, key, size)) {
      luaL_error (L, "%s: expected only the fields %s- got \"%s\"",
                  table->path, keys, key);
    }
  }
}

struct field_table field_open (lua_State *L, int index, const char *path,
                               const char *keys) {
  struct field_table table;
  luaL_checkstack (L, LUA_MINSTACK, "too many nested tables");
  table.L = L;
  table.index = index;
  table.path = path;
  if (!lua_istable (L, index)) {
    luaL_error (L, "%s: expected a table, got %s", path, shown (L, index));
  }
  check_keys (&table, keys);
  return table;
}

struct field_table field_list (const struct field_table *table,
                               const char *name, uint32_t *count) {
  lua_State *L = table->L;
  struct field_table list;
  luaL_checkstack (L, LUA_MINSTACK, "too many nested tables");
  list.L = L;
  list.path = lua_pushfstring (L, "%s.%s", table->path, name);
  lua_getfield (L, table->index, name);
  list.index = lua_gettop (L);
  *count = 0;
  if (lua_isnil (L, -1)) {
    list.index = 0;
  } else if (!lua_istable (L, -1)) {
    (void)refuse (table, name, "a table", -1);
  } else if (lua_rawlen (L, -1) > 1000000) {
    (void)refuse (table, name, "at most 1000000 elements", -1);
  } else {
    *count = (uint32_t)lua_rawlen (L, -1);
  }
  return list;
}

struct field_table field_child (const struct field_table *table,
                                const char *name, const char *keys) {
  uint32_t count;
  struct field_table child = field_list (table, name, &count);
  if (child.index != 0) {
    check_keys (&child, keys);
  }
  return child;
}

struct field_table field_element (const struct field_table *list,
                                  uint32_t position, const char *keys) {
  lua_State *L = list->L;
  const char *path;
  path = lua_pushfstring (L, "%s[%d]", list->path, (int)position);
  lua_rawgeti (L, list->index, (int)position);
  return field_open (L, lua_gettop (L), path, keys);
}

bool field_is_present (const struct field_table *table, const char *name) {
  bool present;
  lua_getfield (table->L, table->index, name);
  present = !lua_isnil (table->L, -1);
  lua_pop (table->L, 1);
  return present;
}

/* Whether the number at 'index' is whole and 0 … max. */
static bool to_whole (lua_State *L, int index, uint64_t max,
                      uint64_t *value) {
  lua_Number number;
  if (lua_type (L, index) != LUA_TNUMBER) {
    return false;
  }
  number = lua_tonumber (L, index);
  if (!(number >= 0) || number > (lua_Number)max) {
    return false;
  }
  *value = (uint64_t)number;
  return (lua_Number)*value == number;
}

static uint64_t whole (const struct field_table *table, const char *name,
                       int index, uint64_t max) {
  uint64_t value = 0;
  if (!to_whole (table->L, index, max, &value)) {
    char expected[64];
    (void)snprintf (expected, sizeof expected, "a whole number from 0 to %llu",
                    (unsigned long long)max);
    (void)refuse (table, name, expected, index);
  }
  return value;
}

uint64_t field_number (const struct field_table *table, const char *name,
                       uint64_t fallback, uint64_t max) {
  uint64_t value = fallback;
  lua_getfield (table->L, table->index, name);
  if (!lua_isnil (table->L, -1)) {
    value = whole (table, name, lua_gettop (table->L), max);
  }
  lua_pop (table->L, 1);
  return value;
}

uint64_t field_required (const struct field_table *table, const char *name,
                         uint64_t max) {
  uint64_t value;
  lua_getfield (table->L, table->index, name);
  value = whole (table, name, lua_gettop (table->L), max);
  lua_pop (table->L, 1);
  return value;
}

uint64_t field_item (const struct field_table *list, uint32_t position,
                     uint64_t max) {
  uint64_t value;
  const char *name = item_name (list->L, position);
  lua_rawgeti (list->L, list->index, (int)position);
  value = whole (list, name, lua_gettop (list->L), max);
  lua_pop (list->L, 2);
  return value;
}

static bool from_hex (const char *text, size_t size, uint64_t *bits) {
  uint64_t value = 0;
  size_t at;
  if (size != 16) {
    return false;
  }
  for (at = 0; at < size; at++) {
    const char *digits = "0123456789abcdef";
    const char *digit = strchr (digits, text[at]);
    if (digit == NULL || *digit == '\0') {
      return false;
    }
    value = value << 4 | (uint64_t)(digit - digits);
  }
  *bits = value;
  return true;
}

static uint64_t bits_at (const struct field_table *table, const char *name,
                         int index) {
  lua_State *L = table->L;
  uint64_t value = 0;
  if (lua_type (L, index) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring (L, index, &size);
    if (from_hex (text, size, &value)) {
      return value;
    }
  }
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger (L, index)) {
    return (uint64_t)lua_tointeger (L, index);
  }
#endif
  if (!to_whole (L, index, FIELD_MAX, &value)) {
    (void)refuse (table, name,
                  "a whole number below 2^53 or 16 hexadecimal digits",
                  index);
  }
  return value;
}

uint64_t field_bits (const struct field_table *table, const char *name) {
  uint64_t value = 0;
  lua_getfield (table->L, table->index, name);
  if (!lua_isnil (table->L, -1)) {
    value = bits_at (table, name, lua_gettop (table->L));
  }
  lua_pop (table->L, 1);
  return value;
}

uint64_t field_bits_item (const struct field_table *list, uint32_t position) {
  uint64_t value;
  const char *name = item_name (list->L, position);
  lua_rawgeti (list->L, list->index, (int)position);
  value = bits_at (list, name, lua_gettop (list->L));
  lua_pop (list->L, 2);
  return value;
}

const char *field_string (const struct field_table *table, const char *name) {
  lua_getfield (table->L, table->index, name);
  if (!lua_isnil (table->L, -1) && lua_type (table->L, -1) != LUA_TSTRING) {
    (void)refuse (table, name, "a string", lua_gettop (table->L));
  }
  return lua_tostring (table->L, -1);
}

bool field_boolean (const struct field_table *table, const char *name) {
  bool value;
  lua_getfield (table->L, table->index, name);
  if (!lua_isnil (table->L, -1) && !lua_isboolean (table->L, -1)) {
    (void)refuse (table, name, "true or false", lua_gettop (table->L));
  }
  value = lua_toboolean (table->L, -1) != 0;
  lua_pop (table->L, 1);
  return value;
}

int field_word (const struct field_table *table, const char *name,
                const struct field_words *words, int fallback) {
  lua_State *L = table->L;
  luaL_Buffer known;
  int i;
  lua_getfield (L, table->index, name);
  if (lua_isnil (L, -1) && fallback >= 0) {
    lua_pop (L, 1);
    return fallback;
  }
  for (i = 0; lua_type (L, -1) == LUA_TSTRING && i < words->count; i++) {
    if (strcmp (lua_tostring (L, -1), words->words[i]) == 0) {
      lua_pop (L, 1);
      return words->first + i;
    }
  }
  i = lua_gettop (L);
  luaL_buffinit (L, &known);
  luaL_addstring (&known, "one of");
  for (int word = 0; word < words->count; word++) {
    luaL_addchar (&known, ' ');
    luaL_addstring (&known, words->words[word]);
  }
  luaL_pushresult (&known);
  return refuse (table, name, lua_tostring (L, -1), i);
}

void field_push_word (lua_State *L, const struct field_words *words,
                      int number) {
  if (number >= words->first && number < words->first + words->count) {
    lua_pushstring (L, words->words[number - words->first]);
  } else {
    lua_pushnumber (L, (lua_Number)number);
  }
}

static void push_number (lua_State *L, uint64_t value) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger (L, (lua_Integer)value);
#else
  lua_pushnumber (L, (lua_Number)value);
#endif
}

void field_push_hex (lua_State *L, uint64_t value) {
  char text[17];
  (void)snprintf (text, sizeof text, "%016llx", (unsigned long long)value);
  lua_pushstring (L, text);
}

void field_push_bits (lua_State *L, uint64_t value) {
  if (value <= FIELD_MAX) {
    push_number (L, value);
  } else {
    field_push_hex (L, value);
  }
}

void field_set_number (lua_State *L, const char *name, uint64_t value) {
  push_number (L, value);
  lua_setfield (L, -2, name);
}

void field_set_bits (lua_State *L, const char *name, uint64_t value) {
  field_push_bits (L, value);
  lua_setfield (L, -2, name);
}

void field_set_boolean (lua_State *L, const char *name, bool value) {
  lua_pushboolean (L, value);
  lua_setfield (L, -2, name);
}

void field_set_string (lua_State *L, const char *name, const char *value) {
  lua_pushstring (L, value);
  lua_setfield (L, -2, name);
}

void field_set_word (lua_State *L, const char *name,
                     const struct field_words *words, int number) {
  field_push_word (L, words, number);
  lua_setfield (L, -2, name);
}
