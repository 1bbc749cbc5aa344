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

bool replica_meta_shed (struct replica_meta *meta) {
  if (meta->sessions.memory != NULL
      && !replica_session_table_shed (&meta->sessions)) {
    return false;
  }
  replica_meta_free (meta);
  return true;
}

/* ---- out --------------------------------------------------------------- */

#define SHED_PARTS 64 /* given back in one turn; with shared results, which
                         nobody else may have any more */

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

static int add_part (struct replica_meta_writer *writer,
                     struct raft_slice part) {
  void *array = writer->parts;
  int status = raft_reserve (writer->bytes.memory, &array, &writer->capacity,
                             writer->count + 1, sizeof *writer->parts);
  writer->parts = array;
  if (status == RAFT_OK) {
    writer->parts[writer->count] = part;
    writer->count++;
    writer->size += part.size;
  }
  return status;
}

/* What was encoded becomes a part. */
static int end_part (struct replica_meta_writer *writer) {
  struct raft_slice part;
  int status = RAFT_OK;
  if (writer->bytes.size > 0) {
    status = raft_slice_copy (writer->bytes.memory, writer->bytes.data,
                              writer->bytes.size, &part);
  }
  if (writer->bytes.size > 0 && status == RAFT_OK) {
    status = add_part (writer, part);
    if (status != RAFT_OK) {
      raft_slice_release (&part);
    }
  }
  writer->bytes.size = 0;
  return status;
}

int replica_meta_share (struct replica_meta_writer *writer,
                        struct raft_block *result) {
  int status = end_part (writer);
  if (status == RAFT_OK) {
    status = add_part (writer, raft_slice_of (result, 0, result->size));
  }
  if (status == RAFT_OK) {
    raft_block_retain (result);
  }
  return status;
}

int replica_meta_encode (struct replica_meta_writer *writer,
                         const struct replica_meta *meta,
                         const struct session_table *sessions) {
  uint8_t prefix[SNAPSHOT_PREFIX] = { 0 };
  int status;
  raft_assert (writer->count == 0 && writer->bytes.size == 0);
  status = raft_buffer_append (&writer->bytes, prefix, sizeof prefix);
  if (status == RAFT_OK) {
    status = end_part (writer);
  }
  if (status == RAFT_OK) {
    status = put_meta (&writer->bytes, meta);
  }
  return status != RAFT_OK ? status
                           : replica_session_encode (sessions, writer);
}

int replica_meta_encode_more (struct replica_meta_writer *writer,
                              bool *is_whole) {
  int status = replica_session_encode_more (writer);
  if (status == RAFT_OK) {
    status = end_part (writer);
  }
  *is_whole = status == RAFT_OK && writer->sessions.session == NULL;
  if (*is_whole) {
    raft_store_u64 (writer->parts[0].block->bytes,
                    writer->size - SNAPSHOT_PREFIX);
    raft_buffer_free (&writer->bytes);
  }
  return status;
}

bool replica_meta_take (struct replica_meta_writer *writer,
                        struct wire_view *data) {
  struct raft_slice *part;
  if (writer->next < writer->count
      && writer->taken == writer->parts[writer->next].size) {
    raft_slice_release (&writer->parts[writer->next]);
    writer->next++;
    writer->taken = 0;
  }
  if (writer->next == writer->count) {
    return false;
  }
  part = &writer->parts[writer->next];
  data->data = part->data + writer->taken;
  data->size = part->size - writer->taken < WAL_SNAPSHOT_BLOCK
                 ? part->size - writer->taken : WAL_SNAPSHOT_BLOCK;
  writer->taken += data->size;
  return true;
}

void replica_meta_writer_init (struct replica_meta_writer *writer,
                               struct raft_memory *memory) {
  memset (writer, 0, sizeof *writer);
  raft_buffer_init (&writer->bytes, memory);
}

bool replica_meta_writer_shed (struct replica_meta_writer *writer) {
  struct raft_memory *memory = writer->bytes.memory;
  for (uint32_t i = 0; i < SHED_PARTS && writer->next < writer->count; i++) {
    raft_slice_release (&writer->parts[writer->next]);
    writer->next++;
  }
  if (writer->next < writer->count) {
    return false;
  }
  raft_buffer_free (&writer->bytes);
  raft_release (memory, writer->parts,
                writer->capacity * sizeof *writer->parts);
  replica_meta_writer_init (writer, memory);
  return true;
}

void replica_meta_writer_free (struct replica_meta_writer *writer) {
  while (!replica_meta_writer_shed (writer)) {
  }
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

/* How long all of it is. */
static int get_size (struct replica_meta_reader *reader,
                     struct wire_view *data,
                     const struct session_table *like) {
  int status = collect_up_to (&reader->bytes, data, SNAPSHOT_PREFIX);
  if (status != RAFT_OK || reader->bytes.size < SNAPSHOT_PREFIX) {
    return status;
  }
  reader->left = raft_load_u64 (reader->bytes.data);
  reader->has_size = true;
  reader->bytes.size = 0;
  return reader->left <= meta_max (like) ? RAFT_OK : RAFT_EMALFORMED;
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

static int get_head (struct replica_meta_reader *reader,
                     struct wire_cursor *cursor, uint64_t cluster,
                     const struct session_table *like,
                     struct replica_meta *meta) {
  int status;
  replica_meta_init (meta);
  replica_session_table_init (&meta->sessions, like->memory, &like->bounds,
                              like->bug);
  status = get_meta (cursor, cluster, meta);
  reader->has_head = status == RAFT_OK;
  if (status == RAFT_EMALFORMED
      && replica_session_may_grow (cursor->size, reader->left > 0)) {
    replica_meta_free (meta);
    cursor->at = 0;
    return RAFT_OK;
  }
  return status;
}

/* As far as the bytes go. */
static int decode (struct replica_meta_reader *reader, uint64_t cluster,
                   const struct session_table *like,
                   struct replica_meta *meta) {
  struct wire_cursor cursor = { reader->bytes.data, reader->bytes.size, 0 };
  bool more = reader->left > 0;
  bool is_whole = false;
  int status = RAFT_OK;
  if (!reader->has_head) {
    status = get_head (reader, &cursor, cluster, like, meta);
  }
  if (status == RAFT_OK && reader->has_head) {
    status = replica_session_decode (&meta->sessions, &reader->sessions,
                                     &cursor, more, &is_whole);
  }
  if (status == RAFT_OK
      && (is_whole == more || (is_whole && cursor.at != cursor.size))) {
    status = RAFT_EMALFORMED; /* it ends before its bytes do, or after */
  }
  if (status == RAFT_OK) {
    raft_buffer_consume (&reader->bytes, cursor.at);
  }
  return status;
}

int replica_meta_read (struct replica_meta_reader *reader,
                       struct wire_view *data, uint64_t cluster,
                       const struct session_table *like,
                       struct replica_meta *meta) {
  size_t before;
  int status = RAFT_OK;
  if (!reader->has_size) {
    status = get_size (reader, data, like);
  }
  if (status != RAFT_OK || !reader->has_size) {
    return status;
  }
  before = data->size;
  if (meta == NULL) {
    size_t taken = data->size < reader->left ? data->size
                                             : (size_t)reader->left;
    data->data += taken;
    data->size -= taken;
  } else {
    status = collect_up_to (&reader->bytes, data,
                            reader->bytes.size + reader->left);
  }
  if (status != RAFT_OK) {
    return status;
  }
  reader->left -= before - data->size;
  reader->is_whole = reader->left == 0;
  return meta == NULL ? RAFT_OK : decode (reader, cluster, like, meta);
}

void replica_meta_reader_init (struct replica_meta_reader *reader,
                               struct raft_memory *memory) {
  memset (reader, 0, sizeof *reader);
  raft_buffer_init (&reader->bytes, memory);
}

void replica_meta_reader_free (struct replica_meta_reader *reader) {
  raft_buffer_free (&reader->bytes);
  replica_meta_reader_init (reader, reader->bytes.memory);
}
