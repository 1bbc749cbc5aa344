/* SPDX-License-Identifier: MIT
**
** init.c - a member's directory: of one of the first members, or of one that
** joins later.
**
** Rule: entry 1 is the same bytes on every member, and its hash the cluster's
** id. Who joins has it from the cluster, and all else from the leader. Each
** member keeps it, and so does each snapshot: it is there for who joins when
** the log begins long after it. */

#include <string.h>

#include "replica/inside.h"

/* Below 2^53, so that every Lua can show it, and never 0. */
static uint64_t init_draw (struct port_clock *clock) {
  uint64_t drawn = clock->random (clock) >> 11;
  return drawn != 0 ? drawn : 1;
}

static int init_entry (const struct wal_options *options, raft_id id,
                       const struct wire_configuration *value,
                       struct wal_identity *identity,
                       struct raft_slice *entry, struct raft_detail *detail) {
  struct raft_buffer bytes;
  int status;
  if (wire_configuration_find (value, id) == NULL) {
    return raft_fail (detail, RAFT_EINVALID, "expected the id of one of the "
                      "%u members, got %llu", (unsigned)value->member_count,
                      (unsigned long long)id);
  }
  raft_buffer_init (&bytes, options->memory);
  status = wire_first_entry (&bytes, 0, value, &identity->cluster, detail);
  if (status == RAFT_OK) {
    status = raft_slice_copy (options->memory, bytes.data, bytes.size,
                              entry);
  }
  if (status == RAFT_ENOMEM) {
    raft_fail (detail, status, "out of memory");
  }
  raft_buffer_free (&bytes);
  identity->member = id;
  identity->incarnation = init_draw (options->clock);
  return status;
}

int replica_init (const struct wal_options *options, raft_id id,
                  const struct wire_configuration *value,
                  void (*done) (void *owner, int status,
                                const struct raft_detail *detail)) {
  struct wal_identity identity;
  struct raft_slice entry = raft_slice_borrowed (NULL, 0);
  struct raft_detail detail;
  int status = init_entry (options, id, value, &identity, &entry, &detail);
  if (status == RAFT_OK) {
    status = wal_init (options, &identity, entry, done);
    raft_fail (&detail, status, "%s", raft_error_text (status));
  }
  raft_slice_release (&entry);
  if (status != RAFT_OK) {
    done (options->owner, status, &detail);
  }
  return status;
}

/* ---- join ---------------------------------------------------------------- */

static int join_identity (raft_id id, struct raft_slice first,
                          struct wal_identity *identity,
                          struct raft_detail *detail) {
  struct wire_configuration value;
  struct wire_entry entry;
  struct wire_view payload;
  int status = wire_entry_decode (first.data, first.size, &entry);
  if (status != RAFT_OK || entry.kind != RAFT_ENTRY_CONFIGURATION
      || entry.index != 1 || entry.group != 0
      || first.size != WIRE_ENTRY_HEAD + (size_t)entry.payload_size
      || !wire_entry_is_intact (&entry)) {
    return raft_fail (detail, RAFT_EMALFORMED, "expected the first entry of "
                      "a cluster's log");
  }
  payload.data = entry.payload;
  payload.size = entry.payload_size;
  status = wire_configuration_decode (payload, &value, detail);
  if (status == RAFT_OK && id <= value.used) {
    return raft_fail (detail, RAFT_EINVALID, "expected an id above %llu, "
                      "that of the last of the first members, got %llu",
                      (unsigned long long)value.used,
                      (unsigned long long)id);
  }
  identity->cluster
    = wire_cluster_of ((struct wire_view){ first.data, first.size });
  return status;
}

int replica_join (const struct wal_options *options, raft_id id,
                  struct raft_slice first,
                  void (*done) (void *owner, int status,
                                const struct raft_detail *detail)) {
  struct wal_identity identity = { .member = id };
  struct raft_detail detail;
  int status = join_identity (id, first, &identity, &detail);
  if (status == RAFT_OK) {
    identity.incarnation = init_draw (options->clock);
    status = wal_init (options, &identity, first, done);
    raft_fail (&detail, status, "%s", raft_error_text (status));
  }
  if (status != RAFT_OK) {
    done (options->owner, status, &detail);
  }
  return status;
}

/* ---- kept for who joins -------------------------------------------------- */

int replica_first_keep (struct replica *replica, struct raft_slice entry) {
  raft_assert (replica->first.data == NULL);
  return raft_slice_copy (replica->memory, entry.data, entry.size,
                          &replica->first);
}

void replica_first_answer (struct replica *replica,
                           const struct replica_caller *caller) {
  const struct raft_slice *first = &replica->first;
  int status = RAFT_OK;
  if (first->data == NULL) {
    replica_answer_error (replica, caller, RAFT_EBUSY,
                          "nothing is committed here yet, try again later");
    return;
  }
  replica->value.size = 0;
  status = wire_value_binary (&replica->value, first->data, first->size);
  if (status == RAFT_OK) {
    replica_answer_value (replica, caller, replica->value.data,
                          replica->value.size);
  } else {
    replica_answer_error (replica, caller, status, NULL);
  }
}
