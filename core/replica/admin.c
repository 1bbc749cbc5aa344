/* SPDX-License-Identifier: MIT
**
** admin.c - what an operator may ask of a member.
**
**   members      []                     -> what there is, and the progress
**   set_members  [{ voters = [m, …], learners = [m, …], expected = n,
**                   lease_us = n, drift_ppm = n, priorities = [[id, p], …] }]
**                                       -> { index = n }
**   transfer     [] or [id]             -> { leader = id }
**   step_down    []                     -> true
**
** A member m is [id, "host:port"], or id for one that is there already.
** 'expected' is the index of the configuration that is to be changed. What is
** said of leases and priorities only leaves the members as they are; lease_us
** 0 turns leases off, and drift_ppm 0 stands for the default. Who has no new
** priority p keeps the one it has.
**
** Rule: a request is judged as a whole before anything is changed. */

#include <string.h>

#include "replica/inside.h"

void replica_admin_refuse (struct replica *replica,
                           const struct replica_caller *caller, int status,
                           const struct raft_detail *why) {
  replica_answer_error (replica, caller, status,
                        why->text[0] != '\0' ? why->text : NULL);
}

bool replica_admin_is_empty (struct wire_view params) {
  return params.size == 1 && params.data[0] == 0x90;
}

void replica_admin_answer (struct replica *replica,
                           const struct replica_caller *caller,
                           const char *key, uint64_t number) {
  int status;
  replica->value.size = 0;
  status = wire_value_map (&replica->value, 1);
  status |= wire_value_string (&replica->value, key, strlen (key));
  status |= wire_value_unsigned (&replica->value, number);
  if (status == RAFT_OK) {
    replica_answer_value (replica, caller, replica->value.data,
                          replica->value.size);
  } else {
    replica_answer_error (replica, caller, RAFT_ENOMEM, NULL);
  }
}

void replica_admin_answer_index (struct replica *replica,
                                 const struct replica_caller *caller,
                                 raft_index index) {
  replica_admin_answer (replica, caller, "index", index);
}

void replica_admin_members (struct replica *replica,
                            const struct replica_caller *caller,
                            struct wire_view params) {
  int status;
  if (!replica_admin_is_empty (params)) {
    replica_answer_error (replica, caller, RAFT_EMALFORMED,
                          "members: expected []");
    return;
  }
  replica->value.size = 0;
  status = replica_members_encode (replica, &replica->value);
  if (status == RAFT_OK) {
    replica_answer_value (replica, caller, replica->value.data,
                          replica->value.size);
  } else {
    replica_answer_error (replica, caller, status, NULL);
  }
}

/* ---- set: what is asked -------------------------------------------------- */

struct set_reader {
  const struct replica *replica;
  struct wire_cursor cursor;
  struct wire_configuration wanted;
  uint64_t expected;
  bool has_members;
  bool has_lease;
  struct raft_priority priorities[RAFT_MEMBERS_MAX];
  uint32_t priority_count;
  struct raft_detail *why;
};

static int set_malformed (struct set_reader *reader) {
  return raft_fail (reader->why, RAFT_EMALFORMED, "set_members: expected "
                    "[{ voters = [m, ...], learners = [m, ...], expected = "
                    "index, lease_us = n, drift_ppm = n, priorities = [[id, "
                    "0 to 1000], ...] }], m being [id, \"host:port\"] or an "
                    "id");
}

static int read_address (struct set_reader *reader,
                         struct wire_member *member) {
  struct wire_view view;
  if (wire_cursor_string (&reader->cursor, &view) != RAFT_OK) {
    return set_malformed (reader);
  }
  if (view.size >= sizeof member->address) {
    return raft_fail (reader->why, RAFT_EINVALID, "member %llu: expected an "
                      "address \"host:port\" of less than %d bytes",
                      (unsigned long long)member->id, WIRE_ADDRESS_MAX);
  }
  memcpy (member->address, view.data, view.size);
  return RAFT_OK;
}

/* One that is there keeps its address. */
static int keep_address (struct set_reader *reader,
                         struct wire_member *member) {
  const char *address = replica_address_of (reader->replica, member->id);
  if (address == NULL) {
    return raft_fail (reader->why, RAFT_EINVALID, "member %llu is new: "
                      "expected [%llu, \"host:port\"]",
                      (unsigned long long)member->id,
                      (unsigned long long)member->id);
  }
  memcpy (member->address, address, strlen (address) + 1);
  return RAFT_OK;
}

static uint32_t priority_now (const struct replica *replica, raft_id id) {
  const struct wire_member *member
    = wire_configuration_find (&replica->configuration, id);
  return member != NULL ? member->priority : RAFT_PRIORITY_DEFAULT;
}

static int read_member (struct set_reader *reader, unsigned role) {
  struct wire_configuration *wanted = &reader->wanted;
  struct wire_member member = { .roles = role };
  struct wire_value head;
  uint32_t at = wanted->member_count;
  bool has_address;
  int status = wire_cursor_next (&reader->cursor, &head);
  has_address = status == RAFT_OK && head.type == WIRE_ARRAY
                && head.count == 2;
  if (has_address) {
    status = wire_cursor_next (&reader->cursor, &head);
  }
  if (status != RAFT_OK || head.type != WIRE_INTEGER || head.integer < 1
      || (uint64_t)head.integer > RAFT_INDEX_MAX) {
    return set_malformed (reader);
  }
  member.id = (raft_id)head.integer;
  member.priority = priority_now (reader->replica, member.id);
  status = has_address ? read_address (reader, &member)
                       : keep_address (reader, &member);
  if (status != RAFT_OK) {
    return status;
  }
  if (wire_configuration_find (wanted, member.id) != NULL) {
    return raft_fail (reader->why, RAFT_EINVALID, "member %llu is named "
                      "twice", (unsigned long long)member.id);
  }
  if (at == RAFT_MEMBERS_MAX) {
    return raft_fail (reader->why, RAFT_EINVALID, "expected at most %d "
                      "members", RAFT_MEMBERS_MAX);
  }
  while (at > 0 && wanted->members[at - 1].id > member.id) {
    wanted->members[at] = wanted->members[at - 1];
    at--;
  }
  wanted->members[at] = member;
  wanted->member_count++;
  return RAFT_OK;
}

static int read_list (struct set_reader *reader, unsigned role) {
  uint32_t count = 0;
  int status = wire_cursor_array (&reader->cursor, &count);
  reader->has_members = true;
  if (status != RAFT_OK) {
    return set_malformed (reader);
  }
  for (uint32_t i = 0; i < count && status == RAFT_OK; i++) {
    status = read_member (reader, role);
  }
  return status;
}

static int read_priorities (struct set_reader *reader) {
  uint32_t count = 0, two = 0;
  if (wire_cursor_array (&reader->cursor, &count) != RAFT_OK
      || count > RAFT_MEMBERS_MAX) {
    return set_malformed (reader);
  }
  reader->priority_count = count;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t value;
    if (wire_cursor_array (&reader->cursor, &two) != RAFT_OK || two != 2
        || wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX,
                                 &reader->priorities[i].id) != RAFT_OK
        || wire_cursor_unsigned (&reader->cursor, RAFT_PRIORITY_MAX, &value)
             != RAFT_OK) {
      return set_malformed (reader);
    }
    reader->priorities[i].value = (uint32_t)value;
  }
  return RAFT_OK;
}

/* Of whom they are, is known when all members are. */
static int set_priorities (struct set_reader *reader) {
  struct wire_configuration *wanted = &reader->wanted;
  for (uint32_t i = 0; i < reader->priority_count; i++) {
    uint32_t at = 0;
    while (at < wanted->member_count
           && wanted->members[at].id != reader->priorities[i].id) {
      at++;
    }
    if (at == wanted->member_count
        || (wanted->members[at].roles & WIRE_VOTER) == 0) {
      return raft_fail (reader->why, RAFT_EINVALID, "expected a priority of "
                        "one of the voters, got one of member %llu",
                        (unsigned long long)reader->priorities[i].id);
    }
    wanted->members[at].priority = reader->priorities[i].value;
  }
  return RAFT_OK;
}

static bool key_is (struct wire_view key, const char *name) {
  return key.size == strlen (name) && memcmp (key.data, name, key.size) == 0;
}

/* Longer ones would be longer than anybody wants to be without a leader. */
static int read_lease (struct set_reader *reader) {
  reader->has_lease = true;
  if (wire_cursor_unsigned (&reader->cursor, ADMIN_LEASE_MAX,
                            &reader->wanted.lease_us) == RAFT_OK) {
    return RAFT_OK;
  }
  return raft_fail (reader->why, RAFT_EINVALID, "lease_us: expected a number"
                    " from 0, which is off, to %llu",
                    (unsigned long long)ADMIN_LEASE_MAX);
}

static int read_drift (struct set_reader *reader) {
  reader->has_lease = true;
  if (wire_cursor_unsigned (&reader->cursor, RAFT_PPM / 2,
                            &reader->wanted.drift_ppm) == RAFT_OK) {
    return RAFT_OK;
  }
  return raft_fail (reader->why, RAFT_EINVALID, "drift_ppm: expected a number"
                    " from 0, the default, to %d", RAFT_PPM / 2);
}

static int read_pair (struct set_reader *reader) {
  struct wire_view key;
  if (wire_cursor_string (&reader->cursor, &key) == RAFT_OK) {
    if (key_is (key, "voters")) {
      return read_list (reader, WIRE_VOTER);
    }
    if (key_is (key, "learners")) {
      return read_list (reader, WIRE_LEARNER);
    }
    if (key_is (key, "lease_us")) {
      return read_lease (reader);
    }
    if (key_is (key, "drift_ppm")) {
      return read_drift (reader);
    }
    if (key_is (key, "priorities")) {
      return read_priorities (reader);
    }
    if (key_is (key, "expected")
        && wire_cursor_unsigned (&reader->cursor, RAFT_INDEX_MAX,
                                 &reader->expected) == RAFT_OK) {
      return RAFT_OK;
    }
  }
  return set_malformed (reader);
}

static int read_set (struct set_reader *reader) {
  uint32_t count = 0, pairs = 0;
  int status = RAFT_OK;
  if (wire_cursor_array (&reader->cursor, &count) != RAFT_OK || count != 1
      || wire_cursor_map (&reader->cursor, &pairs) != RAFT_OK) {
    return set_malformed (reader);
  }
  for (uint32_t i = 0; i < pairs && status == RAFT_OK; i++) {
    status = read_pair (reader);
  }
  return status;
}

/* ---- set: whether it may be ---------------------------------------------- */

static int judge_pair (const struct wire_member *a,
                       const struct wire_member *b, struct raft_detail *why) {
  if (strcmp (a->address, b->address) != 0) {
    return RAFT_OK;
  }
  return raft_fail (why, RAFT_EINVALID, "members %llu and %llu have the "
                    "same address, %s", (unsigned long long)a->id,
                    (unsigned long long)b->id, a->address);
}

/* Those who leave are members until the change ends. */
static int judge_count (const struct wire_configuration *now,
                        const struct wire_configuration *wanted,
                        struct raft_detail *why) {
  uint32_t count = wanted->member_count;
  for (uint32_t i = 0; i < now->member_count; i++) {
    count += wire_configuration_find (wanted, now->members[i].id) == NULL;
  }
  if (count > RAFT_MEMBERS_MAX) {
    return raft_fail (why, RAFT_EINVALID, "expected at most %d members, "
                      "those who leave included, got %u", RAFT_MEMBERS_MAX,
                      (unsigned)count);
  }
  return RAFT_OK;
}

static int judge_members (const struct wire_configuration *now,
                          const struct wire_configuration *wanted,
                          struct raft_detail *why) {
  uint32_t voters = 0;
  int status = RAFT_OK;
  for (uint32_t i = 0; i < wanted->member_count; i++) {
    const struct wire_member *member = &wanted->members[i];
    voters += member->roles == WIRE_VOTER;
    if (member->id <= now->used
        && wire_configuration_find (now, member->id) == NULL) {
      return raft_fail (why, RAFT_EINVALID, "ids are never used again: "
                        "expected one above %llu for a new member, got %llu",
                        (unsigned long long)now->used,
                        (unsigned long long)member->id);
    }
    for (uint32_t k = 0; k < i && status == RAFT_OK; k++) {
      status = judge_pair (&wanted->members[k], member, why);
    }
  }
  if (status == RAFT_OK && voters == 0) {
    return raft_fail (why, RAFT_EINVALID, "expected at least one voter: the "
                      "last one cannot be removed");
  }
  return status == RAFT_OK ? judge_count (now, wanted, why) : status;
}

/* What is written is valid: addresses, above all. */
static int judge_encoding (struct replica *replica,
                           const struct wire_configuration *wanted,
                           struct raft_detail *why) {
  struct wire_configuration read;
  struct wire_view view;
  int status;
  replica->value.size = 0;
  status = wire_configuration_encode (&replica->value, wanted);
  if (status != RAFT_OK) {
    return status;
  }
  view.data = replica->value.data;
  view.size = replica->value.size;
  status = wire_configuration_decode (view, &read, why);
  return status == RAFT_OK ? RAFT_OK : RAFT_EINVALID;
}

/* A change is under way: the same one may be asked for again, when nobody
** waits for it any more. */
static int judge_moment (const struct replica *replica,
                         const struct set_reader *reader) {
  const struct replica_admin *admin = &replica->admin;
  if (replica->role != RAFT_LEADER) {
    return RAFT_ENOT_LEADER;
  }
  if (reader->expected != 0
      && reader->expected != replica->configuration_index) {
    return raft_fail (reader->why, RAFT_ECONFLICT, "expected configuration "
                      "%llu, got %llu", (unsigned long long)reader->expected,
                      (unsigned long long)replica->configuration_index);
  }
  if (admin->is_changing
        ? replica_connection_find (&replica->calls, admin->caller.connection)
              != NULL
            || !replica_same_members (&admin->wanted, &reader->wanted)
        : replica->commit < replica->configuration_index
            || replica_is_joint (&replica->configuration)) {
    return RAFT_EBUSY;
  }
  return RAFT_OK;
}

static int judge_set (struct replica *replica, struct set_reader *reader) {
  const struct wire_configuration *now = &replica->configuration;
  int status = judge_moment (replica, reader);
  if (status == RAFT_OK) {
    status = judge_members (now, &reader->wanted, reader->why);
  }
  if (status == RAFT_OK) {
    status = judge_encoding (replica, &reader->wanted, reader->why);
  }
  return status;
}

void replica_admin_set (struct replica *replica,
                        const struct replica_caller *caller,
                        struct wire_view params) {
  struct replica_admin *admin = &replica->admin;
  struct raft_detail why = { "" };
  struct set_reader reader;
  int status;
  memset (&reader, 0, sizeof reader);
  reader.replica = replica;
  reader.cursor.data = params.data;
  reader.cursor.size = params.size;
  reader.why = &why;
  memcpy (reader.wanted.name, replica->configuration.name,
          sizeof reader.wanted.name);
  reader.wanted.lease_us = replica->configuration.lease_us;
  reader.wanted.drift_ppm = replica->configuration.drift_ppm;
  status = read_set (&reader);
  if (!reader.has_members
      && (reader.has_lease || reader.priority_count > 0)) {
    reader.wanted.member_count = replica->configuration.member_count;
    memcpy (reader.wanted.members, replica->configuration.members,
            sizeof reader.wanted.members);
  }
  if (status == RAFT_OK) {
    status = set_priorities (&reader);
  }
  if (status == RAFT_OK) {
    status = judge_set (replica, &reader);
  }
  if (status != RAFT_OK) {
    replica_admin_refuse (replica, caller, status, &why);
    return;
  }
  admin->caller = *caller;
  if (!admin->is_changing) {
    admin->is_changing = true;
    admin->term = replica->term;
    admin->wanted = reader.wanted;
    admin->round_count = 0;
  }
}

void replica_admin_fail (struct replica *replica, int status) {
  struct replica_admin *admin = &replica->admin;
  if (admin->is_changing) {
    admin->is_changing = false;
    replica_answer_error (replica, &admin->caller, status, NULL);
  }
  if (admin->is_transferring) {
    admin->is_transferring = false;
    admin->is_handed_over = false;
    replica_answer_error (replica, &admin->transfer_caller, status, NULL);
  }
}
