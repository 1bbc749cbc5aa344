/* SPDX-License-Identifier: MIT
**
** probe_raft.c - quorum, membership, log and progress for specs.
**
** Holds:  plain functions, and two userdata: raft.probe.log and
**         raft.probe.progress, each a struct of ring 0 with an arena. */

#include "compat.h"

#include <math.h>
#include <string.h>

#include "base/panic.h"
#include "raft/log.h"
#include "raft/membership.h"
#include "raft/progress.h"
#include "raft/quorum.h"

#define LOG "raft.probe.log"
#define PROGRESS "raft.probe.progress"

void raft_probe_raft (lua_State *L);

static uint64_t number_at (lua_State *L, int index) {
  lua_Number number = luaL_checknumber (L, index);
  luaL_argcheck (L, number >= 0, index, "expected 0 or more");
  return (uint64_t)number;
}

static void push_number (lua_State *L, uint64_t number) {
  lua_pushnumber (L, (lua_Number)number);
}

/* ---- quorum ----------------------------------------------------------- */

/* quorum_reached { 4, 2, 9 } -> 4; of an empty list: math.huge */
static int quorum_reached (lua_State *L) {
  uint64_t reached[RAFT_MEMBERS_MAX];
  uint32_t count = (uint32_t)lua_rawlen (L, 1);
  uint64_t value;
  luaL_argcheck (L, count <= RAFT_MEMBERS_MAX, 1, "too many voters");
  for (uint32_t i = 0; i < count; i++) {
    lua_rawgeti (L, 1, (int)i + 1);
    reached[i] = number_at (L, -1);
    lua_pop (L, 1);
  }
  value = raft_quorum_reached (reached, count);
  lua_pushnumber (L, value == UINT64_MAX ? HUGE_VAL : (lua_Number)value);
  return 1;
}

/* quorum_vote(granted, refused, voters) -> "pending" | "won" | "lost" */
static int quorum_vote (lua_State *L) {
  static const char *const words[] = { "pending", "won", "lost" };
  lua_pushstring (L, words[raft_quorum_vote (
                       (uint32_t)number_at (L, 1), (uint32_t)number_at (L, 2),
                       (uint32_t)number_at (L, 3))]);
  return 1;
}

/* ---- membership ------------------------------------------------------- */

static void set_at (lua_State *L, int index, struct raft_id_set *set) {
  memset (set, 0, sizeof *set);
  luaL_checktype (L, index, LUA_TTABLE);
  set->count = (uint32_t)lua_rawlen (L, index);
  luaL_argcheck (L, set->count <= RAFT_MEMBERS_MAX, index, "too many ids");
  for (uint32_t i = 0; i < set->count; i++) {
    lua_rawgeti (L, index, (int)i + 1);
    set->ids[i] = number_at (L, -1);
    lua_pop (L, 1);
  }
}

static void configuration_at (lua_State *L, int index,
                              struct raft_configuration *value) {
  memset (value, 0, sizeof *value);
  set_at (L, index, &value->voters);
  set_at (L, index + 1, &value->outgoing);
  set_at (L, index + 2, &value->learners);
}

/* configuration_members(voters, outgoing, learners) -> sorted ids, valid */
static int configuration_members (lua_State *L) {
  struct raft_configuration value;
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  uint32_t count;
  configuration_at (L, 1, &value);
  count = raft_configuration_members (&value, ids);
  lua_createtable (L, (int)count, 0);
  for (uint32_t i = 0; i < count; i++) {
    push_number (L, ids[i]);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_pushboolean (L, raft_configuration_is_valid (&value));
  return 2;
}

/* ---- the log ---------------------------------------------------------- */

struct probe_log {
  struct raft_arena arena;
  struct raft_log log;
};

static struct probe_log *log_at (lua_State *L) {
  return luaL_checkudata (L, 1, LOG);
}

/* log_new { 1, 1, 2 }: recovered, durable, nothing cached */
static int log_new (lua_State *L) {
  struct raft_term_run runs[64];
  struct raft_recovered recovered = { .runs = runs };
  struct probe_log *probe;
  luaL_checktype (L, 1, LUA_TTABLE);
  recovered.last_index = lua_rawlen (L, 1);
  for (size_t i = 1; i <= recovered.last_index; i++) {
    raft_term term;
    lua_rawgeti (L, 1, (int)i);
    term = number_at (L, -1);
    lua_pop (L, 1);
    if (recovered.run_count == 0
        || runs[recovered.run_count - 1].term != term) {
      luaL_argcheck (L, recovered.run_count < 64, 1, "too many runs");
      runs[recovered.run_count].first = i;
      runs[recovered.run_count].term = term;
      recovered.run_count++;
    }
  }
  probe = lua_newuserdata (L, sizeof *probe);
  memset (probe, 0, sizeof *probe);
  raft_arena_init (&probe->arena);
  luaL_getmetatable (L, LOG);
  lua_setmetatable (L, -2);
  if (raft_log_init (&probe->log, &probe->arena.memory, &recovered)
      != RAFT_OK) {
    return luaL_error (L, "out of memory");
  }
  return 1;
}

static int log_gc (lua_State *L) {
  raft_arena_clear (&log_at (L)->arena);
  return 0;
}

/* log:append(term, size) -> true, or nil, code when out of memory */
static int log_append (lua_State *L) {
  struct probe_log *probe = log_at (L);
  struct raft_entry entry = { .kind = RAFT_ENTRY_COMMAND };
  int status = raft_log_reserve (&probe->log, 1, 1);
  entry.term = number_at (L, 2);
  entry.size = (uint32_t)number_at (L, 3);
  if (status != RAFT_OK) {
    lua_pushnil (L);
    lua_pushstring (L, raft_error_name (status));
    return 2;
  }
  raft_log_append (&probe->log, &entry);
  lua_pushboolean (L, 1);
  return 1;
}

static int log_truncate (lua_State *L) {
  raft_log_truncate (&log_at (L)->log, number_at (L, 2));
  return 0;
}

static int log_compact (lua_State *L) {
  raft_log_compact (&log_at (L)->log, number_at (L, 2));
  return 0;
}

/* log:reset(index, term) */
static int log_reset (lua_State *L) {
  raft_log_reset (&log_at (L)->log, number_at (L, 2), number_at (L, 3));
  return 0;
}

static int log_term (lua_State *L) {
  raft_term term;
  if (raft_log_term (&log_at (L)->log, number_at (L, 2), &term) != RAFT_OK) {
    return 0;
  }
  push_number (L, term);
  return 1;
}

static int log_find (lua_State *L) {
  push_number (L, raft_log_find (&log_at (L)->log, number_at (L, 2),
                                 number_at (L, 3)));
  return 1;
}

static int log_is_behind (lua_State *L) {
  lua_pushboolean (L, raft_log_is_behind (&log_at (L)->log, number_at (L, 2),
                                          number_at (L, 3)));
  return 1;
}

/* log:page(first, last, max_entries, max_bytes) -> count, bytes */
static int log_page (lua_State *L) {
  uint64_t bytes = number_at (L, 5);
  push_number (L, raft_log_page (&log_at (L)->log, number_at (L, 2),
                                 number_at (L, 3), number_at (L, 4),
                                 &bytes));
  push_number (L, bytes);
  return 2;
}

static int log_evict (lua_State *L) {
  raft_log_evict (&log_at (L)->log, number_at (L, 2), number_at (L, 3));
  return 0;
}

/* log:write() -> ticket */
static int log_write (lua_State *L) {
  struct probe_log *probe = log_at (L);
  if (raft_log_reserve (&probe->log, 0, 0) != RAFT_OK) {
    return luaL_error (L, "out of memory");
  }
  push_number (L, raft_log_write_begin (&probe->log, 1, 0));
  return 1;
}

/* log:done(ticket) -> whether it was news */
static int log_done (lua_State *L) {
  struct raft_log_write done;
  lua_pushboolean (L, raft_log_write_end (&log_at (L)->log, number_at (L, 2),
                                          &done));
  return 1;
}

static int log_fail_allocation (lua_State *L) {
  struct probe_log *probe = log_at (L);
  probe->arena.fail_at = probe->arena.calls + number_at (L, 2);
  probe->arena.fail_count = 1;
  return 0;
}

/* log:state() -> last, stable, first_cached, cached_bytes, and the first
** index of each run */
static int log_state (lua_State *L) {
  const struct raft_log *log = &log_at (L)->log;
  push_number (L, log->last);
  push_number (L, log->stable);
  push_number (L, log->first_cached);
  push_number (L, log->cached_bytes);
  lua_createtable (L, (int)log->run_count, 0);
  for (size_t i = 0; i < log->run_count; i++) {
    push_number (L, log->runs[i].first);
    lua_rawseti (L, -2, (int)i + 1);
  }
  return 5;
}

/* ---- progress --------------------------------------------------------- */

static struct raft_progress *progress_at (lua_State *L) {
  return luaL_checkudata (L, 1, PROGRESS);
}

/* progress_new(last) */
static int progress_new (lua_State *L) {
  raft_index last = number_at (L, 1);
  struct raft_progress *progress = lua_newuserdata (L, sizeof *progress);
  raft_progress_init (progress, 2, last, 0);
  luaL_getmetatable (L, PROGRESS);
  lua_setmetatable (L, -2);
  return 1;
}

/* progress:may_send(messages, bytes) */
static int progress_may_send (lua_State *L) {
  struct raft_limits limits;
  raft_limits_default (&limits);
  limits.inflight_messages = number_at (L, 2);
  limits.inflight_bytes = number_at (L, 3);
  lua_pushboolean (L, raft_progress_may_send (progress_at (L), &limits));
  return 1;
}

static int progress_sent (lua_State *L) {
  raft_progress_sent (progress_at (L), number_at (L, 2), number_at (L, 3));
  return 0;
}

static int progress_on_ack (lua_State *L) {
  lua_pushboolean (L, raft_progress_on_ack (progress_at (L), number_at (L, 2),
                                            RAFT_BUG_NONE));
  return 1;
}

static int progress_on_reject (lua_State *L) {
  lua_pushboolean (L, raft_progress_on_reject (
                        progress_at (L), number_at (L, 2), number_at (L, 3)));
  return 1;
}

static int progress_snapshot (lua_State *L) {
  raft_progress_become_snapshot (progress_at (L), number_at (L, 2));
  return 0;
}

/* progress:state() -> mode, match, next, window_count, window_bytes */
static int progress_state (lua_State *L) {
  static const char *const modes[] = { "probe", "replicate", "snapshot" };
  const struct raft_progress *progress = progress_at (L);
  lua_pushstring (L, modes[progress->mode]);
  push_number (L, progress->match);
  push_number (L, progress->next);
  push_number (L, progress->window_count);
  push_number (L, progress->window_bytes);
  return 5;
}

/* ---- the table -------------------------------------------------------- */

static const luaL_Reg log_methods[] = {
  { "append", log_append },
  { "truncate", log_truncate },
  { "compact", log_compact },
  { "reset", log_reset },
  { "term", log_term },
  { "find", log_find },
  { "is_behind", log_is_behind },
  { "page", log_page },
  { "evict", log_evict },
  { "write", log_write },
  { "done", log_done },
  { "fail_allocation", log_fail_allocation },
  { "state", log_state },
  { NULL, NULL }
};

static const luaL_Reg progress_methods[] = {
  { "may_send", progress_may_send },
  { "sent", progress_sent },
  { "on_ack", progress_on_ack },
  { "on_reject", progress_on_reject },
  { "snapshot", progress_snapshot },
  { "state", progress_state },
  { NULL, NULL }
};

static const luaL_Reg functions[] = {
  { "quorum_reached", quorum_reached },
  { "quorum_vote", quorum_vote },
  { "configuration_members", configuration_members },
  { "log_new", log_new },
  { "progress_new", progress_new },
  { NULL, NULL }
};

static void new_type (lua_State *L, const char *name,
                      const luaL_Reg *methods) {
  luaL_newmetatable (L, name);
  lua_newtable (L);
  luaL_setfuncs (L, methods, 0);
  lua_setfield (L, -2, "__index");
}

void raft_probe_raft (lua_State *L) {
  new_type (L, LOG, log_methods);
  lua_pushcfunction (L, log_gc);
  lua_setfield (L, -2, "__gc");
  lua_pop (L, 1);
  new_type (L, PROGRESS, progress_methods);
  lua_pop (L, 1);
  luaL_setfuncs (L, functions, 0);
}
