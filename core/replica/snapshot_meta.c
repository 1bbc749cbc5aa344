/* SPDX-License-Identifier: MIT
**
** snapshot_meta.c - what of a snapshot is not the machine's. */

#include <string.h>

#include "base/bytes.h"
#include "replica/inside.h"

/* Sessions, their kept results and one batch of them past the limit; more is
** not from a member with these limits. */
static uint64_t meta_max (const struct session_table *like) {
  return RAFT_MIB + like->bounds.sessions_max * 64 + like->bounds.bytes_max
         + (uint64_t)SESSION_TRIM_ENTRIES * MACHINE_ANSWER_MAX;
}

void replica_meta_init (struct replica_meta *meta) {
  memset (meta, 0, sizeof *meta);
}

void replica_meta_free (struct replica_meta *meta) {
  raft_slice_release (&meta->first);
  if (meta->sessions.memory != NULL) {
    replica_session_table_free (&meta->sessions);
  }
  replica_meta_init (meta);
}

/* ---- out --------------------------------------------------------------- */

static int put_configuration (struct raft_buffer *out,
                              const struct wire_configuration *value) {
  struct raft_buffer payload;
  int status;
  raft_buffer_init (&payload, out->memory);
  status = wire_configuration_encode (&payload, value);
  if (status == RAFT_OK) {
    status = wire_value_binary (out, payload.data, payload.size);
  }
  raft_buffer_free (&payload);
  return status;
}

static int put_meta (struct raft_buffer *out,
                     const struct replica_meta *meta) {
  int status = wire_value_array (out, 8);
  if (status == RAFT_OK) {
    status = wire_value_unsigned (out, SNAPSHOT_META_VERSION);
  }
  if (status == RAFT_OK) {
    status = wire_value_binary (out, meta->first.data, meta->first.size);
  }
  if (status == RAFT_OK) {
    status = wire_value_unsigned (out, meta->configuration_index);
  }
  if (status == RAFT_OK) {
    status = put_configuration (out, &meta->configuration);
  }
  if (status == RAFT_OK) {
    status = wire_value_unsigned (out, meta->hash);
  }
  if (status == RAFT_OK) {
    status = wire_value_boolean (out, meta->is_blind);
  }
  if (status == RAFT_OK) {
    status = wire_value_unsigned (out, meta->agreed);
  }
  return status;
}

/* What the sessions come to, at most: so nothing is moved while they are
** written. */
static size_t sessions_size (const struct session_table *sessions) {
  return (size_t)sessions->bytes
         + (size_t)(sessions->session_count + sessions->record_count)
             * SESSION_RECORD_BYTES;
}

int replica_meta_encode (struct raft_buffer *out,
                         const struct replica_meta *meta,
                         const struct session_table *sessions,
                         struct replica_meta_writer *writer) {
  uint8_t prefix[SNAPSHOT_PREFIX] = { 0 };
  int status = raft_buffer_append (out, prefix, sizeof prefix);
  writer->start = out->size - sizeof prefix;
  if (status == RAFT_OK) {
    status = put_meta (out, meta);
  }
  if (status == RAFT_OK) {
    status = raft_buffer_reserve (out, sessions_size (sessions));
  }
  if (status == RAFT_OK) {
    status = replica_session_encode (sessions, &writer->sessions, out);
  }
  if (status != RAFT_OK) {
    out->size = writer->start;
  }
  return status;
}

int replica_meta_encode_more (struct raft_buffer *out,
                              struct replica_meta_writer *writer,
                              bool *is_whole) {
  int status = replica_session_encode_more (&writer->sessions, out);
  *is_whole = status == RAFT_OK && writer->sessions.session == NULL;
  raft_store_u64 (out->data + writer->start,
                  out->size - writer->start - SNAPSHOT_PREFIX);
  return status;
}

/* ---- in ---------------------------------------------------------------- */

static int collect_up_to (struct raft_buffer *bytes, struct wire_view *data,
                          uint64_t whole) {
  uint64_t missing = whole - bytes->size;
  size_t take = data->size < missing ? data->size : (size_t)missing;
  int status = raft_buffer_append (bytes, data->data, take);
  if (status == RAFT_OK) {
    data->data += take;
    data->size -= take;
  }
  return status;
}

bool replica_meta_collect (struct raft_buffer *bytes, struct wire_view *data,
                           const struct session_table *like, int *status) {
  uint64_t whole;
  *status = RAFT_OK;
  if (bytes->size < SNAPSHOT_PREFIX) {
    *status = collect_up_to (bytes, data, SNAPSHOT_PREFIX);
  }
  if (*status != RAFT_OK || bytes->size < SNAPSHOT_PREFIX) {
    return false;
  }
  whole = raft_load_u64 (bytes->data);
  if (whole > meta_max (like)) {
    *status = RAFT_EMALFORMED;
    return false;
  }
  whole += SNAPSHOT_PREFIX;
  *status = raft_buffer_reserve (bytes, (size_t)(whole - bytes->size));
  if (*status == RAFT_OK) {
    *status = collect_up_to (bytes, data, whole);
  }
  return *status == RAFT_OK && bytes->size == whole;
}

static int get_first (struct wire_cursor *cursor, uint64_t cluster,
                      struct replica_meta *meta) {
  struct wire_view first;
  if (wire_cursor_string (cursor, &first) != RAFT_OK
      || wire_cluster_of (first) != cluster) {
    return RAFT_EMALFORMED;
  }
  return raft_slice_copy (meta->sessions.memory, first.data, first.size,
                          &meta->first);
}

static int get_meta (struct wire_cursor *cursor, uint64_t cluster,
                     struct replica_meta *meta) {
  struct wire_view payload;
  uint64_t version;
  uint32_t count;
  int status;
  if (wire_cursor_array (cursor, &count) != RAFT_OK || count != 8
      || wire_cursor_unsigned (cursor, UINT32_MAX, &version) != RAFT_OK
      || version != SNAPSHOT_META_VERSION) {
    return RAFT_EMALFORMED;
  }
  status = get_first (cursor, cluster, meta);
  if (status != RAFT_OK) {
    return status;
  }
  if (wire_cursor_unsigned (cursor, RAFT_INDEX_MAX,
                               &meta->configuration_index) != RAFT_OK
      || wire_cursor_string (cursor, &payload) != RAFT_OK
      || wire_configuration_decode (payload, &meta->configuration, NULL)
           != RAFT_OK
      || wire_cursor_unsigned (cursor, UINT64_MAX, &meta->hash) != RAFT_OK
      || wire_cursor_boolean (cursor, &meta->is_blind) != RAFT_OK
      || wire_cursor_unsigned (cursor, UINT64_MAX, &meta->agreed)
           != RAFT_OK) {
    return RAFT_EMALFORMED;
  }
  return RAFT_OK;
}

static int begin (const struct raft_buffer *bytes, uint64_t cluster,
                  const struct session_table *like,
                  struct replica_meta_reader *reader,
                  struct replica_meta *meta) {
  replica_meta_init (meta);
  memset (reader, 0, sizeof *reader);
  if (bytes->size < SNAPSHOT_PREFIX) {
    return RAFT_EMALFORMED;
  }
  reader->is_begun = true;
  reader->cursor = (struct wire_cursor){ bytes->data + SNAPSHOT_PREFIX,
                                         bytes->size - SNAPSHOT_PREFIX, 0 };
  replica_session_table_init (&meta->sessions, like->memory, &like->bounds,
                              like->bug);
  return get_meta (&reader->cursor, cluster, meta);
}

int replica_meta_decode (const struct raft_buffer *bytes, uint64_t cluster,
                         const struct session_table *like,
                         struct replica_meta_reader *reader,
                         struct replica_meta *meta, bool *is_whole) {
  struct wire_cursor *cursor = &reader->cursor;
  int status = reader->is_begun
                 ? RAFT_OK : begin (bytes, cluster, like, reader, meta);
  *is_whole = false;
  if (status == RAFT_OK) {
    status = replica_session_decode (&meta->sessions, &reader->sessions,
                                     cursor, is_whole);
  }
  if (status == RAFT_OK && *is_whole && cursor->at != cursor->size) {
    status = RAFT_EMALFORMED;
  }
  if (status != RAFT_OK) {
    replica_meta_free (meta);
    memset (reader, 0, sizeof *reader);
  }
  return status;
}
