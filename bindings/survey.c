/* SPDX-License-Identifier: MIT
**
** survey.c - the userdata raft.survey: a member's directory, read and never
** changed.
**
**   local survey = core.survey "data/1"
**   survey:names() -> { "admin.sock", "log-0000000001", … }; nil, message,
**       code also where a recovery has not come to its end
**   survey:holder() -> the process that has it in use, or nil
**   survey:begin(first segment, index that a snapshot covers)
**   survey:segment(number, is_last) -> { name = , size = , end = , … }; what
**       was wrong stands in it as message and code
**   survey:look(number) -> true: reads one again, for its batches
**   survey:finish() -> true; or nil, message, code
**   survey:contents() -> { term = , vote = , base = , last = , … }
**   survey:batch(offset) -> of the segment that was read last: { offset = ,
**       size = , number = , term = , vote = , records = { … } }, or nil
**   survey:snapshot(index, with_blocks) -> { index = , term = , … }
**
** Rule: takes no lock, and opens files to read them only: a member may run
**       meanwhile. What is read of its log then may be older at the front
**       than at the back; raft.inspect reads again before it believes in
**       damage. */

#include "survey.h"

#include <string.h>

#include "base/panic.h"
#include "field.h"
#include "uv/disk.h"
#include "value.h"
#include "wal/snapshot.h"
#include "wal/survey.h"
#include "wire/entry.h"

#define SURVEY "raft.survey"

struct survey_box {
  struct port_fs port;        /* first */
  struct real_disk disk;
  struct fs_request *request; /* submitted, not yet performed */
  struct wal_survey survey;
  struct raft_buffer bytes;   /* of the segment that was read last */
  struct wal_bytes view;
  uint64_t number;            /* of it */
  struct wal_snapshot_reader reader;
  int status;                 /* of what the reader did last */
  bool is_open;
};

static struct survey_box *check (lua_State *L) {
  struct survey_box *box = luaL_checkudata (L, 1, SURVEY);
  luaL_argcheck (L, box->is_open, 1, "expected an open survey");
  return box;
}

/* ---- life -------------------------------------------------------------- */

static void submit (struct port_fs *port, struct fs_request *request) {
  ((struct survey_box *)(void *)port)->request = request;
}

static void perform_all (struct survey_box *box) {
  while (box->request != NULL) {
    struct fs_request *request = box->request;
    box->request = NULL;
    real_disk_perform (&box->disk, request);
    request->done (request);
  }
}

static int survey_close (lua_State *L) {
  struct survey_box *box = luaL_checkudata (L, 1, SURVEY);
  if (box->is_open) {
    box->is_open = false;
    wal_survey_free (&box->survey);
    wal_snapshot_reader_free (&box->reader);
    raft_buffer_free (&box->bytes);
    real_disk_free (&box->disk);
  }
  return 0;
}

static int survey_new (lua_State *L) {
  const char *path = luaL_checkstring (L, 1);
  struct survey_box *box = lua_newuserdata (L, sizeof *box);
  memset (box, 0, sizeof *box);
  luaL_getmetatable (L, SURVEY);
  lua_setmetatable (L, -2);
  if (real_disk_init (&box->disk, path) != RAFT_OK) {
    return binding_push_failure (L, RAFT_ENOMEM, NULL);
  }
  box->port.submit = submit;
  box->disk.is_read_only = true;
  raft_buffer_init (&box->bytes, &raft_memory_plain);
  raft_buffer_init (&box->reader.bytes, &raft_memory_plain);
  wal_survey_init (&box->survey, &raft_memory_plain);
  wal_survey_begin (&box->survey, 1, 0);
  box->is_open = true;
  return 1;
}

/* ---- the directory ----------------------------------------------------- */

static int perform (struct survey_box *box, struct fs_request *request,
                    enum fs_operation operation) {
  request->operation = operation;
  real_disk_perform (&box->disk, request);
  return request->status;
}

static int survey_names (lua_State *L) {
  struct survey_box *box = check (L);
  struct raft_buffer *list = binding_buffer_push (L);
  struct fs_request request;
  const char *name, *end;
  int count = 0;
  memset (&request, 0, sizeof request);
  request.bytes = list;
  if (perform (box, &request, FS_LIST) != RAFT_OK) {
    return binding_push_failure (L, request.status, NULL);
  }
  lua_newtable (L);
  name = (const char *)list->data;
  end = name + list->size;
  for (; name < end; name += strlen (name) + 1) {
    if (strcmp (name, WAL_NAME_UNFINISHED) == 0) {
      struct raft_detail why;
      return binding_push_failure (
        L, raft_fail (&why, RAFT_ENOT_INITIALISED, WAL_UNFINISHED), &why);
    }
    lua_pushstring (L, name);
    lua_rawseti (L, -2, ++count);
  }
  return 1;
}

static int survey_holder (lua_State *L) {
  uint64_t holder = real_disk_holder (&check (L)->disk);
  if (holder == 0) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)holder);
  }
  return 1;
}

/* ---- segments ---------------------------------------------------------- */

static int survey_begin (lua_State *L) {
  struct survey_box *box = check (L);
  wal_survey_begin (&box->survey, (uint64_t)luaL_checknumber (L, 2),
                    (raft_index)luaL_checknumber (L, 3));
  return 0;
}

static int read_whole (struct survey_box *box, const char *name) {
  struct fs_request request;
  int status;
  memset (&request, 0, sizeof request);
  box->bytes.size = 0;
  request.name = name;
  status = perform (box, &request, FS_OPEN);
  if (status == RAFT_OK) {
    request.bytes = &box->bytes;
    status = perform (box, &request, FS_READ);
    (void)perform (box, &request, FS_CLOSE);
  }
  if (status != RAFT_OK) {
    (void)raft_fail (&box->survey.detail, status, "%s: %s", name,
                     raft_error_text (status));
  }
  return status;
}

/* Reads and judges one; a check of ours that fails is told, too. */
static int judge (struct survey_box *box, bool is_last,
                  struct wal_stretch *stretch) {
  struct raft_guard guard;
  int status;
  memset (stretch, 0, sizeof *stretch);
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    status = wal_survey_segment (&box->survey, box->number, is_last,
                                 &box->view, stretch);
  } else {
    status = raft_fail (&box->survey.detail, RAFT_EPANIC, "assert: %s",
                        guard.what);
  }
  raft_guard_leave (&guard);
  return status;
}

static void set_stretch (lua_State *L, const struct wal_stretch *stretch) {
  field_set_number (L, "end", stretch->end);
  field_set_number (L, "batches", stretch->batches);
  field_set_number (L, "entries", stretch->entries);
  field_set_number (L, "payload_bytes", stretch->payload_bytes);
  field_set_number (L, "torn", stretch->torn);
  if (stretch->batches > 0) {
    field_set_number (L, "first_batch", stretch->first_batch);
    field_set_number (L, "last_batch", stretch->last_batch);
  }
  if (stretch->entries > 0) {
    field_set_number (L, "first", stretch->first_index);
    field_set_number (L, "last", stretch->last_index);
    field_set_number (L, "first_term", stretch->first_term);
    field_set_number (L, "last_term", stretch->last_term);
  }
  if (stretch->broken != 0) {
    field_set_number (L, "broken", stretch->broken);
    field_set_number (L, "broken_at", stretch->broken_at);
  }
}

static void set_failure (lua_State *L, int status, const char *text) {
  field_set_string (L, "message", text[0] != '\0' ? text
                                                  : raft_error_text (status));
  field_set_string (L, "code", raft_error_name (status));
}

static int survey_segment (lua_State *L) {
  struct survey_box *box = check (L);
  struct wal_stretch stretch;
  char name[WAL_NAME_BYTES];
  int status;
  box->number = (uint64_t)luaL_checknumber (L, 2);
  wal_segment_name (box->number, name);
  memset (&stretch, 0, sizeof stretch);
  status = read_whole (box, name);
  box->view.data = box->bytes.data;
  box->view.size = box->bytes.size;
  if (status == RAFT_OK) {
    status = judge (box, lua_toboolean (L, 3), &stretch);
  }
  lua_newtable (L);
  field_set_string (L, "name", name);
  field_set_number (L, "number", box->number);
  field_set_number (L, "size", box->bytes.size);
  set_stretch (L, &stretch);
  if (status != RAFT_OK) {
    set_failure (L, status, box->survey.detail.text);
  }
  return 1;
}

/* Reads one again, for its batches; what stands is known from before. */
static int survey_look (lua_State *L) {
  struct survey_box *box = check (L);
  struct wal_segment_head head;
  char name[WAL_NAME_BYTES];
  int status;
  box->number = (uint64_t)luaL_checknumber (L, 2);
  wal_segment_name (box->number, name);
  status = read_whole (box, name);
  box->view.data = box->bytes.data;
  box->view.size = box->bytes.size;
  if (status == RAFT_OK) {
    status = wal_segment_head_decode (box->view.data, box->view.size, name,
                                      &head, &box->survey.detail);
  }
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &box->survey.detail);
  }
  box->view.salt = head.salt;
  lua_pushboolean (L, 1);
  return 1;
}

static int survey_finish (lua_State *L) {
  struct survey_box *box = check (L);
  int status = wal_survey_end (&box->survey);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &box->survey.detail);
  }
  lua_pushboolean (L, 1);
  return 1;
}

static void set_identity (lua_State *L, const struct wal_identity *identity) {
  field_set_number (L, "member", identity->member);
  field_push_hex (L, identity->cluster);
  lua_setfield (L, -2, "cluster");
  field_push_hex (L, identity->incarnation);
  lua_setfield (L, -2, "incarnation");
}

static int survey_contents (lua_State *L) {
  struct survey_box *box = check (L);
  const struct wal_contents *contents = &box->survey.contents;
  const struct wal_configuration *latest
    = wal_contents_configuration (contents);
  lua_newtable (L);
  set_identity (L, &box->survey.replay.identity);
  field_set_number (L, "term", contents->term);
  field_set_number (L, "vote", contents->vote);
  field_set_number (L, "base", contents->base_index);
  field_set_number (L, "last", contents->last_index);
  field_set_number (L, "last_time", contents->last_time);
  lua_newtable (L);
  for (size_t i = 0; i < contents->peer_count; i++) {
    lua_newtable (L);
    field_set_number (L, "member", contents->peers[i].member);
    field_push_hex (L, contents->peers[i].incarnation);
    lua_setfield (L, -2, "incarnation");
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "peers");
  if (latest != NULL && latest->entry.size > WIRE_ENTRY_HEAD) {
    field_set_number (L, "configuration_index", latest->index);
    lua_pushlstring (L, (const char *)latest->entry.data + WIRE_ENTRY_HEAD,
                     latest->entry.size - WIRE_ENTRY_HEAD);
    lua_setfield (L, -2, "configuration");
  }
  return 1;
}

/* ---- batches ----------------------------------------------------------- */

static const char *const RECORD_WORDS[]
  = { "checkpoint", "peer", "configuration_copy", "truncate", "entry",
      "reset" };
static const struct field_words record_words = { RECORD_WORDS, 6, 1 };
static const char *const ENTRY_WORDS[]
  = { "noop", "configuration", "command", "session_open", "session_close",
      "agreed" };
static const struct field_words entry_words = { ENTRY_WORDS, 6, 1 };

static void set_entry (lua_State *L, const uint8_t *body, uint32_t size) {
  struct wire_entry entry;
  if (wire_entry_decode (body, size, &entry) != RAFT_OK) {
    return;
  }
  field_set_word (L, "kind", &entry_words, entry.kind);
  field_set_number (L, "index", entry.index);
  field_set_number (L, "term", entry.term);
  field_set_number (L, "time", entry.time);
  field_set_number (L, "group", entry.group);
  field_set_number (L, "session", entry.session);
  field_set_number (L, "sequence", entry.sequence);
  field_set_number (L, "first_unacknowledged", entry.first_unacknowledged);
  field_push_hex (L, entry.random);
  lua_setfield (L, -2, "random");
  field_set_boolean (L, "intact", wire_entry_is_intact (&entry));
  lua_pushlstring (L, (const char *)entry.payload, entry.payload_size);
  lua_setfield (L, -2, "payload");
}

/* Whether a later record of the same batch cuts what stands at 'index'. */
static bool is_cut_within (const struct wal_batch_head *head,
                           const uint8_t *data, uint32_t position,
                           raft_index index) {
  for (uint32_t i = position + 1; i < head->record_count; i++) {
    struct wal_record record;
    wal_record_decode (data + WAL_BATCH_HEAD + (size_t)i * WAL_RECORD_HEAD,
                       &record);
    if ((record.kind == WAL_TRUNCATE && record.a <= index)
        || record.kind == WAL_RESET) {
      return true;
    }
  }
  return false;
}

static void push_record (lua_State *L, const struct survey_box *box,
                         uint64_t at, const struct wal_batch_head *head,
                         uint32_t position, const uint8_t **body) {
  const uint8_t *data = box->bytes.data + at;
  struct wal_record record;
  wal_record_decode (
    data + WAL_BATCH_HEAD + (size_t)position * WAL_RECORD_HEAD, &record);
  lua_newtable (L);
  field_set_word (L, "record", &record_words, record.kind);
  field_set_bits (L, "a", record.a);
  field_set_bits (L, "b", record.b);
  if (record.kind == WAL_ENTRY) {
    set_entry (L, *body, record.size);
    field_set_boolean (L, "stands",
                       wal_survey_stands (&box->survey, record.a,
                                          box->number, at)
                         && !is_cut_within (head, data, position, record.a));
  }
  *body += record.size;
}

static int survey_batch (lua_State *L) {
  struct survey_box *box = check (L);
  uint64_t at = (uint64_t)luaL_checknumber (L, 2);
  struct wal_batch_head head;
  const uint8_t *body;
  if (box->bytes.size < WAL_SECTOR || at < WAL_SECTOR
      || !wal_survey_batch (&box->view, at, &head)) {
    lua_pushnil (L);
    return 1;
  }
  lua_newtable (L);
  field_set_number (L, "offset", at);
  field_set_number (L, "size", head.size);
  field_set_number (L, "number", head.number);
  field_set_number (L, "term", head.term);
  field_set_number (L, "vote", head.vote);
  lua_createtable (L, (int)head.record_count, 0);
  body = box->bytes.data + at + WAL_BATCH_HEAD
         + (size_t)head.record_count * WAL_RECORD_HEAD;
  for (uint32_t i = 0; i < head.record_count; i++) {
    push_record (L, box, at, &head, i, &body);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "records");
  return 1;
}

/* ---- snapshots --------------------------------------------------------- */

static void on_done (struct wal_snapshot_reader *reader, int status,
                     const uint8_t *data, size_t size) {
  struct survey_box *box = reader->owner;
  (void)data;
  (void)size;
  box->status = status;
}

/* Head, then blocks; returns the first error. */
static int read_snapshot (struct survey_box *box, raft_index index,
                          bool with_blocks) {
  struct wal_snapshot_reader *reader = &box->reader;
  int status;
  memset (reader, 0, sizeof *reader);
  reader->fs = &box->port;
  reader->done = on_done;
  reader->owner = box;
  wal_snapshot_open (reader, index);
  perform_all (box);
  status = box->status;
  for (uint64_t i = 0; status == RAFT_OK && with_blocks
                       && i < wal_snapshot_blocks (reader); i++) {
    wal_snapshot_read (reader, i);
    perform_all (box);
    status = box->status;
  }
  if (reader->is_open) {
    wal_snapshot_close (reader);
    perform_all (box);
  }
  wal_snapshot_reader_free (reader);
  return status;
}

static int survey_snapshot (lua_State *L) {
  struct survey_box *box = check (L);
  raft_index index = (raft_index)luaL_checknumber (L, 2);
  int status = read_snapshot (box, index, lua_toboolean (L, 3));
  const struct wal_snapshot_head *head = &box->reader.head;
  lua_newtable (L);
  field_set_string (L, "name", box->reader.name);
  field_set_number (L, "index", index);
  field_set_number (L, "size", box->reader.file_size);
  if (head->index == index) {
    set_identity (L, &head->identity);
    field_set_number (L, "term", head->term);
    field_set_number (L, "time", head->time);
    field_set_number (L, "content_bytes", head->size);
    field_set_number (L, "blocks", wal_snapshot_blocks (&box->reader));
  }
  if (status != RAFT_OK) {
    set_failure (L, status, box->reader.detail.text);
  }
  return 1;
}

static const luaL_Reg METHODS[] = {
  { "batch", survey_batch },       { "begin", survey_begin },
  { "close", survey_close },       { "contents", survey_contents },
  { "finish", survey_finish },     { "holder", survey_holder },
  { "look", survey_look },         { "names", survey_names },
  { "segment", survey_segment },   { "snapshot", survey_snapshot },
  { NULL, NULL },
};

void binding_survey_open (lua_State *L) {
  if (luaL_newmetatable (L, SURVEY)) {
    luaL_newlib (L, METHODS);
    lua_setfield (L, -2, "__index");
    lua_pushcfunction (L, survey_close);
    lua_setfield (L, -2, "__gc");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, survey_new);
  lua_setfield (L, -2, "survey");
}
