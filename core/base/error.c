/* SPDX-License-Identifier: MIT
**
** error.c - names and texts of the codes in error.h. */

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *raft_error_name (int code) {
  switch (code) {
    case RAFT_OK: return "ok";
#define X(symbol, number, name, text) case RAFT_E##symbol: return name;
    RAFT_ERRORS (X)
#undef X
    default: return "unknown_code";
  }
}

const char *raft_error_text (int code) {
  switch (code) {
    case RAFT_OK: return "ok";
#define X(symbol, number, name, text) case RAFT_E##symbol: return text;
    RAFT_ERRORS (X)
#undef X
    default: return "a code that is not in the table";
  }
}

int raft_error_of_name (const char *name, size_t size) {
#define X(symbol, number, word, text)                                \
  if (size == sizeof (word) - 1 && memcmp (name, word, size) == 0) { \
    return RAFT_E##symbol;                                           \
  }
  RAFT_ERRORS (X)
#undef X
  return 0;
}

int raft_fail (struct raft_detail *detail, int code, const char *format, ...) {
  if (detail != NULL) {
    va_list arguments;
    va_start (arguments, format);
    (void)vsnprintf (detail->text, sizeof detail->text, format, arguments);
    va_end (arguments);
  }
  return code;
}
