/* SPDX-License-Identifier: MIT
**
** say.c - a canonical value as a short text. */

#include "sim/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/value.h"

#define ELLIPSIS "..."

struct speech {
  char *text;
  size_t size;
  bool is_full;
};

__attribute__ ((format (printf, 2, 3)))
static void say (struct speech *speech, const char *format, ...) {
  size_t room = SIM_SAY - sizeof ELLIPSIS - speech->size;
  va_list arguments;
  int wanted;
  if (speech->is_full) {
    return;
  }
  va_start (arguments, format);
  wanted = vsnprintf (speech->text + speech->size, room + 1, format,
                      arguments);
  va_end (arguments);
  if (wanted >= 0 && (size_t)wanted <= room) {
    speech->size += (size_t)wanted;
    return;
  }
  speech->size += wanted < 0 ? 0 : room;
  memcpy (speech->text + speech->size, ELLIPSIS, sizeof ELLIPSIS);
  speech->is_full = true;
}

static void say_string (struct speech *speech,
                        const struct wire_value *value) {
  uint32_t i;
  say (speech, "\"");
  for (i = 0; i < value->count && !speech->is_full; i++) {
    uint8_t byte = value->data[i];
    bool is_plain = byte >= ' ' && byte < 127 && byte != '"' && byte != '\\';
    say (speech, is_plain ? "%c" : "\\%03u", byte);
  }
  say (speech, "\"");
}

static bool say_value (struct speech *speech, struct wire_cursor *cursor);

/* 'each': 2 in a map, key and value; 1 in an array. */
static bool say_inside (struct speech *speech, struct wire_cursor *cursor,
                        uint32_t count, unsigned each) {
  bool fine = true;
  say (speech, each == 2 ? "{" : "[");
  for (uint32_t i = 0; i < count && fine && !speech->is_full; i++) {
    say (speech, i > 0 ? "," : "");
    fine = say_value (speech, cursor);
    if (fine && each == 2) {
      say (speech, ":");
      fine = say_value (speech, cursor);
    }
  }
  say (speech, each == 2 ? "}" : "]");
  return fine;
}

/* False: these bytes are no value. The depth is bounded by the length of the
** text: each container says something. */
static bool say_value (struct speech *speech, struct wire_cursor *cursor) {
  struct wire_value value;
  if (wire_cursor_next (cursor, &value) != RAFT_OK) {
    say (speech, "?");
    return false;
  }
  switch (value.type) {
    case WIRE_NIL: say (speech, "null"); break;
    case WIRE_BOOLEAN: say (speech, value.boolean ? "true" : "false"); break;
    case WIRE_INTEGER: say (speech, "%lld", (long long)value.integer); break;
    case WIRE_UNSIGNED:
      say (speech, "%llu", (unsigned long long)value.number);
      break;
    case WIRE_DOUBLE: say (speech, "%.17g", value.real); break;
    case WIRE_STRING: say_string (speech, &value); break;
    case WIRE_ARRAY: return say_inside (speech, cursor, value.count, 1);
    case WIRE_MAP: return say_inside (speech, cursor, value.count, 2);
  }
  return true;
}

const char *sim_say (char text[SIM_SAY], const uint8_t *data, size_t size) {
  struct wire_cursor cursor = { data, size, 0 };
  struct speech speech = { text, 0, false };
  text[0] = '\0';
  (void)say_value (&speech, &cursor);
  return text;
}
