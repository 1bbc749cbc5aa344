/* SPDX-License-Identifier: MIT
**
** probe_snapshot.c - snapshot files on a pretended disk, for specs.
**
**   local writer = probe.snapshot_writer(disk, { index = 7, term = 2 })
**   writer:add("bytes"), writer:finish(), writer:give_up()
**       each begins something; the disk's steps carry it on
**   writer:state() -> { busy = false, ended = true, status = "ok", text = "" }
**   probe.snapshot_read(disk, 7)
**       -> "ok", content, { index = 7, term = 2, … }; or status, text     */

#include <string.h>

#include "field.h"
#include "probe_disk.h"
#include "wal/snapshot.h"

#define WRITER "raft.probe.snapshot_writer"

void raft_probe_snapshot (lua_State *L);

struct writer_handle {
  struct wal_snapshot_writer writer;
  int disk;              /* a reference: it must live as long */
  int status;            /* of what ended last */
  unsigned ends;
};

static void on_done (struct wal_snapshot_writer *writer, int status) {
  struct writer_handle *self = writer->owner;
  self->status = status;
  self->ends++;
}

static struct writer_handle *check (lua_State *L) {
  return luaL_checkudata (L, 1, WRITER);
}

static void read_head (lua_State *L, int index,
                       struct wal_snapshot_head *head, enum raft_bug *bug) {
  struct field_table table
    = field_open (L, index, "head", "index term time salt unsynced ");
  memset (head, 0, sizeof *head);
  head->identity.cluster = 17;
  head->identity.member = 1;
  head->identity.incarnation = 23;
  head->index = field_required (&table, "index", RAFT_INDEX_MAX);
  head->term = field_required (&table, "term", RAFT_INDEX_MAX);
  head->time = field_number (&table, "time", 0, RAFT_TIME_MAX);
  head->salt = field_number (&table, "salt", 99, RAFT_INDEX_MAX);
  *bug = field_boolean (&table, "unsynced") ? RAFT_BUG_SNAPSHOT_NOT_SYNCED
                                            : RAFT_BUG_NONE;
}

static int writer_new (lua_State *L) {
  struct probe_disk *disk = probe_disk_check (L, 1);
  struct wal_snapshot_head head;
  struct writer_handle *self;
  enum raft_bug bug;
  read_head (L, 2, &head, &bug);
  self = lua_newuserdata (L, sizeof *self);
  memset (self, 0, sizeof *self);
  luaL_getmetatable (L, WRITER);
  lua_setmetatable (L, -2);
  lua_pushvalue (L, 1);
  self->disk = luaL_ref (L, LUA_REGISTRYINDEX);
  self->writer.fs = probe_disk_port (disk);
  self->writer.bug = bug;
  self->writer.head = head;
  self->writer.done = on_done;
  self->writer.owner = self;
  wal_snapshot_begin (&self->writer);
  return 1;
}

static int writer_free (lua_State *L) {
  struct writer_handle *self = check (L);
  if (self->disk != 0) {
    wal_snapshot_writer_free (&self->writer);
    luaL_unref (L, LUA_REGISTRYINDEX, self->disk);
    self->disk = 0;
  }
  return 0;
}

static int writer_add (lua_State *L) {
  struct writer_handle *self = check (L);
  size_t size;
  const char *bytes = luaL_checklstring (L, 2, &size);
  luaL_argcheck (L, !self->writer.is_busy, 1, "the writer is busy");
  lua_pushboolean (L, wal_snapshot_add (&self->writer, bytes, size));
  return 1;
}

static int writer_finish (lua_State *L) {
  struct writer_handle *self = check (L);
  luaL_argcheck (L, !self->writer.is_busy, 1, "the writer is busy");
  wal_snapshot_end (&self->writer);
  return 0;
}

static int writer_give_up (lua_State *L) {
  struct writer_handle *self = check (L);
  luaL_argcheck (L, !self->writer.is_busy, 1, "the writer is busy");
  wal_snapshot_give_up (&self->writer);
  return 0;
}

static int writer_state (lua_State *L) {
  struct writer_handle *self = check (L);
  lua_createtable (L, 0, 4);
  field_set_boolean (L, "busy", self->writer.is_busy);
  field_set_number (L, "ends", self->ends);
  field_set_string (L, "status", raft_error_name (self->status));
  field_set_string (L, "text", self->writer.detail.text);
  return 1;
}

/* ---- reading ----------------------------------------------------------- */

struct reading {
  bool is_done;
  int status;
  const uint8_t *data;
  size_t size;
};

static void on_read (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct reading *reading = reader->owner;
  reading->is_done = true;
  reading->status = status;
  reading->data = data;
  reading->size = size;
}

static int wait_for (struct probe_disk *disk, struct reading *reading) {
  while (!reading->is_done && sim_disk_step (disk->disk)) {
  }
  reading->is_done = false;
  return reading->status;
}

static int read_all (struct probe_disk *disk,
                     struct wal_snapshot_reader *reader,
                     struct raft_buffer *content) {
  struct reading *reading = reader->owner;
  int status = wait_for (disk, reading);
  for (uint64_t i = 0; status == RAFT_OK && i < wal_snapshot_blocks (reader);
       i++) {
    wal_snapshot_read (reader, i);
    status = wait_for (disk, reading);
    if (status == RAFT_OK) {
      status = raft_buffer_append (content, reading->data, reading->size);
    }
  }
  if (reader->is_open) {
    struct raft_detail detail = reader->detail;
    wal_snapshot_close (reader);
    (void)wait_for (disk, reading);
    reader->detail = detail;
  }
  return status;
}

static void push_head (lua_State *L, const struct wal_snapshot_head *head) {
  lua_createtable (L, 0, 5);
  field_set_number (L, "index", head->index);
  field_set_number (L, "term", head->term);
  field_set_number (L, "time", head->time);
  field_set_number (L, "size", head->size);
  field_set_number (L, "member", head->identity.member);
}

static int snapshot_read (lua_State *L) {
  struct probe_disk *disk = probe_disk_check (L, 1);
  struct wal_snapshot_reader reader;
  struct reading reading = { false, RAFT_OK, NULL, 0 };
  struct raft_buffer content;
  int status;
  memset (&reader, 0, sizeof reader);
  reader.fs = probe_disk_port (disk);
  reader.done = on_read;
  reader.owner = &reading;
  wal_snapshot_open (&reader, (raft_index)luaL_checknumber (L, 2));
  raft_buffer_init (&content, &raft_memory_plain);
  status = read_all (disk, &reader, &content);
  wal_snapshot_reader_free (&reader);
  lua_pushstring (L, raft_error_name (status));
  if (status == RAFT_OK) {
    lua_pushlstring (L, content.size > 0 ? (const char *)content.data : "",
                     content.size);
    push_head (L, &reader.head);
  } else {
    lua_pushstring (L, reader.detail.text);
  }
  raft_buffer_free (&content);
  return status == RAFT_OK ? 3 : 2;
}

static const luaL_Reg methods[] = {
  { "add", writer_add },         { "finish", writer_finish },
  { "give_up", writer_give_up }, { "state", writer_state },
  { "__gc", writer_free },       { NULL, NULL },
};

void raft_probe_snapshot (lua_State *L) {
  if (luaL_newmetatable (L, WRITER)) {
    luaL_setfuncs (L, methods, 0);
    lua_pushvalue (L, -1);
    lua_setfield (L, -2, "__index");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, writer_new);
  lua_setfield (L, -2, "snapshot_writer");
  lua_pushcfunction (L, snapshot_read);
  lua_setfield (L, -2, "snapshot_read");
}
