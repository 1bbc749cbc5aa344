/* SPDX-License-Identifier: MIT
**
** check_machine.c - what machines are given, and what they make of it. */

#include "base/checksum.h"
#include "sim/check_inside.h"
#include "sim/say.h"

typedef unsigned long long number;

static uint64_t chain_of (uint64_t chain, const struct machine_entry *entry,
                          const struct machine_result *result,
                          const uint8_t *bytes) {
  chain = raft_mix (chain ^ entry->index);
  chain = raft_mix (chain ^ entry->time);
  chain = raft_mix (chain ^ entry->random);
  chain ^= raft_checksum (entry->payload, entry->payload_size, 0);
  chain = raft_mix (chain ^ (uint64_t)(uint32_t)result->status);
  if (result->status == RAFT_OK) {
    chain ^= raft_checksum (bytes + result->offset, result->size, 1);
  }
  return raft_mix (chain);
}

/* A command that no machine was given before: what is known of it from now
** on, and who asked for it. */
static void learn (struct sim_world *world,
                   const struct machine_entry *entry,
                   struct check_applied *applied) {
  struct sim_checks *checks = world->checks;
  struct sim_command command;
  uint64_t *at;
  applied->is_known = true;
  applied->payload = raft_checksum (entry->payload, entry->payload_size, 0);
  checks->applied_index = entry->index;
  if (sim_command_parse (entry->payload, entry->payload_size, &command)
        == RAFT_OK
      && command.is_set) {
    applied->key = raft_checksum (command.key.data, command.key.size, 0);
    applied->value
      = raft_checksum (command.value.data, command.value.size, 0);
  }
  at = sim_map_find (&checks->payloads, applied->payload);
  if (at == NULL) {
    sim_violate (world, "phantom",
                 "entry %llu is applied, and no client asked for it",
                 (number)entry->index);
    return;
  }
  checks->asked[*at].applied++;
  if (checks->asked[*at].applied > checks->asked[*at].invoked
      && !checks->asked[*at].is_loose) {
    sim_violate (world, "exactly_once",
                 "the command of entry %llu is applied a second time",
                 (number)entry->index);
  }
  if (checks->asked[*at].is_refused) {
    sim_violate (world, "acknowledged",
                 "the command of entry %llu is applied, and its client was "
                 "told that it never would be",
                 (number)entry->index);
  }
}

/* The chain is over all before it: the first index where two differ is the
** first that was not the same, and only the first violation counts. */
static void tell_different (struct sim_world *world,
                            const struct sim_member *member,
                            const struct machine_entry *entry,
                            const struct machine_result *result,
                            const uint8_t *bytes) {
  char command[SIM_SAY], answer[SIM_SAY];
  sim_violate (world, "state_machine_safety",
               "member %llu applies entry %llu differently: %s %s %s here",
               (number)member->id, (number)entry->index,
               sim_say (command, entry->payload, entry->payload_size),
               result->status == RAFT_OK ? "gives" : "fails with",
               sim_say (answer, bytes + result->offset, result->size));
}

/* False: it differs. */
static bool check_one (struct sim_world *world,
                       const struct machine_entry *entry, uint64_t chain) {
  struct sim_checks *checks = world->checks;
  struct check_applied *applied;
  checks->applied
    = sim_check_grow (checks->applied, &checks->applied_capacity,
                      entry->index + 1, sizeof *checks->applied);
  applied = &checks->applied[entry->index];
  if (entry->index > checks->applied_index) {
    learn (world, entry, applied);
    applied->chain = chain;
    return true;
  }
  return applied->is_known && applied->chain == chain;
}

bool sim_check_has_applied (const struct sim_world *world,
                            raft_index index) {
  const struct sim_checks *checks = world->checks;
  return index < checks->applied_capacity && checks->applied[index].is_known;
}

void sim_check_applied (struct sim_world *world, struct sim_member *member,
                        const struct machine_request *request) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  for (size_t i = 0; i < request->entry_count; i++) {
    const struct machine_entry *entry = &request->entries[i];
    if (entry->index <= own->machine_index
        || entry->index > checks->committed_index) {
      sim_violate (world, "applied_order",
                   "member %llu gives entry %llu to its machine after %llu, "
                   "with %llu committed",
                   (number)member->id, (number)entry->index,
                   (number)own->machine_index,
                   (number)checks->committed_index);
      return;
    }
    own->machine_index = entry->index;
    own->machine_chain
      = chain_of (own->machine_chain, entry, &request->results[i],
                  request->bytes.data);
    if (!check_one (world, entry, own->machine_chain)) {
      tell_different (world, member, entry, &request->results[i],
                      request->bytes.data);
    }
    world->counters.applied++;
  }
}

/* ---- snapshots --------------------------------------------------------- */

static uint64_t state_of (struct machine *machine) {
  struct machine_request request = { .operation = MACHINE_DIGEST };
  raft_buffer_init (&request.bytes, &raft_memory_plain);
  machine->perform (machine, &request);
  raft_buffer_free (&request.bytes);
  return request.hash | 1;
}

static void check_state (struct sim_world *world, struct sim_member *member,
                         struct machine *machine) {
  struct sim_checks *checks = world->checks;
  raft_index index = checks->members[member->id].machine_index;
  uint64_t state = state_of (machine);
  checks->states
    = sim_check_grow (checks->states, &checks->state_capacity, index + 1,
                      sizeof *checks->states);
  if (checks->states[index] == 0) {
    checks->states[index] = state;
  } else if (checks->states[index] != state) {
    sim_violate (world, "restored_state",
                 "after entry %llu the machine of member %llu is not what it "
                 "was when a snapshot was taken of it", (number)index,
                 (number)member->id);
  }
}

void sim_check_remembered (struct sim_world *world, struct sim_member *member,
                           struct machine *machine) {
  check_state (world, member, machine);
}

/* Where the machine stands now is known from those that came there by
** applying. */
void sim_check_restored (struct sim_world *world, struct sim_member *member,
                         raft_index base) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  raft_index index = base < checks->applied_index ? base
                                                  : checks->applied_index;
  while (index > 0 && !checks->applied[index].is_known) {
    index--;
  }
  world->counters.snapshots_restored++;
  own->machine_index = index;
  own->machine_chain = index > 0 ? checks->applied[index].chain : 0;
  check_state (world, member, member->machine.machine);
}

void sim_check_hash (struct sim_world *world, struct sim_member *member) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  struct replica_status status;
  uint64_t hash;
  replica_get_status (member->replica, &status);
  world->counters.agreements += status.features_agreed != 0
                                && !own->has_agreed;
  own->has_agreed = own->has_agreed || status.features_agreed != 0;
  checks->agreed |= status.features_agreed;
  hash = status.result_hash | 1;
  checks->hashes
    = sim_check_grow (checks->hashes, &checks->hash_capacity,
                      status.applied + 1, sizeof *checks->hashes);
  if (checks->hashes[status.applied] == 0) {
    checks->hashes[status.applied] = hash;
  } else if (checks->hashes[status.applied] != hash) {
    sim_violate (world, "result_hash",
                 "at index %llu the result hash of member %llu differs",
                 (number)status.applied, (number)member->id);
  }
}
