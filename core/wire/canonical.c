/* SPDX-License-Identifier: MIT
**
** canonical.c - is this value in its one canonical form, or a value at all?
**
** One walk serves both questions: 'strict' asks for the canonical form. The
** stack of open containers is an array, because bytes from outside must not
** decide how deep our own stack goes. */

#include "wire/value.h"

#include <string.h>

struct check_level {
  bool is_map;
  uint64_t missing;       /* keys and values still to come */
  uint32_t dense;         /* keys 1 … dense came first: so far an array */
  uint32_t pairs;         /* of the map */
  bool has_key;
  struct wire_value key;  /* the key before, for the order */
};

struct check {
  struct wire_cursor cursor;
  bool strict;
  uint32_t depth;
  struct check_level levels[WIRE_VALUE_DEPTH];
  size_t start;           /* of the value that is being judged */
  const char *rule;       /* that is broken */
};

static int check_fail (struct check *check, const char *rule) {
  check->rule = rule;
  return RAFT_EMALFORMED;
}

/* Bytes of the shortest head for a number. */
static size_t shortest_integer (int64_t integer) {
  if (integer >= -32 && integer <= 127) {
    return 1;
  }
  if (integer >= 0) {
    return integer <= UINT8_MAX ? 2 : integer <= UINT16_MAX ? 3
           : integer <= UINT32_MAX ? 5 : 9;
  }
  return integer >= INT8_MIN ? 2 : integer >= INT16_MIN ? 3
         : integer >= INT32_MIN ? 5 : 9;
}

/* The shortest head of a positive number is an unsigned one. */
static bool integer_is_canonical (const struct check *check,
                                  const struct wire_value *value) {
  uint8_t head = check->cursor.data[check->start];
  size_t size = check->cursor.at - check->start;
  bool is_signed = head >= 0xd0 && head <= 0xd3;
  return size == shortest_integer (value->integer)
         && !(is_signed && value->integer >= 0);
}

static bool double_is_canonical (const struct check *check, double value) {
  uint64_t bits;
  if (check->cursor.data[check->start] != 0xcb) {
    return false;
  }
  memcpy (&bits, &value, sizeof bits);
  if (value != value) {
    return bits == UINT64_C (0x7ff8000000000000);
  }
  return !(value > -(double)WIRE_INTEGER_LIMIT
           && value < (double)WIRE_INTEGER_LIMIT
           && (double)(int64_t)value == value);
}

static bool string_is_canonical (const struct check *check,
                                 const struct wire_value *value) {
  uint8_t head = check->cursor.data[check->start];
  uint32_t n = value->count;
  if (wire_is_utf8 (value->data, n)) {
    return n <= 31 ? head == (0xa0 | n)
           : head == (n <= UINT8_MAX ? 0xd9 : n <= UINT16_MAX ? 0xda : 0xdb);
  }
  return head == (n <= UINT8_MAX ? 0xc4 : n <= UINT16_MAX ? 0xc5 : 0xc6);
}

static bool container_is_canonical (const struct check *check,
                                    const struct wire_value *value) {
  size_t size = check->cursor.at - check->start;
  return size == (value->count <= 15 ? 1u
                  : value->count <= UINT16_MAX ? 3u : 5u);
}

static int check_form (struct check *check, const struct wire_value *value) {
  switch (value->type) {
    case WIRE_INTEGER:
      return integer_is_canonical (check, value)
               ? RAFT_OK
               : check_fail (check, "a number is not in its shortest form");
    case WIRE_DOUBLE:
      return double_is_canonical (check, value->real)
               ? RAFT_OK
               : check_fail (check, "a float that is integral, not 64 bits "
                                    "wide, or another NaN");
    case WIRE_STRING:
      return string_is_canonical (check, value)
               ? RAFT_OK
               : check_fail (check, "a string with a head that is not the "
                                    "shortest, or not its own");
    case WIRE_ARRAY:
    case WIRE_MAP:
      return container_is_canonical (check, value)
               ? RAFT_OK
               : check_fail (check, "a container whose head is not the "
                                    "shortest");
    default:
      return RAFT_OK; /* nil, boolean, and above INT64_MAX: one form each */
  }
}

/* <0, 0, >0: integers before strings. */
static int key_order (const struct wire_value *a, const struct wire_value *b) {
  if (a->type == WIRE_STRING && b->type == WIRE_STRING) {
    return wire_key_compare (a->data, a->count, b->data, b->count);
  }
  if (a->type != b->type) { /* in the order INTEGER, UNSIGNED, STRING */
    return a->type < b->type ? -1 : 1;
  }
  if (a->type == WIRE_UNSIGNED) {
    return (a->number > b->number) - (a->number < b->number);
  }
  return (a->integer > b->integer) - (a->integer < b->integer);
}

static int check_key (struct check *check, struct check_level *level,
                      const struct wire_value *value) {
  if (value->type != WIRE_INTEGER && value->type != WIRE_UNSIGNED
      && value->type != WIRE_STRING) {
    return check_fail (check, "a key that is neither string nor integer");
  }
  if (check->strict && level->has_key
      && key_order (&level->key, value) >= 0) {
    return check_fail (check, "keys out of order, or one twice");
  }
  if (value->type == WIRE_INTEGER
      && value->integer == (int64_t)level->dense + 1) {
    level->dense++;
  }
  if (check->strict && level->dense == level->pairs) {
    return check_fail (check, "a map with the keys of an array");
  }
  level->key = *value;
  level->has_key = true;
  return RAFT_OK;
}

static int check_open (struct check *check, const struct wire_value *value) {
  struct check_level *level;
  if (check->depth == WIRE_VALUE_DEPTH) {
    return check_fail (check, "deeper than 64");
  }
  level = &check->levels[check->depth];
  check->depth++;
  level->is_map = value->type == WIRE_MAP;
  level->missing = (uint64_t)value->count * (level->is_map ? 2 : 1);
  level->dense = 0;
  level->pairs = value->count;
  level->has_key = false;
  return RAFT_OK;
}

/* One head or scalar, and its place in the container around it. */
static int check_step (struct check *check) {
  struct check_level *level
    = check->depth > 0 ? &check->levels[check->depth - 1] : NULL;
  struct wire_value value;
  int status = RAFT_OK;
  check->start = check->cursor.at;
  if (wire_cursor_next (&check->cursor, &value) != RAFT_OK) {
    return check_fail (check, "cut, or of a type that is no value");
  }
  if (level != NULL) {
    bool is_key = level->is_map && level->missing % 2 == 0;
    level->missing--;
    status = is_key ? check_key (check, level, &value) : RAFT_OK;
  }
  if (status == RAFT_OK && check->strict) {
    status = check_form (check, &value);
  }
  if (status == RAFT_OK
      && (value.type == WIRE_ARRAY || value.type == WIRE_MAP)) {
    status = check_open (check, &value);
  }
  return status;
}

static int check_whole (struct check *check) {
  int status;
  do {
    status = check_step (check);
    while (check->depth > 0 && check->levels[check->depth - 1].missing == 0) {
      check->depth--;
    }
  } while (status == RAFT_OK && check->depth > 0);
  if (status == RAFT_OK && check->cursor.at != check->cursor.size) {
    check->start = check->cursor.at;
    status = check_fail (check, "bytes behind the value");
  }
  return status;
}

static int check_run (const void *data, size_t size, bool strict,
                      struct raft_detail *detail) {
  struct check check;
  int status;
  check.cursor.data = data;
  check.cursor.size = size;
  check.cursor.at = 0;
  check.strict = strict;
  check.depth = 0;
  check.start = 0;
  check.rule = "";
  status = check_whole (&check);
  if (status != RAFT_OK) {
    (void)raft_fail (detail, status, "value: at byte %llu: %s",
                     (unsigned long long)check.start, check.rule);
  }
  return status;
}

int wire_value_check (const void *data, size_t size,
                      struct raft_detail *detail) {
  return check_run (data, size, true, detail);
}

int wire_value_admit (const void *data, size_t size,
                      struct raft_detail *detail) {
  return check_run (data, size, false, detail);
}
