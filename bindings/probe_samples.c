/* SPDX-License-Identifier: MIT
**
** probe_samples.c - one valid encoding of everything that core/wire writes,
** and what an encoder does when an allocation fails. */

#include "probe_samples.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "compat.h"
#include "value.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/greeting.h"
#include "wire/message.h"
#include "wire/value.h"

void raft_probe_samples (lua_State *L);

/* { "set", "key", { 1, -1, 1.5, "\xff", {}, true } } in canonical form. */
static const uint8_t command[]
  = { 0x93, 0xa3, 's', 'e', 't', 0xa3, 'k', 'e', 'y', 0x96, 0x01, 0xff, 0xcb,
      0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc4, 0x01, 0xff, 0x90, 0xc3 };
static const struct wire_view command_view = { command, sizeof command };

static int sample_value (struct raft_buffer *out) {
  int status = wire_value_map (out, 4);
  status |= wire_value_integer (out, -70000);
  status |= wire_value_nil (out);
  status |= wire_value_integer (out, 1000);
  status |= wire_value_double (out, 0.5);
  status |= wire_value_string (out, "list", 4);
  status |= wire_value_array (out, 2);
  status |= wire_value_boolean (out, false);
  status |= wire_value_unsigned (out, UINT64_MAX);
  status |= wire_value_string (out, "other", 5);
  status |= wire_value_binary (out, "\x80\x81", 2);
  if (status != RAFT_OK) {
    out->size = 0;
  }
  return status != RAFT_OK ? RAFT_ENOMEM : RAFT_OK;
}

static int sample_string (struct raft_buffer *out) {
  return wire_value_string (out, command, sizeof command); /* bin */
}

/* Params that another encoder wraps; its buffer is freed here. */
static int wrap_request (struct raft_buffer *out, const char *method,
                         int (*encode) (struct raft_buffer *params)) {
  struct raft_buffer params;
  int status;
  raft_buffer_init (&params, out->memory);
  status = encode (&params);
  if (status == RAFT_OK) {
    struct wire_view view = { params.data, params.size };
    status = wire_rpc_request (out, 70000, method, view);
  }
  raft_buffer_free (&params);
  return status;
}

static int propose_params (struct raft_buffer *out) {
  struct wire_propose propose = { command_view, 7, 9, 8, 0 };
  propose.checksum = raft_checksum (command, sizeof command, 0);
  return wire_propose_encode (out, &propose);
}

static int sample_propose (struct raft_buffer *out) {
  return wrap_request (out, "propose", propose_params);
}

static int query_params (struct raft_buffer *out) {
  struct wire_query query = { .question = command_view,
                              .read = WIRE_READ_STALE };
  return wire_query_encode (out, &query);
}

static int sample_query (struct raft_buffer *out) {
  return wrap_request (out, "query", query_params);
}

static int sample_result (struct raft_buffer *out) {
  return wire_rpc_result (out, 3, command_view);
}

static int sample_notification (struct raft_buffer *out) {
  struct wire_view none = { NULL, 0 };
  return wire_rpc_notification (out, "bye", none);
}

static int sample_leader (struct raft_buffer *out) {
  return wire_leader_detail (out, 3, "127.0.0.1:7103");
}

static int sample_error (struct raft_buffer *out) {
  struct raft_buffer detail;
  int status;
  raft_buffer_init (&detail, out->memory);
  status = sample_leader (&detail);
  if (status == RAFT_OK) {
    struct wire_view view = { detail.data, detail.size };
    status = wire_rpc_error (out, 4, RAFT_ENOT_LEADER, NULL, view);
  }
  raft_buffer_free (&detail);
  return status;
}

static void sample_members (struct wire_configuration *value) {
  uint32_t i;
  memset (value, 0, sizeof *value);
  memcpy (value->name, "sample", 7);
  value->member_count = 3;
  for (i = 0; i < 3; i++) {
    value->members[i].id = i + 1;
    value->members[i].roles = WIRE_VOTER;
    value->members[i].priority = RAFT_PRIORITY_DEFAULT;
    memcpy (value->members[i].address, "127.0.0.1:7101", 15);
    value->members[i].address[13] = (char)('1' + i);
  }
}

static int sample_configuration (struct raft_buffer *out) {
  struct wire_configuration value;
  sample_members (&value);
  return wire_configuration_encode (out, &value);
}

static int sample_first_entry (struct raft_buffer *out) {
  struct wire_configuration value;
  uint64_t cluster;
  sample_members (&value);
  return wire_first_entry (out, 7, &value, &cluster, NULL);
}

static int sample_greeting (struct raft_buffer *out) {
  struct wire_greeting greeting;
  memset (&greeting, 0, sizeof greeting);
  greeting.role = WIRE_ROLE_MEMBER;
  greeting.protocol = WIRE_PROTOCOL;
  greeting.cluster = UINT64_C (0x0123456789abcdef);
  greeting.member = 2;
  greeting.incarnation = 99;
  memcpy (greeting.vm, "Lua 5.4", 8);
  return wire_greeting_encode (out, &greeting);
}

static struct raft_message message_of (enum raft_message_kind kind) {
  struct raft_message message;
  memset (&message, 0, sizeof message);
  message.kind = kind;
  message.from = 1;
  message.to = 2;
  message.term = 5;
  return message;
}

static int sample_vote (struct raft_buffer *out) {
  struct raft_message message = message_of (RAFT_MESSAGE_VOTE);
  message.as.vote.last_index = 300;
  message.as.vote.last_term = 4;
  return wire_message_encode (out, 7, &message, NULL);
}

static int sample_vote_result (struct raft_buffer *out) {
  struct raft_message message = message_of (RAFT_MESSAGE_PRE_VOTE_RESULT);
  message.as.vote_result.granted = true;
  return wire_message_encode (out, 7, &message, NULL);
}

static int sample_append_result (struct raft_buffer *out) {
  struct raft_message message = message_of (RAFT_MESSAGE_APPEND_RESULT);
  message.as.append_result.rejected = true;
  message.as.append_result.rejected_index = 70000;
  message.as.append_result.hint_index = 300;
  message.as.append_result.hint_term = 4;
  return wire_message_encode (out, 7, &message, NULL);
}

static int sample_result_hash (struct raft_buffer *out) {
  struct wire_result_hash hash = { 5, 256, UINT64_C (0xfedcba9876543210),
                                   { NULL, 0 } };
  return wire_result_hash_encode (out, 7, 1, 2, &hash);
}

/* The first entry, a no-op, a command: indexes 1 to 3. */
static int put_entries (struct raft_buffer *bytes, struct raft_slice *slices) {
  struct wire_entry entry;
  size_t ends[3];
  int i, status = sample_first_entry (bytes);
  ends[0] = bytes->size;
  for (i = 1; i < 3 && status == RAFT_OK; i++) {
    memset (&entry, 0, sizeof entry);
    entry.kind = i == 1 ? RAFT_ENTRY_NOOP : RAFT_ENTRY_COMMAND;
    entry.group = 7;
    entry.term = 5;
    entry.index = (raft_index)i + 1;
    entry.payload = command;
    entry.payload_size = i == 1 ? 0 : sizeof command;
    entry.payload_checksum = raft_checksum (command, entry.payload_size, 0);
    ends[i] = ends[i - 1] + WIRE_ENTRY_HEAD + entry.payload_size;
    status = raft_buffer_reserve (bytes, ends[i] - ends[i - 1]);
    if (status == RAFT_OK) {
      wire_entry_encode (&entry, bytes->data + ends[i - 1]);
      bytes->size = ends[i];
    }
  }
  for (i = 0; i < 3 && status == RAFT_OK; i++) {
    size_t start = i == 0 ? 0 : ends[i - 1];
    slices[i] = raft_slice_borrowed (bytes->data + start, ends[i] - start);
  }
  return status;
}

static int sample_append (struct raft_buffer *out) {
  struct raft_message message = message_of (RAFT_MESSAGE_APPEND);
  struct raft_slice slices[3];
  struct raft_buffer bytes;
  int status;
  raft_buffer_init (&bytes, out->memory);
  status = put_entries (&bytes, slices);
  if (status == RAFT_OK) {
    message.as.append.commit = 2;
    message.as.append.round = 77;
    message.as.append.entry_count = 3;
    status = wire_message_encode (out, 7, &message, slices);
  }
  raft_buffer_free (&bytes);
  return status;
}

const struct probe_sample probe_samples[] = {
  { "value", sample_value },
  { "string", sample_string },
  { "propose", sample_propose },
  { "query", sample_query },
  { "result", sample_result },
  { "error", sample_error },
  { "notification", sample_notification },
  { "leader", sample_leader },
  { "configuration", sample_configuration },
  { "first_entry", sample_first_entry },
  { "greeting", sample_greeting },
  { "vote", sample_vote },
  { "vote_result", sample_vote_result },
  { "append", sample_append },
  { "append_result", sample_append_result },
  { "result_hash", sample_result_hash },
};
const unsigned probe_sample_count
  = sizeof probe_samples / sizeof probe_samples[0];

/* ---- for specs -------------------------------------------------------- */

static const struct probe_sample *sample_at (lua_State *L, int index) {
  const char *name = luaL_checkstring (L, index);
  unsigned i;
  for (i = 0; i < probe_sample_count; i++) {
    if (strcmp (probe_samples[i].name, name) == 0) {
      return &probe_samples[i];
    }
  }
  (void)luaL_error (L, "no sample \"%s\"", name);
  return NULL;
}

/* sample_names () -> { "value", … } */
static int probe_names (lua_State *L) {
  unsigned i;
  lua_newtable (L);
  for (i = 0; i < probe_sample_count; i++) {
    lua_pushstring (L, probe_samples[i].name);
    lua_rawseti (L, -2, (int)i + 1);
  }
  return 1;
}

/* sample_encode (name) -> bytes */
static int probe_encode (lua_State *L) {
  const struct probe_sample *sample = sample_at (L, 1);
  struct raft_buffer *out = binding_buffer_push (L);
  int status = sample->encode (out);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  return 1;
}

/* sample_fail (name, n) -> name of the status when the nth allocation fails,
** whether the buffer was left as it was, live bytes besides it */
static int probe_fail (lua_State *L) {
  const struct probe_sample *sample = sample_at (L, 1);
  lua_Number fail_at = luaL_checknumber (L, 2);
  struct raft_arena arena;
  struct raft_buffer out;
  int status;
  raft_arena_init (&arena);
  arena.fail_at = (uint64_t)fail_at;
  arena.fail_count = 1;
  raft_buffer_init (&out, &arena.memory);
  status = sample->encode (&out);
  lua_pushstring (L, raft_error_name (status));
  lua_pushboolean (L, out.size == 0);
  raft_buffer_free (&out);
  lua_pushnumber (L, (lua_Number)arena.bytes);
  raft_arena_clear (&arena);
  return 3;
}

static const luaL_Reg functions[] = { { "sample_names", probe_names },
                                      { "sample_encode", probe_encode },
                                      { "sample_fail", probe_fail },
                                      { NULL, NULL } };

void raft_probe_samples (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
