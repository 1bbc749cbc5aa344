/* SPDX-License-Identifier: MIT
**
** check_client.c - what clients were told, against what happened.
**
** Holds: the oracle. A register's versions are indexes of the log, so the
**        order of all writes is known, and linearizability is four
**        comparisons: of what was invoked after something had completed,
**        a write must have a later version than every write and read before
**        it, a read at least theirs; and nothing is from the future.
** Rule:  a stale read with a bound is judged by what was known so long before
**        it began, and a little more: the member's own clock measures it.
** Rule:  versions are only judged with the register machine; commands are
**        counted with every machine. */

#include "base/checksum.h"
#include "sim/check_inside.h"
#include "wire/value.h"

typedef unsigned long long number;

static struct check_payload *asked_at (struct sim_checks *checks,
                                       uint64_t payload) {
  uint64_t *at = sim_map_at (&checks->payloads, payload);
  if (*at == 0) {
    checks->asked_count++;
    checks->asked = sim_check_grow (checks->asked, &checks->asked_capacity,
                                    (size_t)checks->asked_count + 1,
                                    sizeof *checks->asked);
    *at = checks->asked_count;
  }
  return &checks->asked[*at];
}

static raft_index floor_before (const struct sim_world *world,
                                uint64_t key, raft_time max_age_us) {
  const struct sim_checks *checks = world->checks;
  raft_time age = max_age_us + max_age_us / 16 + RAFT_MILLISECOND;
  for (size_t i = checks->raise_count; i > 0; i--) {
    const struct check_raise *raise = &checks->raises[i - 1];
    if (raise->key == key && raise->time + age <= world->now) {
      return raise->version;
    }
  }
  return 0;
}

void sim_check_invoked (struct sim_world *world, struct sim_client *client,
                        struct sim_operation *operation,
                        struct wire_view bytes) {
  struct sim_checks *checks = world->checks;
  struct sim_command command;
  operation->key = 0;
  operation->floor = 0;
  if (world->options.checks == 0) {
    return;
  }
  if (operation->kind == SIM_WRITE) {
    struct check_payload *asked = asked_at (checks, operation->payload);
    asked->invoked++;
    asked->is_loose |= !client->has_session;
    /* Asked for again: what was said of the first is about that one. */
    asked->is_refused = false;
  }
  if (sim_command_parse (bytes.data, bytes.size, &command) == RAFT_OK) {
    operation->key = raft_checksum (command.key.data, command.key.size, 0);
    operation->floor = operation->kind == SIM_BOUNDED_READ
                         ? floor_before (world, operation->key,
                                         operation->max_age_us)
                         : *sim_map_at (&checks->floors, operation->key);
  }
}

/* ---- completions ------------------------------------------------------- */

static void raise_floor (const struct sim_world *world, uint64_t key,
                         raft_index version) {
  struct sim_checks *checks = world->checks;
  uint64_t *floor = sim_map_at (&checks->floors, key);
  struct check_raise raise = { world->now, key, version };
  if (*floor < version) {
    *floor = version;
    checks->raises
      = sim_check_grow (checks->raises, &checks->raise_capacity,
                        checks->raise_count + 1, sizeof *checks->raises);
    checks->raises[checks->raise_count] = raise;
    checks->raise_count++;
  }
}

static void check_written (struct sim_world *world,
                           const struct sim_operation *operation) {
  struct sim_checks *checks = world->checks;
  uint64_t version = 0;
  int status = wire_number_decode (
    (struct wire_view){ operation->bytes, operation->size }, &version);
  world->counters.acknowledged++;
  if (world->provider != NULL || operation->key == 0) {
    return;
  }
  if (status != RAFT_OK || version > checks->applied_index
      || !checks->applied[version].is_known
      || checks->applied[version].payload != operation->payload) {
    sim_violate (world, "acknowledged",
                 "write %llu was acknowledged as entry %llu, which is not "
                 "it", (number)operation->number, (number)version);
  } else if (version <= operation->floor) {
    sim_violate (world, "linearizable",
                 "write %llu got version %llu, and version %llu was known "
                 "before it began",
                 (number)operation->number, (number)version,
                 (number)operation->floor);
  }
  raise_floor (world, operation->key, version);
}

static void count_read (struct sim_counters *counters,
                        enum sim_operation_kind kind) {
  counters->reads_done += kind == SIM_READ;
  counters->stale_done += kind == SIM_STALE_READ;
  counters->lease_done += kind == SIM_LEASE_READ;
  counters->follower_done += kind == SIM_FOLLOWER_READ;
  counters->bounded_done += kind == SIM_BOUNDED_READ;
}

/* [value, version] -> version and checksum of the value. */
static int decode_read (const struct sim_operation *operation,
                        uint64_t *version, uint64_t *value) {
  struct wire_cursor cursor = { operation->bytes, operation->size, 0 };
  struct wire_value head;
  size_t at;
  if (wire_cursor_next (&cursor, &head) != RAFT_OK
      || head.type != WIRE_ARRAY || head.count != 2) {
    return RAFT_EMALFORMED;
  }
  at = cursor.at;
  if (wire_cursor_skip (&cursor) != RAFT_OK) {
    return RAFT_EMALFORMED;
  }
  *value = raft_checksum (operation->bytes + at, cursor.at - at, 0);
  return wire_number_decode (
    (struct wire_view){ operation->bytes + cursor.at,
                        operation->size - cursor.at },
    version);
}

static void check_read (struct sim_world *world,
                        const struct sim_operation *operation) {
  struct sim_checks *checks = world->checks;
  bool is_linear = operation->kind != SIM_STALE_READ
                   && operation->kind != SIM_BOUNDED_READ;
  bool is_judged = operation->kind != SIM_STALE_READ;
  uint64_t version = 0;
  uint64_t value = 0;
  count_read (&world->counters, operation->kind);
  if (world->provider != NULL || operation->key == 0) {
    return;
  }
  if (decode_read (operation, &version, &value) != RAFT_OK
      || version > checks->applied_index
      || (version > 0
          && (checks->applied[version].key != operation->key
              || checks->applied[version].value != value))) {
    sim_violate (world, "phantom",
                 "read %llu got version %llu, which is not of that key and "
                 "value", (number)operation->number, (number)version);
  } else if (is_judged && version < operation->floor) {
    sim_violate (world, is_linear ? "linearizable" : "too_old",
                 "read %llu (%s) got version %llu, and version %llu was "
                 "known before it began%s",
                 (number)operation->number,
                 sim_operation_words[operation->kind], (number)version,
                 (number)operation->floor,
                 is_linear ? "" : ", before its bound");
  }
  if (is_linear) {
    raise_floor (world, operation->key, version);
  }
}

/* Whether the client said that nothing was done and never will be. */
static bool is_certain (const struct sim_operation *operation) {
  switch (operation->status) {
    case RAFT_ECLOSED:
    case RAFT_ENOT_LEADER:
    case RAFT_EOVERLOADED:
    case RAFT_ETOO_LARGE:
    case RAFT_EUNREACHABLE:
      return true;
    default:
      return operation->is_refused;
  }
}

/* A refusal is believed of the one request that a connection carries; where
** messages come twice, a copy may be done after the first was refused. */
static void check_refused (struct sim_world *world,
                           const struct sim_client *client,
                           const struct sim_operation *operation) {
  struct check_payload *asked
    = asked_at (world->checks, operation->payload);
  world->counters.refusals++;
  if (asked->invoked == 1 && client->copied < operation->invoked) {
    asked->is_refused = true;
    if (asked->applied > 0) {
      sim_violate (world, "acknowledged",
                   "write %llu was applied, and its client is told %s",
                   (number)operation->number,
                   raft_error_name (operation->status));
    }
  }
}

void sim_check_done (struct sim_world *world, struct sim_client *client,
                     struct sim_operation *operation) {
  if (world->options.checks == 0) {
    world->counters.acknowledged
      += operation->kind == SIM_WRITE && operation->status == RAFT_OK;
  } else if (operation->status == RAFT_OK
      || operation->status == RAFT_EAPPLY_FAILED) {
    if (operation->kind != SIM_WRITE) {
      check_read (world, operation);
    } else if (operation->status == RAFT_OK) {
      check_written (world, operation);
    }
  } else if (operation->kind == SIM_WRITE
             && is_certain (operation)) {
    check_refused (world, client, operation);
  } else {
    world->counters.unknowns++;
    world->counters.too_stale += operation->status == RAFT_ETOO_STALE;
  }
}
