/* SPDX-License-Identifier: MIT
**
** check.c - the order of the checks, the lives of members, what is monotone
** and ordered. */

#include "sim/check_inside.h"

#include <stdlib.h>
#include <string.h>

#include "raft/membership.h"
#include "sim/drift.h"
#include "sim/net.h"

struct sim_checks *sim_checks_new (struct sim_world *world) {
  struct sim_checks *checks = calloc (1, sizeof *checks);
  (void)world;
  if (checks != NULL) {
    for (unsigned id = 0; id <= SIM_MEMBERS_MAX; id++) {
      checks->members[id].dirty = RAFT_INDEX_MAX;
    }
  }
  return checks;
}

void sim_checks_free (struct sim_checks *checks) {
  if (checks == NULL) {
    return;
  }
  for (unsigned id = 0; id <= SIM_MEMBERS_MAX; id++) {
    free (checks->members[id].log);
    free (checks->members[id].votes);
  }
  free (checks->leaders);
  free (checks->configurations);
  free (checks->heads);
  free (checks->variants);
  free (checks->committed);
  free (checks->applied);
  free (checks->states);
  free (checks->hashes);
  free (checks->asked);
  sim_map_free (&checks->payloads);
  sim_map_free (&checks->floors);
  free (checks->raises);
  free (checks);
}

void *sim_check_grow (void *array, size_t *capacity, size_t needed,
                      size_t element_size) {
  size_t grown = *capacity < 64 ? 64 : *capacity;
  if (needed <= *capacity) {
    return array;
  }
  while (grown < needed) {
    grown *= 2;
  }
  array = realloc (array, grown * element_size);
  raft_assert (array != NULL);
  memset ((char *)array + *capacity * element_size, 0,
          (grown - *capacity) * element_size);
  *capacity = grown;
  return array;
}

struct check_leadership *sim_check_leadership (struct sim_checks *checks,
                                               raft_term term) {
  checks->leaders
    = sim_check_grow (checks->leaders, &checks->leader_capacity, term + 1,
                      sizeof *checks->leaders);
  return &checks->leaders[term];
}

/* ---- lives ------------------------------------------------------------- */

void sim_check_started (struct sim_world *world, struct sim_member *member) {
  struct check_member *own = &world->checks->members[member->id];
  own->is_open = false;
  own->role = RAFT_FOLLOWER;
  own->leader = RAFT_ID_NONE;
  own->heard = 0;
  own->commit = 0;
  own->applied = 0;
  own->match_term = 0;
  own->machine_index = 0;
  own->machine_chain = 0;
  own->claim_count = 0;
  own->doubtful = SIM_DOUBTFUL;
}

/* What it ever called durable must be there again. */
static void check_recovered (struct sim_world *world,
                             struct sim_member *member,
                             const struct raft_status *status) {
  const struct check_member *own = &world->checks->members[member->id];
  const struct raft *raft = replica_raft (member->replica);
  if (status->term < own->durable_term
      || (status->term == own->durable_term && own->durable_vote != 0
          && status->vote != own->durable_vote)) {
    sim_violate (world, "durability",
                 "member %llu had term %llu and vote %llu on its disk, and "
                 "comes back with %llu and %llu",
                 (unsigned long long)member->id,
                 (unsigned long long)own->durable_term,
                 (unsigned long long)own->durable_vote,
                 (unsigned long long)status->term,
                 (unsigned long long)status->vote);
  }
  /* It ended between the log's reset and the machine's restoration: what the
  ** leader's snapshot took the place of is gone rightly (Paper 7). */
  if (own->installing != 0 && status->base == own->installing) {
    return;
  }
  /* A snapshot has what is before the base (sim_check_base). */
  for (raft_index index = status->base + 1; index <= own->stable; index++) {
    raft_term term = 0;
    if (raft_term_of (raft, index, &term) != RAFT_OK
        || term != own->log[index].term) {
      sim_violate (world, "durability",
                   "member %llu had entry %llu of term %llu on its disk, "
                   "and comes back with term %llu there",
                   (unsigned long long)member->id, (unsigned long long)index,
                   (unsigned long long)own->log[index].term,
                   (unsigned long long)term);
      return;
    }
  }
}

void sim_check_opened (struct sim_world *world, struct sim_member *member) {
  struct check_member *own = &world->checks->members[member->id];
  struct raft_status status;
  if (world->options.checks == 0) {
    return; /* it is never open then, and nothing is looked at */
  }
  /* What it had still counts where it was counted, and is not compared with
  ** what it has now: it may never take part again. */
  if (member->is_wiped) {
    return;
  }
  raft_get_status (replica_raft (member->replica), &status);
  check_recovered (world, member, &status);
  own->is_open = true;
  own->dirty = 1;
  own->base = 0;
  own->configuration_index = 0;
  own->has_yielded = false;
  own->term = status.term;
  own->vote = status.vote;
}

void sim_check_gone (struct sim_world *world, raft_id who, raft_id whom) {
  struct check_member *own = &world->checks->members[who];
  if (own->leader == whom) {
    own->heard = 0;
  }
}

void sim_check_ended (struct sim_world *world, struct sim_member *member) {
  world->checks->members[member->id].is_open = false;
}

bool sim_check_has_met (const struct sim_world *world, raft_id who,
                        raft_id whom) {
  return (world->checks->members[who].met >> whom & 1) != 0;
}

bool sim_check_is_impostor (const struct sim_world *world, raft_id who,
                            raft_id whom, uint64_t incarnation) {
  const struct sim_member *member = world->members[whom];
  return member->is_wiped && incarnation != member->first_incarnation
         && sim_check_has_met (world, who, whom);
}

void sim_check_times (const struct sim_world *world,
                      struct raft_options *engine) {
  const struct sim_options *given = &world->options;
  raft_options_default (engine);
  if (given->heartbeat_us != 0) {
    engine->heartbeat_us = given->heartbeat_us;
  }
  if (given->election_us != 0) {
    engine->election_us = given->election_us;
  }
}

/* A candidate that a member of a working majority would follow must have been
** cut off (Diss. 6.2, 9.6), or its leader hands over (3.10), or its leader's
** process is gone, and the member can know. */
static void check_granted (struct sim_world *world,
                           const struct sim_member *member,
                           raft_id candidate) {
  const struct check_member *own = &world->checks->members[member->id];
  struct raft_options engine;
  sim_check_times (world, &engine);
  if (own->is_open
      && (own->role == RAFT_LEADER
          || (own->leader != RAFT_ID_NONE && own->leader != candidate
              && sim_drift_show (&member->drift, world->now)
                   < own->heard + engine.election_us))) {
    sim_violate (world, "leader_stays",
                 "member %llu has a leader, and votes for member %llu",
                 (unsigned long long)member->id,
                 (unsigned long long)candidate);
  }
}

void sim_check_trace (struct sim_world *world, struct sim_member *member,
                      const struct raft_trace *trace) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  if (trace->kind == RAFT_TRACE_APPEND
      || trace->kind == RAFT_TRACE_TRUNCATE) {
    if (trace->fields[0] < own->dirty) {
      own->dirty = trace->fields[0];
    }
    if (trace->kind == RAFT_TRACE_TRUNCATE) {
      world->counters.truncations++;
      own->doubtful = SIM_DOUBTFUL;
    }
  } else if (trace->kind == RAFT_TRACE_SNAPSHOT) {
    world->counters.snapshots_taken += trace->fields[1] == member->id;
    world->counters.snapshots_sent += trace->fields[1] != member->id;
  } else if (trace->kind == RAFT_TRACE_INSTALL) {
    world->counters.snapshots_installed++;
    if (trace->fields[0] <= own->commit) {
      sim_violate (world, "snapshot_needed",
                   "member %llu takes over a snapshot up to %llu, and has "
                   "committed %llu", (unsigned long long)member->id,
                   (unsigned long long)trace->fields[0],
                   (unsigned long long)own->commit);
    }
    own->installing = trace->fields[0];
  } else if (trace->kind == RAFT_TRACE_VOTE && trace->fields[1] != 0) {
    raft_assert (trace->fields[0] <= SIM_MEMBERS_MAX);
    bool is_repeated = own->vote == trace->fields[0]
                       && own->term == trace->term; /* asked twice */
    uint32_t handed = sim_check_leadership (checks, trace->term)->handed;
    if ((handed >> trace->fields[0] & 1) == 0 && !is_repeated) {
      check_granted (world, member, trace->fields[0]);
    }
  } else if (trace->kind == RAFT_TRACE_RECEIVE) {
    member->has_taken = true;
    own->hears_late = trace->fields[2] < trace->term;
    if (trace->fields[0] == RAFT_MESSAGE_APPEND && !own->hears_late) {
      own->heard = trace->time;
    }
  } else if (trace->kind == RAFT_TRACE_TRANSFER) {
    own->transferring = 0;
  } else if (trace->kind == RAFT_TRACE_CONFIGURE) {
    world->counters.configurations++;
  } else if (trace->kind == RAFT_TRACE_ROLE) {
    world->counters.elections += trace->fields[1] == RAFT_CANDIDATE;
    world->counters.leaders += trace->fields[1] == RAFT_LEADER
                               && trace->fields[0] != RAFT_LEADER;
    own->has_yielded |= trace->fields[0] == RAFT_LEADER
                        && trace->fields[3] == RAFT_REASON_REMOVED;
    if (trace->fields[1] == RAFT_CANDIDATE
        && trace->fields[3] == RAFT_REASON_TRANSFER) {
      sim_check_leadership (checks, trace->term)->handed
        |= 1u << member->id;
    }
  }
}

/* ---- monotone, ordered ------------------------------------------------- */

static void check_monotone (struct sim_world *world,
                            struct sim_member *member,
                            const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  const char *what = NULL;
  if (status->term < own->term) {
    what = "term";
  } else if (status->commit < own->commit) {
    what = "commit index";
  } else if (status->applied < own->applied) {
    what = "applied index";
  } else if (status->durable_term < own->durable_term) {
    what = "durable term";
  } else if (status->durable_term == own->durable_term
             && own->durable_vote != 0
             && status->durable_vote != own->durable_vote) {
    what = "durable vote";
  }
  if (what != NULL) {
    sim_violate (world, "monotone", "the %s of member %llu went back", what,
                 (unsigned long long)member->id);
  }
}

static void check_order (struct sim_world *world, struct sim_member *member,
                         const struct raft_status *status) {
  if (status->applied > status->commit || status->commit > status->last
      || status->stable > status->last) {
    sim_violate (world, "order",
                 "member %llu has applied %llu, commit %llu, stable %llu, "
                 "last %llu",
                 (unsigned long long)member->id,
                 (unsigned long long)status->applied,
                 (unsigned long long)status->commit,
                 (unsigned long long)status->stable,
                 (unsigned long long)status->last);
  }
}

static void check_bounds (struct sim_world *world, struct sim_member *member,
                          const struct raft_status *status) {
  const struct sim_counters *counters = &world->counters;
  uint64_t features = world->options.features; /* one entry per leader */
  if (member->arena.bytes > world->options.memory_bytes) {
    sim_violate (world, "memory", "member %llu holds %llu bytes",
                 (unsigned long long)member->id,
                 (unsigned long long)member->arena.bytes);
  }
  if (status->last > 1 + counters->requests + counters->configurations
                       + counters->leaders * (features != 0 ? 2 : 1)) {
    sim_violate (world, "growth",
                 "the log of member %llu has %llu entries after %llu "
                 "requests",
                 (unsigned long long)member->id,
                 (unsigned long long)status->last,
                 (unsigned long long)counters->requests);
  }
}

static void note_used (struct sim_checks *checks,
                       const struct raft_status *status) {
  raft_id ids[RAFT_MEMBERS_MAX * 3];
  uint32_t count = raft_configuration_members (status->configuration, ids);
  if (count > 0 && ids[count - 1] > checks->used) {
    checks->used = ids[count - 1];
  }
}

static void remember (struct sim_world *world, struct check_member *own,
                      const struct raft_status *status) {
  own->configuration = *status->configuration;
  own->role = status->role;
  own->term = status->term;
  own->vote = status->vote;
  own->leader = status->leader;
  own->commit = status->commit;
  own->applied = status->applied;
  own->stable = status->stable;
  own->durable_term = status->durable_term;
  own->durable_vote = status->durable_vote;
  if (status->term > world->counters.terms) {
    world->counters.terms = status->term;
  }
}

void sim_check_member (struct sim_world *world, struct sim_member *member) {
  struct check_member *own = &world->checks->members[member->id];
  struct raft_status status;
  const struct raft *raft;
  const char *broken;
  if (!own->is_open || member->state != SIM_MEMBER_UP) {
    return;
  }
  raft = replica_raft (member->replica);
  raft_get_status (raft, &status);
  broken = raft_broken_invariant (raft);
  if (broken != NULL) {
    sim_violate (world, "invariant", "member %llu: %s",
                 (unsigned long long)member->id, broken);
  }
  check_monotone (world, member, &status);
  check_order (world, member, &status);
  if (status.role == RAFT_LEADER) {
    sim_check_election (world, member, &status);
  }
  sim_check_base (world, member, &status);
  sim_check_log (world, member, &status);
  sim_check_votes (world, member, &status);
  sim_check_claims (world, member, &status);
  sim_check_commit (world, member, &status);
  sim_check_members (world, member, &status);
  if (status.role == RAFT_LEADER) {
    sim_check_elected (world, member, &status);
    sim_check_leader (world, member, &status);
    sim_check_match (world, member, &status);
    sim_check_reign (world, member, &status);
  }
  if (status.applied != own->applied) {
    sim_check_hash (world, member);
  }
  sim_mark_status (world, member, &status);
  own->hears_late = false;
  if (status.base >= own->installing) {
    own->installing = 0;
  }
  check_bounds (world, member, &status);
  if (status.role == RAFT_LEADER) {
    note_used (world->checks, &status);
  }
  remember (world, own, &status);
}
