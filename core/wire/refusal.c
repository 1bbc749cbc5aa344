/* SPDX-License-Identifier: MIT
**
** refusal.c - reading and writing the answer to an unwelcome greeting. */

#include "wire/refusal.h"

#include <string.h>

#include "wire/value.h"

int wire_refusal_encode (struct raft_buffer *out,
                         const struct wire_refusal *refusal) {
  const char *why = refusal->why.text;
  size_t start = out->size;
  int status = wire_value_array (out, 3);
  status |= wire_value_unsigned (out, WIRE_NOTIFICATION);
  status |= wire_value_string (out, WIRE_REFUSAL_METHOD,
                               strlen (WIRE_REFUSAL_METHOD));
  status |= wire_value_array (out, 4);
  status |= wire_value_unsigned (out, (uint64_t)-(int64_t)refusal->code);
  status |= wire_value_unsigned (out, refusal->cluster);
  status |= wire_value_unsigned (out, refusal->member);
  status |= wire_value_string (out, why, strlen (why));
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

bool wire_rpc_is_refusal (const struct wire_rpc *rpc) {
  size_t size = strlen (WIRE_REFUSAL_METHOD);
  return rpc->type == WIRE_NOTIFICATION && rpc->method.size == size
         && memcmp (rpc->method.data, WIRE_REFUSAL_METHOD, size) == 0;
}

/* A code of this table only; what a later version may say is 'unsupported'. */
static int code_of (uint64_t number) {
  int code = number <= 1000 ? -(int)number : 0;
  return code != RAFT_OK
             && strcmp (raft_error_name (code), "unknown_code") != 0
           ? code
           : RAFT_EUNSUPPORTED;
}

/* Cut where it is too long, and only what a terminal shows as it is. */
static void read_why (struct wire_view text, struct raft_detail *why) {
  size_t size = text.size < sizeof why->text - 1 ? text.size
                                                 : sizeof why->text - 1;
  size_t i;
  for (i = 0; i < size; i++) {
    char c = (char)text.data[i];
    why->text[i] = c >= 0x20 && c <= 0x7e ? c : '?';
  }
  why->text[size] = '\0';
}

int wire_refusal_decode (struct wire_view params,
                         struct wire_refusal *refusal) {
  struct wire_cursor cursor = { params.data, params.size, 0 };
  struct wire_view why;
  uint64_t number = 0;
  uint32_t count = 0;
  int status = wire_cursor_array (&cursor, &count);
  memset (refusal, 0, sizeof *refusal);
  if (status != RAFT_OK || count < 4) {
    return RAFT_EMALFORMED;
  }
  status = wire_cursor_unsigned (&cursor, UINT64_MAX, &number);
  if (status == RAFT_OK) {
    refusal->code = code_of (number);
    status = wire_cursor_unsigned (&cursor, UINT64_MAX, &refusal->cluster);
  }
  if (status == RAFT_OK) {
    status = wire_cursor_unsigned (&cursor, RAFT_INDEX_MAX,
                                   &refusal->member);
  }
  if (status == RAFT_OK) {
    status = wire_cursor_string (&cursor, &why);
  }
  if (status == RAFT_OK) {
    read_why (why, &refusal->why);
  }
  return status == RAFT_OK ? RAFT_OK : RAFT_EMALFORMED;
}
