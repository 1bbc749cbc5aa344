/* SPDX-License-Identifier: MIT
**
** session_image.c - the session table as a value, and back (Diss. 6.3: the
** table is part of the state that a snapshot holds).
**
** Invariant: what is read back gives every later verdict of the table that
**            was written, and counts the same bytes. */

#include "base/error.h"
#include "port/machine.h"
#include "replica/snapshot.h"
#include "wire/value.h"

/* ---- out --------------------------------------------------------------- */

static int put_numbers (struct raft_buffer *out, const uint64_t *numbers,
                        size_t count) {
  int status = RAFT_OK;
  for (size_t i = 0; i < count && status == RAFT_OK; i++) {
    status = wire_value_unsigned (out, numbers[i]);
  }
  return status;
}

static int put_result (struct replica_meta_writer *writer,
                       const struct session_record *record) {
  int status;
  if (!record->has_result) {
    return wire_value_nil (&writer->bytes);
  }
  if (record->large == NULL || record->size < SNAPSHOT_SHARED) {
    return wire_value_binary (&writer->bytes,
                              replica_session_result (record), record->size);
  }
  status = wire_value_binary_head (&writer->bytes, (uint32_t)record->size);
  return status != RAFT_OK ? status
                           : replica_meta_share (writer, record->large);
}

static int put_record (struct replica_meta_writer *writer,
                       const struct session_record *record) {
  const uint64_t numbers[] = { record->sequence,
                               (uint64_t)-(int64_t)record->status,
                               record->size };
  int status = wire_value_array (&writer->bytes, 4);
  if (status == RAFT_OK) {
    status = put_numbers (&writer->bytes, numbers, 3);
  }
  return status != RAFT_OK ? status : put_result (writer, record);
}

static int put_session (struct raft_buffer *out,
                        const struct session *session) {
  const uint64_t numbers[] = { session->id, session->first_unacknowledged,
                               session->used };
  int status = wire_value_array (out, 4);
  if (status == RAFT_OK) {
    status = put_numbers (out, numbers, 3);
  }
  return status != RAFT_OK ? status
                           : wire_value_array (out, session->record_count);
}

int replica_session_encode (const struct session_table *table,
                            struct replica_meta_writer *writer) {
  writer->sessions.session = table->least_recent;
  writer->sessions.record = NULL;
  writer->sessions.is_open = false;
  return wire_value_array (&writer->bytes, (uint32_t)table->session_count);
}

/* One record, or what comes before those of a session. */
static int put_next (struct replica_meta_writer *writer) {
  struct session_writer *at = &writer->sessions;
  int status;
  if (!at->is_open) {
    status = put_session (&writer->bytes, at->session);
    at->record = at->session->oldest;
    at->is_open = true;
  } else {
    status = put_record (writer, at->record);
    at->record = at->record->next;
  }
  if (at->record == NULL) {
    at->session = at->session->newer;
    at->is_open = false;
  }
  return status;
}

int replica_session_encode_more (struct replica_meta_writer *writer) {
  size_t end = writer->bytes.size + SNAPSHOT_PART;
  int status = RAFT_OK;
  for (uint32_t i = 0; i < SNAPSHOT_PART_ITEMS && status == RAFT_OK
         && writer->sessions.session != NULL && writer->bytes.size < end;
       i++) {
    status = put_next (writer);
  }
  return status;
}

/* ---- in ---------------------------------------------------------------- */

/* The longest value that is read as a whole, a result, and what is around it.
*/
#define IMAGE_MAX (2 * MACHINE_ANSWER_MAX)

bool replica_session_may_grow (size_t size, bool more) {
  return more && size < IMAGE_MAX;
}

struct record_image {
  uint64_t sequence;
  uint64_t status;
  uint64_t size;
  bool has_result;
  struct wire_view result;
};

static int get_record (struct wire_cursor *cursor,
                       struct record_image *image) {
  struct wire_value value;
  uint32_t count;
  if (wire_cursor_array (cursor, &count) != RAFT_OK || count != 4
      || wire_cursor_unsigned (cursor, RAFT_INDEX_MAX, &image->sequence)
           != RAFT_OK
      || wire_cursor_unsigned (cursor, INT32_MAX, &image->status) != RAFT_OK
      || wire_cursor_unsigned (cursor, UINT32_MAX, &image->size) != RAFT_OK
      || wire_cursor_next (cursor, &value) != RAFT_OK) {
    return RAFT_EMALFORMED;
  }
  image->has_result = value.type == WIRE_STRING;
  image->result = (struct wire_view){ value.data, value.count };
  return (image->has_result && value.count == image->size)
             || value.type == WIRE_NIL
           ? RAFT_OK : RAFT_EMALFORMED;
}

static int add_record (struct session_table *table, uint64_t id,
                       const struct record_image *image) {
  int status = -(int)image->status;
  struct session_record *record = NULL;
  if (replica_session_table_reserve (table, 0, 1) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  if (replica_session_command (table, id, image->sequence, 0, &record)
      != SESSION_FRESH) {
    return RAFT_EMALFORMED; /* one sequence twice */
  }
  if (image->has_result) {
    replica_session_keep (table, record, status, image->result.data,
                          image->result.size);
    return record->has_result ? RAFT_OK : RAFT_ENOMEM;
  }
  if (status != RAFT_ERESULT_LOST) {
    replica_session_keep_lost (table, record, status, (size_t)image->size);
  }
  return RAFT_OK;
}

static int get_session (struct session_table *table,
                        struct session_reader *reader,
                        struct wire_cursor *cursor) {
  uint32_t count;
  if (wire_cursor_array (cursor, &count) != RAFT_OK || count != 4
      || wire_cursor_unsigned (cursor, RAFT_INDEX_MAX, &reader->id)
           != RAFT_OK
      || wire_cursor_unsigned (cursor, RAFT_INDEX_MAX,
                               &reader->first_unacknowledged) != RAFT_OK
      || wire_cursor_unsigned (cursor, RAFT_TIME_MAX, &reader->used)
           != RAFT_OK
      || wire_cursor_array (cursor, &reader->records) != RAFT_OK
      || reader->id == 0 || replica_session_has (table, reader->id)) {
    return RAFT_EMALFORMED;
  }
  if (replica_session_table_reserve (table, 1, 0) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  (void)replica_session_open (table, reader->id);
  reader->sessions--;
  reader->is_open = true;
  return RAFT_OK;
}

/* Last of all: a record may be older than what is unacknowledged
** (session.c). */
static void end_session (struct session_table *table,
                         struct session_reader *reader) {
  table->most_recent->first_unacknowledged = reader->first_unacknowledged;
  table->most_recent->used = reader->used;
  reader->is_open = false;
}

static int get_next (struct session_table *table,
                     struct session_reader *reader,
                     struct wire_cursor *cursor) {
  struct record_image image;
  int status;
  if (!reader->is_open) {
    return get_session (table, reader, cursor);
  }
  if (reader->records == 0) {
    end_session (table, reader);
    return RAFT_OK;
  }
  status = get_record (cursor, &image);
  if (status == RAFT_OK) {
    reader->records--;
    status = add_record (table, reader->id, &image);
  }
  return status;
}

static int get_count (struct session_reader *reader,
                      struct wire_cursor *cursor) {
  int status = wire_cursor_array (cursor, &reader->sessions);
  reader->is_begun = status == RAFT_OK;
  return status;
}

int replica_session_decode (struct session_table *table,
                            struct session_reader *reader,
                            struct wire_cursor *cursor, bool more,
                            bool *is_whole) {
  int status = RAFT_OK;
  while (status == RAFT_OK
         && (!reader->is_begun || reader->sessions > 0 || reader->is_open)) {
    size_t before = cursor->at;
    status = reader->is_begun ? get_next (table, reader, cursor)
                              : get_count (reader, cursor);
    if (status == RAFT_EMALFORMED
        && replica_session_may_grow (cursor->size - before, more)) {
      cursor->at = before;
      *is_whole = false;
      return RAFT_OK;
    }
  }
  *is_whole = status == RAFT_OK;
  if (*is_whole) {
    replica_session_batch_end (table);
  }
  return status;
}
