/* SPDX-License-Identifier: MIT
**
** greeting.c - reading and writing the first message of a connection.
**
** A greeting is read by msgpack-c, into a zone that lives for one call. It
** is the one place where its object tree pays: a small map, any order of
** keys, keys that are not known yet, once per connection. The scanner runs
** before it with limits of its own, so that the zone stays small whatever
** the caller let through. */

#include "wire/greeting.h"

#include <msgpack.h>
#include <string.h>

#include "wire/scan.h"
#include "wire/value.h"

/* The numbers of a greeting, in the order of their keys in the map. */
#define GREETING_NUMBERS(X)                                           \
  X(cluster, UINT64_MAX) X(features, UINT64_MAX) X(group, UINT64_MAX) \
  X(incarnation, UINT64_MAX) X(machine_hash, UINT64_MAX)              \
  X(member, RAFT_INDEX_MAX) X(protocol, UINT32_MAX)
#define GREETING_PAIRS 10u /* those, bulk, role, vm; two more when said */

static const struct wire_scan_limits greeting_limits
  = { WIRE_GREETING_MAX, 256, 8 };

static int put_text (struct raft_buffer *out, const char *text) {
  return wire_value_string (out, text, strlen (text));
}

/* Not said by the first builds, which spoke one protocol. */
static bool has_oldest (const struct wire_greeting *greeting) {
  return greeting->oldest != 0 && greeting->oldest != greeting->protocol;
}

int wire_greeting_encode (struct raft_buffer *out,
                          const struct wire_greeting *greeting) {
  size_t start = out->size;
  uint32_t pairs = GREETING_PAIRS + (greeting->address[0] != '\0' ? 1u : 0u)
                   + (has_oldest (greeting) ? 1u : 0u);
  int status = wire_value_array (out, 3);
  status |= wire_value_unsigned (out, WIRE_NOTIFICATION);
  status |= put_text (out, WIRE_GREETING_METHOD);
  status |= wire_value_array (out, 1);
  status |= wire_value_map (out, pairs);
  if (greeting->address[0] != '\0') {
    status |= put_text (out, "address");
    status |= put_text (out, greeting->address);
  }
  status |= put_text (out, "bulk");
  status |= wire_value_boolean (out, greeting->bulk);
#define X(name, max)                \
  status |= put_text (out, #name); \
  status |= wire_value_unsigned (out, greeting->name);
  GREETING_NUMBERS (X)
#undef X
  if (has_oldest (greeting)) {
    status |= put_text (out, "oldest");
    status |= wire_value_unsigned (out, greeting->oldest);
  }
  status |= put_text (out, "role");
  status |= put_text (out, greeting->role == WIRE_ROLE_MEMBER ? "member"
                                                              : "client");
  status |= put_text (out, "vm");
  status |= put_text (out, greeting->vm);
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

/* ---- reading ---------------------------------------------------------- */

static bool text_is (const msgpack_object *object, const char *text) {
  return object->type == MSGPACK_OBJECT_STR
         && object->via.str.size == strlen (text)
         && memcmp (object->via.str.ptr, text, object->via.str.size) == 0;
}

static bool read_text (const msgpack_object *object, char *text, size_t room) {
  uint32_t i;
  if (object->type != MSGPACK_OBJECT_STR || object->via.str.size >= room) {
    return false;
  }
  for (i = 0; i < object->via.str.size; i++) {
    char c = object->via.str.ptr[i];
    if (c < 0x20 || c > 0x7e) {
      return false; /* it is shown to people */
    }
  }
  memcpy (text, object->via.str.ptr, object->via.str.size);
  text[object->via.str.size] = '\0';
  return true;
}

static bool read_role (const msgpack_object *object, enum wire_role *role) {
  if (text_is (object, "member")) {
    *role = WIRE_ROLE_MEMBER;
    return true;
  }
  *role = WIRE_ROLE_CLIENT;
  return text_is (object, "client");
}

static int greeting_fail (struct raft_detail *detail, const char *what) {
  return raft_fail (detail, RAFT_EMALFORMED, "hello: %s", what);
}

static int read_pair (const msgpack_object_kv *pair,
                      struct wire_greeting *greeting,
                      struct raft_detail *detail) {
  const msgpack_object *value = &pair->val;
#define X(name, max)                                            \
  if (text_is (&pair->key, #name)) {                            \
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER          \
        || value->via.u64 > (max)) {                            \
      return greeting_fail (detail, #name " is not a number, "  \
                                          "or above its limit"); \
    }                                                           \
    greeting->name = (__typeof__ (greeting->name))value->via.u64; \
    return RAFT_OK;                                             \
  }
  GREETING_NUMBERS (X)
#undef X
  if (text_is (&pair->key, "oldest")) {
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER
        || value->via.u64 > UINT32_MAX || value->via.u64 == 0) {
      return greeting_fail (detail, "oldest is not a number from 1");
    }
    greeting->oldest = (uint32_t)value->via.u64;
  } else if (text_is (&pair->key, "bulk")) {
    if (value->type != MSGPACK_OBJECT_BOOLEAN) {
      return greeting_fail (detail, "bulk is not a boolean");
    }
    greeting->bulk = value->via.boolean;
  } else if (text_is (&pair->key, "errors")) {
    if (!text_is (value, "text")) {
      return greeting_fail (detail, "errors is not \"text\"");
    }
    greeting->text_errors = true;
  } else if (text_is (&pair->key, "role")) {
    if (!read_role (value, &greeting->role)) {
      return greeting_fail (detail, "role is not \"member\" or \"client\"");
    }
  } else if (text_is (&pair->key, "vm")) {
    if (!read_text (value, greeting->vm, sizeof greeting->vm)) {
      return greeting_fail (detail, "vm is not a short printable string");
    }
  } else if (text_is (&pair->key, "address")) {
    if (!read_text (value, greeting->address, sizeof greeting->address)) {
      return greeting_fail (detail, "address is not a short printable "
                                    "string");
    }
  }
  return RAFT_OK;
}

static int check_whole (const struct wire_greeting *greeting,
                        struct raft_detail *detail) {
  if (greeting->role == 0) {
    return greeting_fail (detail, "no role");
  }
  if (greeting->protocol == 0) {
    return greeting_fail (detail, "no protocol, or protocol 0");
  }
  if (greeting->oldest > greeting->protocol) {
    return greeting_fail (detail, "oldest is above protocol");
  }
  if (greeting->role == WIRE_ROLE_MEMBER
      && (greeting->member == RAFT_ID_NONE || greeting->cluster == 0
          || greeting->incarnation == 0)) {
    return greeting_fail (detail, "a member must name its id (from 1), its "
                                  "cluster and its incarnation");
  }
  if (greeting->role == WIRE_ROLE_CLIENT
      && (greeting->member != RAFT_ID_NONE || greeting->incarnation != 0)) {
    return greeting_fail (detail, "a client has no member id and no "
                                  "incarnation");
  }
  return RAFT_OK;
}

static int read_params (const msgpack_object *params,
                        struct wire_greeting *greeting,
                        struct raft_detail *detail) {
  const msgpack_object_map *map;
  uint32_t i;
  if (params->type != MSGPACK_OBJECT_ARRAY || params->via.array.size != 1
      || params->via.array.ptr[0].type != MSGPACK_OBJECT_MAP) {
    return greeting_fail (detail, "expected one map");
  }
  map = &params->via.array.ptr[0].via.map;
  for (i = 0; i < map->size; i++) {
    int status = read_pair (&map->ptr[i], greeting, detail);
    if (status != RAFT_OK) {
      return status;
    }
  }
  return check_whole (greeting, detail);
}

static bool is_bounded (struct wire_view params) {
  struct wire_scan scan;
  uint64_t size = 0;
  wire_scan_init (&scan, &greeting_limits);
  return wire_scan_feed (&scan, params.data, params.size, &size) == RAFT_OK
         && size == params.size && size > 0;
}

int wire_greeting_decode (struct wire_view params,
                          struct wire_greeting *greeting,
                          struct raft_detail *detail) {
  struct wire_greeting read;
  msgpack_unpacked tree;
  msgpack_unpack_return found;
  size_t offset = 0;
  int status;
  memset (&read, 0, sizeof read);
  if (!is_bounded (params)) {
    return greeting_fail (detail, "not one map, or too large for a greeting");
  }
  msgpack_unpacked_init (&tree);
  found = msgpack_unpack_next (&tree, (const char *)params.data, params.size,
                               &offset);
  if (found == MSGPACK_UNPACK_SUCCESS) {
    status = read_params (&tree.data, &read, detail);
  } else if (found == MSGPACK_UNPACK_NOMEM_ERROR) {
    status = RAFT_ENOMEM;
  } else {
    status = greeting_fail (detail, "not MessagePack");
  }
  msgpack_unpacked_destroy (&tree);
  if (status == RAFT_OK && read.oldest == 0) {
    read.oldest = read.protocol;
  }
  if (status == RAFT_OK) {
    *greeting = read;
  }
  return status;
}
