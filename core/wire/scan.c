/* SPDX-License-Identifier: MIT
**
** scan.c - the bounded scanner.
**
** The state between two calls is one of three: in the middle of a length
** ('missing' > 0), in the middle of bytes that need no look ('skip' > 0), or
** before a head byte. 'open' is a stack of how many values each open
** container still misses; 'owed' is its sum. As every value has at least one
** byte, seen + skip + owed is the least that the object can measure: beyond
** the limit it is refused before its bytes have come. */

#include "wire/scan.h"

#include "base/panic.h"
#include "wire/head.h"

/* Before an object. What 'open' holds beyond 'depth' means nothing. */
static void scan_begin (struct wire_scan *scan) {
  scan->seen = 0;
  scan->skip = 0;
  scan->elements = 0;
  scan->owed = 0;
  scan->length = 0;
  scan->depth = 0;
  scan->head = 0;
  scan->missing = 0;
  scan->status = RAFT_OK;
}

void wire_scan_init (struct wire_scan *scan,
                     const struct wire_scan_limits *limits) {
  raft_assert (limits->depth <= WIRE_DEPTH_MAX);
  scan->limits = *limits;
  scan_begin (scan);
}

/* One value has begun: the container around it misses one less. */
static void scan_begin_value (struct wire_scan *scan) {
  scan->elements++;
  if (scan->depth > 0) {
    scan->open[scan->depth - 1]--;
    scan->owed--;
  }
}

static int scan_check_limits (const struct wire_scan *scan) {
  if (scan->elements + scan->owed > scan->limits.elements
      || scan->seen + scan->skip + scan->owed + scan->missing
           > scan->limits.bytes) {
    return RAFT_ETOO_LARGE;
  }
  return RAFT_OK;
}

/* A head is known in full. */
static int scan_take (struct wire_scan *scan, const struct wire_head *head,
                      uint64_t length) {
  if (head->kind == WIRE_HEAD_BYTES || head->kind == WIRE_HEAD_EXT) {
    scan->skip = length + head->count;
  } else if (head->kind == WIRE_HEAD_VALUES) {
    if (scan->depth == scan->limits.depth) {
      return RAFT_EMALFORMED;
    }
    scan->open[scan->depth] = length * head->count;
    scan->owed += scan->open[scan->depth];
    scan->depth++;
  }
  return scan_check_limits (scan);
}

static int scan_on_head (struct wire_scan *scan, uint8_t byte) {
  const struct wire_head *head = &wire_heads[byte];
  if (head->kind == WIRE_HEAD_BAD) {
    return RAFT_EMALFORMED;
  }
  scan_begin_value (scan);
  if (head->length_size > 0) {
    scan->head = byte;
    scan->missing = head->length_size;
    scan->length = 0;
    return scan_check_limits (scan);
  }
  return scan_take (scan, head, byte & head->mask);
}

static int scan_on_length (struct wire_scan *scan, uint8_t byte) {
  scan->length = scan->length << 8 | byte;
  scan->missing--;
  return scan->missing > 0
           ? RAFT_OK
           : scan_take (scan, &wire_heads[scan->head], scan->length);
}

/* Whether the object is complete. Closes containers that miss nothing. */
static bool scan_is_complete (struct wire_scan *scan) {
  if (scan->missing > 0 || scan->skip > 0) {
    return false;
  }
  while (scan->depth > 0 && scan->open[scan->depth - 1] == 0) {
    scan->depth--;
  }
  return scan->depth == 0;
}

static int scan_fail (struct wire_scan *scan, int status) {
  scan->status = status;
  return status;
}

int wire_scan_feed (struct wire_scan *scan, const uint8_t *data, size_t size,
                    uint64_t *object_size) {
  size_t at = 0;
  *object_size = 0;
  while (at < size && scan->status == RAFT_OK) {
    int status = RAFT_OK;
    if (scan->skip > 0) {
      uint64_t rest = size - at;
      uint64_t step = scan->skip < rest ? scan->skip : rest;
      at += (size_t)step;
      scan->seen += step;
      scan->skip -= step;
    } else {
      uint8_t byte = data[at];
      at++;
      scan->seen++;
      status = scan->missing > 0 ? scan_on_length (scan, byte)
                                 : scan_on_head (scan, byte);
    }
    if (status != RAFT_OK) {
      return scan_fail (scan, status);
    }
    if (scan_is_complete (scan)) {
      *object_size = scan->seen;
      scan_begin (scan);
      return RAFT_OK;
    }
  }
  return scan->status;
}
