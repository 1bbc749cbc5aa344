/* SPDX-License-Identifier: MIT
**
** scanner.c - libFuzzer target: the bounded scanner.
**
** Two bytes choose limits and step; the rest is scanned twice, whole and in
** steps. Both must tell the same, the object must lie inside its bytes and
** its limits, and the cursor, where it takes the object, must end where the
** scanner did.
**
**   clang -g -O1 -fsanitize=fuzzer,address,undefined -Icore \
**     spec/fuzz/scanner.c core/base/{error,panic,memory,buffer}.c \
**     core/wire/{scan,cursor}.c -o scanner && ./scanner -max_total_time=60 */

#include <stdlib.h>

#include "base/panic.h"
#include "wire/scan.h"
#include "wire/value.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct outcome {
  int status;
  uint64_t object;
};

static struct outcome scan_in_steps (const uint8_t *data, size_t size,
                                     const struct wire_scan_limits *limits,
                                     size_t step) {
  struct outcome outcome = { RAFT_OK, 0 };
  struct wire_scan scan;
  size_t at = 0;
  wire_scan_init (&scan, limits);
  while (at < size && outcome.status == RAFT_OK && outcome.object == 0) {
    size_t part = size - at < step ? size - at : step;
    outcome.status = wire_scan_feed (&scan, data + at, part,
                                     &outcome.object);
    at += part;
  }
  return outcome;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct wire_scan_limits limits = { 1 << 16, 1 << 12, WIRE_DEPTH_MAX };
  struct wire_cursor cursor;
  struct outcome whole, stepped;
  size_t step;
  if (size < 2) {
    return 0;
  }
  if (data[0] != 0) { /* small limits, where the edges are */
    limits.bytes = data[0];
    limits.elements = data[0] / 2u;
    limits.depth = data[0] % 8u;
  }
  step = 1u + data[1] % 32u;
  data += 2;
  size -= 2;
  whole = scan_in_steps (data, size, &limits, size > 0 ? size : 1);
  stepped = scan_in_steps (data, size, &limits, step);
  raft_assert (whole.status == stepped.status);
  raft_assert (whole.object == stepped.object);
  raft_assert (whole.object <= size && whole.object <= limits.bytes);
  cursor.data = data;
  cursor.size = size;
  cursor.at = 0;
  if (whole.object > 0 && wire_cursor_skip (&cursor) == RAFT_OK) {
    raft_assert (cursor.at == whole.object);
  }
  return 0;
}
