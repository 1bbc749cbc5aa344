/* SPDX-License-Identifier: MIT
**
** value.c - writing values in canonical form.
**
** msgpack-c hands a head or scalar over in one piece, so that it is appended
** whole or not at all, and returns what our callback returned. A string is
** two pieces: its writer reserves first. */

#include "wire/value.h"

#include <msgpack.h>
#include <string.h>

#define VALUE_HEAD_MAX 5 /* bytes, of a string */

static int value_write (void *out, const char *bytes, size_t size) {
  return raft_buffer_append (out, bytes, size);
}

static msgpack_packer packer_of (struct raft_buffer *out) {
  msgpack_packer packer;
  msgpack_packer_init (&packer, out, value_write);
  return packer;
}

int wire_value_nil (struct raft_buffer *out) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_nil (&packer);
}

int wire_value_boolean (struct raft_buffer *out, bool value) {
  msgpack_packer packer = packer_of (out);
  return value ? msgpack_pack_true (&packer) : msgpack_pack_false (&packer);
}

int wire_value_integer (struct raft_buffer *out, int64_t value) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_int64 (&packer, value);
}

int wire_value_unsigned (struct raft_buffer *out, uint64_t value) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_uint64 (&packer, value);
}

int wire_value_double (struct raft_buffer *out, double value) {
  msgpack_packer packer = packer_of (out);
  if (value > -(double)WIRE_INTEGER_LIMIT && value < (double)WIRE_INTEGER_LIMIT
      && (double)(int64_t)value == value) {
    return wire_value_integer (out, (int64_t)value);
  }
  if (value != value) { /* NaN has 2^53 bit patterns; this one is ours */
    static const uint64_t nan_bits = UINT64_C (0x7ff8000000000000);
    memcpy (&value, &nan_bits, sizeof value);
  }
  return msgpack_pack_double (&packer, value);
}

/* A head and the bytes it announces. */
static int value_bytes (struct raft_buffer *out, const void *data, size_t size,
                        int (*pack_head) (msgpack_packer *packer, size_t n)) {
  msgpack_packer packer = packer_of (out);
  int status;
  if (size > UINT32_MAX) {
    return RAFT_ETOO_LARGE;
  }
  status = raft_buffer_reserve (out, VALUE_HEAD_MAX + size);
  if (status != RAFT_OK) {
    return status;
  }
  (void)pack_head (&packer, size);
  return raft_buffer_append (out, data, size);
}

int wire_value_string (struct raft_buffer *out, const void *data,
                       size_t size) {
  return value_bytes (out, data, size,
                      wire_is_utf8 (data, size) ? msgpack_pack_str
                                                : msgpack_pack_bin);
}

int wire_value_binary (struct raft_buffer *out, const void *data,
                       size_t size) {
  return value_bytes (out, data, size, msgpack_pack_bin);
}

int wire_value_binary_head (struct raft_buffer *out, uint32_t size) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_bin (&packer, size);
}

int wire_value_array (struct raft_buffer *out, uint32_t count) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_array (&packer, count);
}

int wire_value_map (struct raft_buffer *out, uint32_t count) {
  msgpack_packer packer = packer_of (out);
  return msgpack_pack_map (&packer, count);
}

int wire_key_compare (const void *a, size_t a_size, const void *b,
                      size_t b_size) {
  size_t size = a_size < b_size ? a_size : b_size;
  int order = size > 0 ? memcmp (a, b, size) : 0;
  if (order != 0) {
    return order;
  }
  return (a_size > b_size) - (a_size < b_size);
}

/* Bytes of the UTF-8 sequence at 'at'; 0: none (Unicode 15, table 3-7). */
static size_t utf8_sequence (const uint8_t *at, size_t size) {
  uint8_t first = at[0];
  uint8_t low = 0x80, high = 0xbf; /* of the second byte */
  size_t count, i;
  if (first < 0x80) {
    return 1;
  }
  if (first < 0xc2 || first > 0xf4) {
    return 0;
  }
  count = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low; /* overlong */
  high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high; /* surrogates,
                                                        above U+10FFFF */
  if (size < count || at[1] < low || at[1] > high) {
    return 0;
  }
  for (i = 2; i < count; i++) {
    if ((at[i] & 0xc0) != 0x80) {
      return 0;
    }
  }
  return count;
}

bool wire_is_utf8 (const void *data, size_t size) {
  const uint8_t *bytes = data;
  size_t at = 0;
  while (at < size) {
    size_t step;
    uint64_t word;
    if (size - at >= sizeof word) { /* eight ASCII bytes at once */
      memcpy (&word, bytes + at, sizeof word);
      if ((word & UINT64_C (0x8080808080808080)) == 0) {
        at += sizeof word;
        continue;
      }
    }
    step = utf8_sequence (bytes + at, size - at);
    if (step == 0) {
      return false;
    }
    at += step;
  }
  return true;
}
