/* SPDX-License-Identifier: MIT
**
** cursor.c - reading encoded values where they stand.
**
** Allocates nothing, follows no recursion, and never leaves its bytes: what
** came from a disk or a wire may claim anything. */

#include "wire/value.h"

#include <string.h>

#include "wire/head.h"

static uint64_t load_two (const uint8_t *at) {
  return (uint64_t)at[0] << 8 | at[1];
}

static uint64_t load_four (const uint8_t *at) {
  return load_two (at) << 16 | load_two (at + 2);
}

/* Takes 'width' bytes, big-endian: 1, 2, 4 or 8. */
static int cursor_number (struct wire_cursor *cursor, size_t width,
                          uint64_t *number) {
  const uint8_t *at = cursor->data + cursor->at;
  if (cursor->size - cursor->at < width) {
    return RAFT_EMALFORMED;
  }
  cursor->at += width;
  switch (width) {
    case 1: *number = at[0]; break;
    case 2: *number = load_two (at); break;
    case 4: *number = load_four (at); break;
    default: *number = load_four (at) << 32 | load_four (at + 4); break;
  }
  return RAFT_OK;
}

static int cursor_take_string (struct wire_cursor *cursor, uint64_t size,
                               struct wire_value *value) {
  if (size > cursor->size - cursor->at) {
    return RAFT_EMALFORMED;
  }
  value->type = WIRE_STRING;
  value->data = cursor->data + cursor->at;
  value->count = (uint32_t)size;
  cursor->at += (size_t)size;
  return RAFT_OK;
}

/* Every value has at least one byte: a count beyond them is a lie. */
static int cursor_take_container (const struct wire_cursor *cursor,
                                  enum wire_value_type type, uint64_t count,
                                  struct wire_value *value) {
  uint64_t values = type == WIRE_MAP ? count * 2 : count;
  if (values > cursor->size - cursor->at) {
    return RAFT_EMALFORMED;
  }
  value->type = type;
  value->count = (uint32_t)count;
  return RAFT_OK;
}

static void cursor_take_integer (int64_t integer, struct wire_value *value) {
  value->type = WIRE_INTEGER;
  value->integer = integer;
}

static void cursor_take_unsigned (uint64_t number, struct wire_value *value) {
  if (number > INT64_MAX) {
    value->type = WIRE_UNSIGNED;
    value->number = number;
  } else {
    cursor_take_integer ((int64_t)number, value);
  }
}

static int cursor_take_real (struct wire_cursor *cursor, size_t width,
                             struct wire_value *value) {
  uint64_t bits;
  int status = cursor_number (cursor, width, &bits);
  if (status != RAFT_OK) {
    return status;
  }
  value->type = WIRE_DOUBLE;
  if (width == sizeof (float)) {
    uint32_t half = (uint32_t)bits;
    float single;
    memcpy (&single, &half, sizeof single);
    value->real = (double)single;
  } else {
    memcpy (&value->real, &bits, sizeof value->real);
  }
  return RAFT_OK;
}

/* uint 8 … 64 (0xcc … 0xcf) and int 8 … 64 (0xd0 … 0xd3). */
static int cursor_take_wide (struct wire_cursor *cursor, uint8_t head,
                             struct wire_value *value) {
  unsigned shift = head & 3u;
  uint64_t bits;
  int status = cursor_number (cursor, (size_t)1 << shift, &bits);
  if (status != RAFT_OK) {
    return status;
  }
  if (head <= 0xcf) {
    cursor_take_unsigned (bits, value);
  } else {
    unsigned unused = 64u - (8u << shift); /* extends the sign */
    cursor_take_integer ((int64_t)(bits << unused) >> unused, value);
  }
  return RAFT_OK;
}

/* str, bin, array and map whose length follows the head in 'width' bytes. */
static int cursor_take_long (struct wire_cursor *cursor, size_t width,
                             enum wire_value_type type,
                             struct wire_value *value) {
  uint64_t count;
  int status = cursor_number (cursor, width, &count);
  if (status != RAFT_OK) {
    return status;
  }
  return type == WIRE_STRING
           ? cursor_take_string (cursor, count, value)
           : cursor_take_container (cursor, type, count, value);
}

/* Heads from 0xc0 to 0xdf. */
static int cursor_take_marked (struct wire_cursor *cursor, uint8_t head,
                               struct wire_value *value) {
  switch (head) {
    case 0xc0:
      value->type = WIRE_NIL;
      return RAFT_OK;
    case 0xc2: case 0xc3:
      value->type = WIRE_BOOLEAN;
      value->boolean = head == 0xc3;
      return RAFT_OK;
    case 0xc4: case 0xc5: case 0xc6: /* bin */
      return cursor_take_long (cursor, (size_t)1 << (head - 0xc4),
                               WIRE_STRING, value);
    case 0xca: return cursor_take_real (cursor, 4, value);
    case 0xcb: return cursor_take_real (cursor, 8, value);
    case 0xcc: case 0xcd: case 0xce: case 0xcf:
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
      return cursor_take_wide (cursor, head, value);
    case 0xd9: case 0xda: case 0xdb: /* str */
      return cursor_take_long (cursor, (size_t)1 << (head - 0xd9),
                               WIRE_STRING, value);
    case 0xdc: return cursor_take_long (cursor, 2, WIRE_ARRAY, value);
    case 0xdd: return cursor_take_long (cursor, 4, WIRE_ARRAY, value);
    case 0xde: return cursor_take_long (cursor, 2, WIRE_MAP, value);
    case 0xdf: return cursor_take_long (cursor, 4, WIRE_MAP, value);
    default: return RAFT_EMALFORMED; /* 0xc1, ext */
  }
}

static int cursor_take (struct wire_cursor *cursor, struct wire_value *value) {
  uint8_t head;
  if (cursor->at >= cursor->size) {
    return RAFT_EMALFORMED;
  }
  head = cursor->data[cursor->at];
  cursor->at++;
  if (head <= 0x7f) {
    cursor_take_integer (head, value);
    return RAFT_OK;
  }
  if (head >= 0xe0) {
    cursor_take_integer ((int64_t)head - 0x100, value);
    return RAFT_OK;
  }
  if (head <= 0x8f) {
    return cursor_take_container (cursor, WIRE_MAP, head & 0x0fu, value);
  }
  if (head <= 0x9f) {
    return cursor_take_container (cursor, WIRE_ARRAY, head & 0x0fu, value);
  }
  if (head <= 0xbf) {
    return cursor_take_string (cursor, head & 0x1fu, value);
  }
  return cursor_take_marked (cursor, head, value);
}

int wire_cursor_next (struct wire_cursor *cursor, struct wire_value *value) {
  size_t start = cursor->at;
  int status = cursor_take (cursor, value);
  if (status != RAFT_OK) {
    cursor->at = start;
  }
  return status;
}

/* Over one head, and the bytes that belong to it. How many values it
** contains: *inside. */
static int cursor_pass (struct wire_cursor *cursor, uint64_t *inside) {
  uint8_t byte = cursor->data[cursor->at];
  const struct wire_head *head = &wire_heads[byte];
  uint64_t length = byte & head->mask;
  cursor->at++;
  if (head->kind == WIRE_HEAD_BAD || head->kind == WIRE_HEAD_EXT) {
    return RAFT_EMALFORMED;
  }
  if (head->length_size > 0
      && cursor_number (cursor, head->length_size, &length) != RAFT_OK) {
    return RAFT_EMALFORMED;
  }
  *inside = head->kind == WIRE_HEAD_VALUES ? length * head->count : 0;
  if (head->kind == WIRE_HEAD_BYTES) {
    length += head->count;
    if (length > cursor->size - cursor->at) {
      return RAFT_EMALFORMED;
    }
    cursor->at += (size_t)length;
  }
  return RAFT_OK;
}

int wire_cursor_skip (struct wire_cursor *cursor) {
  size_t start = cursor->at;
  uint64_t missing = 1; /* at most the bytes left: it cannot run over */
  while (missing > 0) {
    uint64_t inside = 0;
    if (missing > cursor->size - cursor->at
        || cursor_pass (cursor, &inside) != RAFT_OK) {
      cursor->at = start;
      return RAFT_EMALFORMED;
    }
    missing += inside;
    missing--;
  }
  return RAFT_OK;
}

/* The next value, which must be of this type. */
static int cursor_expect (struct wire_cursor *cursor,
                          enum wire_value_type type,
                          struct wire_value *value) {
  size_t start = cursor->at;
  int status = wire_cursor_next (cursor, value);
  if (status == RAFT_OK && value->type != type) {
    cursor->at = start;
    status = RAFT_EMALFORMED;
  }
  return status;
}

int wire_cursor_array (struct wire_cursor *cursor, uint32_t *count) {
  struct wire_value value;
  int status = cursor_expect (cursor, WIRE_ARRAY, &value);
  if (status == RAFT_OK) {
    *count = value.count;
  }
  return status;
}

int wire_cursor_map (struct wire_cursor *cursor, uint32_t *count) {
  struct wire_value value;
  int status = cursor_expect (cursor, WIRE_MAP, &value);
  if (status == RAFT_OK) {
    *count = value.count;
  }
  return status;
}

/* Of whatever width: a writer may have taken more than it needed. */
static int cursor_take_natural (struct wire_cursor *cursor,
                                uint64_t *number) {
  struct wire_value value;
  int status = cursor_take (cursor, &value);
  if (status != RAFT_OK) {
    return status;
  }
  if (value.type == WIRE_UNSIGNED) {
    *number = value.number;
  } else if (value.type == WIRE_INTEGER && value.integer >= 0) {
    *number = (uint64_t)value.integer;
  } else {
    return RAFT_EMALFORMED;
  }
  return RAFT_OK;
}

int wire_cursor_unsigned (struct wire_cursor *cursor, uint64_t max,
                          uint64_t *number) {
  size_t start = cursor->at;
  uint64_t read = 0;
  int status = RAFT_OK;
  if (start < cursor->size && cursor->data[start] <= 0x7f) {
    read = cursor->data[start]; /* most are small, and are their own byte */
    cursor->at++;
  } else {
    status = cursor_take_natural (cursor, &read);
  }
  if (status != RAFT_OK || read > max) {
    cursor->at = start;
    return RAFT_EMALFORMED;
  }
  *number = read;
  return RAFT_OK;
}

int wire_cursor_boolean (struct wire_cursor *cursor, bool *boolean) {
  struct wire_value value;
  int status = cursor_expect (cursor, WIRE_BOOLEAN, &value);
  if (status == RAFT_OK) {
    *boolean = value.boolean;
  }
  return status;
}

int wire_cursor_string (struct wire_cursor *cursor, struct wire_view *view) {
  struct wire_value value;
  int status = cursor_expect (cursor, WIRE_STRING, &value);
  if (status == RAFT_OK) {
    view->data = value.data;
    view->size = value.count;
  }
  return status;
}

int wire_cursor_value (struct wire_cursor *cursor, struct wire_view *view) {
  size_t start = cursor->at;
  int status = wire_cursor_skip (cursor);
  if (status == RAFT_OK) {
    view->data = cursor->data + start;
    view->size = cursor->at - start;
  }
  return status;
}
