/* SPDX-License-Identifier: MIT
**
** probe_session.c - the session table and the polls of result hashes, for
** specs.
**
**   local table = probe.session_table { sessions = 3, bytes = 1000,
**                                       result = 500, expire = 50,
**                                       bug = "…" }
**   table:open(7)               -> id of the session that expired, or 0
**   table:close(7)              -> true, false
**   table:command(7, 1, 1, 20)  -> "fresh" …, size of the kept result or nil
**   table:batch_end()           results of the batch are kept (20 bytes each)
**   table:time(50)              -> ids of the sessions that expired
**   table:trim()                -> ids of the sessions that expired
**   table:is_swept()            all that was forgotten was given back
**   table:shed()                a part goes -> true, it is empty
**   probe.meta_sheds(130, 1000) so many results of so many bytes, which nobody
**       but a snapshot has any more, are given back -> { results that are left
**       after each turn }, bytes that are left at the end                    */

#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "replica/digest.h"
#include "replica/session.h"
#include "replica/snapshot.h"

#define TABLE_NAME "raft.probe.session_table"
#define TABLE_BATCH_MAX 1024 /* commands between two batch_end */

void raft_probe_session (lua_State *L);

struct table_handle {
  struct raft_arena arena;
  struct session_table table;
  struct session_record *fresh[TABLE_BATCH_MAX];
  size_t sizes[TABLE_BATCH_MAX];
  size_t count;
  bool is_open;
};

static struct table_handle *table_at (lua_State *L) {
  return luaL_checkudata (L, 1, TABLE_NAME);
}

static int table_make (lua_State *L) {
  struct field_table options
    = field_open (L, 1, "session_table", "sessions bytes result expire bug ");
  struct table_handle *handle = lua_newuserdata (L, sizeof *handle);
  struct session_bounds bounds;
  memset (handle, 0, sizeof *handle);
  bounds.sessions_max
    = field_number (&options, "sessions", 10000, RAFT_INDEX_MAX);
  bounds.bytes_max
    = field_number (&options, "bytes", 1000000, RAFT_INDEX_MAX);
  bounds.result_max
    = field_number (&options, "result", 100000, RAFT_INDEX_MAX);
  bounds.expire_us
    = field_number (&options, "expire", RAFT_TIME_MAX, RAFT_TIME_MAX);
  raft_arena_init (&handle->arena);
  replica_session_table_init (
    &handle->table, &handle->arena.memory, &bounds,
    field_is_present (&options, "bug") ? RAFT_BUG_NO_DEDUPLICATION
                                       : RAFT_BUG_NONE);
  handle->is_open = true;
  luaL_getmetatable (L, TABLE_NAME);
  lua_setmetatable (L, -2);
  return 1;
}

static int table_collect (lua_State *L) {
  struct table_handle *handle = table_at (L);
  if (handle->is_open) {
    handle->is_open = false;
    replica_session_table_free (&handle->table);
    raft_arena_clear (&handle->arena);
  }
  return 0;
}

static uint64_t number_at (lua_State *L, int index) {
  return (uint64_t)luaL_checknumber (L, index);
}

static void reserve (lua_State *L, struct table_handle *handle) {
  if (replica_session_table_reserve (&handle->table, 1, 1) != RAFT_OK) {
    luaL_error (L, "no memory");
  }
}

static int table_open (lua_State *L) {
  struct table_handle *handle = table_at (L);
  reserve (L, handle);
  lua_pushnumber (L, (lua_Number)replica_session_open (&handle->table,
                                                       number_at (L, 2)));
  return 1;
}

static int table_close (lua_State *L) {
  struct table_handle *handle = table_at (L);
  lua_pushboolean (L, replica_session_close (&handle->table, number_at (L, 2)));
  return 1;
}

static int table_command (lua_State *L) {
  static const char *const names[] = { "fresh", "duplicate", "lost",
                                       "expired" };
  struct table_handle *handle = table_at (L);
  struct session_record *record = NULL;
  enum session_verdict verdict;
  size_t size = (size_t)luaL_optnumber (L, 5, 0);
  luaL_argcheck (L, handle->count < TABLE_BATCH_MAX, 1, "batch too long");
  reserve (L, handle);
  verdict = replica_session_command (&handle->table, number_at (L, 2),
                                     number_at (L, 3), number_at (L, 4),
                                     &record);
  if (verdict == SESSION_FRESH) {
    handle->fresh[handle->count] = record;
    handle->sizes[handle->count++] = size;
  }
  lua_pushstring (L, names[verdict]);
  if (verdict != SESSION_DUPLICATE || !record->has_result) {
    return 1;
  }
  lua_pushnumber (L, (lua_Number)record->size);
  return 2;
}

static int table_batch_end (lua_State *L) {
  struct table_handle *handle = table_at (L);
  size_t i;
  for (i = 0; i < handle->count; i++) {
    uint8_t *filler = calloc (1, handle->sizes[i] + 1);
    replica_session_keep (&handle->table, handle->fresh[i], RAFT_OK, filler,
                          handle->sizes[i]);
    free (filler);
  }
  handle->count = 0;
  replica_session_batch_end (&handle->table);
  return 0;
}

static int table_trim (lua_State *L) {
  struct table_handle *handle = table_at (L);
  uint64_t expired;
  int count = 0;
  lua_newtable (L);
  while ((expired = replica_session_trim (&handle->table)) != 0) {
    lua_pushnumber (L, (lua_Number)expired);
    lua_rawseti (L, -2, ++count);
  }
  return 1;
}

static int table_time (lua_State *L) {
  struct table_handle *handle = table_at (L);
  uint64_t expired;
  int count = 0;
  lua_newtable (L);
  while ((expired = replica_session_time (&handle->table, number_at (L, 2)))
         != 0) {
    lua_pushnumber (L, (lua_Number)expired);
    lua_rawseti (L, -2, ++count);
  }
  return 1;
}

static int table_is_swept (lua_State *L) {
  lua_pushboolean (L, replica_session_is_swept (&table_at (L)->table));
  return 1;
}

static int table_shed (lua_State *L) {
  lua_pushboolean (L, replica_session_table_shed (&table_at (L)->table));
  return 1;
}

/* -> hash, bytes, sessions, records, allocations so far, memory in bytes */
static int table_look (lua_State *L) {
  struct table_handle *handle = table_at (L);
  field_push_hex (L, replica_session_table_hash (&handle->table));
  lua_pushnumber (L, (lua_Number)handle->table.bytes);
  lua_pushnumber (L, (lua_Number)handle->table.session_count);
  lua_pushnumber (L, (lua_Number)handle->table.record_count);
  lua_pushnumber (L, (lua_Number)handle->arena.calls);
  lua_pushnumber (L, (lua_Number)handle->arena.bytes);
  return 6;
}

static const luaL_Reg table_methods[] = {
  { "open", table_open },
  { "close", table_close },
  { "command", table_command },
  { "batch_end", table_batch_end },
  { "trim", table_trim },
  { "time", table_time },
  { "is_swept", table_is_swept },
  { "shed", table_shed },
  { "look", table_look },
  { NULL, NULL }
};

/* digest_poll ({ voters }, { { member, index, hash }, … }, interval)
** -> for each report: "open" | "decided" | "undecidable" | "ignored", hash */
static int digest_poll_run (lua_State *L) {
  static const char *const names[] = { "open", "decided", "undecidable" };
  struct replica_digest *digest = lua_newuserdata (L, sizeof *digest);
  struct raft_id_set voters = { { 0 }, 0 };
  int i, count = (int)lua_rawlen (L, 2);
  replica_digest_init (digest, (uint64_t)luaL_checknumber (L, 3));
  for (i = 1; i <= (int)lua_rawlen (L, 1) && i <= RAFT_MEMBERS_MAX; i++) {
    lua_rawgeti (L, 1, i);
    voters.ids[voters.count++] = (raft_id)lua_tonumber (L, -1);
    lua_pop (L, 1);
  }
  lua_newtable (L);
  for (i = 1; i <= count; i++) {
    const struct digest_poll *poll;
    lua_rawgeti (L, 2, i);
    lua_rawgeti (L, -1, 1);
    lua_rawgeti (L, -2, 2);
    lua_rawgeti (L, -3, 3);
    poll = replica_digest_report (digest, &voters,
                                  (raft_id)lua_tonumber (L, -3),
                                  (raft_index)lua_tonumber (L, -2),
                                  (uint64_t)lua_tonumber (L, -1));
    lua_pop (L, 4);
    lua_pushstring (L, poll == NULL ? "ignored" : names[poll->state]);
    lua_rawseti (L, -2, i);
  }
  return 1;
}

static size_t results_left (const struct replica_meta_writer *writer) {
  return writer->count - writer->next;
}

static int meta_sheds (lua_State *L) {
  size_t count = (size_t)luaL_checknumber (L, 1);
  size_t size = (size_t)luaL_checknumber (L, 2);
  struct replica_meta_writer writer;
  struct raft_arena arena;
  int turn = 0;
  bool is_empty;
  raft_arena_init (&arena);
  replica_meta_writer_init (&writer, &arena.memory);
  for (size_t i = 0; i < count; i++) {
    struct raft_block *result = raft_block_new (&arena.memory, size);
    if (result == NULL || replica_meta_share (&writer, result) != RAFT_OK) {
      return luaL_error (L, "no memory");
    }
    raft_block_release (result);
  }
  lua_newtable (L);
  do {
    is_empty = replica_meta_writer_shed (&writer);
    lua_pushnumber (L, (lua_Number)results_left (&writer));
    lua_rawseti (L, -2, ++turn);
  } while (!is_empty);
  lua_pushnumber (L, (lua_Number)arena.bytes);
  raft_arena_clear (&arena);
  return 2;
}

void raft_probe_session (lua_State *L) {
  if (luaL_newmetatable (L, TABLE_NAME)) {
    luaL_newlib (L, table_methods);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, table_collect);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, table_make);
  lua_setfield (L, -2, "session_table");
  lua_pushcfunction (L, digest_poll_run);
  lua_setfield (L, -2, "digest_poll");
  lua_pushcfunction (L, meta_sheds);
  lua_setfield (L, -2, "meta_sheds");
}
