/* SPDX-License-Identifier: MIT
**
** head.h - what the first byte of a MessagePack value says of its length.
**
** Holds:     one row per byte. The length is in the byte itself ('mask'), or
**            it follows in 'length_size' bytes; a value goes on for
**              length + count bytes      (BYTES, EXT)
**              length * count values     (VALUES)
** Knows not: what a value means. */

#ifndef RAFT_WIRE_HEAD_H
#define RAFT_WIRE_HEAD_H

#include "base/types.h"

enum wire_head_kind {
  WIRE_HEAD_BAD,    /* no value begins so */
  WIRE_HEAD_PLAIN,  /* the byte is the value */
  WIRE_HEAD_BYTES,  /* a string or a number */
  WIRE_HEAD_VALUES, /* an array or a map */
  WIRE_HEAD_EXT     /* bytes, and no value of ours (value.h) */
};

struct wire_head {
  uint8_t kind;        /* enum wire_head_kind */
  uint8_t length_size; /* bytes: 0, 1, 2 or 4 */
  uint8_t count;       /* values per pair or element; bytes to be added */
  uint8_t mask;        /* bits of the byte that are its length */
};

RAFT_HIDDEN_BEGIN

extern const struct wire_head wire_heads[256];

RAFT_HIDDEN_END

#endif
