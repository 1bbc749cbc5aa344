/* SPDX-License-Identifier: MIT
**
** params.c - what requests ask and what answers hold: propose, query, the
** leader's address, a number.
**
** A client of another make may leave out all but the command, so that it is
** one line in any language with MessagePack. What it sends is checked here,
** at the door: a command that no member could read would only fail later, on
** all of them. */

#include "wire/rpc.h"

#include <string.h>

#include "base/checksum.h"
#include "wire/value.h"

#define PARAMS_DETAIL_PAIRS 64 /* of a detail map; more is not ours */

static int params_end (struct raft_buffer *out, size_t start, int status) {
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

/* ---- propose ---------------------------------------------------------- */

int wire_propose_encode (struct raft_buffer *out,
                         const struct wire_propose *propose) {
  size_t start = out->size;
  int status = wire_value_array (out, 5);
  status |= raft_buffer_append (out, propose->command.data,
                                propose->command.size);
  status |= wire_value_unsigned (out, propose->session);
  status |= wire_value_unsigned (out, propose->sequence);
  status |= wire_value_unsigned (out, propose->first_unacknowledged);
  status |= wire_value_unsigned (out, propose->checksum);
  return params_end (out, start, status);
}

/* The three or four numbers behind the command. */
static int propose_read_numbers (struct wire_cursor *cursor, int count,
                                 struct wire_propose *read,
                                 struct raft_detail *detail) {
  static const char *const names[4]
    = { "session", "sequence", "first", "checksum" };
  uint64_t numbers[4] = { 0, 0, 0, read->checksum };
  int i;
  for (i = 0; i < count; i++) {
    uint64_t max = i == 3 ? UINT64_MAX : RAFT_INDEX_MAX;
    if (wire_cursor_unsigned (cursor, max, &numbers[i]) != RAFT_OK) {
      return raft_fail (detail, RAFT_EMALFORMED,
                        "propose: %s must be a number from 0%s", names[i],
                        i == 3 ? "" : ", below 2^53");
    }
  }
  read->session = numbers[0];
  read->sequence = numbers[1];
  read->first_unacknowledged = numbers[2];
  read->checksum = numbers[3];
  return RAFT_OK;
}

static int propose_check (const struct wire_propose *read, uint64_t checksum,
                          struct raft_detail *detail) {
  if (read->session == 0
      && (read->sequence != 0 || read->first_unacknowledged != 0)) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "propose: a sequence without a session");
  }
  if (read->session != 0
      && (read->sequence == 0 || read->first_unacknowledged == 0
          || read->first_unacknowledged > read->sequence)) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "propose: expected 1 <= first <= sequence in a "
                      "session, got first %llu, sequence %llu",
                      (unsigned long long)read->first_unacknowledged,
                      (unsigned long long)read->sequence);
  }
  if (read->checksum != checksum) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "propose: the checksum is not that of the command");
  }
  return RAFT_OK;
}

static int propose_read (struct wire_cursor *cursor,
                         struct wire_propose *read,
                         struct raft_detail *detail) {
  uint64_t checksum;
  uint32_t count;
  int status;
  if (wire_cursor_array (cursor, &count) != RAFT_OK) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "propose: params must be an array");
  }
  if (count != 1 && count != 4 && count != 5) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "propose: expected [command] or [command, session, "
                      "sequence, first] and a checksum, got %u params",
                      (unsigned)count);
  }
  status = wire_cursor_value (cursor, &read->command);
  if (status == RAFT_OK) {
    status = wire_value_admit (read->command.data, read->command.size,
                               detail);
  } else {
    (void)raft_fail (detail, status, "propose: the command is cut");
  }
  if (status != RAFT_OK) {
    return status;
  }
  checksum = raft_checksum (read->command.data, read->command.size, 0);
  read->checksum = checksum;
  if (count == 1) {
    return RAFT_OK;
  }
  status = propose_read_numbers (cursor, (int)count - 1, read, detail);
  return status != RAFT_OK ? status
                           : propose_check (read, checksum, detail);
}

int wire_propose_decode (struct wire_view params,
                         struct wire_propose *propose,
                         struct raft_detail *detail) {
  struct wire_cursor cursor = { params.data, params.size, 0 };
  struct wire_propose read;
  int status;
  memset (&read, 0, sizeof read);
  status = propose_read (&cursor, &read, detail);
  if (status == RAFT_OK && cursor.at != params.size) {
    status = raft_fail (detail, RAFT_EMALFORMED,
                        "propose: bytes behind the params");
  }
  if (status == RAFT_OK) {
    *propose = read;
  }
  return status;
}

/* ---- query ------------------------------------------------------------ */

static const char *const read_names[]
  = { "linear", "stale", "lease", "follower" };
#define READ_NAMES (sizeof read_names / sizeof read_names[0])

int wire_query_encode (struct raft_buffer *out,
                       const struct wire_query *query) {
  bool is_bounded = query->max_age_us != 0 || query->index != 0;
  size_t start = out->size;
  int status = wire_value_array (out, is_bounded ? 4 : 2);
  status |= raft_buffer_append (out, query->question.data,
                                query->question.size);
  status |= wire_value_string (out, read_names[query->read],
                               strlen (read_names[query->read]));
  if (is_bounded) {
    status |= wire_value_unsigned (out, query->max_age_us);
    status |= wire_value_unsigned (out, query->index);
  }
  return params_end (out, start, status);
}

static bool view_is (struct wire_view view, const char *text) {
  return view.size == strlen (text)
         && memcmp (view.data, text, view.size) == 0;
}

static int query_read_kind (struct wire_cursor *cursor,
                            struct wire_query *read,
                            struct raft_detail *detail) {
  struct wire_view name;
  if (wire_cursor_string (cursor, &name) != RAFT_OK) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "query: the kind of read must be a string");
  }
  for (size_t i = 0; i < READ_NAMES; i++) {
    if (view_is (name, read_names[i])) {
      read->read = (enum wire_read)i;
      return RAFT_OK;
    }
  }
  return raft_fail (detail, RAFT_EMALFORMED,
                    "query: expected \"linear\", \"lease\", \"follower\" or"
                    " \"stale\", got \"%.*s\"",
                    name.size > 40 ? 40 : (int)name.size,
                    (const char *)name.data);
}

static int query_read_bound (struct wire_cursor *cursor,
                             struct wire_query *read,
                             struct raft_detail *detail) {
  if (read->read != WIRE_READ_STALE
      || wire_cursor_unsigned (cursor, RAFT_TIME_MAX, &read->max_age_us)
           != RAFT_OK
      || wire_cursor_unsigned (cursor, RAFT_INDEX_MAX, &read->index)
           != RAFT_OK) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "query: expected [question, \"stale\", max_age_us, "
                      "index], numbers below 2^53");
  }
  return RAFT_OK;
}

static int query_read (struct wire_cursor *cursor, struct wire_query *read,
                       struct raft_detail *detail) {
  uint32_t count;
  int status;
  if (wire_cursor_array (cursor, &count) != RAFT_OK
      || (count != 1 && count != 2 && count != 4)
      || wire_cursor_value (cursor, &read->question) != RAFT_OK) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "query: expected [question], [question, kind] or "
                      "[question, \"stale\", max_age_us, index]");
  }
  status = wire_value_admit (read->question.data, read->question.size,
                             detail);
  if (status == RAFT_OK && count >= 2) {
    status = query_read_kind (cursor, read, detail);
  }
  if (status == RAFT_OK && count == 4) {
    status = query_read_bound (cursor, read, detail);
  }
  return status;
}

int wire_query_decode (struct wire_view params, struct wire_query *query,
                       struct raft_detail *detail) {
  struct wire_cursor cursor = { params.data, params.size, 0 };
  struct wire_query read;
  int status;
  memset (&read, 0, sizeof read);
  status = query_read (&cursor, &read, detail);
  if (status == RAFT_OK && cursor.at != params.size) {
    status = raft_fail (detail, RAFT_EMALFORMED,
                        "query: bytes behind the params");
  }
  if (status == RAFT_OK) {
    *query = read;
  }
  return status;
}

/* ---- the leader, a number --------------------------------------------- */

int wire_leader_detail (struct raft_buffer *out, raft_id leader,
                        const char *address) {
  size_t start = out->size;
  bool has_address = leader != RAFT_ID_NONE && address != NULL;
  int status;
  if (leader == RAFT_ID_NONE) {
    return wire_value_map (out, 0);
  }
  status = wire_value_map (out, has_address ? 2 : 1);
  if (has_address) {
    status |= wire_value_string (out, "address", 7);
    status |= wire_value_string (out, address, strlen (address));
  }
  status |= wire_value_string (out, "leader", 6);
  status |= wire_value_unsigned (out, leader);
  return params_end (out, start, status);
}

static int leader_read_pair (struct wire_cursor *cursor, raft_id *leader,
                             struct wire_view *address) {
  struct wire_view key;
  int status = wire_cursor_string (cursor, &key);
  if (status != RAFT_OK) {
    return status;
  }
  if (view_is (key, "leader")) {
    return wire_cursor_unsigned (cursor, RAFT_INDEX_MAX, leader);
  }
  if (view_is (key, "address")) {
    return wire_cursor_string (cursor, address);
  }
  return wire_cursor_skip (cursor);
}

int wire_leader_detail_decode (struct wire_view detail, raft_id *leader,
                               struct wire_view *address) {
  struct wire_cursor cursor = { detail.data, detail.size, 0 };
  struct wire_view where = { NULL, 0 };
  raft_id id = RAFT_ID_NONE;
  uint32_t pairs = 0, i;
  int status = RAFT_OK;
  if (detail.size > 0) {
    status = wire_cursor_map (&cursor, &pairs);
  }
  if (status != RAFT_OK || pairs > PARAMS_DETAIL_PAIRS) {
    return RAFT_EMALFORMED;
  }
  for (i = 0; i < pairs && status == RAFT_OK; i++) {
    status = leader_read_pair (&cursor, &id, &where);
  }
  if (status != RAFT_OK || cursor.at != detail.size) {
    return RAFT_EMALFORMED;
  }
  *leader = id;
  *address = where;
  return RAFT_OK;
}

int wire_number_encode (struct raft_buffer *out, uint64_t number) {
  return wire_value_unsigned (out, number);
}

int wire_number_decode (struct wire_view value, uint64_t *number) {
  struct wire_cursor cursor = { value.data, value.size, 0 };
  uint64_t read;
  int status = wire_cursor_unsigned (&cursor, UINT64_MAX, &read);
  if (status != RAFT_OK || cursor.at != value.size) {
    return RAFT_EMALFORMED;
  }
  *number = read;
  return RAFT_OK;
}
