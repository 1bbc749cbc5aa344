/* SPDX-License-Identifier: MIT
**
** probe_trace.c - the printers and the hash of trace records for specs. */

#include "base/trace.h"
#include "field.h"
#include "value.h"

void raft_probe_trace (lua_State *L);

/* { kind = 1, time = , member = , group = , term = , fields = { … },
** text = } */
static void read_trace (lua_State *L, int index, struct raft_trace *trace) {
  struct field_table table = field_open (
    L, index, "trace", "kind time member group term fields text ");
  struct field_table fields;
  uint32_t count, i;
  trace->kind
    = (enum raft_trace_kind)field_required (&table, "kind", UINT32_MAX);
  trace->time = field_bits (&table, "time");
  trace->member = field_bits (&table, "member");
  trace->group = field_bits (&table, "group");
  trace->term = field_bits (&table, "term");
  trace->text = field_string (&table, "text");
  fields = field_list (&table, "fields", &count);
  for (i = 0; i < 6; i++) {
    trace->fields[i] = i < count ? field_bits_item (&fields, i + 1) : 0;
  }
  lua_pop (L, 2);
}

static int print_with (lua_State *L,
                       int (*print) (const struct raft_trace *trace,
                                     struct raft_buffer *out)) {
  struct raft_trace trace;
  struct raft_buffer *out;
  int status;
  read_trace (L, 1, &trace);
  out = binding_buffer_push (L);
  status = print (&trace, out);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  return 1;
}

/* trace_text (record) -> line */
static int probe_text (lua_State *L) {
  return print_with (L, raft_trace_text);
}

/* trace_json (record) -> line */
static int probe_json (lua_State *L) {
  return print_with (L, raft_trace_json);
}

/* trace_hash (record, …) -> hex: all chained */
static int probe_hash (lua_State *L) {
  uint64_t hash = 0;
  int count = lua_gettop (L), i;
  for (i = 1; i <= count; i++) {
    struct raft_trace trace;
    read_trace (L, i, &trace);
    hash = raft_trace_hash (hash, &trace);
  }
  field_push_hex (L, hash);
  return 1;
}

/* trace_table () -> { { name = , fields = "from:r to:r" }, … } */
static int probe_table (lua_State *L) {
  static const struct {
    const char *name;
    const char *fields;
  } rows[] = {
#define X(symbol, name, level, fields) { name, fields },
    RAFT_TRACES (X)
    RAFT_WORLD_TRACES (X)
#undef X
  };
  size_t i;
  lua_newtable (L);
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    lua_newtable (L);
    field_set_string (L, "name", rows[i].name);
    field_set_string (L, "fields", rows[i].fields);
    lua_rawseti (L, -2, (int)i + 1);
  }
  return 1;
}

/* trace_fail (record, n) -> name of the status when the nth allocation
** fails, whether the buffer was left as it was, for text and for JSON */
static int probe_fail (lua_State *L) {
  struct raft_trace trace;
  lua_Number fail_at = luaL_checknumber (L, 2);
  int round;
  read_trace (L, 1, &trace);
  for (round = 0; round < 2; round++) {
    struct raft_arena arena;
    struct raft_buffer out;
    int status;
    bool as_before;
    raft_arena_init (&arena);
    arena.fail_at = (uint64_t)fail_at;
    arena.fail_count = 1;
    raft_buffer_init (&out, &arena.memory);
    status = round == 0 ? raft_trace_text (&trace, &out)
                        : raft_trace_json (&trace, &out);
    as_before = out.size == 0;
    raft_arena_clear (&arena);
    lua_pushstring (L, raft_error_name (status));
    lua_pushboolean (L, as_before);
  }
  return 4;
}

static const luaL_Reg functions[] = { { "trace_text", probe_text },
                                      { "trace_json", probe_json },
                                      { "trace_hash", probe_hash },
                                      { "trace_table", probe_table },
                                      { "trace_fail", probe_fail },
                                      { NULL, NULL } };

void raft_probe_trace (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
