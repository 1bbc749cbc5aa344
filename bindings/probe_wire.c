/* SPDX-License-Identifier: MIT
**
** probe_wire.c - core/wire for specs: the scanner, values, requests.
**
** Encoders return bytes; decoders a table, or nil, message, code. Views are
** strings. Numbers of 64 bits are as in field.h. */

#include <string.h>

#include "field.h"
#include "value.h"
#include "wire/rpc.h"
#include "wire/scan.h"
#include "wire/value.h"

void raft_probe_wire (lua_State *L);

static struct wire_view view_at (lua_State *L, int index) {
  struct wire_view view;
  view.data = (const uint8_t *)luaL_optlstring (L, index, "", &view.size);
  return view;
}

static void set_view (lua_State *L, const char *name, struct wire_view view) {
  if (view.data == NULL) {
    return; /* not said */
  }
  lua_pushlstring (L, (const char *)view.data, view.size);
  lua_setfield (L, -2, name);
}

/* Returns what an encoder left in the buffer, or its failure. */
static int push_encoded (lua_State *L, int status,
                         const struct raft_buffer *out) {
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushlstring (L, (const char *)out->data, out->size);
  return 1;
}

/* ---- the scanner ------------------------------------------------------ */

/* wire_scan (bytes, step, { bytes = , elements = , depth = })
**   -> { sizes of the objects found }, code or nil, bytes fed */
static int probe_scan (lua_State *L) {
  struct field_table limits
    = field_open (L, 3, "limits", "bytes elements depth ");
  struct wire_scan_limits bounds;
  struct wire_scan scan;
  struct wire_view all = view_at (L, 1);
  size_t step = (size_t)luaL_checknumber (L, 2);
  size_t at = 0;
  int status = RAFT_OK, found = 0;
  bounds.bytes = field_number (&limits, "bytes", UINT64_MAX, UINT64_MAX);
  bounds.elements = field_number (&limits, "elements", UINT64_MAX,
                                  UINT64_MAX);
  bounds.depth = (uint32_t)field_number (&limits, "depth", WIRE_DEPTH_MAX,
                                         WIRE_DEPTH_MAX);
  wire_scan_init (&scan, &bounds);
  lua_newtable (L);
  while (at < all.size && status == RAFT_OK) {
    size_t size = all.size - at < step ? all.size - at : step;
    uint64_t before = scan.seen, object = 0;
    status = wire_scan_feed (&scan, all.data + at, size, &object);
    at += object > 0 ? (size_t)(object - before) : size;
    if (object > 0) {
      lua_pushnumber (L, (lua_Number)object);
      found++;
      lua_rawseti (L, -2, found);
    }
  }
  if (status == RAFT_OK) {
    lua_pushnil (L);
  } else {
    lua_pushstring (L, raft_error_name (status));
    at = at < step ? 0 : at - step; /* the step that failed counts not */
  }
  lua_pushnumber (L, (lua_Number)at);
  return 3;
}

/* ---- values ----------------------------------------------------------- */

static int push_verdict (lua_State *L, int status,
                         const struct raft_detail *detail) {
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, detail);
  }
  lua_pushboolean (L, 1);
  return 1;
}

/* value_check (bytes) -> true */
static int probe_check (lua_State *L) {
  struct wire_view view = view_at (L, 1);
  struct raft_detail detail = { "" };
  int status = wire_value_check (view.data, view.size, &detail);
  return push_verdict (L, status, &detail);
}

/* value_admit (bytes) -> true */
static int probe_admit (lua_State *L) {
  struct wire_view view = view_at (L, 1);
  struct raft_detail detail = { "" };
  int status = wire_value_admit (view.data, view.size, &detail);
  return push_verdict (L, status, &detail);
}

/* value_skip (bytes) -> size of the value at the front */
static int probe_skip (lua_State *L) {
  struct wire_view view = view_at (L, 1);
  struct wire_cursor cursor = { view.data, view.size, 0 };
  int status = wire_cursor_skip (&cursor);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_pushnumber (L, (lua_Number)cursor.at);
  return 1;
}

/* cursor_take (bytes, what, max) -> where the cursor stands after taking one
** 'what' from the second byte on, and whether it could */
static int probe_take (lua_State *L) {
  static const char *const names[] = { "next", "value", "array", "map",
                                       "unsigned", "boolean", "string", NULL };
  struct wire_view view = view_at (L, 1);
  struct wire_cursor cursor = { view.data, view.size, 1 };
  struct wire_value value;
  struct wire_view bytes;
  uint64_t number;
  uint32_t count;
  bool boolean;
  int status = RAFT_OK;
  switch (luaL_checkoption (L, 2, NULL, names)) {
    case 0: status = wire_cursor_next (&cursor, &value); break;
    case 1: status = wire_cursor_value (&cursor, &bytes); break;
    case 2: status = wire_cursor_array (&cursor, &count); break;
    case 3: status = wire_cursor_map (&cursor, &count); break;
    case 4:
      status = wire_cursor_unsigned (
        &cursor, (uint64_t)luaL_checknumber (L, 3), &number);
      break;
    case 5: status = wire_cursor_boolean (&cursor, &boolean); break;
    default: status = wire_cursor_string (&cursor, &bytes); break;
  }
  lua_pushnumber (L, (lua_Number)cursor.at);
  lua_pushboolean (L, status == RAFT_OK);
  return 2;
}

/* is_utf8 (bytes) -> boolean */
static int probe_is_utf8 (lua_State *L) {
  struct wire_view view = view_at (L, 1);
  lua_pushboolean (L, wire_is_utf8 (view.data, view.size));
  return 1;
}

/* key_compare (a, b) -> -1, 0, 1 */
static int probe_key_compare (lua_State *L) {
  struct wire_view a = view_at (L, 1), b = view_at (L, 2);
  int order = wire_key_compare (a.data, a.size, b.data, b.size);
  lua_pushinteger (L, (order > 0) - (order < 0));
  return 1;
}

/* number_encode { value = bits } -> bytes */
static int probe_number_encode (lua_State *L) {
  struct field_table table = field_open (L, 1, "number", "value ");
  struct raft_buffer *out = binding_buffer_push (L);
  return push_encoded (
    L, wire_number_encode (out, field_bits (&table, "value")), out);
}

/* number_decode (bytes) -> bits */
static int probe_number_decode (lua_State *L) {
  uint64_t number;
  int status = wire_number_decode (view_at (L, 1), &number);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  field_push_bits (L, number);
  return 1;
}

/* ---- requests and answers --------------------------------------------- */

/* rpc_request (id, method, params) -> bytes */
static int probe_request (lua_State *L) {
  uint32_t id = (uint32_t)luaL_checknumber (L, 1);
  const char *method = luaL_checkstring (L, 2);
  struct wire_view params = view_at (L, 3);
  struct raft_buffer *out = binding_buffer_push (L);
  return push_encoded (L, wire_rpc_request (out, id, method, params), out);
}

/* rpc_result (id, result) -> bytes */
static int probe_result (lua_State *L) {
  uint32_t id = (uint32_t)luaL_checknumber (L, 1);
  struct wire_view result = view_at (L, 2);
  struct raft_buffer *out = binding_buffer_push (L);
  return push_encoded (L, wire_rpc_result (out, id, result), out);
}

/* rpc_error (id, code, text or nil, detail) -> bytes */
static int probe_error (lua_State *L) {
  uint32_t id = (uint32_t)luaL_checknumber (L, 1);
  size_t size;
  const char *name = luaL_checklstring (L, 2, &size);
  const char *text = luaL_optstring (L, 3, NULL);
  struct wire_view detail = view_at (L, 4);
  struct raft_buffer *out = binding_buffer_push (L);
  int error = raft_error_of_name (name, size);
  return push_encoded (L, wire_rpc_error (out, id, error, text, detail),
                       out);
}

/* rpc_notification (method, params) -> bytes */
static int probe_notification (lua_State *L) {
  const char *method = luaL_checkstring (L, 1);
  struct wire_view params = view_at (L, 2);
  struct raft_buffer *out = binding_buffer_push (L);
  return push_encoded (L, wire_rpc_notification (out, method, params), out);
}

/* rpc_decode (bytes) -> { type = "request", id = 1, method = …, … } */
static int probe_rpc_decode (lua_State *L) {
  static const char *const types[]
    = { "request", "response", "notification" };
  struct wire_view view = view_at (L, 1);
  struct wire_rpc rpc;
  int status = wire_rpc_decode (view.data, view.size, &rpc);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_newtable (L);
  field_set_string (L, "type", types[rpc.type]);
  if (rpc.type != WIRE_NOTIFICATION) {
    field_set_number (L, "id", rpc.id);
  }
  set_view (L, "method", rpc.method);
  set_view (L, "params", rpc.params);
  set_view (L, "message", rpc.message);
  set_view (L, "detail", rpc.detail);
  set_view (L, "result", rpc.result);
  if (rpc.error != RAFT_OK) {
    field_set_string (L, "error", raft_error_name (rpc.error));
  }
  return 1;
}

/* propose_encode (command, { session = , sequence = , first = ,
**                            checksum = }) -> params */
static int probe_propose_encode (lua_State *L) {
  struct field_table table
    = field_open (L, 2, "propose", "session sequence first checksum ");
  struct raft_buffer *out = binding_buffer_push (L);
  struct wire_propose propose;
  propose.command = view_at (L, 1);
  propose.session = field_bits (&table, "session");
  propose.sequence = field_bits (&table, "sequence");
  propose.first_unacknowledged = field_bits (&table, "first");
  propose.checksum = field_bits (&table, "checksum");
  return push_encoded (L, wire_propose_encode (out, &propose), out);
}

/* propose_decode (params) -> { command = …, session = 0, … } */
static int probe_propose_decode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct wire_propose propose;
  int status = wire_propose_decode (view_at (L, 1), &propose, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_newtable (L);
  set_view (L, "command", propose.command);
  field_set_number (L, "session", propose.session);
  field_set_number (L, "sequence", propose.sequence);
  field_set_number (L, "first", propose.first_unacknowledged);
  field_push_hex (L, propose.checksum);
  lua_setfield (L, -2, "checksum");
  return 1;
}

static const char *const read_names[]
  = { "linear", "stale", "lease", "follower", NULL };

/* query_encode (question, "linear" or …, max_age_us, index) -> params */
static int probe_query_encode (lua_State *L) {
  struct wire_query query;
  struct raft_buffer *out;
  query.question = view_at (L, 1);
  query.read = (enum wire_read)luaL_checkoption (L, 2, "linear", read_names);
  query.max_age_us = (raft_time)luaL_optnumber (L, 3, 0);
  query.index = (raft_index)luaL_optnumber (L, 4, 0);
  out = binding_buffer_push (L);
  return push_encoded (L, wire_query_encode (out, &query), out);
}

/* query_decode (params) -> { question = …, read = "linear", max_age_us = 0,
** index = 0 } */
static int probe_query_decode (lua_State *L) {
  struct raft_detail detail = { "" };
  struct wire_query query;
  int status = wire_query_decode (view_at (L, 1), &query, &detail);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, &detail);
  }
  lua_newtable (L);
  set_view (L, "question", query.question);
  field_set_string (L, "read", read_names[query.read]);
  field_set_number (L, "max_age_us", query.max_age_us);
  field_set_number (L, "index", query.index);
  return 1;
}

/* leader_encode (id, address or nil) -> detail map */
static int probe_leader_encode (lua_State *L) {
  raft_id leader = (raft_id)luaL_checknumber (L, 1);
  const char *address = luaL_optstring (L, 2, NULL);
  struct raft_buffer *out = binding_buffer_push (L);
  return push_encoded (L, wire_leader_detail (out, leader, address), out);
}

/* leader_decode (detail map) -> { leader = 1, address = … } */
static int probe_leader_decode (lua_State *L) {
  raft_id leader;
  struct wire_view address;
  int status = wire_leader_detail_decode (view_at (L, 1), &leader, &address);
  if (status != RAFT_OK) {
    return binding_push_failure (L, status, NULL);
  }
  lua_newtable (L);
  field_set_number (L, "leader", leader);
  set_view (L, "address", address);
  return 1;
}

static const luaL_Reg functions[] = {
  { "wire_scan", probe_scan },
  { "value_check", probe_check },
  { "value_admit", probe_admit },
  { "value_skip", probe_skip },
  { "cursor_take", probe_take },
  { "is_utf8", probe_is_utf8 },
  { "key_compare", probe_key_compare },
  { "number_encode", probe_number_encode },
  { "number_decode", probe_number_decode },
  { "rpc_request", probe_request },
  { "rpc_result", probe_result },
  { "rpc_error", probe_error },
  { "rpc_notification", probe_notification },
  { "rpc_decode", probe_rpc_decode },
  { "propose_encode", probe_propose_encode },
  { "propose_decode", probe_propose_decode },
  { "query_encode", probe_query_encode },
  { "query_decode", probe_query_decode },
  { "leader_encode", probe_leader_encode },
  { "leader_decode", probe_leader_decode },
  { NULL, NULL }
};

void raft_probe_wire (lua_State *L) {
  luaL_setfuncs (L, functions, 0);
}
