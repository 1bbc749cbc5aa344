/* SPDX-License-Identifier: MIT
**
** check_log.c - log matching, commits, leader completeness.
**
**   index      1    2    3    4
**   member 1  t1   t1   t2        what each log holds (members[].log),
**   member 2  t1   t1   t3   t3   all that any ever held (variants),
**   committed t1   t1             what was committed, and in which term   */

#include "base/checksum.h"
#include "raft/membership.h"
#include "sim/check_inside.h"

typedef unsigned long long number;

/* ---- log matching ------------------------------------------------------ */

static struct check_entry read_entry (const struct sim_member *member,
                                      raft_index index) {
  struct check_entry entry = { 0, 0 };
  struct raft_slice bytes = replica_entry (member->replica, index);
  int status
    = raft_term_of (replica_raft (member->replica), index, &entry.term);
  raft_assert (status == RAFT_OK);
  if (bytes.size > 0) {
    entry.sum = raft_checksum (bytes.data, bytes.size, 0) | 1;
  }
  return entry;
}

static struct check_variant *variant_of (struct sim_checks *checks,
                                         raft_index index, raft_term term) {
  uint32_t at;
  checks->heads = sim_check_grow (checks->heads, &checks->head_capacity,
                                  index + 1, sizeof *checks->heads);
  for (at = checks->heads[index]; at != 0; at = checks->variants[at].next) {
    if (checks->variants[at].term == term) {
      return &checks->variants[at];
    }
  }
  return NULL;
}

static void add_variant (struct sim_checks *checks, raft_index index,
                         struct check_entry entry, raft_term previous) {
  struct check_variant *variant;
  checks->variant_count++;
  checks->variants
    = sim_check_grow (checks->variants, &checks->variant_capacity,
                      (size_t)checks->variant_count + 1,
                      sizeof *checks->variants);
  variant = &checks->variants[checks->variant_count];
  variant->term = entry.term;
  variant->previous = previous;
  variant->sum = entry.sum;
  variant->next = checks->heads[index];
  checks->heads[index] = checks->variant_count;
}

/* Log Matching by induction: an entry that was ever seen with this index and
** term had these bytes, and this term before it. */
static void check_matching (struct sim_world *world,
                            const struct sim_member *member,
                            raft_index index, struct check_entry entry,
                            raft_term previous) {
  struct check_variant *known
    = variant_of (world->checks, index, entry.term);
  if (known == NULL) {
    add_variant (world->checks, index, entry, previous);
    return;
  }
  if (known->sum == 0) {
    known->sum = entry.sum;
  }
  if ((entry.sum != 0 && known->sum != entry.sum)
      || known->previous != previous) {
    sim_violate (world, "log_matching",
                 "member %llu holds another entry %llu of term %llu",
                 (number)member->id, (number)index, (number)entry.term);
  }
}

static void check_rewritten (struct sim_world *world,
                             const struct sim_member *member,
                             const struct check_member *own,
                             const struct raft_status *status,
                             raft_index index) {
  if (index <= own->commit) {
    sim_violate (world, "committed_immutable",
                 "member %llu changes its committed entry %llu",
                 (number)member->id, (number)index);
  } else if (own->role == RAFT_LEADER && status->role == RAFT_LEADER
             && own->term == status->term) {
    sim_violate (world, "leader_append_only",
                 "leader %llu changes its entry %llu", (number)member->id,
                 (number)index);
  }
}

/* What a snapshot covers is committed: the log before the base counts as the
** committed one, whatever stood there. */
void sim_check_base (struct sim_world *world, struct sim_member *member,
                     const struct raft_status *status) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  raft_term term = 0;
  if (status->base == own->base) {
    return;
  }
  (void)raft_term_of (replica_raft (member->replica), status->base, &term);
  if (status->base > checks->committed_index
      || checks->committed[status->base].term != term) {
    sim_violate (world, "snapshot_committed",
                 "the log of member %llu begins after entry %llu of term "
                 "%llu, which was not committed", (number)member->id,
                 (number)status->base, (number)term);
    return;
  }
  own->log = sim_check_grow (own->log, &own->log_capacity, status->base + 1,
                             sizeof *own->log);
  if (own->commit < status->base) {
    for (raft_index index = 1; index <= status->base; index++) {
      if (own->log[index].term != checks->committed[index].term) {
        own->log[index].term = checks->committed[index].term;
        own->log[index].sum = 0;
      }
    }
    own->last = own->last < status->base ? status->base : own->last;
    own->commit = status->base;
    own->dirty = 1;
    sim_check_restored (world, member, status->base);
  }
  own->base = status->base;
}

void sim_check_log (struct sim_world *world, struct sim_member *member,
                    const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  raft_index index = own->dirty;
  if (own->last != status->last) {
    raft_index lower = own->last < status->last ? own->last : status->last;
    index = lower + 1 < index ? lower + 1 : index;
  }
  own->dirty = RAFT_INDEX_MAX;
  if (index <= status->base) {
    index = status->base + 1;
  }
  if (status->last < own->last) {
    check_rewritten (world, member, own, status, status->last + 1);
  }
  for (; index <= status->last && !sim_world_has_ended (world); index++) {
    struct check_entry entry = read_entry (member, index);
    raft_term previous = index == 1 ? 0 : own->log[index - 1].term;
    own->log = sim_check_grow (own->log, &own->log_capacity, index + 1,
                               sizeof *own->log);
    if (index <= own->last && own->log[index].term != entry.term) {
      check_rewritten (world, member, own, status, index);
    }
    check_matching (world, member, index, entry, previous);
    own->log[index] = entry;
  }
  own->last = status->last;
}

/* ---- commits ----------------------------------------------------------- */

static bool has_durable (const struct sim_checks *checks, raft_id id,
                         raft_index index, raft_term term,
                         const struct sim_member *self,
                         const struct raft_status *status) {
  const struct check_member *own = &checks->members[id];
  raft_index stable = id == self->id ? status->stable : own->stable;
  return index <= stable && index <= own->last
         && own->log[index].term == term;
}

static bool is_on_quorum (const struct sim_world *world,
                          const struct raft_id_set *set, raft_index index,
                          raft_term term, const struct sim_member *self,
                          const struct raft_status *status) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < set->count; i++) {
    count
      += has_durable (world->checks, set->ids[i], index, term, self, status);
  }
  return set->count == 0 || count > set->count / 2;
}

static bool is_on_quorums (const struct sim_world *world,
                           const struct raft_configuration *value,
                           raft_term term, const struct sim_member *self,
                           const struct raft_status *status) {
  return is_on_quorum (world, &value->voters, status->commit, term, self,
                       status)
         && is_on_quorum (world, &value->outgoing, status->commit, term,
                          self, status);
}

/* The next change may begin in the very event that commits by the one
** before. */
static void check_first_commit (struct sim_world *world,
                                const struct sim_member *member,
                                const struct raft_status *status,
                                raft_term term) {
  const struct check_member *own = &world->checks->members[member->id];
  if (!is_on_quorums (world, status->configuration, term, member, status)
      && !is_on_quorums (world, &own->configuration, term, member, status)) {
    sim_violate (world, "committed_on_quorum",
                 "member %llu commits entry %llu of term %llu, which is not "
                 "durable on a majority",
                 (number)member->id, (number)status->commit, (number)term);
  }
}

/* Ids are never used again: who ended as removed is in none that is
** committed later. */
static void check_removed (struct sim_world *world,
                           const struct raft_status *status) {
  for (raft_id id = 1; id <= world->member_count; id++) {
    if (world->members[id]->has_left
        && status->configuration_index <= status->commit
        && raft_configuration_has (status->configuration, id)) {
      sim_violate (world, "removed",
                   "member %llu ended as removed, and configuration %llu has "
                   "it", (number)id, (number)status->configuration_index);
    }
  }
}


void sim_check_commit (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status) {
  struct sim_checks *checks = world->checks;
  struct check_member *own = &checks->members[member->id];
  raft_index index;
  if (status->commit == own->commit || sim_world_has_ended (world)) {
    return;
  }
  checks->committed
    = sim_check_grow (checks->committed, &checks->committed_capacity,
                      status->commit + 1, sizeof *checks->committed);
  for (index = own->commit + 1; index <= status->commit; index++) {
    raft_term term = own->log[index].term;
    if (index > checks->committed_index) {
      checks->committed[index].term = term;
      checks->committed[index].by = status->term;
    } else if (checks->committed[index].term != term) {
      sim_violate (world, "committed_immutable",
                   "member %llu commits entry %llu of term %llu, and it was "
                   "committed with term %llu",
                   (number)member->id, (number)index, (number)term,
                   (number)checks->committed[index].term);
    }
  }
  if (world->options.checks != SIM_CHECKS_HARM
      && status->role == RAFT_LEADER && own->role == RAFT_LEADER
      && status->term == own->term
      && own->log[status->commit].term != status->term) {
    sim_violate (world, "own_term",
                 "leader %llu of term %llu commits up to entry %llu of term "
                 "%llu", (number)member->id, (number)status->term,
                 (number)status->commit,
                 (number)own->log[status->commit].term);
  }
  if (status->commit > checks->committed_index) {
    checks->committed_index = status->commit;
    check_removed (world, status);
    world->counters.committed = status->commit;
    check_first_commit (world, member, status,
                        own->log[status->commit].term);
  }
}

/* ---- leaders ----------------------------------------------------------- */

/* Leader Completeness speaks of leaders of higher terms than that in which
** an entry was committed; a late winner of an old term may know less. By Log
** Matching it is enough to look at the last of those entries. */
static void check_completeness (struct sim_world *world,
                                const struct sim_member *member,
                                const struct raft_status *status) {
  const struct sim_checks *checks = world->checks;
  const struct check_member *own = &checks->members[member->id];
  raft_index index = checks->committed_index;
  while (index > 0 && checks->committed[index].by >= status->term) {
    index--;
  }
  if (index > 0
      && (index > own->last
          || own->log[index].term != checks->committed[index].term)) {
    sim_violate (world, "leader_completeness",
                 "leader %llu of term %llu does not have entry %llu, "
                 "committed in term %llu",
                 (number)member->id, (number)status->term, (number)index,
                 (number)checks->committed[index].by);
  }
}

static bool is_new_leader (const struct check_member *own,
                           const struct raft_status *status) {
  return own->role != RAFT_LEADER || own->term != status->term;
}

void sim_check_election (struct sim_world *world, struct sim_member *member,
                         const struct raft_status *status) {
  struct sim_checks *checks = world->checks;
  struct check_leadership *leader;
  if (!is_new_leader (&checks->members[member->id], status)) {
    return;
  }
  leader = sim_check_leadership (checks, status->term);
  if (leader->member != 0
      && (leader->member != member->id || leader->life != member->life)) {
    sim_violate (world, "election_safety",
                 "members %llu and %llu both lead in term %llu",
                 (number)leader->member, (number)member->id,
                 (number)status->term);
  }
  leader->member = member->id;
  leader->life = member->life;
  checks->led = status->term > checks->led ? status->term : checks->led;
  for (unsigned id = 1; id <= world->member_count; id++) {
    world->counters.rivals += id != member->id && checks->members[id].is_open
                              && checks->members[id].role == RAFT_LEADER;
  }
}

void sim_check_leader (struct sim_world *world, struct sim_member *member,
                       const struct raft_status *status) {
  if (is_new_leader (&world->checks->members[member->id], status)) {
    if (!raft_configuration_votes (status->configuration, member->id)
        && status->configuration_index <= status->commit) {
      sim_violate (world, "configuration",
                   "member %llu leads term %llu, and is no voter",
                   (number)member->id, (number)status->term);
    }
    check_completeness (world, member, status);
  }
}
