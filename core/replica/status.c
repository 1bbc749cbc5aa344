/* SPDX-License-Identifier: MIT
**
** status.c - what a member says of itself: one canonical map for people and
** programs.
**
** Pairs are added in the order of the page and sorted at the end, as the
** canonical encoding wants it (value.h). */

#include <stdio.h>
#include <string.h>

#include "replica/inside.h"

#define STATUS_PAIRS_MAX 96

struct status_pair {
  const char *key;
  size_t offset; /* of the encoded value */
  size_t size;
};

struct status_map {
  struct raft_buffer values;
  struct status_pair pairs[STATUS_PAIRS_MAX];
  uint32_t count;
  size_t started; /* offset of the value that is being written */
  int status;     /* RAFT_ENOMEM: all in vain */
};

static void map_init (struct status_map *map, struct raft_memory *memory) {
  memset (map, 0, sizeof *map);
  raft_buffer_init (&map->values, memory);
}

/* The value just written to map->values belongs to 'key'. */
static void map_add (struct status_map *map, const char *key, int status) {
  uint32_t at = map->count;
  if (status != RAFT_OK) {
    map->status = RAFT_ENOMEM;
  }
  if (map->status != RAFT_OK) {
    return;
  }
  raft_assert (map->count < STATUS_PAIRS_MAX);
  while (at > 0
         && wire_key_compare (map->pairs[at - 1].key,
                              strlen (map->pairs[at - 1].key), key,
                              strlen (key)) > 0) {
    map->pairs[at] = map->pairs[at - 1];
    at--;
  }
  map->pairs[at].key = key;
  map->pairs[at].offset = map->started;
  map->pairs[at].size = map->values.size - map->started;
  map->count++;
  map->started = map->values.size;
}

static void map_number (struct status_map *map, const char *key,
                        uint64_t number) {
  map_add (map, key, wire_value_unsigned (&map->values, number));
}

static void map_boolean (struct status_map *map, const char *key, bool yes) {
  map_add (map, key, wire_value_boolean (&map->values, yes));
}

static void map_numbers (struct status_map *map, const char *key,
                         const uint64_t *numbers, uint32_t count) {
  int status = wire_value_array (&map->values, count);
  uint32_t i;
  for (i = 0; i < count && status == RAFT_OK; i++) {
    status = wire_value_unsigned (&map->values, numbers[i]);
  }
  map_add (map, key, status);
}

static void map_text (struct status_map *map, const char *key,
                      const char *text) {
  map_add (map, key, wire_value_string (&map->values, text, strlen (text)));
}

/* A 64-bit number that no Lua of doubles could hold: 16 hex digits. */
static void map_hash (struct status_map *map, const char *key,
                      uint64_t hash) {
  char digits[17];
  (void)snprintf (digits, sizeof digits, "%016llx", (unsigned long long)hash);
  map_text (map, key, digits);
}

/* Appends the map in canonical order, and frees what it took. */
static int map_end (struct status_map *map, struct raft_buffer *out) {
  size_t start = out->size;
  uint32_t i;
  int status = map->status;
  if (status == RAFT_OK) {
    status = wire_value_map (out, map->count);
  }
  for (i = 0; i < map->count && status == RAFT_OK; i++) {
    const struct status_pair *pair = &map->pairs[i];
    status = wire_value_string (out, pair->key, strlen (pair->key));
    if (status == RAFT_OK) {
      status = raft_buffer_append (out, map->values.data + pair->offset,
                                   pair->size);
    }
  }
  if (status != RAFT_OK) {
    out->size = start;
  }
  raft_buffer_free (&map->values);
  return status;
}

/* ---- the page --------------------------------------------------------- */

static const char *role_name (enum raft_role role) {
  switch (role) {
    case RAFT_FOLLOWER:
      return "follower";
    case RAFT_PRE_CANDIDATE:
      return "pre_candidate";
    case RAFT_CANDIDATE:
      return "candidate";
    case RAFT_LEADER:
      break;
  }
  return "leader";
}

/* What the leader knows of another member. */
static void map_progress (const struct replica *replica,
                          struct status_map *map,
                          const struct raft_member_status *member) {
  map_number (map, "match", member->match);
  map_number (map, "lag", replica->last - member->match);
  map_number (map, "next", member->next);
  map_number (map, "inflight_messages", member->inflight_messages);
  map_number (map, "inflight_bytes", member->inflight_bytes);
  map_boolean (map, "probing", member->probing);
  map_boolean (map, "stalled", member->stalled);
  map_boolean (map, "disk_full", member->disk_full);
  if (member->heard != 0) {
    map_number (map, "heard_ms_ago",
                (replica->now - member->heard) / RAFT_MILLISECOND);
  }
}

/* Of one that has greeted: what is spoken with it, what it can do. */
static void map_version (const struct replica *replica,
                         struct status_map *map, raft_id id) {
  for (uint32_t i = 0; i < replica->peers.count; i++) {
    const struct replica_peer *peer = &replica->peers.list[i];
    struct wire_version both;
    if (peer->member == id && peer->version.protocol != 0
        && wire_version_meet (&replica->version, &peer->version, &both, NULL)
             == RAFT_OK) {
      map_number (map, "protocol", both.protocol);
      map_number (map, "features", peer->version.features);
    }
  }
}

static int encode_member (const struct replica *replica,
                          const struct raft_status *raft,
                          const struct wire_member *member,
                          struct raft_buffer *out) {
  struct status_map map;
  uint32_t i;
  map_init (&map, replica->memory);
  map_number (&map, "id", member->id);
  map_text (&map, "address", member->address);
  map_number (&map, "priority", member->priority);
  map_boolean (&map, "voter", (member->roles & WIRE_VOTER) != 0);
  map_boolean (&map, "learner", (member->roles & WIRE_LEARNER) != 0);
  map_boolean (&map, "outgoing", (member->roles & WIRE_OUTGOING) != 0);
  map_version (replica, &map, member->id);
  for (i = 0; i < raft->member_count; i++) {
    if (raft->members[i].id == member->id) {
      map_progress (replica, &map, &raft->members[i]);
    }
  }
  return map_end (&map, out);
}

static void map_members (const struct replica *replica,
                         const struct raft_status *raft,
                         struct status_map *map) {
  const struct wire_configuration *value = &replica->configuration;
  uint32_t i;
  int status = wire_value_array (&map->values, value->member_count);
  for (i = 0; i < value->member_count && status == RAFT_OK; i++) {
    status = encode_member (replica, raft, &value->members[i],
                            &map->values);
  }
  map_add (map, "members", status);
}

static void map_raft (const struct replica *replica,
                      const struct raft_status *raft,
                      struct status_map *map) {
  const char *address = replica_address_of (replica, raft->leader);
  map_text (map, "role", role_name (raft->role));
  map_number (map, "term", raft->term);
  map_number (map, "leader", raft->leader);
  if (address != NULL) {
    map_text (map, "leader_address", address);
  }
  map_number (map, "commit", raft->commit);
  map_number (map, "applied", replica->applied);
  map_number (map, "last", raft->last);
  map_number (map, "configuration", replica->configuration_index);
  map_number (map, "used", replica->configuration.used);
  map_number (map, "elections", replica->counts.elections);
  map_number (map, "leaderships", replica->counts.leaderships);
  map_number (map, "leader_changes", replica->counts.leader_changes);
  map_number (map, "stable", raft->stable);
  map_number (map, "first_cached", raft->first_cached);
  map_members (replica, raft, map);
}

static void map_identity (const struct replica *replica,
                          struct status_map *map) {
  map_number (map, "id", replica->identity.member);
  map_text (map, "name", replica->configuration.name);
  map_hash (map, "cluster", replica->identity.cluster);
  map_number (map, "group", replica->options.group);
  map_number (map, "incarnation", replica->identity.incarnation);
  map_number (map, "protocol", replica->version.protocol);
  map_number (map, "features", replica->version.features);
  map_number (map, "features_agreed", replica->agreement.features);
  map_hash (map, "machine_hash", replica->machine_hash);
  map_text (map, "vm", replica->vm);
}

static void map_queues (const struct replica *replica,
                        struct status_map *map) {
  map_number (map, "sessions", replica->sessions.session_count);
  map_number (map, "session_bytes", replica->sessions.bytes);
  map_number (map, "connections", replica->calls.connection_count);
  map_number (map, "pending_proposals",
              replica->calls.proposal_count - replica->calls.proposal_next
                + replica->calls.waiting_count);
  map_number (map, "pending_reads", replica_reads_waiting (&replica->reads));
  map_number (map, "cached_entries", replica->cache.count);
  map_number (map, "cached_bytes", replica->cache.bytes);
  map_number (map, "greetings_refused", replica->refusals.total);
  map_number (map, "messages_refused", replica->malformed);
  map_number (map, "messages_dropped", replica->dropped);
}

static void map_reads (const struct replica *replica,
                       const struct raft_status *raft,
                       struct status_map *map) {
  const struct replica_reads *reads = &replica->reads;
  map_number (map, "lease_us", replica->configuration.lease_us);
  map_boolean (map, "has_lease", raft->has_lease);
  map_number (map, "reads_linear", reads->served[RAFT_READ_LINEAR]);
  map_number (map, "reads_lease",
              reads->served[RAFT_READ_LEASE] - reads->leases_missed);
  map_number (map, "reads_lease_missed", reads->leases_missed);
  map_number (map, "reads_follower", reads->served[RAFT_READ_FOLLOWER]);
  map_number (map, "reads_stale", reads->served[RAFT_READ_STALE]);
}

static void map_log (const struct replica *replica, struct status_map *map) {
  struct port_clock *clock = replica->options.clock;
  raft_time wall = clock->wall (clock);
  struct wal_status wal;
  struct raft_status log;
  wal_get_status (replica->wal, &wal);
  raft_get_status (replica->raft, &log);
  map_number (map, "log_bytes", wal.bytes);
  map_number (map, "segments", wal.segments);
  map_number (map, "syncs", wal.syncs);
  map_number (map, "synced_bytes", wal.synced_bytes);
  map_numbers (map, "sync_us", wal.took.buckets, RAFT_DURATION_BUCKETS);
  map_number (map, "sync_total_us", wal.took.total);
  map_number (map, "sync_longest_us", wal.took.longest);
  map_number (map, "pending_writes",
              replica->wal_ticket - replica->wal_durable);
  map_boolean (map, "disk_full", wal.full);
  map_number (map, "log_base", log.base);
  map_number (map, "snapshot_index", replica->snapshot_index);
  map_number (map, "snapshot_bytes", replica->snapshot_bytes);
  map_number (map, "snapshot_time_us", replica->snapshot_time);
  if (replica->snapshot_index > 0) {
    map_number (map, "snapshot_age_ms",
                wall > replica->snapshot_time
                  ? (wall - replica->snapshot_time) / RAFT_MILLISECOND : 0);
  }
  map_number (map, "snapshots_taken", replica->take.taken);
  map_number (map, "snapshots_sent", replica->receive.sent);
  map_number (map, "snapshots_installed", replica->receive.installed);
  map_boolean (map, "takes_snapshots", !replica->take.has_no_method);
  map_numbers (map, "batch_records", wal.batch_records, 16);
}

static void map_health (const struct replica *replica,
                        struct status_map *map) {
  map_boolean (map, "apply_stalled", replica->stall.is_apply);
  map_boolean (map, "sync_stalled", replica->stall.is_sync);
  map_number (map, "apply_age_us", replica->stall.apply_age);
  map_boolean (map, "diverged", replica->is_diverged);
  if (replica->is_diverged) {
    map_number (map, "diverged_index", replica->digest.parted);
  }
  map_hash (map, "result_hash", replica->digest.hash);
  map_number (map, "result_hash_index", replica->applied);
  map_number (map, "compared_index", replica->digest.compared);
}

/* The last record of level error or warn. */
static void map_trouble (const struct replica *replica,
                         struct status_map *map) {
  const struct replica_trouble *last = &replica->trouble;
  struct raft_buffer text;
  struct raft_trace trace;
  int status;
  if (last->kind == RAFT_TRACE_NONE) {
    return;
  }
  memset (&trace, 0, sizeof trace);
  trace.kind = last->kind;
  memcpy (trace.fields, last->fields, sizeof last->fields);
  trace.text = last->text.text[0] != '\0' ? last->text.text : NULL;
  raft_buffer_init (&text, replica->memory);
  status = raft_trace_text (&trace, &text);
  if (status == RAFT_OK) {
    status = wire_value_string (&map->values, (const char *)text.data,
                                text.size);
  }
  raft_buffer_free (&text);
  map_add (map, "last_error", status);
  map_number (map, "last_error_ms_ago",
              (replica->now - last->time) / RAFT_MILLISECOND);
}

/* What the world says of itself. */
static void map_extras (const struct replica *replica,
                        struct status_map *map) {
  const struct replica_extra *extra = replica->options.extras;
  uint32_t i;
  for (i = 0; i < replica->options.extra_count; i++, extra++) {
    if (extra->count == 0) {
      map_number (map, extra->key, extra->numbers[0]);
    } else {
      map_numbers (map, extra->key, extra->numbers, extra->count);
    }
  }
}

/* The new voters that a change waits for. */
static void map_rounds (const struct replica *replica,
                        struct status_map *map) {
  const struct replica_admin *admin = &replica->admin;
  int status = wire_value_array (&map->values, admin->round_count);
  for (uint32_t i = 0; i < admin->round_count && status == RAFT_OK; i++) {
    const struct admin_round *round = &admin->rounds[i];
    struct status_map one;
    map_init (&one, replica->memory);
    map_number (&one, "id", round->member);
    map_number (&one, "round", round->count);
    map_number (&one, "match", round->match);
    map_number (&one, "target", round->target);
    map_boolean (&one, "ready", round->is_ready);
    status = map_end (&one, &map->values);
  }
  map_add (map, "catching_up", status);
}

int replica_members_encode (struct replica *replica,
                            struct raft_buffer *out) {
  const char *address = replica_address_of (replica, replica->leader);
  struct raft_status raft;
  struct status_map map;
  raft_get_status (replica->raft, &raft);
  map_init (&map, replica->memory);
  map_number (&map, "id", replica->identity.member);
  map_text (&map, "role", role_name (raft.role));
  map_number (&map, "leader", raft.leader);
  if (address != NULL) {
    map_text (&map, "leader_address", address);
  }
  map_number (&map, "index", replica->configuration_index);
  map_number (&map, "used", replica->configuration.used);
  map_boolean (&map, "committed",
               replica->commit >= replica->configuration_index);
  map_boolean (&map, "joint", replica_is_joint (&replica->configuration));
  map_boolean (&map, "changing", replica->admin.is_changing);
  map_number (&map, "lease_us", replica->configuration.lease_us);
  map_number (&map, "drift_ppm", replica->configuration.drift_ppm != 0
                                   ? replica->configuration.drift_ppm
                                   : RAFT_DRIFT_PPM);
  map_members (replica, &raft, &map);
  map_rounds (replica, &map);
  return map_end (&map, out);
}

int replica_status_encode (struct replica *replica, struct raft_buffer *out,
                           const struct replica_state_hash *state) {
  struct raft_status raft;
  struct status_map map;
  raft_get_status (replica->raft, &raft);
  map_init (&map, replica->memory);
  map_identity (replica, &map);
  map_raft (replica, &raft, &map);
  map_queues (replica, &map);
  map_reads (replica, &raft, &map);
  map_log (replica, &map);
  map_health (replica, &map);
  map_trouble (replica, &map);
  map_extras (replica, &map);
  if (state != NULL) {
    map_hash (&map, "state_hash", state->hash);
    map_number (&map, "state_hash_index", state->index);
  }
  return map_end (&map, out);
}
