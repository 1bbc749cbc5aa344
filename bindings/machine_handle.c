/* SPDX-License-Identifier: MIT
**
** machine_handle.c - struct machine in the hand: for lint, and for specs.
**
**   local machine, message, code = core.machine_open { machine = "raft.kv" }
**   machine:apply { { index = 1, time = 5, random = 7, command = … }, … }
**     -> { { status = "ok", value = … }, … }, or nil, message, code, results
**   machine:query (question) -> status, value, or nil, message, code
**   machine:digest () -> hex, or nil, message, code
**   machine:snapshot () -> true; machine:pull () -> piece, "" at the end
**   machine:restore (pieces) -> true; all three: or nil, message, code
**   machine:status () -> { hash, vm, held_index, bytes, peak, instructions }
**   machine:close (); machine:reopen (), as machine_open
**   core.machine_null () -> the same for the null machine, open
**
** Invariant: 'instructions' are of the longest protected call since it was
**            asked last, in thousands; 0 where no limit counts them. */

#include <string.h>

#include "field.h"
#include "machine.h"
#include "value.h"

#define MACHINE "raft.machine"

struct machine_handle {
  struct machine *machine; /* NULL: closed */
  bool is_lua;
  struct machine_request request; /* of OPEN, and scratch */
  uint64_t hash;
};

static struct machine_handle *check (lua_State *L) {
  struct machine_handle *self = luaL_checkudata (L, 1, MACHINE);
  luaL_argcheck (L, self->machine != NULL, 1, "the machine is closed");
  return self;
}

static int perform (struct machine_handle *self,
                    enum machine_operation operation) {
  self->request.operation = operation;
  self->request.bytes.size = 0;
  self->machine->perform (self->machine, &self->request);
  return self->request.status;
}

static int fail (lua_State *L, struct machine_handle *self) {
  lua_pushnil (L);
  lua_pushstring (L, self->request.message);
  lua_pushstring (L, raft_error_name (self->request.status));
  return 3;
}

static struct machine_handle *push_closed (lua_State *L) {
  struct machine_handle *self = lua_newuserdata (L, sizeof *self);
  memset (self, 0, sizeof *self);
  raft_buffer_init (&self->request.bytes, &raft_memory_plain);
  luaL_getmetatable (L, MACHINE);
  lua_setmetatable (L, -2);
  return self;
}

static int open_it (lua_State *L, struct machine_handle *self) {
  if (perform (self, MACHINE_OPEN) != RAFT_OK) {
    return fail (L, self);
  }
  self->hash = self->request.hash;
  return 1;
}

static int handle_open (lua_State *L) {
  struct machine_handle *self;
  int status;
  lua_settop (L, 1);
  self = push_closed (L);
  self->is_lua = true;
  status = binding_machine_from_lua (L, 1, &self->machine);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  return open_it (L, self);
}

static int handle_null (lua_State *L) {
  struct machine_handle *self = push_closed (L);
  if (machine_null_new (&self->machine) != RAFT_OK) {
    return binding_push_failure (L, RAFT_ENOMEM, NULL);
  }
  return open_it (L, self);
}

static int machine_reopen (lua_State *L) {
  struct machine_handle *self = check (L);
  lua_settop (L, 1);
  return open_it (L, self);
}

/* The encoding of the value on top of the stack, which it replaces by the
** userdata that owns the bytes. */
static struct raft_buffer *encode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct raft_buffer *bytes = binding_buffer_push (L);
  if (binding_value_encode (L, -2, bytes, &detail) != RAFT_OK) {
    luaL_error (L, "%s", detail.text);
  }
  lua_remove (L, -2);
  return bytes;
}

static void push_value (lua_State *L, const struct machine_handle *self,
                        const struct machine_result *result) {
  struct raft_detail detail = { "" };
  if (binding_value_decode (L, self->request.bytes.data + result->offset,
                            result->size, &detail) != RAFT_OK) {
    luaL_error (L, "the machine's answer is no value: %s", detail.text);
  }
}

static void push_results (lua_State *L, const struct machine_handle *self,
                          const struct machine_result *results,
                          size_t count) {
  size_t i;
  lua_createtable (L, (int)count, 0);
  for (i = 0; i < count; i++) {
    lua_createtable (L, 0, 2);
    field_set_string (L, "status", raft_error_name (results[i].status));
    push_value (L, self, &results[i]);
    lua_setfield (L, -2, "value");
    lua_rawseti (L, -2, (int)i + 1);
  }
}

static void read_entry (lua_State *L, const struct field_table *table,
                        struct machine_entry *entry) {
  struct raft_buffer *bytes;
  entry->index = field_number (table, "index", 0, RAFT_INDEX_MAX);
  entry->time = field_number (table, "time", 0, RAFT_TIME_MAX);
  entry->random = field_bits (table, "random");
  lua_getfield (L, table->index, "bytes");
  if (lua_isnil (L, -1)) {
    lua_getfield (L, table->index, "command");
    lua_replace (L, -2);
    bytes = encode (L);
    entry->payload = bytes->data;
    entry->payload_size = bytes->size;
  } else {
    entry->payload
      = (const uint8_t *)lua_tolstring (L, -1, &entry->payload_size);
  }
}

static int machine_apply (lua_State *L) {
  struct machine_handle *self = check (L);
  size_t count = lua_rawlen (L, 2), i;
  struct machine_entry *entries;
  struct machine_result *results;
  luaL_checktype (L, 2, LUA_TTABLE);
  lua_settop (L, 2);
  entries = lua_newuserdata (L, (count + 1) * sizeof *entries);
  results = lua_newuserdata (L, (count + 1) * sizeof *results);
  memset (results, 0, (count + 1) * sizeof *results);
  lua_createtable (L, (int)count, 0); /* keeps the payloads */
  for (i = 0; i < count; i++) {
    struct field_table table;
    lua_rawgeti (L, 2, (int)i + 1);
    table = field_open (L, lua_gettop (L), "entry",
                        "index time random command bytes ");
    read_entry (L, &table, &entries[i]);
    lua_rawseti (L, 5, (int)i + 1);
    lua_settop (L, 5);
  }
  self->request.entries = entries;
  self->request.entry_count = count;
  self->request.results = results;
  if (perform (self, MACHINE_APPLY) != RAFT_OK) {
    return fail (L, self);
  }
  push_results (L, self, results, count);
  return 1;
}

static int machine_query (lua_State *L) {
  struct machine_handle *self = check (L);
  struct machine_entry entry;
  struct machine_result result;
  struct raft_buffer *bytes;
  memset (&entry, 0, sizeof entry);
  lua_settop (L, 2);
  bytes = encode (L);
  entry.payload = bytes->data;
  entry.payload_size = bytes->size;
  self->request.entries = &entry;
  self->request.entry_count = 1;
  self->request.results = &result;
  if (perform (self, MACHINE_QUERY) != RAFT_OK) {
    return fail (L, self);
  }
  lua_pushstring (L, raft_error_name (result.status));
  push_value (L, self, &result);
  return 2;
}

static int machine_digest (lua_State *L) {
  struct machine_handle *self = check (L);
  if (perform (self, MACHINE_DIGEST) != RAFT_OK) {
    return fail (L, self);
  }
  field_push_hex (L, self->request.hash);
  return 1;
}

static int machine_snapshot (lua_State *L) {
  struct machine_handle *self = check (L);
  if (perform (self, MACHINE_SNAPSHOT) != RAFT_OK) {
    return fail (L, self);
  }
  lua_pushboolean (L, true);
  return 1;
}

/* A piece; "" at the end. */
static int machine_pull (lua_State *L) {
  struct machine_handle *self = check (L);
  if (perform (self, MACHINE_PULL) != RAFT_OK) {
    return fail (L, self);
  }
  lua_pushlstring (L, self->request.bytes.size > 0
                        ? (const char *)self->request.bytes.data : "",
                   self->request.bytes.size);
  return 1;
}

/* restore (pieces) -> true, or nil, message, code */
static int machine_restore (lua_State *L) {
  struct machine_handle *self = check (L);
  struct machine_entry piece;
  int count = (int)lua_rawlen (L, 2);
  int status = perform (self, MACHINE_RESTORE);
  memset (&piece, 0, sizeof piece);
  self->request.entries = &piece;
  self->request.entry_count = 1;
  for (int i = 1; status == RAFT_OK && i <= count; i++) {
    lua_rawgeti (L, 2, i);
    piece.payload = (const uint8_t *)lua_tolstring (L, -1,
                                                    &piece.payload_size);
    status = perform (self, MACHINE_PUSH);
    lua_pop (L, 1);
  }
  if (status == RAFT_OK) {
    status = perform (self, MACHINE_RESTORED);
  }
  self->request.entries = NULL;
  self->request.entry_count = 0;
  if (status != RAFT_OK) {
    return fail (L, self);
  }
  lua_pushboolean (L, true);
  return 1;
}

static int machine_status (lua_State *L) {
  struct machine_handle *self = check (L);
  uint64_t bytes = 0, peak = 0, spent = 0;
  if (self->is_lua) {
    binding_machine_memory (self->machine, &bytes, &peak);
    spent = binding_machine_spent (self->machine);
  }
  lua_createtable (L, 0, 6);
  lua_pushliteral (L, "hash");
  field_push_hex (L, self->hash);
  lua_rawset (L, -3);
  field_set_string (L, "vm", self->request.vm);
  field_set_number (L, "held_index", self->request.held_index);
  field_set_number (L, "bytes", bytes);
  field_set_number (L, "peak", peak);
  field_set_number (L, "instructions", spent);
  return 1;
}

static int machine_close (lua_State *L) {
  struct machine_handle *self = luaL_checkudata (L, 1, MACHINE);
  if (self->machine != NULL) {
    (void)perform (self, MACHINE_CLOSE);
    self->machine->free (self->machine);
    self->machine = NULL;
  }
  raft_buffer_free (&self->request.bytes);
  return 0;
}

static const luaL_Reg methods[] = { { "apply", machine_apply },
                                    { "query", machine_query },
                                    { "digest", machine_digest },
                                    { "snapshot", machine_snapshot },
                                    { "pull", machine_pull },
                                    { "restore", machine_restore },
                                    { "status", machine_status },
                                    { "reopen", machine_reopen },
                                    { "close", machine_close },
                                    { "__gc", machine_close },
                                    { NULL, NULL } };

static const luaL_Reg functions[] = { { "machine_open", handle_open },
                                      { "machine_null", handle_null },
                                      { NULL, NULL } };

void binding_machine_handle_open (lua_State *L) {
  luaL_newmetatable (L, MACHINE);
  luaL_setfuncs (L, methods, 0);
  lua_pushvalue (L, -1);
  lua_setfield (L, -2, "__index");
  lua_pop (L, 1);
  luaL_setfuncs (L, functions, 0);
}
