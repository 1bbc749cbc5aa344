/* SPDX-License-Identifier: MIT
**
** sim_trace.c - the records and operations of a world as Lua tables. */

#include <string.h>

#include "field.h"
#include "sim.h"
#include "sim/note.h"

/* ---- records ----------------------------------------------------------- */

static void push_field (lua_State *L, const struct raft_trace_field *field) {
  switch (field->type) {
    case 'b':
      lua_pushboolean (L, field->value != 0);
      break;
    case 'x':
      field_push_hex (L, field->value);
      break;
    default:
      if (field->word != NULL) {
        lua_pushstring (L, field->word);
      } else {
        field_push_bits (L, field->value);
      }
      break;
  }
}

static void push_record (lua_State *L, const struct raft_trace *trace,
                         size_t number) {
  struct raft_trace_field field;
  lua_createtable (L, 0, 7);
  field_set_number (L, "number", number);
  field_set_number (L, "time", trace->time);
  field_set_number (L, "member", trace->member);
  field_set_number (L, "term", trace->term);
  field_set_string (L, "kind", raft_trace_name (trace->kind));
  field_set_string (L, "level", raft_trace_level_name (trace->kind));
  lua_newtable (L);
  for (unsigned i = 0; raft_trace_field (trace, i, &field); i++) {
    lua_pushlstring (L, field.name, field.name_size);
    push_field (L, &field);
    lua_rawset (L, -3);
  }
  lua_setfield (L, -2, "fields");
}

void binding_sim_push_records (lua_State *L, const struct sim_world *world,
                               size_t first, size_t last) {
  size_t count = world->trace_count;
  size_t oldest
    = count > world->trace_room ? count - world->trace_room + 1 : 1;
  int at = 0;
  lua_newtable (L);
  for (size_t i = first < oldest ? oldest : first; i <= last && i <= count;
       i++) {
    push_record (L, sim_trace_at (world, i), i);
    at++;
    lua_rawseti (L, -2, at);
  }
}

/* ---- operations -------------------------------------------------------- */

static void push_kept (lua_State *L,
                       const struct sim_kept_operation *kept) {
  lua_createtable (L, 0, 8);
  field_set_number (L, "number", kept->number);
  field_set_number (L, "client", kept->client);
  field_set_string (L, "kind", sim_operation_words[kept->kind]);
  field_set_number (L, "from", kept->from);
  lua_pushlstring (L, (const char *)kept->bytes, kept->size);
  lua_setfield (L, -2, "bytes");
  if (kept->to != 0) {
    field_set_number (L, "to", kept->to);
    field_set_number (L, "youngest", kept->youngest);
    field_set_string (L, "code", raft_error_name (kept->status));
    lua_pushlstring (L, (const char *)kept->bytes + kept->size,
                     kept->result_size);
    lua_setfield (L, -2, "result_bytes");
  }
}

void binding_sim_push_operations (lua_State *L,
                                  const struct sim_world *world) {
  lua_newtable (L);
  for (size_t i = 0; i < world->kept_count; i++) {
    push_kept (L, &world->kept[i]);
    lua_rawseti (L, -2, (int)i + 1);
  }
}
