/* SPDX-License-Identifier: MIT
**
** message_decode.c - reading messages between members.
**
** The hot path of a follower: entries are read where they stand, with the
** cursor. The only memory is the room, which grows to the largest message
** and stays. Counts are compared with the bytes that are there before any
** memory is asked for. */

#include <string.h>

#include "base/checksum.h"
#include "wire/configuration.h"
#include "wire/entry.h"
#include "wire/message.h"
#include "wire/value.h"

/* The fewest bytes of an entry in a message: a bin head and an envelope. */
#define ENTRY_BYTES_MIN (2 + WIRE_ENTRY_HEAD)

struct message_reader {
  struct wire_cursor cursor; /* over the body */
  struct wire_message_room *room;
  struct wire_message *message;
  struct raft_detail *detail;
};

void wire_message_room_init (struct wire_message_room *room,
                             struct raft_memory *memory) {
  memset (room, 0, sizeof *room);
  room->memory = memory;
  room->version = wire_version_own ();
}

void wire_message_room_free (struct wire_message_room *room) {
  enum raft_bug bug = room->bug;
  raft_release (room->memory, room->entries,
                room->entry_capacity * sizeof *room->entries);
  raft_release (room->memory, room->views,
                room->view_capacity * sizeof *room->views);
  raft_release (room->memory, room->configurations,
                room->configuration_capacity * sizeof *room->configurations);
  wire_message_room_init (room, room->memory);
  room->bug = bug;
}

static int room_reserve_entries (struct wire_message_room *room,
                                 size_t count) {
  void *entries = room->entries;
  void *views = room->views;
  int status = raft_reserve (room->memory, &entries, &room->entry_capacity,
                             count, sizeof *room->entries);
  room->entries = entries;
  if (status == RAFT_OK) {
    status = raft_reserve (room->memory, &views, &room->view_capacity, count,
                           sizeof *room->views);
    room->views = views;
  }
  return status;
}

static int room_reserve_configurations (struct wire_message_room *room,
                                        size_t count) {
  void *array = room->configurations;
  int status = raft_reserve (room->memory, &array,
                             &room->configuration_capacity, count,
                             sizeof *room->configurations);
  room->configurations = array;
  return status;
}

/* ---- fields ----------------------------------------------------------- */

static int read_number (struct message_reader *reader, const char *name,
                        uint64_t *number) {
  if (wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX, number)
      != RAFT_OK) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: %s must be a number below 2^53", name);
  }
  return RAFT_OK;
}

static int read_flag (struct message_reader *reader, const char *name,
                      bool *flag) {
  if (wire_cursor_boolean (&reader->cursor, flag) != RAFT_OK) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: %s must be a boolean", name);
  }
  return RAFT_OK;
}

#define VOTE_FIELDS 4 /* kind, term, last_index, last_term */
#define APPEND_RESULT_FIELDS 9
#define RESULT_HASH_FIELDS 4 /* kind, term, index, hash */

/* Several numbers, one after another. */
struct number_field {
  const char *name;
  uint64_t *number;
};

static int read_numbers (struct message_reader *reader,
                         const struct number_field *fields, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    int status = read_number (reader, fields[i].name, fields[i].number);
    if (status != RAFT_OK) {
      return status;
    }
  }
  return RAFT_OK;
}

/* 'transfer' came later: a request that is not one goes without it. */
static int read_vote (struct message_reader *reader, uint32_t count) {
  struct raft_message *message = &reader->message->message;
  struct raft_message_vote *vote = &message->as.vote;
  const struct number_field fields[] = { { "last_index", &vote->last_index },
                                         { "last_term", &vote->last_term } };
  int status = read_numbers (reader, fields, 2);
  if (status == RAFT_OK && vote->last_term > message->term) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: last_term is above the term");
  }
  if (status == RAFT_OK && count > VOTE_FIELDS) {
    status = read_flag (reader, "transfer", &vote->transfer);
  }
  return status;
}

/* 'disk_full' came later, and is left out when there is room. */
static int read_append_result (struct message_reader *reader,
                               uint32_t count) {
  struct raft_message_append_result *result
    = &reader->message->message.as.append_result;
  const struct number_field fields[]
    = { { "match_index", &result->match_index },
        { "rejected_index", &result->rejected_index },
        { "hint_index", &result->hint_index },
        { "hint_term", &result->hint_term },
        { "round", &result->round } };
  int status = read_flag (reader, "rejected", &result->rejected);
  if (status == RAFT_OK) {
    status = read_flag (reader, "stalled", &result->stalled);
  }
  if (status == RAFT_OK) {
    status = read_numbers (reader, fields, 5);
  }
  if (status == RAFT_OK && count > APPEND_RESULT_FIELDS) {
    status = read_flag (reader, "disk_full", &result->disk_full);
  }
  return status;
}

static bool read_trail (struct message_reader *reader,
                        struct wire_result_hash *hash) {
  return wire_cursor_string (&reader->cursor, &hash->trail) == RAFT_OK
         && hash->trail.size > 0 && hash->trail.size % 8 == 0
         && hash->trail.size <= (size_t)WIRE_TRAIL_MAX * 8
         && hash->trail.size / 8 <= hash->index;
}

static int read_result_hash (struct message_reader *reader, uint32_t count) {
  struct wire_result_hash *hash = &reader->message->result_hash;
  int status = read_number (reader, "index", &hash->index);
  hash->term = reader->message->message.term;
  reader->message->is_result_hash = true;
  hash->trail.data = NULL;
  hash->trail.size = 0;
  if (status == RAFT_OK
      && (hash->index == 0
          || wire_cursor_unsigned (&reader->cursor, UINT64_MAX, &hash->hash)
               != RAFT_OK)) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: a result hash without index or hash");
  }
  if (status == RAFT_OK && count > RESULT_HASH_FIELDS
      && !read_trail (reader, hash)) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: expected a trail of 1 to %d hashes of 8 "
                        "bytes each", WIRE_TRAIL_MAX);
  }
  return status;
}

/* ---- snapshots -------------------------------------------------------- */

static int read_salt (struct message_reader *reader, uint64_t *salt) {
  if (wire_cursor_unsigned (&reader->cursor, UINT64_MAX, salt) != RAFT_OK) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: salt must be a number");
  }
  return RAFT_OK;
}

/* A whole block, but for the last one; or nothing. */
static bool block_fits (const struct wire_snapshot *snapshot) {
  uint64_t before = snapshot->block * WIRE_SNAPSHOT_BLOCK;
  uint64_t left = snapshot->size - before;
  if (snapshot->data.size == 0) {
    return snapshot->block == 0;
  }
  return snapshot->block < RAFT_INDEX_MAX / WIRE_SNAPSHOT_BLOCK
         && before < snapshot->size
         && snapshot->data.size
              == (left < WIRE_SNAPSHOT_BLOCK ? left : WIRE_SNAPSHOT_BLOCK);
}

static int read_snapshot (struct message_reader *reader) {
  struct wire_snapshot *snapshot = &reader->message->snapshot;
  const struct number_field fields[]
    = { { "index", &snapshot->index },
        { "last_term", &snapshot->last_term },
        { "time", &snapshot->time },
        { "size", &snapshot->size } };
  int status = read_numbers (reader, fields, 4);
  snapshot->term = reader->message->message.term;
  reader->message->is_snapshot = true;
  if (status == RAFT_OK) {
    status = read_salt (reader, &snapshot->salt);
  }
  if (status == RAFT_OK) {
    status = read_number (reader, "block", &snapshot->block);
  }
  if (status == RAFT_OK
      && (wire_cursor_string (&reader->cursor, &snapshot->data) != RAFT_OK
          || snapshot->index == 0 || snapshot->last_term == 0
          || snapshot->last_term > snapshot->term
          || !block_fits (snapshot))) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: block %llu of a snapshot does not fit it",
                        (unsigned long long)snapshot->block);
  }
  return status;
}

static int read_snapshot_result (struct message_reader *reader) {
  struct wire_snapshot_result *result = &reader->message->snapshot_result;
  uint64_t outcome = 0;
  int status = read_number (reader, "index", &result->index);
  result->term = reader->message->message.term;
  reader->message->is_snapshot_result = true;
  if (status == RAFT_OK) {
    status = read_salt (reader, &result->salt);
  }
  if (status == RAFT_OK) {
    status = read_number (reader, "next", &result->next);
  }
  if (status == RAFT_OK) {
    status = read_number (reader, "outcome", &outcome);
  }
  if (status == RAFT_OK
      && (result->index == 0 || outcome > WIRE_SNAPSHOT_REFUSED)) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: expected outcomes 0 to %d of a snapshot, "
                        "got %llu", WIRE_SNAPSHOT_REFUSED,
                        (unsigned long long)outcome);
  }
  result->outcome = (enum wire_snapshot_outcome)outcome;
  return status;
}

/* ---- entries ---------------------------------------------------------- */

/* What one entry must be, after the one before it. */
struct entry_place {
  raft_index index;
  raft_term term_before;
};

static int check_entry (struct message_reader *reader,
                        const struct wire_entry *entry,
                        const struct entry_place *place) {
  const struct wire_message *message = reader->message;
  if (entry->index != place->index || entry->term < place->term_before
      || entry->term > message->message.term
      || entry->group != message->group) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: expected an entry with index %llu, group "
                      "%llu and a term from %llu to %llu, got index %llu, "
                      "group %llu, term %llu",
                      (unsigned long long)place->index,
                      (unsigned long long)message->group,
                      (unsigned long long)place->term_before,
                      (unsigned long long)message->message.term,
                      (unsigned long long)entry->index,
                      (unsigned long long)entry->group,
                      (unsigned long long)entry->term);
  }
  if (!wire_version_knows (&reader->room->version, entry->kind)) {
    return raft_fail (reader->detail, RAFT_EUNSUPPORTED,
                      "message: entry %llu is of kind %u, which this member "
                      "does not understand",
                      (unsigned long long)entry->index,
                      (unsigned)entry->kind);
  }
  if (!wire_entry_is_intact (entry)
      && !raft_bug (reader->room, SKIP_MESSAGE_CHECKSUM)) {
    return raft_fail (reader->detail, RAFT_ECORRUPT,
                      "message: the payload of entry %llu does not match its "
                      "checksum", (unsigned long long)entry->index);
  }
  return RAFT_OK;
}

static int read_configuration (struct message_reader *reader,
                               const struct wire_entry *entry) {
  struct wire_message_room *room = reader->room;
  struct raft_message_append *append = &reader->message->message.as.append;
  struct wire_configuration value;
  struct wire_view payload = { entry->payload, entry->payload_size };
  int status = wire_configuration_decode (payload, &value, reader->detail);
  if (status == RAFT_OK) {
    status = room_reserve_configurations (room,
                                          append->configuration_count + 1u);
  }
  if (status == RAFT_OK) {
    wire_configuration_sets (
      &value, &room->configurations[append->configuration_count]);
    append->configuration_count++;
  }
  return status;
}

static int read_entry (struct message_reader *reader, uint32_t i,
                       struct entry_place *place) {
  struct wire_message_room *room = reader->room;
  struct wire_view view = { NULL, 0 };
  struct wire_entry entry;
  int status = wire_cursor_string (&reader->cursor, &view);
  if (status == RAFT_OK) {
    status = wire_entry_decode (view.data, view.size, &entry);
  }
  if (status != RAFT_OK
      || view.size != WIRE_ENTRY_HEAD + (size_t)entry.payload_size) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: the bytes of entry %llu are no entry",
                      (unsigned long long)place->index);
  }
  status = check_entry (reader, &entry, place);
  if (status == RAFT_OK && entry.kind == RAFT_ENTRY_CONFIGURATION) {
    status = read_configuration (reader, &entry);
  }
  if (status == RAFT_OK) {
    room->views[i] = view;
    memset (&room->entries[i], 0, sizeof room->entries[i]);
    room->entries[i].term = entry.term;
    room->entries[i].checksum = entry.payload_checksum;
    room->entries[i].time = entry.time;
    room->entries[i].size = (uint32_t)view.size;
    room->entries[i].kind = entry.kind;
    place->index++;
    place->term_before = entry.term;
  }
  return status;
}

static int read_entries (struct message_reader *reader) {
  struct raft_message_append *append = &reader->message->message.as.append;
  struct entry_place place = { append->previous_index + 1,
                               append->previous_term };
  uint32_t count, i;
  int status = wire_cursor_array (&reader->cursor, &count);
  if (status != RAFT_OK
      || count > (reader->cursor.size - reader->cursor.at) / ENTRY_BYTES_MIN
      || count > RAFT_INDEX_MAX - append->previous_index) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: more entries than bytes for them");
  }
  status = room_reserve_entries (reader->room, count);
  for (i = 0; i < count && status == RAFT_OK; i++) {
    status = read_entry (reader, i, &place);
  }
  if (status == RAFT_OK) {
    append->entry_count = count;
    append->entries = reader->room->entries;
    append->configurations = reader->room->configurations;
    reader->message->entry_bytes = reader->room->views;
  }
  return status;
}

static int read_append (struct message_reader *reader) {
  struct raft_message *message = &reader->message->message;
  struct raft_message_append *append = &message->as.append;
  const struct number_field fields[]
    = { { "previous_index", &append->previous_index },
        { "previous_term", &append->previous_term },
        { "commit", &append->commit },
        { "round", &append->round },
        { "lease_us", &append->lease_us } };
  int status = read_numbers (reader, fields, 5);
  if (status == RAFT_OK
      && (append->previous_term > message->term
          || (append->previous_index == 0) != (append->previous_term == 0))) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: previous entry %llu cannot have term %llu",
                        (unsigned long long)append->previous_index,
                        (unsigned long long)append->previous_term);
  }
  return status != RAFT_OK ? status : read_entries (reader);
}

static int read_read (struct message_reader *reader) {
  struct raft_message_read *read = &reader->message->message.as.read;
  const struct number_field fields[]
    = { { "context", &read->context }, { "index", &read->index } };
  return read_numbers (reader, fields, 2);
}

/* ---- the whole -------------------------------------------------------- */

static int read_fields (struct message_reader *reader, uint64_t kind,
                        uint32_t count) {
  struct raft_message *message = &reader->message->message;
  switch (wire_version_reads (&reader->room->version, kind) ? kind : 0) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
      return read_vote (reader, count);
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT:
      return read_flag (reader, "granted",
                        &message->as.vote_result.granted);
    case RAFT_MESSAGE_APPEND:
      return read_append (reader);
    case RAFT_MESSAGE_APPEND_RESULT:
      return read_append_result (reader, count);
    case RAFT_MESSAGE_TIMEOUT_NOW: return RAFT_OK;
    case RAFT_MESSAGE_READ:
    case RAFT_MESSAGE_READ_RESULT: return read_read (reader);
    case WIRE_MESSAGE_RESULT_HASH:
      return read_result_hash (reader, count);
    case WIRE_MESSAGE_SNAPSHOT:
      return read_snapshot (reader);
    case WIRE_MESSAGE_SNAPSHOT_RESULT:
      return read_snapshot_result (reader);
    default:
      return raft_fail (reader->detail, RAFT_EUNSUPPORTED,
                        "message: of kind %llu, which this member does not "
                        "understand", (unsigned long long)kind);
  }
}

static uint32_t body_fields (uint64_t kind) {
  switch (kind) {
    case RAFT_MESSAGE_APPEND: return 8;
    case RAFT_MESSAGE_APPEND_RESULT: return APPEND_RESULT_FIELDS;
    case RAFT_MESSAGE_PRE_VOTE_RESULT:
    case RAFT_MESSAGE_VOTE_RESULT: return 3;
    case RAFT_MESSAGE_TIMEOUT_NOW: return 2;
    case WIRE_MESSAGE_SNAPSHOT: return 9;
    case WIRE_MESSAGE_SNAPSHOT_RESULT: return 6;
    default: return VOTE_FIELDS;
  }
}

static int read_body (struct message_reader *reader) {
  struct raft_message *message = &reader->message->message;
  uint32_t count, expected;
  uint64_t kind;
  int status = wire_cursor_array (&reader->cursor, &count);
  if (status != RAFT_OK
      || wire_cursor_unsigned (&reader->cursor, UINT8_MAX, &kind)
           != RAFT_OK) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: the body must be [kind, term, ...]");
  }
  status = read_number (reader, "term", &message->term);
  if (status == RAFT_OK && message->term == 0) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: of term 0");
  }
  if (status != RAFT_OK) {
    return status;
  }
  message->kind = (enum raft_message_kind)kind;
  status = read_fields (reader, kind, count);
  expected = body_fields (kind);
  if ((kind == RAFT_MESSAGE_VOTE || kind == RAFT_MESSAGE_APPEND_RESULT
       || kind == WIRE_MESSAGE_RESULT_HASH)
      && count == expected + 1) {
    expected = count;
  }
  if (status == RAFT_OK
      && (count != expected || reader->cursor.at != reader->cursor.size)) {
    status = raft_fail (reader->detail, RAFT_EMALFORMED,
                        "message: expected %u fields for kind %u, got %u",
                        (unsigned)expected, (unsigned)kind, (unsigned)count);
  }
  return status;
}

/* [checksum, group, from, to, body], up to the checksum. */
static int read_envelope (struct wire_view params,
                          struct message_reader *reader) {
  struct wire_cursor cursor = { params.data, params.size, 0 };
  struct wire_message *message = reader->message;
  struct wire_view body = { NULL, 0 };
  uint64_t checksum = 0;
  uint32_t count = 0;
  bool fine = wire_cursor_array (&cursor, &count) == RAFT_OK && count == 5
    && wire_cursor_unsigned (&cursor, UINT64_MAX, &checksum) == RAFT_OK
    && wire_cursor_unsigned (&cursor, UINT64_MAX, &message->group) == RAFT_OK
    && wire_cursor_unsigned (&cursor, RAFT_INDEX_MAX, &message->from)
         == RAFT_OK
    && wire_cursor_unsigned (&cursor, RAFT_INDEX_MAX, &message->to) == RAFT_OK
    && wire_cursor_string (&cursor, &body) == RAFT_OK
    && cursor.at == params.size && message->from != RAFT_ID_NONE
    && message->to != RAFT_ID_NONE;
  if (!fine) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "message: expected [checksum, group, from, to, body], "
                      "ids from 1");
  }
  if (wire_message_checksum (message->group, message->from, message->to, body)
        != checksum
      && !raft_bug (reader->room, SKIP_MESSAGE_CHECKSUM)) {
    return raft_fail (reader->detail, RAFT_ECORRUPT,
                      "message: does not match its checksum");
  }
  reader->cursor.data = body.data;
  reader->cursor.size = body.size;
  reader->cursor.at = 0;
  return RAFT_OK;
}

int wire_message_decode (struct wire_view params,
                         struct wire_message_room *room,
                         struct wire_message *message,
                         struct raft_detail *detail) {
  struct message_reader reader;
  struct wire_message read;
  int status;
  memset (&read, 0, sizeof read);
  reader.room = room;
  reader.message = &read;
  reader.detail = detail;
  status = read_envelope (params, &reader);
  if (status == RAFT_OK) {
    status = read_body (&reader);
  }
  if (status == RAFT_OK) {
    read.message.from = read.from;
    read.message.to = read.to;
    *message = read;
  }
  return status;
}
