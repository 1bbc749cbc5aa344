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

#include <string.h>

#include "base/panic.h"

/* What a head byte says. */
enum scan_kind { SCAN_BAD, SCAN_PLAIN, SCAN_BYTES, SCAN_VALUES };

struct scan_head {
  enum scan_kind kind;
  uint8_t length_size; /* bytes of a length that follows; 0: 'count' holds */
  uint64_t count;      /* BYTES: to skip, added to a length that follows
                          VALUES: elements, or values per counted pair */
};

/* 0xc0 … 0xdf: each head, as SCAN_… kind, size of its length, count. */
static const struct scan_head scan_heads[32] = {
  { SCAN_PLAIN, 0, 0 },  { SCAN_BAD, 0, 0 },     /* nil, never used */
  { SCAN_PLAIN, 0, 0 },  { SCAN_PLAIN, 0, 0 },   /* false, true */
  { SCAN_BYTES, 1, 0 },  { SCAN_BYTES, 2, 0 },   /* bin 8, 16 */
  { SCAN_BYTES, 4, 0 },  { SCAN_BYTES, 1, 1 },   /* bin 32, ext 8 */
  { SCAN_BYTES, 2, 1 },  { SCAN_BYTES, 4, 1 },   /* ext 16, 32 */
  { SCAN_BYTES, 0, 4 },  { SCAN_BYTES, 0, 8 },   /* float 32, 64 */
  { SCAN_BYTES, 0, 1 },  { SCAN_BYTES, 0, 2 },   /* uint 8, 16 */
  { SCAN_BYTES, 0, 4 },  { SCAN_BYTES, 0, 8 },   /* uint 32, 64 */
  { SCAN_BYTES, 0, 1 },  { SCAN_BYTES, 0, 2 },   /* int 8, 16 */
  { SCAN_BYTES, 0, 4 },  { SCAN_BYTES, 0, 8 },   /* int 32, 64 */
  { SCAN_BYTES, 0, 2 },  { SCAN_BYTES, 0, 3 },   /* fixext 1, 2 */
  { SCAN_BYTES, 0, 5 },  { SCAN_BYTES, 0, 9 },   /* fixext 4, 8 */
  { SCAN_BYTES, 0, 17 }, { SCAN_BYTES, 1, 0 },   /* fixext 16, str 8 */
  { SCAN_BYTES, 2, 0 },  { SCAN_BYTES, 4, 0 },   /* str 16, 32 */
  { SCAN_VALUES, 2, 1 }, { SCAN_VALUES, 4, 1 },  /* array 16, 32 */
  { SCAN_VALUES, 2, 2 }, { SCAN_VALUES, 4, 2 }   /* map 16, 32 */
};

static struct scan_head scan_head_of (uint8_t byte) {
  struct scan_head head = { SCAN_PLAIN, 0, 0 };
  if (byte <= 0x7f || byte >= 0xe0) {
    return head; /* a small number */
  }
  if (byte <= 0x8f) {
    head.kind = SCAN_VALUES;
    head.count = (uint64_t)(byte & 0x0f) * 2;
  } else if (byte <= 0x9f) {
    head.kind = SCAN_VALUES;
    head.count = byte & 0x0f;
  } else if (byte <= 0xbf) {
    head.kind = SCAN_BYTES;
    head.count = byte & 0x1f;
  } else {
    head = scan_heads[byte - 0xc0];
  }
  return head;
}

void wire_scan_init (struct wire_scan *scan,
                     const struct wire_scan_limits *limits) {
  raft_assert (limits->depth <= WIRE_DEPTH_MAX);
  memset (scan, 0, sizeof *scan);
  scan->limits = *limits;
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
static int scan_take (struct wire_scan *scan, enum scan_kind kind,
                      uint64_t count) {
  if (kind == SCAN_BYTES) {
    scan->skip = count;
  } else if (kind == SCAN_VALUES) {
    if (scan->depth == scan->limits.depth) {
      return RAFT_EMALFORMED;
    }
    scan->open[scan->depth] = count;
    scan->depth++;
    scan->owed += count;
  }
  return scan_check_limits (scan);
}

static int scan_on_head (struct wire_scan *scan, uint8_t byte) {
  struct scan_head head = scan_head_of (byte);
  if (head.kind == SCAN_BAD) {
    return RAFT_EMALFORMED;
  }
  scan_begin_value (scan);
  if (head.length_size > 0) {
    scan->head = byte;
    scan->missing = head.length_size;
    scan->length = 0;
    return scan_check_limits (scan);
  }
  return scan_take (scan, head.kind, head.count);
}

static int scan_on_length (struct wire_scan *scan, uint8_t byte) {
  struct scan_head head;
  scan->length = scan->length << 8 | byte;
  scan->missing--;
  if (scan->missing > 0) {
    return RAFT_OK;
  }
  head = scan_head_of (scan->head);
  if (head.kind == SCAN_VALUES) {
    return scan_take (scan, head.kind, scan->length * head.count);
  }
  return scan_take (scan, head.kind, scan->length + head.count);
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
      struct wire_scan_limits limits = scan->limits;
      *object_size = scan->seen;
      wire_scan_init (scan, &limits);
      return RAFT_OK;
    }
  }
  return scan->status;
}
