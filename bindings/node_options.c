/* SPDX-License-Identifier: MIT
**
** node_options.c - what a node and a directory are made of, as tables. */

#include <stdio.h>
#include <string.h>

#include "field.h"
#include "node.h"

static enum raft_bug read_bug (const struct field_table *table) {
  const char *name = field_string (table, "bug");
  if (name == NULL) {
    return RAFT_BUG_NONE;
  }
#ifdef RAFT_WITH_BUGS
  {
    static const char *const names[] = {
      "",
#define X(symbol, bug, seen, text) bug,
      RAFT_BUGS (X)
#undef X
    };
    for (int i = 1; i < RAFT_BUG_COUNT; i++) {
      if (strcmp (names[i], name) == 0) {
        return (enum raft_bug)i;
      }
    }
  }
#endif
  luaL_error (table->L, "option bug: this build has no bug \"%s\"", name);
  return RAFT_BUG_NONE;
}

void binding_node_read_limits (lua_State *L, int index,
                               struct raft_limits *limits) {
  raft_limits_default (limits);
  lua_getfield (L, index, "limits");
  if (lua_istable (L, -1)) {
    lua_pushnil (L);
    while (lua_next (L, -2) != 0) {
      const char *name
        = lua_type (L, -2) == LUA_TSTRING ? lua_tostring (L, -2) : "?";
      lua_Number value = lua_tonumber (L, -1);
      if (lua_type (L, -1) != LUA_TNUMBER || !(value >= 1)
          || value > (lua_Number)RAFT_INDEX_MAX) {
        luaL_error (L, "option limits.%s: expected a whole number from 1, "
                    "got %s", name, luaL_typename (L, -1));
      }
      if (raft_limits_set (limits, name, (uint64_t)value) != RAFT_OK) {
        luaL_error (L, "option limits: there is no limit \"%s\"", name);
      }
      lua_pop (L, 1);
    }
  }
  lua_pop (L, 1);
}

#define NODE_KEYS                                                          \
  "dir listen insecure hold_unsynced is_controlled mixed_vm heartbeat "    \
  "election_timeout election_spread check_quorum limits levels bug "       \
  "machine "

void binding_node_read_options (lua_State *L, int index,
                                struct real_server_options *options) {
  struct field_table table
    = field_open (L, lua_absindex (L, index), "options", NODE_KEYS);
  memset (options, 0, sizeof *options);
  options->dir = field_string (&table, "dir");
  if (options->dir == NULL || options->dir[0] == '\0') {
    luaL_error (L, "option dir: expected a directory, got nothing");
  }
  options->listen = field_string (&table, "listen");
  options->insecure = field_boolean (&table, "insecure");
  options->hold_unsynced = field_boolean (&table, "hold_unsynced");
  options->is_controlled = field_boolean (&table, "is_controlled");
  options->mixed_vm = field_boolean (&table, "mixed_vm");
  options->heartbeat_us
    = field_number (&table, "heartbeat", 0, RAFT_TIME_MAX / 4);
  options->election_us
    = field_number (&table, "election_timeout", 0, RAFT_TIME_MAX / 4);
  options->election_spread_us
    = field_number (&table, "election_spread", 0, RAFT_TIME_MAX / 4);
  options->check_quorum_us
    = field_number (&table, "check_quorum", 0, RAFT_TIME_MAX / 4);
  options->trace_levels
    = (unsigned)field_number (&table, "levels", 0, RAFT_TRACE_ALL);
  options->bug = read_bug (&table);
  binding_node_read_limits (L, table.index, &options->limits);
}

static void copy_text (lua_State *L, const char *what, const char *text,
                       char *to, size_t size) {
  if (text == NULL || strlen (text) >= size) {
    luaL_error (L, "option %s: expected a string of at most %d bytes", what,
                (int)size - 1);
  }
  (void)snprintf (to, size, "%s", text);
}

void binding_node_read_init (lua_State *L, int index,
                             struct node_init_options *options) {
  struct field_table table = field_open (L, lua_absindex (L, index),
                                         "options",
                                         "dir id name members limits ");
  struct field_table list;
  uint32_t count = 0;
  memset (options, 0, sizeof *options);
  options->dir = field_string (&table, "dir");
  if (options->dir == NULL || options->dir[0] == '\0') {
    luaL_error (L, "option dir: expected a directory, got nothing");
  }
  options->id = field_required (&table, "id", RAFT_INDEX_MAX);
  copy_text (L, "name", field_string (&table, "name"), options->value.name,
             sizeof options->value.name);
  list = field_list (&table, "members", &count);
  if (count < 1 || count > RAFT_MEMBERS_MAX) {
    luaL_error (L, "option members: expected 1 to %d members, got %d",
                RAFT_MEMBERS_MAX, (int)count);
  }
  for (uint32_t i = 0; i < count; i++) {
    struct field_table one = field_element (&list, i + 1, "id address ");
    struct wire_member *member = &options->value.members[i];
    member->id = field_required (&one, "id", RAFT_INDEX_MAX);
    member->roles = WIRE_VOTER;
    member->priority = RAFT_PRIORITY_DEFAULT;
    copy_text (L, "members", field_string (&one, "address"),
               member->address, sizeof member->address);
    lua_pop (L, 3);
  }
  options->value.member_count = count;
  binding_node_read_limits (L, table.index, &options->limits);
}
