/* SPDX-License-Identifier: MIT
**
** probe_log.c - a log of core/wal on a pretended disk, for specs.
**
**   local log = probe.wal_log (disk, { segment_bytes, batch_bytes, seed, bug })
**   log:init (entry) -> status, text          steps the disk
**   log:open () -> status, text               steps the disk
**   log:begin_open ()                         the caller steps
**   log:persist { ticket, term, vote, first, entries = { bytes, … } } -> code
**   log:persist_peer (ticket, member, incarnation) -> code
**   log:read (first, count, max_bytes) -> status, list or text
**   log:told () -> what 'opened' said; log:events () -> what came since
**   log:rest (); log:pass (us); log:close (); log:free () -> bytes forgotten
**   log:status (); log:fail_allocation (nth) ; log:allocations ()
**   probe.wal_entry { index, term, kind, time, payload } -> bytes
**   probe.wal_scan (bytes) -> { size, number, segment, batches = { … } }
**   probe.wal_format -> constants of wal/record.h */

#include <string.h>

#include "base/checksum.h"
#include "field.h"
#include "probe_disk.h"
#include "probe_life.h"
#include "wal/record.h"
#include "wal/snapshot.h"
#include "wire/entry.h"

#define LOG "raft.probe.wal"
#define ENTRIES_MAX 4096

void raft_probe_log (lua_State *L);

struct probe_log {
  struct life life;
  bool is_begun;
  int disk;          /* reference: the log keeps its disk */
};

static const char *const bugs[] = {
  "none",
#define X(symbol, name, seen, text) name,
  RAFT_BUGS (X)
#undef X
};
static const struct field_words bug_words = { bugs, RAFT_BUG_COUNT, 0 };

static struct life *check (lua_State *L) {
  struct probe_log *self = luaL_checkudata (L, 1, LOG);
  luaL_argcheck (L, self->is_begun, 1, "the log is freed");
  return &self->life;
}

static struct life *check_open (lua_State *L) {
  struct life *life = check (L);
  luaL_argcheck (L, life->wal != NULL, 1, "the log is not open");
  return life;
}

static int log_new (lua_State *L) {
  struct probe_disk *disk = probe_disk_check (L, 1);
  struct probe_log *self;
  struct life_options options;
  memset (&options, 0, sizeof options);
  options.seed = 1;
  if (!lua_isnoneornil (L, 2)) {
    struct field_table table
      = field_open (L, 2, "options",
                    "segment_bytes batch_bytes seed bug covered ");
    options.covered = field_number (&table, "covered", 0, RAFT_INDEX_MAX);
    options.segment_bytes
      = field_number (&table, "segment_bytes", 0, UINT32_MAX);
    options.batch_bytes = field_number (&table, "batch_bytes", 0, UINT32_MAX);
    options.seed = field_number (&table, "seed", 1, RAFT_INDEX_MAX);
    options.bug = (enum raft_bug)field_word (&table, "bug", &bug_words, 0);
  }
  self = lua_newuserdata (L, sizeof *self);
  memset (self, 0, sizeof *self);
  luaL_getmetatable (L, LOG);
  lua_setmetatable (L, -2);
  lua_pushvalue (L, 1);
  self->disk = luaL_ref (L, LUA_REGISTRYINDEX);
  life_begin (&self->life, disk->disk, &options);
  self->life.options.fs = probe_disk_port (disk);
  self->is_begun = true;
  return 1;
}

static int log_free (lua_State *L) {
  struct probe_log *self = luaL_checkudata (L, 1, LOG);
  size_t forgotten = 0;
  if (self->is_begun) {
    self->is_begun = false;
    forgotten = life_end (&self->life);
    luaL_unref (L, LUA_REGISTRYINDEX, self->disk);
  }
  lua_pushnumber (L, (lua_Number)forgotten);
  return 1;
}

/* ---- opening ----------------------------------------------------------- */

static int push_status (lua_State *L, int status, const char *text) {
  lua_pushstring (L, raft_error_name (status));
  lua_pushstring (L, text);
  return 2;
}

static struct raft_slice check_bytes (lua_State *L, int index) {
  size_t size;
  const char *bytes = luaL_checklstring (L, index, &size);
  return raft_slice_borrowed (bytes, size);
}

static int log_init (lua_State *L) {
  struct life *life = check (L);
  int status = life_init (life, check_bytes (L, 2));
  if (status != RAFT_OK) {
    return push_status (L, status, "");
  }
  sim_disk_drain (life->disk);
  if (!life->init_done) {
    return push_status (L, RAFT_EUNKNOWN, "done was not called");
  }
  return push_status (L, life->init_status, life->detail.text);
}

static int log_begin_open (lua_State *L) {
  struct life *life = check (L);
  return push_status (L, life_open (life), "");
}

static int log_open (lua_State *L) {
  struct life *life = check (L);
  int status = life_open (life);
  if (status != RAFT_OK) {
    return push_status (L, status, "");
  }
  sim_disk_drain (life->disk);
  if (!life->has_opened) {
    return push_status (L, RAFT_EUNKNOWN, "opened was not called");
  }
  return push_status (L, life->open_status, life->detail.text);
}

static void push_peers (lua_State *L, const struct life *life) {
  lua_newtable (L);
  for (uint32_t i = 0; i < life->peer_count; i++) {
    lua_createtable (L, 0, 2);
    field_set_number (L, "member", life->peers[i].member);
    field_set_bits (L, "incarnation", life->peers[i].incarnation);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "peers");
}

static void push_runs (lua_State *L, const struct life *life) {
  lua_newtable (L);
  for (uint32_t i = 0; i < life->run_count; i++) {
    lua_createtable (L, 0, 2);
    field_set_number (L, "first", life->runs[i].first);
    field_set_number (L, "term", life->runs[i].term);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "runs");
}

static int log_told (lua_State *L) {
  struct life *life = check (L);
  if (!life->has_opened) {
    lua_pushnil (L);
    return 1;
  }
  lua_createtable (L, 0, 12);
  field_set_string (L, "status", raft_error_name (life->open_status));
  field_set_number (L, "term", life->term);
  field_set_number (L, "vote", life->vote);
  field_set_number (L, "base", life->base_index);
  field_set_number (L, "last", life->last_index);
  field_set_number (L, "time", life->last_time);
  field_set_number (L, "configuration", life->configuration_index);
  field_set_number (L, "bytes", life->bytes);
  field_set_number (L, "member", life->identity.member);
  field_set_bits (L, "cluster", life->identity.cluster);
  field_set_bits (L, "incarnation", life->identity.incarnation);
  push_peers (L, life);
  push_runs (L, life);
  return 1;
}

static int log_events (lua_State *L) {
  struct life *life = check (L);
  lua_createtable (L, 0, 8);
  field_set_number (L, "durable", life->durable);
  field_set_number (L, "durable_calls", life->durable_calls);
  field_set_boolean (L, "full", life->is_full);
  field_set_number (L, "full_calls", life->full_calls);
  field_set_number (L, "voted", life->voted);
  field_set_boolean (L, "closed", life->has_closed);
  if (life->has_failed) {
    field_set_string (L, "failed", raft_error_name (life->fail_status));
    field_set_string (L, "text", life->detail.text);
  }
  return 1;
}

/* ---- writing ----------------------------------------------------------- */

static uint32_t read_entries (lua_State *L, struct life *life,
                              struct raft_slice *slices) {
  uint32_t count = 0;
  lua_getfield (L, 2, "entries");
  if (lua_istable (L, -1)) {
    count = (uint32_t)lua_rawlen (L, -1);
    luaL_argcheck (L, count <= ENTRIES_MAX, 2, "too many entries");
    for (uint32_t i = 0; i < count; i++) {
      size_t size;
      const char *bytes;
      struct raft_memory *memory = &raft_memory_plain;
      lua_rawgeti (L, -1, (int)i + 1);
      bytes = lua_tolstring (L, -1, &size);
      if (raft_slice_copy (memory, bytes, size, &slices[i]) != RAFT_OK) {
        luaL_error (L, "out of memory");
      }
      lua_pop (L, 1);
    }
  }
  lua_pop (L, 1);
  (void)life;
  return count;
}

static int log_persist (lua_State *L) {
  struct life *life = check_open (L);
  struct field_table table
    = field_open (L, 2, "write", "ticket term vote first entries reset ");
  struct raft_slice *slices = lua_newuserdata (L, ENTRIES_MAX
                                                    * sizeof *slices);
  struct wal_write write;
  int status;
  memset (&write, 0, sizeof write);
  write.ticket = field_required (&table, "ticket", RAFT_INDEX_MAX);
  write.term = field_required (&table, "term", RAFT_INDEX_MAX);
  write.vote = field_number (&table, "vote", 0, RAFT_INDEX_MAX);
  write.first = field_number (&table, "first", 0, RAFT_INDEX_MAX);
  write.is_reset = field_boolean (&table, "reset");
  write.count = read_entries (L, life, slices);
  write.entries = slices;
  status = wal_persist (life->wal, &write);
  for (uint32_t i = 0; i < write.count; i++) {
    raft_slice_release (&slices[i]);
  }
  lua_pushstring (L, raft_error_name (status));
  return 1;
}

static int log_persist_peer (lua_State *L) {
  struct life *life = check_open (L);
  struct wal_peer peer;
  uint64_t ticket = (uint64_t)luaL_checknumber (L, 2);
  peer.member = (raft_id)luaL_checknumber (L, 3);
  peer.incarnation = (uint64_t)luaL_checknumber (L, 4);
  lua_pushstring (L, raft_error_name (wal_persist_peer (life->wal, ticket,
                                                        &peer)));
  return 1;
}

static int log_compact (lua_State *L) {
  wal_compact (check_open (L)->wal, (raft_index)luaL_checknumber (L, 2));
  return 0;
}

/* ---- reading ----------------------------------------------------------- */

static void on_load_done (struct wal_load *load) {
  ((struct life *)load->owner)->load_done = true;
}

static void begin_read (lua_State *L, struct life *life,
                        struct wal_load *load) {
  memset (load, 0, sizeof *load);
  load->first = (raft_index)luaL_checknumber (L, 2);
  load->count = (uint32_t)luaL_checkinteger (L, 3);
  load->done = on_load_done;
  load->owner = life;
  load->max_bytes = UINT64_MAX;
  life->load_done = false;
}

/* log:close_in_read(first, count, steps) -> whether the read ended, and its
** status: the log is closed after so many steps of the disk */
static int log_close_in_read (lua_State *L) {
  struct life *life = check_open (L);
  struct wal_load load;
  lua_Integer steps = luaL_checkinteger (L, 4);
  begin_read (L, life, &load);
  wal_read (life->wal, &load);
  while (steps > 0 && sim_disk_step (life->disk)) {
    steps--;
  }
  life_close (life);
  lua_pushboolean (L, life->load_done);
  lua_pushstring (L, raft_error_name (load.status));
  wal_load_free (&load);
  return 2;
}

static int log_read (lua_State *L) {
  struct life *life = check_open (L);
  struct wal_load load;
  begin_read (L, life, &load);
  load.max_bytes = (uint64_t)luaL_optnumber (L, 4, 1e15);
  wal_read (life->wal, &load);
  luaL_argcheck (L, !life->load_done, 1, "done was called by wal_read");
  while (!life->load_done && sim_disk_step (life->disk)) {
  }
  lua_pushstring (L, raft_error_name (load.status));
  if (load.status != RAFT_OK) {
    lua_pushstring (L, load.detail.text);
    return 2;
  }
  lua_createtable (L, (int)load.loaded, 0);
  for (uint32_t i = 0; i < load.loaded; i++) {
    lua_pushlstring (L, (const char *)load.entries[i].data,
                     load.entries[i].size);
    lua_rawseti (L, -2, (int)i + 1);
  }
  wal_load_free (&load);
  return 2;
}

/* ---- time and ends ----------------------------------------------------- */

static int log_rest (lua_State *L) {
  life_rest (check_open (L));
  return 0;
}

static int log_pass (lua_State *L) {
  struct life *life = check_open (L);
  life->now += (raft_time)luaL_checknumber (L, 2);
  wal_on_time (life->wal);
  sim_disk_drain (life->disk);
  return 0;
}

static int log_deadline (lua_State *L) {
  struct life *life = check_open (L);
  raft_time deadline = wal_deadline (life->wal);
  if (deadline == RAFT_TIME_MAX) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)deadline - (lua_Number)life->now);
  }
  return 1;
}

static int log_close (lua_State *L) {
  life_close (check_open (L));
  return 0;
}

static int log_status (lua_State *L) {
  struct life *life = check_open (L);
  struct wal_status status;
  wal_get_status (life->wal, &status);
  lua_createtable (L, 0, 8);
  field_set_number (L, "bytes", status.bytes);
  field_set_number (L, "segments", status.segments);
  field_set_number (L, "syncs", status.syncs);
  field_set_number (L, "synced_bytes", status.synced_bytes);
  field_set_boolean (L, "full", status.full);
  field_set_boolean (L, "is_syncing", status.sync_started != 0);
  lua_newtable (L);
  for (int i = 0; i < 16; i++) {
    lua_pushnumber (L, (lua_Number)status.batch_records[i]);
    lua_rawseti (L, -2, i);
  }
  lua_setfield (L, -2, "batch_records");
  return 1;
}

static int log_fail_allocation (lua_State *L) {
  struct life *life = check (L);
  lua_Integer nth = luaL_checkinteger (L, 2);
  life->arena.fail_at = nth > 0 ? life->arena.calls + (uint64_t)nth : 0;
  life->arena.fail_count = (uint64_t)luaL_optinteger (L, 3, 1);
  return 0;
}

static int log_allocations (lua_State *L) {
  struct life *life = check (L);
  lua_pushnumber (L, (lua_Number)life->arena.calls);
  lua_pushnumber (L, (lua_Number)life->arena.bytes);
  return 2;
}

/* log:peak() -> the most bytes that were ever live at once */
static int log_peak (lua_State *L) {
  lua_pushnumber (L, (lua_Number)check (L)->arena.peak);
  return 1;
}

/* ---- bytes ------------------------------------------------------------- */

static int log_entry (lua_State *L) {
  struct wire_entry entry;
  size_t size = 0;
  const char *payload;
  uint8_t *bytes;
  struct field_table table
    = field_open (L, 1, "entry", "index term kind time payload ");
  memset (&entry, 0, sizeof entry);
  entry.kind = (uint8_t)field_number (&table, "kind", RAFT_ENTRY_COMMAND,
                                      255);
  entry.index = field_required (&table, "index", RAFT_INDEX_MAX);
  entry.term = field_required (&table, "term", RAFT_INDEX_MAX);
  entry.time = field_number (&table, "time", 0, RAFT_TIME_MAX);
  lua_getfield (L, 1, "payload");
  payload = luaL_optlstring (L, -1, "", &size);
  entry.payload = (const uint8_t *)payload;
  entry.payload_size = (uint32_t)size;
  entry.payload_checksum = raft_checksum (payload, size, 0);
  bytes = lua_newuserdata (L, WIRE_ENTRY_HEAD + size);
  wire_entry_encode (&entry, bytes);
  lua_pushlstring (L, (const char *)bytes, WIRE_ENTRY_HEAD + size);
  return 1;
}

static void push_records (lua_State *L, const uint8_t *data,
                          const struct wal_batch_head *head) {
  lua_createtable (L, (int)head->record_count, 0);
  for (uint32_t i = 0; i < head->record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    lua_createtable (L, 0, 4);
    field_set_number (L, "kind", record.kind);
    field_set_number (L, "size", record.size);
    field_set_bits (L, "a", record.a);
    field_set_bits (L, "b", record.b);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "records");
}

static void push_batch (lua_State *L, const struct wal_bytes *bytes,
                        uint64_t at, const struct wal_batch_head *head) {
  lua_createtable (L, 0, 6);
  field_set_number (L, "offset", at);
  field_set_number (L, "size", head->size);
  field_set_number (L, "number", head->number);
  field_set_number (L, "term", head->term);
  field_set_number (L, "vote", head->vote);
  push_records (L, bytes->data + at, head);
}

/* The batches of a segment's bytes, one after another from its first. */
static int log_scan (lua_State *L) {
  struct wal_segment_head segment;
  struct wal_bytes bytes;
  struct raft_detail detail;
  uint64_t at = WAL_SECTOR;
  int count = 0;
  int status;
  memset (&bytes, 0, sizeof bytes);
  bytes.data = (const uint8_t *)luaL_checklstring (L, 1, &bytes.size);
  status = wal_segment_head_decode (bytes.data, bytes.size, "it", &segment,
                                    &detail);
  if (status != RAFT_OK) {
    lua_pushnil (L);
    lua_pushstring (L, detail.text);
    lua_pushstring (L, raft_error_name (status));
    return 3;
  }
  bytes.salt = segment.salt;
  lua_createtable (L, 0, 8);
  field_set_number (L, "segment", segment.number);
  field_set_number (L, "size", segment.size);
  field_set_number (L, "member", segment.identity.member);
  field_set_bits (L, "cluster", segment.identity.cluster);
  field_set_bits (L, "incarnation", segment.identity.incarnation);
  field_set_bits (L, "salt", segment.salt);
  lua_newtable (L);
  for (;;) {
    struct wal_batch_head head;
    if (!wal_batch_head_decode (&bytes, at, &head)
        || wal_batch_check (&bytes, at, &head) != NULL) {
      break;
    }
    count++;
    push_batch (L, &bytes, at, &head);
    lua_rawseti (L, -2, count);
    at += head.size;
  }
  lua_setfield (L, -2, "batches");
  field_set_number (L, "end", at);
  return 1;
}

/* Makes a head's checksum right again, for specs that change one: of a
** segment, or, told so, of a snapshot. */
static int log_seal_head (lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring (L, 1, &size);
  bool is_snapshot = lua_toboolean (L, 2) != 0;
  uint8_t *copy = lua_newuserdata (L, size);
  uint64_t sum;
  luaL_argcheck (L, size >= WAL_SECTOR, 1, "shorter than a head");
  memcpy (copy, bytes, size);
  sum = raft_checksum (copy, WAL_SECTOR - 8,
                       is_snapshot ? WAL_SNAPSHOT_SALT : WAL_HEAD_SALT);
  for (int i = 0; i < 8; i++) {
    copy[WAL_SECTOR - 8 + i] = (uint8_t)(sum >> 8 * i);
  }
  lua_pushlstring (L, (const char *)copy, size);
  return 1;
}

static void push_format (lua_State *L) {
  lua_createtable (L, 0, 8);
  field_set_number (L, "sector", WAL_SECTOR);
  field_set_number (L, "version", WAL_FORMAT_VERSION);
  field_set_number (L, "batch_head", WAL_BATCH_HEAD);
  field_set_number (L, "record_head", WAL_RECORD_HEAD);
  field_set_number (L, "checkpoint", WAL_CHECKPOINT);
  field_set_number (L, "peer", WAL_PEER);
  field_set_number (L, "configuration", WAL_CONFIGURATION);
  field_set_number (L, "truncate", WAL_TRUNCATE);
  field_set_number (L, "entry", WAL_ENTRY);
}

static const luaL_Reg methods[] = {
  { "init", log_init },
  { "open", log_open },
  { "begin_open", log_begin_open },
  { "told", log_told },
  { "events", log_events },
  { "persist", log_persist },
  { "persist_peer", log_persist_peer },
  { "compact", log_compact },
  { "read", log_read },
  { "close_in_read", log_close_in_read },
  { "rest", log_rest },
  { "pass", log_pass },
  { "deadline", log_deadline },
  { "close", log_close },
  { "status", log_status },
  { "fail_allocation", log_fail_allocation },
  { "allocations", log_allocations },
  { "peak", log_peak },
  { "free", log_free },
  { "__gc", log_free },
  { NULL, NULL }
};

static const luaL_Reg functions[] = { { "wal_log", log_new },
                                      { "wal_entry", log_entry },
                                      { "wal_scan", log_scan },
                                      { "wal_seal_head", log_seal_head },
                                      { NULL, NULL } };

void raft_probe_log (lua_State *L) {
  if (luaL_newmetatable (L, LOG)) {
    luaL_setfuncs (L, methods, 0);
    lua_pushvalue (L, -1);
    lua_setfield (L, -2, "__index");
  }
  lua_pop (L, 1);
  luaL_setfuncs (L, functions, 0);
  push_format (L);
  lua_setfield (L, -2, "wal_format");
}
