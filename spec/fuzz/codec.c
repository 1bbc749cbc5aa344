/* SPDX-License-Identifier: MIT
**
** codec.c - libFuzzer target: everything of core/wire that reads bytes, and
** the codec between Lua values and bytes.
**
** What is read must be written again as it was: a canonical value by the Lua
** codec, and each decoded thing by its encoder, where one form is fixed.
**
**   clang -g -O1 -fsanitize=fuzzer,address,undefined -Icore -Ibindings \
**     -I/usr/include/lua5.4 spec/fuzz/codec.c \
**     core/base/{buffer,checksum,error,memory,panic,slice}.c core/wire/?*.c \
**     bindings/{value,value_encode}.c -lmsgpackc -llua5.4 -o codec \
**     && ./codec -max_total_time=60
**
** Good beginnings are the rows of spec/fixture. */

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "compat.h"
#include "value.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/greeting.h"
#include "wire/refusal.h"
#include "wire/message.h"
#include "wire/value.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static bool is_same (const struct raft_buffer *buffer,
                     struct wire_view view) {
  return buffer->size == view.size
         && memcmp (buffer->data, view.data, view.size) == 0;
}

static void try_value (struct wire_view view) {
  static lua_State *L;
  struct raft_detail detail;
  struct raft_buffer out;
  bool canonical;
  if (L == NULL) {
    L = luaL_newstate ();
    raft_assert (L != NULL);
  }
  canonical = wire_value_check (view.data, view.size, &detail) == RAFT_OK;
  if (binding_value_decode (L, view.data, view.size, &detail) == RAFT_OK) {
    raft_buffer_init (&out, &raft_memory_plain);
    raft_assert (binding_value_encode (L, -1, &out, &detail) == RAFT_OK);
    raft_assert (wire_value_check (out.data, out.size, &detail) == RAFT_OK);
    raft_assert (canonical == is_same (&out, view));
    raft_buffer_free (&out);
  }
  lua_settop (L, 0);
}

static void try_configuration (struct wire_view view) {
  struct wire_configuration value;
  struct raft_configuration sets;
  struct raft_detail detail;
  struct raft_buffer out;
  if (wire_configuration_decode (view, &value, &detail) == RAFT_OK) {
    wire_configuration_sets (&value, &sets);
    raft_assert (sets.voters.count > 0);
    raft_buffer_init (&out, &raft_memory_plain);
    raft_assert (wire_configuration_encode (&out, &value) == RAFT_OK);
    raft_assert (is_same (&out, view));
    raft_buffer_free (&out);
  }
}

static void try_entry (struct wire_view view) {
  struct wire_entry entry;
  if (wire_entry_decode (view.data, view.size, &entry) == RAFT_OK) {
    size_t size = WIRE_ENTRY_HEAD + (size_t)entry.payload_size;
    uint8_t *bytes = malloc (size);
    raft_assert (bytes != NULL);
    wire_entry_encode (&entry, bytes);
    raft_assert (memcmp (bytes, view.data, size) == 0);
    (void)wire_entry_is_intact (&entry);
    free (bytes);
  }
}

/* The body of a message, under a checksum that is true: a fuzzer would not
** find one. */
static void try_body (struct wire_view body) {
  static struct wire_message_room room;
  struct wire_message message;
  struct raft_detail detail;
  struct raft_buffer params;
  struct wire_view view;
  if (room.memory == NULL) {
    wire_message_room_init (&room, &raft_memory_plain);
  }
  raft_buffer_init (&params, &raft_memory_plain);
  raft_assert (wire_value_array (&params, 5) == RAFT_OK);
  raft_assert (wire_value_unsigned (
    &params, wire_message_checksum (7, 1, 2, body)) == RAFT_OK);
  raft_assert (wire_value_unsigned (&params, 7) == RAFT_OK);
  raft_assert (wire_value_unsigned (&params, 1) == RAFT_OK);
  raft_assert (wire_value_unsigned (&params, 2) == RAFT_OK);
  raft_assert (wire_value_binary (&params, body.data, body.size) == RAFT_OK);
  view.data = params.data;
  view.size = params.size;
  if (wire_message_decode (view, &room, &message, &detail) == RAFT_OK) {
    raft_assert (message.from == 1 && message.to == 2 && message.group == 7);
  }
  raft_buffer_free (&params);
}

static void try_rpc (struct wire_view view) {
  struct wire_rpc rpc;
  struct wire_propose propose;
  struct wire_query query;
  struct wire_greeting greeting;
  struct wire_refusal refusal;
  struct raft_detail detail;
  struct wire_view address;
  raft_id leader;
  if (wire_rpc_decode (view.data, view.size, &rpc) != RAFT_OK) {
    return;
  }
  (void)wire_leader_detail_decode (rpc.detail, &leader, &address);
  (void)wire_propose_decode (rpc.params, &propose, &detail);
  (void)wire_query_decode (rpc.params, &query, &detail);
  (void)wire_greeting_decode (rpc.params, &greeting, &detail);
  (void)wire_refusal_decode (rpc.params, &refusal);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct wire_view view;
  if (size == 0) {
    return 0;
  }
  view.data = data + 1;
  view.size = size - 1;
  switch (data[0] % 5) {
    case 0: try_value (view); break;
    case 1: try_configuration (view); break;
    case 2: try_entry (view); break;
    case 3: try_body (view); break;
    default: try_rpc (view);
  }
  return 0;
}
