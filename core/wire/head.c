/* SPDX-License-Identifier: MIT
**
** head.c - the table of heads (MessagePack's specification, "Formats"). */

#include "wire/head.h"

const struct wire_head wire_heads[256] = {
  [0x00 ... 0x7f] = { WIRE_HEAD_PLAIN, 0, 0, 0 }, /* small numbers */
  [0x80 ... 0x8f] = { WIRE_HEAD_VALUES, 0, 2, 0x0f },/* fixmap */
  [0x90 ... 0x9f] = { WIRE_HEAD_VALUES, 0, 1, 0x0f },/* fixarray */
  [0xa0 ... 0xbf] = { WIRE_HEAD_BYTES, 0, 0, 0x1f },/* fixstr */
  [0xc0] = { WIRE_HEAD_PLAIN, 0, 0, 0 },          /* nil; 0xc1 is never used */
  [0xc2 ... 0xc3] = { WIRE_HEAD_PLAIN, 0, 0, 0 }, /* false, true */
  [0xc4] = { WIRE_HEAD_BYTES, 1, 0, 0 },          /* bin 8, 16, 32 */
  [0xc5] = { WIRE_HEAD_BYTES, 2, 0, 0 },
  [0xc6] = { WIRE_HEAD_BYTES, 4, 0, 0 },
  [0xc7] = { WIRE_HEAD_EXT, 1, 1, 0 },            /* ext 8, 16, 32 */
  [0xc8] = { WIRE_HEAD_EXT, 2, 1, 0 },
  [0xc9] = { WIRE_HEAD_EXT, 4, 1, 0 },
  [0xca] = { WIRE_HEAD_BYTES, 0, 4, 0 },          /* float 32, 64 */
  [0xcb] = { WIRE_HEAD_BYTES, 0, 8, 0 },
  [0xcc] = { WIRE_HEAD_BYTES, 0, 1, 0 },          /* uint 8 to 64 */
  [0xcd] = { WIRE_HEAD_BYTES, 0, 2, 0 },
  [0xce] = { WIRE_HEAD_BYTES, 0, 4, 0 },
  [0xcf] = { WIRE_HEAD_BYTES, 0, 8, 0 },
  [0xd0] = { WIRE_HEAD_BYTES, 0, 1, 0 },          /* int 8 to 64 */
  [0xd1] = { WIRE_HEAD_BYTES, 0, 2, 0 },
  [0xd2] = { WIRE_HEAD_BYTES, 0, 4, 0 },
  [0xd3] = { WIRE_HEAD_BYTES, 0, 8, 0 },
  [0xd4] = { WIRE_HEAD_EXT, 0, 2, 0 },            /* fixext 1 to 16 */
  [0xd5] = { WIRE_HEAD_EXT, 0, 3, 0 },
  [0xd6] = { WIRE_HEAD_EXT, 0, 5, 0 },
  [0xd7] = { WIRE_HEAD_EXT, 0, 9, 0 },
  [0xd8] = { WIRE_HEAD_EXT, 0, 17, 0 },
  [0xd9] = { WIRE_HEAD_BYTES, 1, 0, 0 },          /* str 8, 16, 32 */
  [0xda] = { WIRE_HEAD_BYTES, 2, 0, 0 },
  [0xdb] = { WIRE_HEAD_BYTES, 4, 0, 0 },
  [0xdc] = { WIRE_HEAD_VALUES, 2, 1, 0 },         /* array 16, 32 */
  [0xdd] = { WIRE_HEAD_VALUES, 4, 1, 0 },
  [0xde] = { WIRE_HEAD_VALUES, 2, 2, 0 },         /* map 16, 32 */
  [0xdf] = { WIRE_HEAD_VALUES, 4, 2, 0 },
  [0xe0 ... 0xff] = { WIRE_HEAD_PLAIN, 0, 0, 0 }  /* small negative numbers */
};
