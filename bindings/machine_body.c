/* SPDX-License-Identifier: MIT
**
** machine_body.c - what the protected calls of a Lua machine do.
**
** Holds:  one function per request. They may raise; nothing here owns memory
**         while Lua runs, answers go to the buffer of the request. */

#include <stdio.h>

#include "base/checksum.h"
#include "machine_state.h"
#include "value.h"

#define RESTORE_PIECE ((size_t)64 * 1024) /* bytes */

/* ---- slots ------------------------------------------------------------ */

static const char slots_key = 0; /* its address, in the registry */

void machine_push_slots (lua_State *L) {
  lua_pushlightuserdata (L, (void *)&slots_key);
  lua_rawget (L, LUA_REGISTRYINDEX);
}

void machine_set_slot (lua_State *L, int slot) {
  lua_pushlightuserdata (L, (void *)&slots_key);
  lua_rawget (L, LUA_REGISTRYINDEX);
  if (lua_isnil (L, -1)) {
    lua_pop (L, 1);
    lua_createtable (L, MACHINE_SLOT_COUNT, 0);
    lua_pushlightuserdata (L, (void *)&slots_key);
    lua_pushvalue (L, -2);
    lua_rawset (L, LUA_REGISTRYINDEX);
  }
  lua_insert (L, -2);
  lua_rawseti (L, -2, slot);
  lua_pop (L, 1);
}

/* ---- values ----------------------------------------------------------- */

/* Appends the value on top of the stack to the answer. Raises when it has no
** encoding; halts when there is no memory for it. */
static void encode_top (lua_State *L, struct machine_job *job) {
  struct raft_detail detail = { "" };
  struct raft_buffer *bytes = &job->request->bytes;
  int status;
  job->offset = bytes->size;
  status = binding_value_encode (L, lua_gettop (L), bytes, &detail);
  if (status == RAFT_ENOMEM) {
    machine_halt (job->self, RAFT_ENOMEM, raft_error_text (status));
  }
  if (status != RAFT_OK) {
    (void)luaL_error (L, "the machine's answer cannot be encoded: %s",
                      detail.text);
  }
}

/* The same for what goes to a client. Raises for one past the limit. */
static void encode_answer (lua_State *L, struct machine_job *job) {
  struct raft_buffer *bytes = &job->request->bytes;
  size_t size;
  encode_top (L, job);
  size = bytes->size - job->offset;
  if (size > MACHINE_ANSWER_MAX) {
    bytes->size = job->offset;
    (void)luaL_error (L, "the answer has %d bytes, the limit is %d",
                      (int)size, (int)MACHINE_ANSWER_MAX);
  }
}

/* Pushes the command or question. */
static void decode (lua_State *L, const struct machine_entry *entry) {
  struct raft_detail detail = { "" };
  int status = binding_value_decode (L, entry->payload, entry->payload_size,
                                     &detail);
  if (status != RAFT_OK) {
    (void)luaL_error (L, "the command cannot be decoded: %s",
                      detail.text[0] == '\0' ? raft_error_text (status)
                                             : detail.text);
  }
}

/* Pushes a method and the instance, or nothing. */
static bool push_method (lua_State *L, const char *name) {
  lua_getfield (L, MACHINE_SLOT_INSTANCE, name);
  if (lua_isnil (L, -1)) {
    lua_pop (L, 1);
    return false;
  }
  lua_pushvalue (L, MACHINE_SLOT_INSTANCE);
  return true;
}

static void set_number (lua_State *L, const char *name, uint64_t value) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger (L, (lua_Integer)value);
#else
  lua_pushnumber (L, (lua_Number)value);
#endif
  lua_setfield (L, -2, name);
}

/* ---- what is done in them --------------------------------------------- */

/* The error of the call before, as a canonical string. */
void machine_body_message (lua_State *L, struct machine_job *job) {
  lua_pushvalue (L, MACHINE_SLOT_TEXT);
  lua_pushvalue (L, MACHINE_SLOT_ERROR);
  lua_call (L, 1, 1);
  if (lua_type (L, -1) == LUA_TSTRING
      && lua_rawlen (L, -1) > MACHINE_ANSWER_MAX / 2) {
    lua_pushliteral (L, "an error with a text that is too long");
  }
  encode_top (L, job);
}

/* No walk with next() of an earlier request goes on in this one. */
static void begin (lua_State *L) {
  if (lua_isfunction (L, MACHINE_SLOT_BEGIN)) {
    lua_pushvalue (L, MACHINE_SLOT_BEGIN);
    lua_call (L, 0, 0);
  }
}

void machine_body_apply (lua_State *L, struct machine_job *job) {
  struct lua_machine *self = job->self;
  const struct machine_entry *entry = &job->request->entries[job->position];
  begin (L);
  self->random = entry->random;
  self->drawn = 0;
  (void)push_method (L, "apply");
  decode (L, entry);
  lua_createtable (L, 0, 3);
  set_number (L, "index", entry->index);
  set_number (L, "time", entry->time);
  lua_pushvalue (L, MACHINE_SLOT_RANDOM);
  lua_setfield (L, -2, "random");
  self->in_apply = true;
  lua_call (L, 3, 1);
  self->in_apply = false;
  encode_answer (L, job);
}

/* Looks for metatables that became what the sandbox refuses. */
void machine_body_late (lua_State *L, struct machine_job *job) {
  (void)job;
  lua_pushvalue (L, MACHINE_SLOT_LATE);
  lua_call (L, 0, 1);
  if (!lua_isnil (L, -1)) {
    (void)lua_error (L);
  }
}

void machine_body_query (lua_State *L, struct machine_job *job) {
  begin (L);
  if (!push_method (L, "query")) {
    (void)luaL_error (L, "the machine answers no questions: it has no method "
                         "'query'");
  }
  decode (L, &job->request->entries[job->position]);
  lua_call (L, 2, 1);
  encode_answer (L, job);
}

void machine_body_digest (lua_State *L, struct machine_job *job) {
  if (!push_method (L, "digest") && !push_method (L, "snapshot")) {
    (void)luaL_error (L, "the machine has no method 'digest' or 'snapshot'");
  }
  lua_call (L, 1, 1);
  encode_top (L, job);
}

static void encode_image (lua_State *L, struct lua_machine *self) {
  struct raft_detail detail = { "" };
  int status
    = binding_value_encode (L, lua_gettop (L), &self->image, &detail);
  if (status == RAFT_ENOMEM) {
    machine_halt (self, RAFT_ENOMEM, raft_error_text (status));
  }
  if (status != RAFT_OK) {
    (void)luaL_error (L, "the machine's snapshot cannot be encoded: %s",
                      detail.text);
  }
}

void machine_body_snapshot (lua_State *L, struct machine_job *job) {
  if (!push_method (L, "restore") || !push_method (L, "snapshot")) {
    job->position = MACHINE_NO_METHOD;
    return;
  }
  lua_call (L, 1, 1);
  if (lua_isfunction (L, -1)) {
    machine_set_slot (L, MACHINE_SLOT_IMAGE);
  } else {
    encode_image (L, job->self);
  }
}

void machine_body_pull (lua_State *L, struct machine_job *job) {
  size_t size;
  const char *piece;
  lua_pushvalue (L, MACHINE_SLOT_IMAGE);
  lua_call (L, 0, 1);
  if (lua_isnil (L, -1)) {
    return;
  }
  if (lua_type (L, -1) != LUA_TSTRING) {
    (void)luaL_error (L, "expected a string from the function that snapshot() "
                         "returned, got a %s", luaL_typename (L, -1));
  }
  piece = lua_tolstring (L, -1, &size);
  if (raft_buffer_append (&job->request->bytes, piece, size) != RAFT_OK) {
    machine_halt (job->self, RAFT_ENOMEM, raft_error_text (RAFT_ENOMEM));
  }
}

/* next() of a restore by pieces: what was pushed, 64 KiB at a time. */
static int next_piece (lua_State *L) {
  struct lua_machine *self = lua_touserdata (L, lua_upvalueindex (1));
  size_t left = self->image.size - self->image_at;
  size_t size = left < RESTORE_PIECE ? left : RESTORE_PIECE;
  if (size == 0) {
    lua_pushnil (L);
    return 1;
  }
  lua_pushlstring (L, (const char *)self->image.data + self->image_at, size);
  self->image_at += size;
  return 1;
}

void machine_body_close (lua_State *L, struct machine_job *job) {
  (void)job;
  if (push_method (L, "close")) {
    lua_call (L, 1, 0);
  }
}

/* The instance before is closed first: it may keep a file that the new one
** opens. */
void machine_body_new (lua_State *L, struct machine_job *job) {
  machine_body_close (L, job);
  lua_pushvalue (L, MACHINE_SLOT_NEW);
  lua_call (L, 0, 1);
  machine_set_slot (L, MACHINE_SLOT_INSTANCE);
}

void machine_body_restore (lua_State *L, struct machine_job *job) {
  struct lua_machine *self = job->self;
  struct raft_detail detail = { "" };
  if (!push_method (L, "restore")) {
    (void)luaL_error (L, "the machine cannot be restored: it has no method "
                         "'restore'");
  }
  if (self->image.data[0] == MACHINE_IMAGE_PIECES) {
    self->image_at = 1;
    lua_pushlightuserdata (L, self);
    lua_pushcclosure (L, next_piece, 1);
  } else if (binding_value_decode (L, self->image.data + 1,
                                   self->image.size - 1, &detail)
             != RAFT_OK) {
    (void)luaL_error (L, "the snapshot cannot be decoded: %s", detail.text);
  }
  lua_call (L, 2, 0);
}

static void set_path (lua_State *L, const char *name, const char *value) {
  if (value != NULL) {
    lua_getglobal (L, "package");
    lua_pushstring (L, value);
    lua_setfield (L, -2, name);
    lua_pop (L, 1);
  }
}

static void push_open_options (lua_State *L, struct lua_machine *self) {
  const struct binding_machine_options *options = &self->options;
  struct raft_detail detail = { "" };
  lua_createtable (L, 0, 6);
  lua_pushboolean (L, options->commands);
  lua_setfield (L, -2, "commands");
  if (options->unsteady != 0) {
    set_number (L, "unsteady", options->unsteady);
  }
  lua_pushstring (L, options->machine);
  lua_setfield (L, -2, "machine");
  lua_pushboolean (L, options->sandbox);
  lua_setfield (L, -2, "sandbox");
  lua_pushboolean (L, options->instructions > 0);
  lua_setfield (L, -2, "counted");
  if (options->options_size > 0) {
    if (binding_value_decode (L, options->options, options->options_size,
                              &detail) != RAFT_OK) {
      (void)luaL_error (L, "machine: options: %s", detail.text);
    }
    lua_setfield (L, -2, "options");
  }
}

static void read_vm (lua_State *L, struct machine_request *request) {
  lua_getglobal (L, "jit");
  lua_getglobal (L, "_VERSION");
  (void)snprintf (request->vm, sizeof request->vm, "%s",
                  lua_isnil (L, -2) ? lua_tostring (L, -1) : "LuaJIT");
  lua_pop (L, 2);
}

static void read_held_index (lua_State *L, struct machine_request *request) {
  lua_Number index;
  if (!push_method (L, "opened")) {
    return;
  }
  lua_call (L, 1, 1);
  index = lua_tonumber (L, -1);
  if (lua_type (L, -1) != LUA_TNUMBER || !(index >= 0)
      || index > (lua_Number)RAFT_INDEX_MAX) {
    (void)luaL_error (L, "machine: expected an index from opened(), got a %s",
                      luaL_typename (L, -1));
  }
  request->held_index = (raft_index)index;
}

void machine_body_open (lua_State *L, struct machine_job *job) {
  struct lua_machine *self = job->self;
  int host, results;
  size_t size;
  const char *sources;
  set_path (L, "path", self->options.package_path);
  set_path (L, "cpath", self->options.package_cpath);
  read_vm (L, job->request);
  machine_host_push (L, self);
  host = lua_gettop (L);
  lua_getglobal (L, "require");
  lua_pushliteral (L, "raft.machine");
  lua_call (L, 1, 1);
  lua_getfield (L, -1, "open");
  lua_pushvalue (L, host);
  push_open_options (L, self);
  results = lua_gettop (L) - 2;
  lua_call (L, 2, 4);
  machine_set_slot (L, MACHINE_SLOT_NEW);
  sources = lua_tolstring (L, results + 1, &size);
  job->request->hash = raft_checksum (sources, size, 0);
  machine_set_slot (L, MACHINE_SLOT_TEXT);
  lua_pushvalue (L, results);
  lua_replace (L, MACHINE_SLOT_INSTANCE);
  lua_pushvalue (L, results);
  machine_set_slot (L, MACHINE_SLOT_INSTANCE);
  lua_getfield (L, host, "begin");
  machine_set_slot (L, MACHINE_SLOT_BEGIN);
  lua_getfield (L, host, "late");
  machine_set_slot (L, MACHINE_SLOT_LATE);
  lua_getfield (L, host, "random");
  machine_set_slot (L, MACHINE_SLOT_RANDOM);
  read_held_index (L, job->request);
}
