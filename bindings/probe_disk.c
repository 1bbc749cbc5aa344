/* SPDX-License-Identifier: MIT
**
** probe_disk.c - core/sim/disk and core/fault/fs for specs.
**
**   local disk = probe.disk { forgets = false }
**   disk:submit { operation = "write", file = 1, offset = 0, bytes = "…" }
**     -> id;  operations as in port/fs.h, in lower case
**   disk:step () -> yes; disk:drain (); disk:pending ()
**   disk:result (id) -> nil, or { status = "ok", file, size, bytes }
**   disk:perform { … } -> the same, after drain
**   disk:crash (mask); disk:kill (); disk:become (n); disk:release (n)
**   disk:fail (kind, after, code); disk:choose (mask); disk:capacity (bytes)
**   disk:flip (name, offset, bit), disk:truncate (name, size),
**   disk:remove (name), disk:put (name, bytes) -> yes
**   disk:names (durable) -> list; disk:contents (name, durable) -> bytes
**   disk:unsynced (), disk:used (), disk:held (), disk:hash (),
**   disk:counts () -> { requests, writes, syncs, failed }; disk:copy () */

#include "probe_disk.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "field.h"

#define DISK "raft.probe.disk"
#define OPERATIONS 13

void raft_probe_disk (lua_State *L);

static const char *const operations[OPERATIONS]
  = { "lock",  "make",  "list",   "open", "create", "close",         "allocate",
      "read", "write", "sync", "rename", "remove", "sync_directory" };
static const struct field_words operation_words
  = { operations, OPERATIONS, FS_LOCK };

static const char *const faults[] = { "write", "sync", "any" };

struct probe_request {
  struct fs_request request;
  struct probe_request *next;
  lua_Integer id;
  bool is_done;
  struct raft_buffer read;
  struct raft_buffer written;
  struct raft_slice slice;
  char name[64];
  char target[64];
};

/* A mask that lives as long as the disk needs it. */
struct probe_choice {
  struct sim_choice_mask mask;
};

struct probe_disk *probe_disk_check (lua_State *L, int index) {
  struct probe_disk *self = luaL_checkudata (L, index, DISK);
  luaL_argcheck (L, self->disk != NULL, index, "the disk is closed");
  return self;
}

struct port_fs *probe_disk_port (struct probe_disk *disk) {
  return disk->trouble != NULL ? fault_disk_port (disk->trouble)
         : disk->fault != NULL ? fault_fs_port (disk->fault)
                               : sim_disk_port (disk->disk);
}

static struct probe_disk *push_closed (lua_State *L) {
  struct probe_disk *self = lua_newuserdata (L, sizeof *self);
  memset (self, 0, sizeof *self);
  luaL_getmetatable (L, DISK);
  lua_setmetatable (L, -2);
  return self;
}

static void on_lost_sync (void *owner, const struct fs_request *sync) {
  fault_fs_lose (owner, sync);
}

/* Puts decorators above the disk, that which is trouble above the other. */
static void decorate (struct probe_disk *self, bool forgets, bool troubled) {
  self->fault = NULL;
  self->trouble = NULL;
  if (forgets) {
    self->fault = fault_fs_new (sim_disk_port (self->disk));
  }
  if (troubled) {
    self->trouble = fault_disk_new (probe_disk_port (self),
                                    &self->clock.port);
  }
  if (forgets && troubled) {
    fault_disk_tell (self->trouble, on_lost_sync, self->fault);
  }
}

static int disk_new (lua_State *L) {
  bool forgets = false;
  bool troubled = false;
  struct probe_disk *self;
  if (!lua_isnoneornil (L, 1)) {
    struct field_table table
      = field_open (L, 1, "options", "forgets troubled ");
    forgets = field_boolean (&table, "forgets");
    troubled = field_boolean (&table, "troubled");
  }
  self = push_closed (L);
  self->disk = sim_disk_new ();
  probe_clock_init (&self->clock);
  decorate (self, forgets, troubled);
  return 1;
}

static void free_requests (struct probe_disk *self) {
  while (self->requests != NULL) {
    struct probe_request *next = self->requests->next;
    raft_buffer_free (&self->requests->read);
    raft_buffer_free (&self->requests->written);
    raft_release (&raft_memory_plain, self->requests,
                  sizeof *self->requests);
    self->requests = next;
  }
}

static int disk_free (lua_State *L) {
  struct probe_disk *self = luaL_checkudata (L, 1, DISK);
  if (self->disk != NULL) {
    fault_disk_free (self->trouble);
    fault_fs_free (self->fault);
    sim_disk_free (self->disk);
    self->disk = NULL;
    free_requests (self);
  }
  return 0;
}

/* ---- requests ---------------------------------------------------------- */

static void on_done (struct fs_request *request) {
  ((struct probe_request *)request->owner)->is_done = true;
}

static void copy_word (char *to, const char *from) {
  if (from != NULL) {
    size_t size = strlen (from);
    size = size < 63 ? size : 63;
    memcpy (to, from, size);
  }
}

static void read_request (lua_State *L, struct probe_request *one) {
  struct field_table table
    = field_open (L, 2, "request",
                  "operation file name target offset size bytes ");
  int operation = field_word (&table, "operation", &operation_words, -1);
  one->request.operation = (enum fs_operation)operation;
  one->request.file = (int64_t)field_number (&table, "file", 0, 1u << 30);
  one->request.offset = field_number (&table, "offset", 0, 1u << 30);
  one->request.size = field_number (&table, "size", 0, 1u << 30);
  copy_word (one->name, field_string (&table, "name"));
  copy_word (one->target, field_string (&table, "target"));
  lua_getfield (L, 2, "bytes");
  if (lua_isstring (L, -1)) {
    size_t size;
    const char *bytes = lua_tolstring (L, -1, &size);
    (void)raft_buffer_append (&one->written, bytes, size);
    one->slice = raft_slice_borrowed (one->written.data, size);
    one->request.slices = &one->slice;
    one->request.slice_count = 1;
  }
  lua_pop (L, 3);
}

static struct probe_request *submit (lua_State *L,
                                     struct probe_disk *self) {
  struct probe_request *one
    = raft_allocate_zeroed (&raft_memory_plain, sizeof *one);
  if (one == NULL) {
    luaL_error (L, "out of memory");
    return NULL;
  }
  raft_buffer_init (&one->read, &raft_memory_plain);
  raft_buffer_init (&one->written, &raft_memory_plain);
  one->next = self->requests;
  self->requests = one; /* from here on the disk frees it */
  self->last_id++;
  one->id = self->last_id;
  read_request (L, one);
  one->request.name = one->name;
  one->request.target = one->target;
  one->request.bytes = &one->read;
  one->request.done = on_done;
  one->request.owner = one;
  probe_disk_port (self)->submit (probe_disk_port (self), &one->request);
  return one;
}

static int disk_submit (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  struct probe_request *one = submit (L, self);
  lua_pushinteger (L, one->id);
  return 1;
}

static int push_result (lua_State *L, const struct probe_request *one) {
  if (!one->is_done) {
    lua_pushnil (L);
    return 1;
  }
  lua_createtable (L, 0, 4);
  field_set_string (L, "status", raft_error_name (one->request.status));
  field_set_number (L, "file", (uint64_t)one->request.file);
  field_set_number (L, "size", one->request.size);
  lua_pushlstring (L, one->read.size > 0 ? (char *)one->read.data : "",
                   one->read.size);
  lua_setfield (L, -2, "bytes");
  return 1;
}

static int disk_result (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  lua_Integer id = luaL_checkinteger (L, 2);
  struct probe_request *one = self->requests;
  while (one != NULL && one->id != id) {
    one = one->next;
  }
  luaL_argcheck (L, one != NULL, 2, "no such request");
  return push_result (L, one);
}

static int disk_perform (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  struct probe_request *one = submit (L, self);
  sim_disk_drain (self->disk);
  return push_result (L, one);
}

static int disk_step (lua_State *L) {
  lua_pushboolean (L, sim_disk_step (probe_disk_check (L, 1)->disk));
  return 1;
}

static int disk_drain (lua_State *L) {
  sim_disk_drain (probe_disk_check (L, 1)->disk);
  return 0;
}

static int disk_pending (lua_State *L) {
  lua_pushinteger (
    L, (lua_Integer)sim_disk_pending (probe_disk_check (L, 1)->disk));
  return 1;
}

/* ---- crashes and faults ------------------------------------------------ */

/* What the decorators held goes with their process. */
static void forget (struct probe_disk *self) {
  struct fault_fs *fault = self->fault;
  struct fault_disk *trouble = self->trouble;
  if (fault != NULL) {
    decorate (self, true, trouble != NULL);
    fault_disk_free (trouble);
    fault_fs_free (fault);
  }
}

static int disk_crash (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  struct sim_choice_mask choice;
  sim_choice_mask_init (&choice, (uint64_t)luaL_optnumber (L, 2, 0));
  sim_disk_crash (self->disk, &choice.choice);
  forget (self);
  lua_pushinteger (L, (lua_Integer)choice.asked);
  return 1;
}

static int disk_kill (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  sim_disk_kill (self->disk);
  forget (self);
  return 0;
}

/* trouble { slow = us, left = bytes, fail = n }; left below 0: endless. */
static int disk_trouble (lua_State *L) {
  struct fault_disk *trouble = probe_disk_check (L, 1)->trouble;
  lua_getfield (L, 2, "slow");
  lua_getfield (L, 2, "left");
  lua_getfield (L, 2, "fail");
  if (!lua_isnil (L, 3)) {
    fault_disk_slow (trouble, (raft_time)lua_tonumber (L, 3));
  }
  if (!lua_isnil (L, 4)) {
    lua_Number left = lua_tonumber (L, 4);
    fault_disk_fill (trouble,
                     left < 0 ? FAULT_DISK_ENDLESS : (uint64_t)left);
  }
  if (!lua_isnil (L, 5)) {
    fault_disk_fail (trouble, (uint64_t)lua_tonumber (L, 5));
  }
  return 0;
}

/* pass (us) -> when it is due next, or nil. */
static int disk_pass (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  raft_time deadline;
  self->clock.now += (raft_time)luaL_checknumber (L, 2);
  fault_disk_on_time (self->trouble);
  sim_disk_drain (self->disk);
  deadline = fault_disk_deadline (self->trouble);
  if (deadline == RAFT_TIME_MAX) {
    lua_pushnil (L);
  } else {
    lua_pushnumber (L, (lua_Number)(deadline - self->clock.now));
  }
  return 1;
}

static int disk_lie (lua_State *L) {
  fault_fs_lie (probe_disk_check (L, 1)->fault, lua_toboolean (L, 2));
  return 0;
}

static void on_spilled (struct fs_request *request) {
  *(bool *)request->owner = true;
}

/* spill ([bits]) -> whether it was told that all is done. */
static int disk_spill (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  bool is_done = false;
  struct fs_request last;
  memset (&last, 0, sizeof last);
  last.owner = &is_done;
  last.done = on_spilled;
  fault_fs_spill (self->fault,
                  lua_isnoneornil (L, 2) ? FAULT_FS_ALL
                                         : (uint64_t)lua_tonumber (L, 2),
                  &last);
  sim_disk_drain (self->disk);
  lua_pushboolean (L, is_done);
  return 1;
}

static int disk_become (lua_State *L) {
  sim_disk_become (probe_disk_check (L, 1)->disk,
                   (uint64_t)luaL_checkinteger (L, 2));
  return 0;
}

static int disk_release (lua_State *L) {
  sim_disk_release (probe_disk_check (L, 1)->disk,
                    (uint64_t)luaL_checkinteger (L, 2));
  return 0;
}

static int disk_fail (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  const char *kind = luaL_checkstring (L, 2);
  lua_Integer after = luaL_checkinteger (L, 3);
  const char *code = luaL_optstring (L, 4, "io");
  int number = 0;
  while (number < 3 && strcmp (faults[number], kind) != 0) {
    number++;
  }
  luaL_argcheck (L, number < 3, 2, "expected write, sync or any");
  sim_disk_fail (self->disk, (enum sim_disk_fault)(number + 1),
                 (uint64_t)after,
                 raft_error_of_name (code, strlen (code)));
  return 0;
}

/* The choice outlives the call: it is a userdata kept in the registry. */
static int disk_choose (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  uint64_t mask = (uint64_t)luaL_checknumber (L, 2);
  struct probe_choice *choice = lua_newuserdata (L, sizeof *choice);
  sim_choice_mask_init (&choice->mask, mask);
  (void)luaL_ref (L, LUA_REGISTRYINDEX);
  sim_disk_set_choice (self->disk, &choice->mask.choice);
  return 0;
}

static int disk_capacity (lua_State *L) {
  sim_disk_set_capacity (probe_disk_check (L, 1)->disk,
                         (uint64_t)luaL_checknumber (L, 2));
  return 0;
}

static int disk_flip (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  lua_pushboolean (L, sim_disk_flip (self->disk, luaL_checkstring (L, 2),
                                     (uint64_t)luaL_checknumber (L, 3),
                                     (unsigned)luaL_checkinteger (L, 4))
                        == RAFT_OK);
  return 1;
}

static int disk_truncate (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  lua_pushboolean (L, sim_disk_truncate (self->disk, luaL_checkstring (L, 2),
                                         (uint64_t)luaL_checknumber (L, 3))
                        == RAFT_OK);
  return 1;
}

static int disk_remove (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  lua_pushboolean (L, sim_disk_remove (self->disk, luaL_checkstring (L, 2))
                        == RAFT_OK);
  return 1;
}

static int disk_put (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  size_t size;
  const char *name = luaL_checkstring (L, 2);
  const char *bytes = luaL_checklstring (L, 3, &size);
  sim_disk_put (self->disk, name, bytes, size);
  return 0;
}

/* ---- looking in -------------------------------------------------------- */

static int disk_names (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  bool durable = lua_toboolean (L, 2);
  struct raft_buffer names;
  int count = 0;
  raft_buffer_init (&names, &raft_memory_plain);
  (void)sim_disk_names (self->disk, durable, &names);
  lua_newtable (L);
  for (size_t at = 0; at < names.size;) {
    const char *name = (const char *)names.data + at;
    count++;
    lua_pushstring (L, name);
    lua_rawseti (L, -2, count);
    at += strlen (name) + 1;
  }
  raft_buffer_free (&names);
  return 1;
}

static int disk_contents (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  const char *name = luaL_checkstring (L, 2);
  bool durable = lua_toboolean (L, 3);
  struct raft_buffer bytes;
  raft_buffer_init (&bytes, &raft_memory_plain);
  if (sim_disk_contents (self->disk, name, durable, &bytes) != RAFT_OK) {
    lua_pushnil (L);
  } else {
    lua_pushlstring (L, bytes.size > 0 ? (char *)bytes.data : "",
                     bytes.size);
  }
  raft_buffer_free (&bytes);
  return 1;
}

static int disk_unsynced (lua_State *L) {
  lua_pushinteger (
    L, (lua_Integer)sim_disk_unsynced (probe_disk_check (L, 1)->disk));
  return 1;
}

static int disk_used (lua_State *L) {
  lua_pushnumber (
    L, (lua_Number)sim_disk_used (probe_disk_check (L, 1)->disk));
  return 1;
}

static int disk_held (lua_State *L) {
  const struct probe_disk *self = probe_disk_check (L, 1);
  lua_pushnumber (L, self->fault != NULL
                       ? (lua_Number)fault_fs_held (self->fault)
                       : 0);
  return 1;
}

static int disk_hash (lua_State *L) {
  field_push_hex (L, sim_disk_hash (probe_disk_check (L, 1)->disk));
  return 1;
}

static int disk_counts (lua_State *L) {
  struct sim_disk_counts counts;
  sim_disk_get_counts (probe_disk_check (L, 1)->disk, &counts);
  lua_createtable (L, 0, 4);
  field_set_number (L, "requests", counts.requests);
  field_set_number (L, "writes", counts.writes);
  field_set_number (L, "syncs", counts.syncs);
  field_set_number (L, "failed", counts.failed);
  return 1;
}

static int disk_copy (lua_State *L) {
  struct probe_disk *self = probe_disk_check (L, 1);
  struct probe_disk *copy = push_closed (L);
  copy->disk = sim_disk_copy (self->disk);
  if (self->fault != NULL) {
    copy->fault = fault_fs_new (sim_disk_port (copy->disk));
  }
  return 1;
}

static const luaL_Reg methods[] = {
  { "submit", disk_submit },     { "perform", disk_perform },
  { "result", disk_result },     { "step", disk_step },
  { "drain", disk_drain },       { "pending", disk_pending },
  { "crash", disk_crash },       { "kill", disk_kill },
  { "become", disk_become },     { "release", disk_release },
  { "fail", disk_fail },         { "choose", disk_choose },
  { "capacity", disk_capacity }, { "flip", disk_flip },
  { "truncate", disk_truncate }, { "remove", disk_remove },
  { "put", disk_put },           { "names", disk_names },
  { "contents", disk_contents }, { "unsynced", disk_unsynced },
  { "used", disk_used },         { "held", disk_held },
  { "hash", disk_hash },         { "counts", disk_counts },
  { "copy", disk_copy },         { "trouble", disk_trouble },
  { "pass", disk_pass },         { "lie", disk_lie },
  { "spill", disk_spill },       { "__gc", disk_free },
  { NULL, NULL }
};

void raft_probe_disk (lua_State *L) {
  if (luaL_newmetatable (L, DISK)) {
    luaL_setfuncs (L, methods, 0);
    lua_pushvalue (L, -1);
    lua_setfield (L, -2, "__index");
  }
  lua_pop (L, 1);
  lua_pushcfunction (L, disk_new);
  lua_setfield (L, -2, "disk");
}
