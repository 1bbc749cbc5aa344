/* SPDX-License-Identifier: MIT
**
** sim_table.c - options, results and states of a world as Lua tables. */

#include <string.h>

#include "field.h"
#include "sim.h"
#include "sim/client.h"
#include "sim/mark.h"
#include "sim/member.h"

/* ---- options ----------------------------------------------------------- */

static uint64_t read_whole (lua_State *L, const char *path,
                            const char *name) {
  lua_Number number = lua_tonumber (L, -1);
  if (lua_type (L, -1) != LUA_TNUMBER || number < 0
      || number > (lua_Number)RAFT_TIME_MAX
      || number != (lua_Number)(uint64_t)number) {
    luaL_error (L, "%s.%s: expected a whole number, got %s", path, name,
                lua_type (L, -1) == LUA_TNUMBER ? lua_tostring (L, -1)
                                                : luaL_typename (L, -1));
  }
  return (uint64_t)number;
}

static uint64_t read_bug (lua_State *L) {
#ifdef RAFT_WITH_BUGS
  static const char *const names[] = {
    "",
#define X(symbol, name, seen, text) name,
    RAFT_BUGS (X)
#undef X
  };
  for (uint64_t i = 1; i < RAFT_BUG_COUNT; i++) {
    if (strcmp (names[i], luaL_checkstring (L, -1)) == 0) {
      return i;
    }
  }
#endif
  luaL_error (L, "options.bug: this build has no bug \"%s\"",
              luaL_checkstring (L, -1));
  return 0;
}

static void read_limits (lua_State *L, struct raft_limits *limits) {
  luaL_checktype (L, -1, LUA_TTABLE);
  lua_pushnil (L);
  while (lua_next (L, -2) != 0) {
    const char *name
      = lua_type (L, -2) == LUA_TSTRING ? lua_tostring (L, -2) : "?";
    uint64_t value = read_whole (L, "options.limits", name);
    if (raft_limits_set (limits, name, value) != RAFT_OK) {
      luaL_error (L, "options.limits: there is no limit \"%s\"", name);
    }
    lua_pop (L, 1);
  }
}

static void read_option (lua_State *L, const char *name,
                         struct sim_options *options) {
  if (strcmp (name, "limits") == 0) {
    read_limits (L, &options->limits);
  } else if (strcmp (name, "bug") == 0) {
    options->bug = read_bug (L);
  } else if (strcmp (name, "schedule") == 0) {
    /* read last, by whoever makes the world: it is not the stack's */
  } else if (sim_options_set (options, name,
                              read_whole (L, "options", name))
             != RAFT_OK) {
    luaL_error (L, "options: there is no option \"%s\"", name);
  }
}

void binding_sim_read_options (lua_State *L, int index,
                               struct sim_options *options) {
  sim_options_default (options);
  luaL_checktype (L, index, LUA_TTABLE);
  lua_pushnil (L);
  while (lua_next (L, index) != 0) {
    if (lua_type (L, -2) != LUA_TSTRING) {
      luaL_error (L, "options: expected options by name, got a %s as name",
                  luaL_typename (L, -2));
    }
    read_option (L, lua_tostring (L, -2), options);
    lua_pop (L, 1);
  }
}

struct option_row {
  const char *name;
  uint64_t value;
  const char *unit;
  const char *meaning;
};

static const struct option_row OPTIONS[] = {
#define X(name, value, unit, meaning) { #name, value, unit, meaning },
  SIM_OPTIONS (X)
#undef X
};

void binding_sim_push_options (lua_State *L) {
  lua_newtable (L);
  for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++) {
    lua_createtable (L, 0, 4);
    field_set_string (L, "name", OPTIONS[i].name);
    field_set_number (L, "value", OPTIONS[i].value);
    field_set_string (L, "unit", OPTIONS[i].unit);
    field_set_string (L, "meaning", OPTIONS[i].meaning);
    lua_rawseti (L, -2, (int)i + 1);
  }
}

/* ---- marks --------------------------------------------------------------- */

static const char *const MOVERS[SIM_ROLES]
  = { "none", "follower", "pre_candidate", "candidate", "leader" };

static const char *const CAUSES[] = {
#define X(symbol, text) #symbol,
  RAFT_REASONS (X)
#undef X
};

/* moves = { ["candidate leader VOTES"] = 3, … }: those that were. */
static void push_moves (lua_State *L, const struct sim_marks *marks) {
  lua_newtable (L);
  for (int from = 0; from < SIM_ROLES; from++) {
    for (int to = 0; to < SIM_ROLES; to++) {
      for (int why = 0; why < RAFT_REASON_COUNT; why++) {
        if (marks->moves[from][to][why] > 0) {
          lua_pushfstring (L, "%s %s %s", MOVERS[from], MOVERS[to],
                           CAUSES[why]);
          lua_pushnumber (L, (lua_Number)marks->moves[from][to][why]);
          lua_rawset (L, -3);
        }
      }
    }
  }
}

static void push_marks (lua_State *L, const struct sim_marks *marks) {
  lua_newtable (L);
  for (unsigned i = 0; i < SIM_MARK_COUNT; i++) {
    field_set_number (L, sim_mark_name (i), marks->counts[i]);
  }
  lua_setfield (L, -2, "marks");
  push_moves (L, marks);
  lua_setfield (L, -2, "moves");
}

/* ---- results ----------------------------------------------------------- */

void binding_sim_push_result (lua_State *L, const struct sim_world *world) {
  const char *name;
  lua_newtable (L);
  field_set_boolean (L, "ok", !sim_world_has_ended (world));
  field_set_number (L, "now", world->now);
  field_set_number (L, "seed", world->options.seed);
  field_push_hex (L, world->trace_hash);
  lua_setfield (L, -2, "trace_hash");
  for (size_t i = 0; (name = sim_counter_name (i)) != NULL; i++) {
    field_set_number (L, name, sim_counter_value (&world->counters, i));
  }
  push_marks (L, &world->marks);
  if (sim_world_has_ended (world)) {
    lua_createtable (L, 0, 3);
    field_set_string (L, "name", world->violation.name);
    field_set_string (L, "text", world->violation.text);
    field_set_number (L, "time", world->violation.time);
    lua_setfield (L, -2, "violation");
  }
}

static const char *const STATES[]
  = { "down", "opening", "up", "stopped" };
static const char *const ROLES[]
  = { "", "follower", "pre_candidate", "candidate", "leader" };

/* Of a leader: what is on its way to each. */
static void push_peers (lua_State *L, const struct raft_status *status) {
  lua_newtable (L);
  for (uint32_t i = 0; i < status->member_count; i++) {
    const struct raft_member_status *peer = &status->members[i];
    lua_newtable (L);
    field_set_number (L, "match", peer->match);
    field_set_number (L, "inflight_messages", peer->inflight_messages);
    field_set_number (L, "inflight_bytes", peer->inflight_bytes);
    lua_rawseti (L, -2, (int)peer->id);
  }
  lua_setfield (L, -2, "peers");
}

void binding_sim_push_status (lua_State *L, struct sim_world *world,
                              raft_id id) {
  const struct sim_member *member = world->members[id];
  struct sim_disk_counts counts;
  struct replica_status status;
  lua_newtable (L);
  field_set_number (L, "id", id);
  field_set_string (L, "state", STATES[member->state]);
  field_set_boolean (L, "paused", member->is_paused);
  field_set_number (L, "life", member->life);
  field_set_number (L, "memory", member->arena.bytes);
  field_set_number (L, "allocations", member->arena.calls);
  sim_disk_get_counts (member->storage.disk, &counts);
  field_set_number (L, "disk_changes", counts.changes);
  if (member->stop_status != 0) {
    field_set_string (L, "code", raft_error_name (member->stop_status));
    field_set_string (L, "detail", member->stop_detail.text);
  }
  if (!sim_member_is_up (member) || sim_world_has_ended (world)) {
    return;
  }
  replica_get_status (member->replica, &status);
  field_set_string (L, "role", ROLES[status.raft.role]);
  field_set_number (L, "term", status.raft.term);
  field_set_number (L, "vote", status.raft.vote);
  field_set_number (L, "leader", status.raft.leader);
  field_set_number (L, "last", status.raft.last);
  field_set_number (L, "commit", status.raft.commit);
  field_set_number (L, "applied", status.raft.applied);
  field_set_number (L, "stable", status.raft.stable);
  field_set_number (L, "log_base", status.raft.base);
  field_set_number (L, "snapshot_index", status.snapshot);
  field_set_number (L, "features_agreed", status.features_agreed);
  field_set_number (L, "sessions", status.sessions);
  field_set_number (L, "pending_proposals", status.pending_proposals);
  field_set_number (L, "pending_reads", status.pending_reads);
  push_peers (L, &status.raft);
  field_push_hex (L, status.result_hash);
  lua_setfield (L, -2, "result_hash");
}

void binding_sim_push_operation (lua_State *L,
                                 const struct sim_operation *operation) {
  lua_createtable (L, 0, 5);
  field_set_number (L, "number", operation->number);
  field_set_boolean (L, "ok", operation->status == RAFT_OK);
  field_set_string (L, "code", raft_error_name (operation->status));
  field_set_string (L, "message", operation->detail.text);
  lua_pushlstring (L, (const char *)operation->bytes, operation->size);
  lua_setfield (L, -2, "bytes");
}
