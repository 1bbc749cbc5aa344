/* SPDX-License-Identifier: MIT
**
** trace.c - names, the two printers and the hash of trace records.
**
** The printers are driven by the table: a field says its type there, and
** nothing here knows a kind by name. Words come from tables of this project
** and need no escaping in JSON; only a record's own text does. Roles and
** message kinds are numbers of ring 0, which this room may not include; a
** spec compares the words. */

#include "base/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"

struct trace_row {
  const char *name;
  enum raft_trace_level level;
  const char *fields;
};

static const struct trace_row trace_rows[RAFT_TRACE_COUNT] = {
  { "none", RAFT_TRACE_DEBUG, "" },
#define X(symbol, name, level, fields) { name, RAFT_TRACE_##level, fields },
  RAFT_TRACES (X)
  RAFT_WORLD_TRACES (X)
#undef X
};

static const struct trace_row *row_of (enum raft_trace_kind kind) {
  unsigned number = (unsigned)kind;
  return &trace_rows[number < RAFT_TRACE_COUNT ? number : 0];
}

unsigned raft_trace_level_of (enum raft_trace_kind kind) {
  return (unsigned)row_of (kind)->level;
}

const char *raft_trace_name (enum raft_trace_kind kind) {
  return row_of (kind)->name;
}

const char *raft_reason_text (enum raft_reason reason) {
  switch (reason) {
#define X(symbol, text) case RAFT_REASON_##symbol: return text;
    RAFT_REASONS (X)
#undef X
    default: return "a reason that is not in the table";
  }
}

static const char *level_name (enum raft_trace_level level) {
  switch (level) {
    case RAFT_TRACE_ERROR: return "error";
    case RAFT_TRACE_WARN: return "warn";
    case RAFT_TRACE_INFO: return "info";
    case RAFT_TRACE_DEBUG: return "debug";
    default: return "wire";
  }
}

static const char *role_name (uint64_t role) {
  static const char *const names[]
    = { "none", "follower", "pre_candidate", "candidate", "leader" };
  return role < sizeof names / sizeof names[0] ? names[role] : "unknown";
}

static const char *message_name (uint64_t kind) {
  static const char *const names[]
    = { "none", "pre_vote", "pre_vote_result", "vote", "vote_result",
        "append", "append_result", "timeout_now", "read", "read_result" };
  if (kind == 64) {
    return "result_hash";
  }
  return kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

/* ---- one field -------------------------------------------------------- */

/* A field of the table, "name:type", taken from the front of 'at'. */
struct trace_field {
  const char *name;
  int name_size;
  char type;
  uint64_t value;
  const char *text;
};

/* Returns where the next one stands, NULL after the last. */
static const char *field_take (const char *at, struct trace_field *field) {
  const char *colon = at == NULL ? NULL : strchr (at, ':');
  if (colon == NULL) {
    return NULL;
  }
  field->name = at;
  field->name_size = (int)(colon - at);
  field->type = colon[1];
  return colon[2] == ' ' ? colon + 3 : colon + 2;
}

/* Types that are words; NULL: the field is a number. */
static const char *field_word (const struct trace_field *field) {
  switch (field->type) {
    case 'e': return raft_error_name ((int)(int64_t)field->value);
    case 'r': return role_name (field->value);
    case 'w': return raft_reason_text ((enum raft_reason)field->value);
    case 'k': return message_name (field->value);
    default: return NULL;
  }
}

bool raft_trace_field (const struct raft_trace *trace, unsigned position,
                       struct raft_trace_field *out) {
  const char *next = row_of (trace->kind)->fields;
  struct trace_field field = { 0 };
  unsigned i;
  for (i = 0; i <= position; i++) {
    next = field_take (next, &field);
    if (next == NULL) {
      return false;
    }
  }
  field.value = trace->fields[position];
  out->name = field.name;
  out->name_size = (size_t)field.name_size;
  out->type = field.type;
  out->value = field.value;
  out->word = field.type == 's' ? trace->text : field_word (&field);
  return true;
}

const char *raft_trace_level_name (enum raft_trace_kind kind) {
  return level_name (row_of (kind)->level);
}

/* The longest field is a reason with its name: far below this. */
#define TRACE_TEXT_MAX 160

static int put (struct raft_buffer *out, const char *text) {
  return raft_buffer_append (out, text, strlen (text));
}

/* One line, whatever it holds: what others sent may be in it. */
static int put_quoted (struct raft_buffer *out, const char *text) {
  int status = put (out, "\"");
  for (; text != NULL && *text != '\0'; text++) {
    bool is_plain = (unsigned char)*text >= 0x20 && *text != 0x7f;
    if (*text == '"' || *text == '\\') {
      status |= put (out, "\\");
    }
    status |= raft_buffer_append (out, is_plain ? text : "?", 1);
  }
  return status | put (out, "\"");
}

static int put_field_text (struct raft_buffer *out,
                           const struct trace_field *field) {
  char text[TRACE_TEXT_MAX];
  const char *word = field_word (field);
  int size = field->name_size;
  const char *name = field->name;
  if (word != NULL && word[0] == '\0') {
    return RAFT_OK; /* no reason */
  }
  if (field->type == 's') {
    (void)snprintf (text, sizeof text, " %.*s=", size, name);
    return put (out, text) | put_quoted (out, field->text);
  }
  if (word != NULL) {
    const char *quote = strchr (word, ' ') != NULL ? "\"" : "";
    (void)snprintf (text, sizeof text, " %.*s=%s%s%s", size, name, quote,
                    word, quote);
  } else if (field->type == 'b') {
    (void)snprintf (text, sizeof text, " %.*s=%s", size, name,
                    field->value != 0 ? "yes" : "no");
  } else if (field->type == 'x') {
    (void)snprintf (text, sizeof text, " %.*s=%016" PRIx64, size, name,
                    field->value);
  } else if (field->type == 't') {
    (void)snprintf (text, sizeof text, " %.*s=%" PRIu64 ".%03ums", size, name,
                    field->value / 1000, (unsigned)(field->value % 1000));
  } else if (field->type == 'm' && field->value == RAFT_ID_NONE) {
    (void)snprintf (text, sizeof text, " %.*s=none", size, name);
  } else {
    (void)snprintf (text, sizeof text, " %.*s=%" PRIu64, size, name,
                    field->value);
  }
  return put (out, text);
}

/* JSON readers hold numbers as doubles: what does not fit is a string. */
static void json_number (char *text, size_t room, const char *name, int size,
                         uint64_t value) {
  const char *quote = value > RAFT_INDEX_MAX ? "\"" : "";
  (void)snprintf (text, room, "\"%.*s\":%s%" PRIu64 "%s", size, name, quote,
                  value, quote);
}

static int put_field_json (struct raft_buffer *out,
                           const struct trace_field *field) {
  char text[TRACE_TEXT_MAX];
  const char *word = field_word (field);
  if (field->type == 's') {
    (void)snprintf (text, sizeof text, "\"%.*s\":", field->name_size,
                    field->name);
    return put (out, text) | put_quoted (out, field->text);
  }
  if (word != NULL) {
    (void)snprintf (text, sizeof text, "\"%.*s\":\"%s\"", field->name_size,
                    field->name, word);
  } else if (field->type == 'b') {
    (void)snprintf (text, sizeof text, "\"%.*s\":%s", field->name_size,
                    field->name, field->value != 0 ? "true" : "false");
  } else if (field->type == 'x') {
    (void)snprintf (text, sizeof text, "\"%.*s\":\"%016" PRIx64 "\"",
                    field->name_size, field->name, field->value);
  } else {
    json_number (text, sizeof text, field->name, field->name_size,
                 field->value);
  }
  return put (out, text);
}

/* ---- records ---------------------------------------------------------- */

static int trace_end (struct raft_buffer *out, size_t start, int status) {
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

int raft_trace_text (const struct raft_trace *trace,
                     struct raft_buffer *out) {
  const struct trace_row *row = row_of (trace->kind);
  size_t start = out->size;
  struct trace_field field;
  const char *next = row->fields;
  int status = put (out, row->name);
  int i;
  for (i = 0; i < 6 && status == RAFT_OK; i++) {
    next = field_take (next, &field);
    if (next == NULL) {
      break;
    }
    field.value = trace->fields[i];
    field.text = trace->text;
    status = put_field_text (out, &field);
  }
  return trace_end (out, start, status);
}

static int put_json_head (struct raft_buffer *out,
                          const struct raft_trace *trace) {
  const struct trace_row *row = row_of (trace->kind);
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = { { "time", trace->time },
                  { "member", trace->member },
                  { "group", trace->group },
                  { "term", trace->term } };
  char text[TRACE_TEXT_MAX];
  int status = put (out, "{");
  size_t i;
  for (i = 0; i < 4; i++) {
    json_number (text, sizeof text, numbers[i].name,
                 (int)strlen (numbers[i].name), numbers[i].value);
    status |= put (out, text);
    status |= put (out, ",");
  }
  (void)snprintf (text, sizeof text,
                  "\"kind\":\"%s\",\"level\":\"%s\",\"fields\":{", row->name,
                  level_name (row->level));
  status |= put (out, text);
  return status;
}

int raft_trace_json (const struct raft_trace *trace,
                     struct raft_buffer *out) {
  size_t start = out->size;
  struct trace_field field;
  const char *next = row_of (trace->kind)->fields;
  int status = put_json_head (out, trace);
  int i;
  for (i = 0; i < 6 && status == RAFT_OK; i++) {
    next = field_take (next, &field);
    if (next == NULL) {
      break;
    }
    field.value = trace->fields[i];
    field.text = trace->text;
    status |= i > 0 ? put (out, ",") : RAFT_OK;
    status |= put_field_json (out, &field);
  }
  status |= put (out, "}}");
  return trace_end (out, start, status);
}

uint64_t raft_trace_hash (uint64_t hash, const struct raft_trace *trace) {
  const uint64_t head[5] = { trace->time, trace->member, trace->group,
                             trace->term, (uint64_t)trace->kind };
  size_t i;
  for (i = 0; i < 5; i++) {
    hash = raft_mix (hash ^ head[i]);
  }
  for (i = 0; i < 6; i++) {
    hash = raft_mix (hash ^ trace->fields[i]);
  }
  return hash;
}
