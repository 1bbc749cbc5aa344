/* SPDX-License-Identifier: MIT
**
** value.h - the canonical encoding of a value, on which logs and hashes
** depend. One value has one encoding, on every VM:
**
**   number   integral and |n| < 2^53: the shortest int (-0 is 0); a Lua 5.3
**            integer beyond: int; every other: float 64, one NaN
**   string   valid UTF-8: str, else bin; the shortest head
**   array    keys 1..n without holes; the empty table
**   map      else; keys integers first, by value, then strings by memcmp, a
**            prefix before what it begins, str and bin alike; no key twice
**   nil      at the top, or raft.null inside a container
**
** Writers go through msgpack-c's packer, which picks the shortest heads. The
** reader is a cursor of our own: msgpack-c reads into a tree of objects from
** malloc, one zone per message, and forgets where in the bytes each value
** stood, while payloads must stay the very bytes that came. */

#ifndef RAFT_WIRE_VALUE_H
#define RAFT_WIRE_VALUE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/types.h"
#include "wire/rpc.h"

#define WIRE_VALUE_DEPTH 64 /* containers in containers */
#define WIRE_INTEGER_LIMIT ((int64_t)1 << 53) /* beyond, doubles have holes */

RAFT_HIDDEN_BEGIN

/* Writers append one head or value; on an error nothing is appended.
** Errors: RAFT_ENOMEM. */
int wire_value_nil (struct raft_buffer *out);
int wire_value_boolean (struct raft_buffer *out, bool value);
int wire_value_integer (struct raft_buffer *out, int64_t value);
int wire_value_unsigned (struct raft_buffer *out, uint64_t value);
int wire_value_double (struct raft_buffer *out, double value); /* canonical:
                                          an integral one becomes an int */
/* str or bin, as the bytes are. Errors: RAFT_ENOMEM, RAFT_ETOO_LARGE: a head
** holds 32 bits. */
int wire_value_string (struct raft_buffer *out, const void *data,
                       size_t size);
/* bin, whatever the bytes are. Errors: as wire_value_string. */
int wire_value_binary (struct raft_buffer *out, const void *data,
                       size_t size);
/* Its head alone: 'size' bytes are to follow. */
int wire_value_binary_head (struct raft_buffer *out, uint32_t size);
int wire_value_array (struct raft_buffer *out, uint32_t count);
int wire_value_map (struct raft_buffer *out, uint32_t count);

/* The order of two string keys of a map: <0, 0, >0. */
int wire_key_compare (const void *a, size_t a_size, const void *b,
                      size_t b_size);

bool wire_is_utf8 (const void *data, size_t size);

/* A cursor over one encoded, scanned object. It stays inside its bytes
** whatever they are. */
enum wire_value_type {
  WIRE_NIL, WIRE_BOOLEAN, WIRE_INTEGER, WIRE_UNSIGNED, WIRE_DOUBLE,
  WIRE_STRING, WIRE_ARRAY, WIRE_MAP
};
struct wire_value {
  enum wire_value_type type;
  bool boolean;
  int64_t integer;      /* WIRE_INTEGER: fits int64 */
  uint64_t number;      /* WIRE_UNSIGNED: above INT64_MAX */
  double real;          /* also from float 32 */
  const uint8_t *data;  /* WIRE_STRING */
  uint32_t count;       /* bytes, elements, or pairs */
};
struct wire_cursor {
  const uint8_t *data;
  size_t size;
  size_t at;
};

/* Reads the next head or scalar; on an error the cursor stays. ext types are
** refused, and a container that claims more than the bytes left can hold.
** Errors: RAFT_EMALFORMED. */
int wire_cursor_next (struct wire_cursor *cursor, struct wire_value *value);
/* Steps over one whole value. Errors: RAFT_EMALFORMED. */
int wire_cursor_skip (struct wire_cursor *cursor);

/* Readers of one expected thing. Errors: RAFT_EMALFORMED: something else. */
int wire_cursor_array (struct wire_cursor *cursor, uint32_t *count);
int wire_cursor_map (struct wire_cursor *cursor, uint32_t *count);
int wire_cursor_unsigned (struct wire_cursor *cursor, uint64_t max,
                          uint64_t *value); /* 0 … max */
int wire_cursor_boolean (struct wire_cursor *cursor, bool *value);
int wire_cursor_string (struct wire_cursor *cursor, struct wire_view *value);
/* One whole value, as the bytes it stands in. */
int wire_cursor_value (struct wire_cursor *cursor, struct wire_view *value);

/* Whether one whole object is in canonical form. Errors: RAFT_EMALFORMED,
** with offset and rule in *detail. */
int wire_value_check (const void *data, size_t size,
                      struct raft_detail *detail);

/* Whether one whole object, canonical or not, is a value at all: no ext,
** map keys are strings or integers, at most WIRE_VALUE_DEPTH deep. This is
** what is asked of the commands of foreign clients.
** Errors: RAFT_EMALFORMED, with offset and rule in *detail. */
int wire_value_admit (const void *data, size_t size,
                      struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
