/* SPDX-License-Identifier: MIT
**
** configuration.c - the members of a cluster as the payload of an entry.
**
** The payload is canonical, so its keys come in one order and reading
** it is one straight walk. What is read may come from another member: it is
** judged as a whole before the engine sees it. */

#include "wire/configuration.h"

#include <string.h>

#include "base/checksum.h"
#include "wire/entry.h"
#include "wire/value.h"

struct configuration_reader {
  struct wire_cursor cursor;
  struct wire_configuration *value;
  struct raft_detail *detail;
};

static int configuration_fail (struct raft_detail *detail, const char *what) {
  return raft_fail (detail, RAFT_EMALFORMED, "configuration: %s", what);
}

/* ---- writing ---------------------------------------------------------- */

static int put_text (struct raft_buffer *out, const char *text) {
  return wire_value_string (out, text, strlen (text));
}

static raft_id last_id (const struct wire_configuration *value) {
  return value->member_count == 0
           ? RAFT_ID_NONE : value->members[value->member_count - 1].id;
}

static int put_member (struct raft_buffer *out,
                       const struct wire_member *member) {
  bool has_priority = member->priority != RAFT_PRIORITY_DEFAULT;
  int status = wire_value_array (out, has_priority ? 4 : 3);
  status |= wire_value_unsigned (out, member->id);
  status |= put_text (out, member->address);
  status |= wire_value_unsigned (out, member->roles);
  if (has_priority) {
    status |= wire_value_unsigned (out, member->priority);
  }
  return status;
}

int wire_configuration_encode (struct raft_buffer *out,
                               const struct wire_configuration *value) {
  size_t start = out->size;
  bool has_used = value->used > last_id (value);
  uint32_t i;
  bool was_recovered = value->recovered != 0;
  int status = wire_value_map (out, 3u + has_used + was_recovered
                                      + (value->drift_ppm != 0));
  if (value->drift_ppm != 0) {
    status |= put_text (out, "drift_ppm");
    status |= wire_value_unsigned (out, value->drift_ppm);
  }
  status |= put_text (out, "lease_us");
  status |= wire_value_unsigned (out, value->lease_us);
  status |= put_text (out, "members");
  status |= wire_value_array (out, value->member_count);
  for (i = 0; i < value->member_count; i++) {
    status |= put_member (out, &value->members[i]);
  }
  status |= put_text (out, "name");
  status |= put_text (out, value->name);
  if (was_recovered) {
    status |= put_text (out, "recovered");
    status |= wire_value_unsigned (out, value->recovered);
  }
  if (has_used) {
    status |= put_text (out, "used");
    status |= wire_value_unsigned (out, value->used);
  }
  if (status != RAFT_OK) {
    out->size = start;
    return RAFT_ENOMEM;
  }
  return RAFT_OK;
}

/* ---- reading ---------------------------------------------------------- */

/* A string with a limit, without control characters, as a C string. */
static bool read_text (struct wire_cursor *cursor, char *text, size_t room) {
  struct wire_view view;
  size_t i;
  if (wire_cursor_string (cursor, &view) != RAFT_OK || view.size >= room
      || !wire_is_utf8 (view.data, view.size)) {
    return false;
  }
  for (i = 0; i < view.size; i++) {
    if (view.data[i] < 0x20 || view.data[i] == 0x7f) {
      return false;
    }
  }
  if (view.size > 0) {
    memcpy (text, view.data, view.size);
  }
  memset (text + view.size, 0, room - view.size);
  return true;
}

static bool read_key (struct wire_cursor *cursor, const char *key) {
  struct wire_view view;
  return wire_cursor_string (cursor, &view) == RAFT_OK
         && view.size == strlen (key)
         && memcmp (view.data, key, view.size) == 0;
}

/* "host:port", port 1 … 65535, neither part empty, no space in it. */
static bool address_is_valid (const char *address) {
  const char *colon = strrchr (address, ':');
  const char *digit;
  unsigned port = 0;
  if (colon == NULL || colon == address || colon[1] == '\0'
      || strchr (address, ' ') != NULL || strlen (colon) > 6) {
    return false;
  }
  for (digit = colon + 1; *digit != '\0'; digit++) {
    if (*digit < '0' || *digit > '9') {
      return false;
    }
    port = port * 10 + (unsigned)(*digit - '0');
  }
  return port >= 1 && port <= 65535;
}

/* Voter and learner exclude each other; an outgoing voter may be either. */
static bool roles_are_valid (uint64_t roles) {
  return roles >= 1 && roles <= 7
         && (roles & (WIRE_VOTER | WIRE_LEARNER))
              != (WIRE_VOTER | WIRE_LEARNER);
}

static int read_priority (struct configuration_reader *reader,
                          struct wire_member *member, bool is_said) {
  uint64_t priority = RAFT_PRIORITY_DEFAULT;
  if (is_said
      && (wire_cursor_unsigned (&reader->cursor, RAFT_PRIORITY_MAX, &priority)
            != RAFT_OK
          || priority == RAFT_PRIORITY_DEFAULT)) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: member %llu: not a priority",
                      (unsigned long long)member->id);
  }
  member->priority = (uint32_t)priority;
  return RAFT_OK;
}

static int read_member (struct configuration_reader *reader, uint32_t i) {
  struct wire_member *member = &reader->value->members[i];
  uint32_t count = 0;
  uint64_t roles = 0;
  if (wire_cursor_array (&reader->cursor, &count) != RAFT_OK || count < 3
      || count > 4
      || wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX, &member->id)
           != RAFT_OK
      || member->id == RAFT_ID_NONE) {
    return configuration_fail (reader->detail, "a member must be [id, "
                               "\"host:port\", role], its id from 1");
  }
  if (i > 0 && member->id <= member[-1].id) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: member %llu after member %llu: ids "
                      "must ascend", (unsigned long long)member->id,
                      (unsigned long long)member[-1].id);
  }
  if (!read_text (&reader->cursor, member->address, sizeof member->address)
      || !address_is_valid (member->address)) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: member %llu: expected an address "
                      "\"host:port\" of less than %d bytes",
                      (unsigned long long)member->id, WIRE_ADDRESS_MAX);
  }
  if (wire_cursor_unsigned (&reader->cursor, 7, &roles) != RAFT_OK
      || !roles_are_valid (roles)) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: member %llu: not a role",
                      (unsigned long long)member->id);
  }
  member->roles = (unsigned)roles;
  return read_priority (reader, member, count == 4);
}

/* Each set must fit the engine's arrays, and someone must vote. */
static int check_sets (const struct wire_configuration *value,
                       struct raft_detail *detail) {
  uint32_t voters = 0, learners = 0, outgoing = 0, i;
  for (i = 0; i < value->member_count; i++) {
    unsigned roles = value->members[i].roles;
    voters += (roles & WIRE_VOTER) != 0;
    learners += (roles & WIRE_LEARNER) != 0;
    outgoing += (roles & WIRE_OUTGOING) != 0;
  }
  if (voters == 0) {
    return configuration_fail (detail, "no voter");
  }
  if (voters > RAFT_MEMBERS_MAX || learners > RAFT_MEMBERS_MAX
      || outgoing > RAFT_MEMBERS_MAX) {
    return raft_fail (detail, RAFT_EMALFORMED,
                      "configuration: more than %d members of one role",
                      RAFT_MEMBERS_MAX);
  }
  return RAFT_OK;
}

static int read_members (struct configuration_reader *reader) {
  uint32_t count = 0, i;
  if (!read_key (&reader->cursor, "members")
      || wire_cursor_array (&reader->cursor, &count) != RAFT_OK) {
    return configuration_fail (reader->detail, "members must be an array");
  }
  if (count > RAFT_MEMBERS_MAX * 3) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: %u members, at most %d can be",
                      (unsigned)count, RAFT_MEMBERS_MAX * 3);
  }
  for (i = 0; i < count; i++) {
    int status = read_member (reader, i);
    if (status != RAFT_OK) {
      return status;
    }
  }
  reader->value->member_count = count;
  return check_sets (reader->value, reader->detail);
}

/* Only what the members do not say themselves: one value, one encoding. */
static int read_used (struct configuration_reader *reader) {
  struct wire_configuration *value = reader->value;
  if (!read_key (&reader->cursor, "used")
      || wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX, &value->used)
           != RAFT_OK
      || value->used <= last_id (value)) {
    return configuration_fail (reader->detail, "used must be an id above "
                                               "those of the members");
  }
  return RAFT_OK;
}

/* Whether the next pair, if any, has this key; else it stays the next. */
static bool read_optional (struct configuration_reader *reader,
                           const char *key, uint32_t *pairs) {
  struct wire_cursor before = reader->cursor;
  if (*pairs == 0 || !read_key (&reader->cursor, key)) {
    reader->cursor = before;
    return false;
  }
  (*pairs)--;
  return true;
}

static int read_recovered (struct configuration_reader *reader,
                           uint32_t *pairs) {
  if (read_optional (reader, "recovered", pairs)
      && (wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX,
                                &reader->value->recovered) != RAFT_OK
          || reader->value->recovered == 0)) {
    return configuration_fail (reader->detail, "recovered must be a number "
                                               "from 1 to 2^53 - 1");
  }
  return RAFT_OK;
}

/* The first pair, when it is there. */
static int read_drift (struct configuration_reader *reader,
                       uint32_t *pairs) {
  if (!read_optional (reader, "drift_ppm", pairs)) {
    return RAFT_OK;
  }
  if (wire_cursor_unsigned (&reader->cursor, RAFT_PPM / 2,
                            &reader->value->drift_ppm) != RAFT_OK
      || reader->value->drift_ppm == 0) {
    return configuration_fail (reader->detail, "drift_ppm must be a number "
                                               "from 1 to 500000");
  }
  return RAFT_OK;
}

static int read_all (struct configuration_reader *reader) {
  uint32_t pairs = 0;
  int status;
  if (wire_cursor_map (&reader->cursor, &pairs) != RAFT_OK) {
    pairs = 0;
  }
  status = read_drift (reader, &pairs);
  if (status != RAFT_OK) {
    return status;
  }
  if (pairs < 3 || pairs > 5) {
    return configuration_fail (reader->detail, "expected a map of lease_us, "
                                               "members and name");
  }
  if (!read_key (&reader->cursor, "lease_us")
      || wire_cursor_unsigned (&reader->cursor, RAFT_TIME_MAX,
                               &reader->value->lease_us) != RAFT_OK) {
    return configuration_fail (reader->detail, "lease_us must be a number "
                                               "below 2^53");
  }
  status = read_members (reader);
  if (status != RAFT_OK) {
    return status;
  }
  if (!read_key (&reader->cursor, "name")
      || !read_text (&reader->cursor, reader->value->name,
                     sizeof reader->value->name)) {
    return raft_fail (reader->detail, RAFT_EMALFORMED,
                      "configuration: name must be a text of less than %d "
                      "bytes", WIRE_NAME_MAX);
  }
  reader->value->used = last_id (reader->value);
  pairs -= 3;
  status = read_recovered (reader, &pairs);
  if (status == RAFT_OK && pairs > 1) {
    return configuration_fail (reader->detail, "expected no other key than "
                                               "recovered and used");
  }
  return status == RAFT_OK && pairs > 0 ? read_used (reader) : status;
}

int wire_configuration_decode (struct wire_view payload,
                               struct wire_configuration *value,
                               struct raft_detail *detail) {
  struct wire_configuration read;
  struct configuration_reader reader;
  int status = wire_value_check (payload.data, payload.size, detail);
  if (status != RAFT_OK) {
    return status;
  }
  memset (&read, 0, sizeof read);
  reader.cursor.data = payload.data;
  reader.cursor.size = payload.size;
  reader.cursor.at = 0;
  reader.value = &read;
  reader.detail = detail;
  status = read_all (&reader);
  if (status == RAFT_OK) {
    *value = read;
  }
  return status;
}

/* ---- for the engine, and entry 1 -------------------------------------- */

const struct wire_member *wire_configuration_find (
  const struct wire_configuration *value, raft_id id) {
  for (uint32_t i = 0; i < value->member_count; i++) {
    if (value->members[i].id == id) {
      return &value->members[i];
    }
  }
  return NULL;
}

static void set_add (struct raft_id_set *set, raft_id id) {
  set->ids[set->count] = id;
  set->count++;
}

static void add_priority (struct raft_configuration *sets,
                          const struct wire_member *member) {
  if (member->priority != RAFT_PRIORITY_DEFAULT) {
    struct raft_priority *last = &sets->priorities[sets->priority_count++];
    last->id = member->id;
    last->value = member->priority;
  }
}

void wire_configuration_sets (const struct wire_configuration *value,
                              struct raft_configuration *sets) {
  uint32_t i;
  memset (sets, 0, sizeof *sets);
  sets->lease_us = value->lease_us;
  sets->drift_ppm = value->drift_ppm;
  for (i = 0; i < value->member_count; i++) {
    const struct wire_member *member = &value->members[i];
    if ((member->roles & WIRE_VOTER) != 0) {
      set_add (&sets->voters, member->id);
      add_priority (sets, member);
    }
    if ((member->roles & WIRE_OUTGOING) != 0) {
      set_add (&sets->outgoing, member->id);
    }
    if ((member->roles & WIRE_LEARNER) != 0) {
      set_add (&sets->learners, member->id);
    }
  }
}

/* The payload, checked by reading it again: what is written is valid. */
static int first_payload (struct raft_buffer *payload,
                          const struct wire_configuration *value,
                          struct raft_detail *detail) {
  struct wire_configuration read;
  struct wire_view view;
  int status = wire_configuration_encode (payload, value);
  if (status != RAFT_OK) {
    return status;
  }
  view.data = payload->data;
  view.size = payload->size;
  status = wire_configuration_decode (view, &read, detail);
  return status == RAFT_OK ? RAFT_OK : RAFT_EINVALID;
}

uint64_t wire_cluster_of (struct wire_view first) {
  uint64_t hash = raft_checksum (first.data, first.size, 0);
  return hash == 0 ? 1 : hash; /* 0 means unknown in a greeting */
}

int wire_first_entry (struct raft_buffer *out, uint64_t group,
                      const struct wire_configuration *value,
                      uint64_t *cluster, struct raft_detail *detail) {
  struct wire_entry entry;
  struct raft_buffer payload;
  size_t size;
  int status;
  raft_buffer_init (&payload, out->memory);
  status = first_payload (&payload, value, detail);
  size = WIRE_ENTRY_HEAD + payload.size;
  if (status == RAFT_OK) {
    status = raft_buffer_reserve (out, size);
  }
  if (status == RAFT_OK) {
    uint8_t *bytes = out->data + out->size;
    memset (&entry, 0, sizeof entry);
    entry.kind = RAFT_ENTRY_CONFIGURATION;
    entry.group = group;
    entry.term = 1;
    entry.index = 1;
    entry.payload = payload.data;
    entry.payload_size = (uint32_t)payload.size;
    entry.payload_checksum = raft_checksum (payload.data, payload.size, 0);
    wire_entry_encode (&entry, bytes);
    out->size += size;
    *cluster = wire_cluster_of ((struct wire_view){ bytes, size });
  }
  raft_buffer_free (&payload);
  return status;
}
