/* SPDX-License-Identifier: MIT
**
** probe_message.c - core/wire for specs: entries, messages between members,
** greetings, configurations.
**
** Messages are Lua tables as raft.engine:step takes and gives them. What is
** decoded lives in an arena of its own, in a userdata. */

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "field.h"
#include "raft_effect.h"
#include "raft_event.h"
#include "raft_words.h"
#include "value.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/greeting.h"
#include "wire/message.h"

void raft_probe_message (lua_State *L);

static struct wire_view view_at (lua_State *L, int index) {
  struct wire_view view;
  view.data = (const uint8_t *)luaL_checklstring (L, index, &view.size);
  return view;
}

static int push_encoded (lua_State *L, int status,
                         const struct raft_buffer *out,
                         const struct raft_detail *detail) {
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, detail);
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  return 1;
}

/* ---- entries ---------------------------------------------------------- */

/* The fields of an envelope that are plain 64 bits. */
#define ENTRY_BITS(X)                                                     \
  X(group) X(term) X(index) X(session) X(sequence) X(first_unacknowledged) \
  X(time) X(random) X(payload_checksum)

/* entry_encode ({ kind = "command", term = 1, … }, payload) -> bytes */
static int probe_entry_encode (lua_State *L) {
  struct field_table table = field_open (
    L, 1, "entry", "kind number flags group term index session sequence "
    "first_unacknowledged time random payload_checksum ");
  struct wire_view payload = view_at (L, 2);
  struct wire_entry entry;
  uint8_t *bytes;
  memset (&entry, 0, sizeof entry);
  entry.kind = field_is_present (&table, "number")
    ? (uint8_t)field_number (&table, "number", 0, 255)
    : (uint8_t)field_word (&table, "kind", &raft_words_entry, -1);
  entry.flags = (uint8_t)field_number (&table, "flags", 0, 255);
#define X(name) entry.name = field_bits (&table, #name);
  ENTRY_BITS (X)
#undef X
  entry.payload = payload.data;
  entry.payload_size = (uint32_t)payload.size;
  bytes = lua_newuserdata (L, WIRE_ENTRY_HEAD + payload.size);
  wire_entry_encode (&entry, bytes);
  lua_pushlstring (L, (const char *)bytes, WIRE_ENTRY_HEAD + payload.size);
  return 1;
}

/* entry_decode (bytes) -> { kind = …, payload = …, intact = true, … } */
static int probe_entry_decode (lua_State *L) {
  struct wire_view view = view_at (L, 1);
  struct wire_entry entry;
  int status = wire_entry_decode (view.data, view.size, &entry);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_newtable (L);
  field_set_word (L, "kind", &raft_words_entry, entry.kind);
#define X(name) field_set_bits (L, #name, entry.name);
  ENTRY_BITS (X)
#undef X
  lua_pushlstring (L, (const char *)entry.payload, entry.payload_size);
  lua_setfield (L, -2, "payload");
  field_set_boolean (L, "intact", wire_entry_is_intact (&entry));
  return 1;
}

/* ---- messages --------------------------------------------------------- */

/* message_encode (event of kind message, group, { entry bytes }) -> bytes */
static int probe_message_encode (lua_State *L) {
  struct raft_event event;
  uint64_t group = (uint64_t)luaL_checknumber (L, 2);
  struct raft_slice *slices;
  struct raft_buffer *out;
  uint32_t count, i;
  raft_event_read (L, 1, &event);
  luaL_checktype (L, 3, LUA_TTABLE);
  count = (uint32_t)lua_rawlen (L, 3);
  slices = lua_newuserdata (L, (count + 1) * sizeof *slices);
  for (i = 0; i < count; i++) {
    size_t size;
    lua_rawgeti (L, 3, (int)i + 1); /* the table keeps the string */
    slices[i].data = (const uint8_t *)luaL_checklstring (L, -1, &size);
    slices[i].size = size;
    slices[i].block = NULL;
    lua_pop (L, 1);
  }
  out = binding_buffer_push (L);
  return push_encoded (
    L, wire_message_encode (out, group, &event.as.message, slices), out,
    NULL);
}

/* result_hash_encode { group = , from = , to = , term = , index = ,
**                      hash = } -> bytes */
static int probe_result_hash_encode (lua_State *L) {
  struct field_table table
    = field_open (L, 1, "hash", "group from to term index hash trail ");
  struct raft_buffer *out = binding_buffer_push (L);
  struct wire_result_hash hash;
  hash.term = field_bits (&table, "term");
  hash.index = field_bits (&table, "index");
  hash.hash = field_bits (&table, "hash");
  lua_getfield (L, 1, "trail");
  hash.trail.data
    = (const uint8_t *)lua_tolstring (L, -1, &hash.trail.size);
  if (hash.trail.data == NULL) {
    hash.trail.size = 0;
  }
  return push_encoded (
    L, wire_result_hash_encode (out, field_bits (&table, "group"),
                                field_bits (&table, "from"),
                                field_bits (&table, "to"), &hash),
    out, NULL);
}

/* message_checksum ({ group = , from = , to = }, body) -> hex */
static int probe_message_checksum (lua_State *L) {
  struct field_table table = field_open (L, 1, "head", "group from to ");
  struct wire_view body = view_at (L, 2);
  field_push_hex (L, wire_message_checksum (field_bits (&table, "group"),
                                            field_bits (&table, "from"),
                                            field_bits (&table, "to"),
                                            body));
  return 1;
}

/* A room with the arena it lives in. */
#define ROOM "raft.probe.message_room"

struct message_room {
  struct raft_arena arena;
  struct wire_message_room room;
};

static int room_gc (lua_State *L) {
  struct message_room *room = luaL_checkudata (L, 1, ROOM);
  raft_arena_clear (&room->arena);
  return 0;
}

/* message_room (fail_at or nil, bug or nil) -> room */
static int probe_message_room (lua_State *L) {
  lua_Number fail_at = luaL_optnumber (L, 1, 0);
  const char *bug = luaL_optstring (L, 2, "none");
  struct message_room *room = lua_newuserdata (L, sizeof *room);
  int i;
  raft_arena_init (&room->arena);
  room->arena.fail_at = (uint64_t)fail_at;
  room->arena.fail_count = fail_at > 0 ? 1 : 0;
  wire_message_room_init (&room->room, &room->arena.memory);
  for (i = 0; i < raft_words_bug.count; i++) {
    if (strcmp (raft_words_bug.words[i], bug) == 0) {
      room->room.bug = (enum raft_bug)i;
    }
  }
  if (luaL_newmetatable (L, ROOM)) {
    lua_pushcfunction (L, room_gc);
    lua_setfield (L, -2, "__gc");
  }
  lua_setmetatable (L, -2);
  return 1;
}

/* message_room_calls (room) -> allocations so far, live bytes */
static int probe_message_room_calls (lua_State *L) {
  struct message_room *room = luaL_checkudata (L, 1, ROOM);
  lua_pushnumber (L, (lua_Number)room->arena.calls);
  lua_pushnumber (L, (lua_Number)room->arena.bytes);
  return 2;
}

/* message_room_free (room) -> live bytes: 0 */
static int probe_message_room_free (lua_State *L) {
  struct message_room *room = luaL_checkudata (L, 1, ROOM);
  wire_message_room_free (&room->room);
  lua_pushnumber (L, (lua_Number)room->arena.bytes);
  return 1;
}

static void push_decoded (lua_State *L, const struct wire_message *message) {
  struct raft_effect effect;
  uint32_t i, count = 0;
  lua_newtable (L);
  field_set_bits (L, "group", message->group);
  field_set_number (L, "from", message->from);
  field_set_number (L, "to", message->to);
  if (message->is_result_hash) {
    field_set_number (L, "term", message->result_hash.term);
    field_set_number (L, "index", message->result_hash.index);
    field_set_bits (L, "hash", message->result_hash.hash);
    if (message->result_hash.trail.size > 0) {
      lua_pushlstring (L, (const char *)message->result_hash.trail.data,
                       message->result_hash.trail.size);
      lua_setfield (L, -2, "trail");
    }
    return;
  }
  memset (&effect, 0, sizeof effect);
  effect.kind = RAFT_EFFECT_SEND;
  effect.as.send.message = message->message;
  raft_effects_push (L, &effect, 1);
  lua_rawgeti (L, -1, 1);
  lua_getfield (L, -1, "message");
  lua_setfield (L, -4, "message");
  lua_pop (L, 2);
  lua_newtable (L);
  if (message->message.kind == RAFT_MESSAGE_APPEND) {
    count = message->message.as.append.entry_count;
  }
  for (i = 0; i < count; i++) {
    lua_pushlstring (L, (const char *)message->entry_bytes[i].data,
                     message->entry_bytes[i].size);
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "entry_bytes");
}

/* message_decode (params, room) -> { group = , message = { … }, … } */
static int probe_message_decode (lua_State *L) {
  struct wire_view params = view_at (L, 1);
  struct message_room *room = luaL_checkudata (L, 2, ROOM);
  struct raft_detail detail = { "" };
  struct wire_message message;
  int status = wire_message_decode (params, &room->room, &message, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  push_decoded (L, &message);
  return 1;
}

/* ---- greetings -------------------------------------------------------- */

#define GREETING_BITS(X)                                  \
  X(features) X(cluster) X(group) X(member) X(incarnation) \
  X(machine_hash)

static const char *const role_names[] = { "member", "client" };
static const struct field_words roles
  = { role_names, 2, WIRE_ROLE_MEMBER };

static void copy_text (lua_State *L, int index, const char *name, char *text,
                       size_t room) {
  lua_getfield (L, index, name);
  (void)snprintf (text, room, "%s", luaL_optstring (L, -1, ""));
  lua_pop (L, 1);
}

/* greeting_encode { role = "member", protocol = 1, … } -> bytes */
static int probe_greeting_encode (lua_State *L) {
  struct field_table table = field_open (
    L, 1, "greeting", "role protocol features cluster group member "
    "incarnation machine_hash vm bulk ");
  struct raft_buffer *out = binding_buffer_push (L);
  struct wire_greeting greeting;
  memset (&greeting, 0, sizeof greeting);
  greeting.role = (enum wire_role)field_word (&table, "role", &roles, -1);
  greeting.protocol = (uint32_t)field_number (&table, "protocol", 1, 1000);
#define X(name) greeting.name = field_bits (&table, #name);
  GREETING_BITS (X)
#undef X
  greeting.bulk = field_boolean (&table, "bulk");
  copy_text (L, 1, "vm", greeting.vm, sizeof greeting.vm);
  return push_encoded (L, wire_greeting_encode (out, &greeting), out, NULL);
}

/* greeting_decode (params) -> the same */
static int probe_greeting_decode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct wire_greeting greeting;
  int status = wire_greeting_decode (view_at (L, 1), &greeting, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_newtable (L);
  field_set_word (L, "role", &roles, (int)greeting.role);
  field_set_number (L, "protocol", greeting.protocol);
#define X(name) field_set_bits (L, #name, greeting.name);
  GREETING_BITS (X)
#undef X
  field_set_boolean (L, "bulk", greeting.bulk);
  if (greeting.text_errors) {
    field_set_boolean (L, "text_errors", true);
  }
  field_set_string (L, "vm", greeting.vm);
  return 1;
}

/* ---- configurations --------------------------------------------------- */

/* { name = , lease_us = , members = { { id = , address = , roles = } } } */
static void read_configuration (lua_State *L, int index,
                                struct wire_configuration *value) {
  struct field_table table
    = field_open (L, index, "configuration",
                  "name lease_us drift_ppm members recovered used ");
  struct field_table members;
  uint32_t count, i;
  memset (value, 0, sizeof *value);
  value->lease_us = field_bits (&table, "lease_us");
  value->drift_ppm = field_number (&table, "drift_ppm", 0, RAFT_PPM);
  value->recovered = field_number (&table, "recovered", 0, RAFT_INDEX_MAX);
  value->used = field_number (&table, "used", 0, RAFT_INDEX_MAX);
  copy_text (L, index, "name", value->name, sizeof value->name);
  members = field_list (&table, "members", &count);
  if (count > RAFT_MEMBERS_MAX * 3) {
    luaL_error (L, "too many members for the struct");
  }
  value->member_count = count;
  for (i = 0; i < count; i++) {
    struct field_table member
      = field_element (&members, i + 1, "id address roles priority ");
    value->members[i].id = field_bits (&member, "id");
    value->members[i].roles
      = (unsigned)field_number (&member, "roles", 1, 255);
    value->members[i].priority = (uint32_t)field_number (
      &member, "priority", RAFT_PRIORITY_DEFAULT, UINT32_MAX);
    copy_text (L, member.index, "address", value->members[i].address,
               WIRE_ADDRESS_MAX);
    lua_pop (L, 2);
  }
  lua_pop (L, 2);
}

/* configuration_encode (table) -> payload */
static int probe_configuration_encode (lua_State *L) {
  struct wire_configuration value;
  struct raft_buffer *out;
  read_configuration (L, 1, &value);
  out = binding_buffer_push (L);
  return push_encoded (L, wire_configuration_encode (out, &value), out,
                       NULL);
}

/* configuration_decode (payload) -> table, with 'sets' as the engine sees
** them */
static int probe_configuration_decode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct wire_configuration value;
  struct raft_configuration sets;
  uint32_t i;
  int status = wire_configuration_decode (view_at (L, 1), &value, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  wire_configuration_sets (&value, &sets);
  lua_newtable (L);
  field_set_string (L, "name", value.name);
  field_set_number (L, "lease_us", value.lease_us);
  if (value.drift_ppm != 0) {
    field_set_number (L, "drift_ppm", value.drift_ppm);
  }
  if (value.recovered != 0) {
    field_set_number (L, "recovered", value.recovered);
  }
  field_set_number (L, "used", value.used);
  lua_newtable (L);
  for (i = 0; i < value.member_count; i++) {
    lua_newtable (L);
    field_set_number (L, "id", value.members[i].id);
    field_set_string (L, "address", value.members[i].address);
    field_set_number (L, "roles", value.members[i].roles);
    if (value.members[i].priority != RAFT_PRIORITY_DEFAULT) {
      field_set_number (L, "priority", value.members[i].priority);
    }
    lua_rawseti (L, -2, (int)i + 1);
  }
  lua_setfield (L, -2, "members");
  raft_configuration_push (L, &sets);
  lua_setfield (L, -2, "sets");
  return 1;
}

/* first_entry (group, configuration) -> bytes, cluster */
static int probe_first_entry (lua_State *L) {
  uint64_t group = (uint64_t)luaL_checknumber (L, 1);
  struct raft_detail detail = { "" };
  struct wire_configuration value;
  struct raft_buffer *out;
  uint64_t cluster = 0;
  int status;
  read_configuration (L, 2, &value);
  out = binding_buffer_push (L);
  status = wire_first_entry (out, group, &value, &cluster, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  field_push_hex (L, cluster);
  return 2;
}

static const luaL_Reg functions[] = {
  { "entry_encode", probe_entry_encode },
  { "entry_decode", probe_entry_decode },
  { "message_encode", probe_message_encode },
  { "result_hash_encode", probe_result_hash_encode },
  { "message_checksum", probe_message_checksum },
  { "message_room", probe_message_room },
  { "message_room_calls", probe_message_room_calls },
  { "message_room_free", probe_message_room_free },
  { "message_decode", probe_message_decode },
  { "greeting_encode", probe_greeting_encode },
  { "greeting_decode", probe_greeting_decode },
  { "configuration_encode", probe_configuration_encode },
  { "configuration_decode", probe_configuration_decode },
  { "first_entry", probe_first_entry },
  { NULL, NULL }
};

void raft_probe_message (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
