/* SPDX-License-Identifier: MIT
**
** field.h - reading the fields of a Lua table, strictly.
**
** Holds:  getters that raise at the caller's level, naming the field, what
**         was expected and what came; unknown fields are refused.
** Rule:   a getter leaves the stack as it was, unless it says what it pushes.
**         Paths live on the Lua stack: nothing here owns C memory. */

#ifndef RAFT_BINDINGS_FIELD_H
#define RAFT_BINDINGS_FIELD_H

#include "base/types.h"
#include "compat.h"

struct field_table {
  lua_State *L;
  int index;        /* of the table on the stack, absolute; 0: absent */
  const char *path; /* "event.message", for what is said */
};

/* Words for the numbers first, first + 1, … */
struct field_words {
  const char *const *words;
  int count;
  int first;
};

RAFT_HIDDEN_BEGIN

/* The table at 'index'. 'keys': the fields it may have, each followed by a
** space ("kind now wall "). */
struct field_table field_open (lua_State *L, int index, const char *path,
                               const char *keys);

/* The table in a field. Pushes two values (pop them when done with it), also
** when the field is absent: then .index is 0. */
struct field_table field_child (const struct field_table *table,
                                const char *name, const char *keys);

/* The same without looking at its keys: a list. *count becomes its length. */
struct field_table field_list (const struct field_table *table,
                               const char *name, uint32_t *count);
/* Element 'position' (from 1) of a list, a table. Pushes two values. */
struct field_table field_element (const struct field_table *list,
                                  uint32_t position, const char *keys);

bool field_is_present (const struct field_table *table, const char *name);

/* A whole number 0 … max; 'fallback' when absent. */
uint64_t field_number (const struct field_table *table, const char *name,
                       uint64_t fallback, uint64_t max);
/* The same, and it must be there. */
uint64_t field_required (const struct field_table *table, const char *name,
                         uint64_t max);
/* The whole number at 'position' of a list. */
uint64_t field_item (const struct field_table *list, uint32_t position,
                     uint64_t max);
/* 64 bits: a whole number, or a string of 16 hexadecimal digits. */
uint64_t field_bits (const struct field_table *table, const char *name);
uint64_t field_bits_item (const struct field_table *list, uint32_t position);
/* A string; NULL when absent. Pushes one value (the owner of the string). */
const char *field_string (const struct field_table *table, const char *name);
bool field_boolean (const struct field_table *table, const char *name);
/* One of the words; 'fallback' when absent, or -1: it must be there. */
int field_word (const struct field_table *table, const char *name,
                const struct field_words *words, int fallback);

/* Pushes the word of a number, or the number when it has none. */
void field_push_word (lua_State *L, const struct field_words *words,
                      int number);

/* Setters: table[name] = value, for the table on top of the stack. */
void field_set_number (lua_State *L, const char *name, uint64_t value);
void field_set_bits (lua_State *L, const char *name, uint64_t value);
void field_set_boolean (lua_State *L, const char *name, bool value);
void field_set_string (lua_State *L, const char *name, const char *value);
void field_set_word (lua_State *L, const char *name,
                     const struct field_words *words, int number);
/* 64 bits: a number below 2^53, else a string of 16 digits. */
void field_push_bits (lua_State *L, uint64_t value);
/* 64 bits, always as a string of 16 digits. */
void field_push_hex (lua_State *L, uint64_t value);

RAFT_HIDDEN_END

#endif
