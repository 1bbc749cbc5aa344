/* SPDX-License-Identifier: MIT
**
** check_members.c - who the members are, and how that may change.
**
** Rule (Diss. 4.1): a leader appends a configuration when the one before is
** committed; one voter comes or goes, or both halves of a joint one decide.
** Rule (Ongaro on raft-dev, 2015): and when it has committed in its term.
** Rule (Diss. 4.2.2): a leader that a configuration leaves out leads until
** that is committed.
** Rule: who knows that a configuration is committed has that one, or a later
** one, from wherever it got its log: from entries, a snapshot, its own disk. */

#include "raft/membership.h"
#include "sim/check_inside.h"

typedef unsigned long long number;

/* ---- by a leader ------------------------------------------------------- */

static bool is_step (const struct raft_configuration *from,
                     const struct raft_configuration *to) {
  if (from->outgoing.count > 0) {
    return to->outgoing.count == 0
           && raft_id_set_equals (&from->voters, &to->voters);
  }
  return to->outgoing.count > 0
           ? raft_id_set_equals (&from->voters, &to->outgoing)
           : raft_id_set_difference (&from->voters, &to->voters) <= 1;
}

static void check_change (struct sim_world *world,
                          const struct sim_member *member,
                          const struct raft_status *status) {
  const struct check_member *own = &world->checks->members[member->id];
  const char *why = NULL;
  if (world->options.checks == SIM_CHECKS_HARM) {
    return;
  }
  if (!is_step (&own->configuration, status->configuration)) {
    why = "changes more than one voter at once";
  } else if (own->configuration_index > status->commit) {
    why = "does not wait for the change before";
  } else if (own->log[status->commit].term != status->term) {
    why = "has not committed anything in its term";
  }
  if (why != NULL) {
    sim_violate (world, "changes",
                 "leader %llu of term %llu %s: configurations %llu and %llu, "
                 "commit index %llu",
                 (number)member->id, (number)status->term, why,
                 (number)own->configuration_index,
                 (number)status->configuration_index,
                 (number)status->commit);
  }
}

static void check_left (struct sim_world *world, struct check_member *own,
                        const struct raft_status *status) {
  if (own->has_yielded && status->configuration_index > status->commit) {
    sim_violate (world, "changes",
                 "a leader leaves before configuration %llu, which leaves it "
                 "out, is committed",
                 (number)status->configuration_index);
  }
  own->has_yielded = false;
}

/* ---- by everybody ------------------------------------------------------ */

static bool is_equal (const struct raft_configuration *one,
                      const struct raft_configuration *other) {
  return raft_id_set_equals (&one->voters, &other->voters)
         && raft_id_set_equals (&one->outgoing, &other->outgoing)
         && raft_id_set_equals (&one->learners, &other->learners);
}

/* The newest that is committed at 'index' or before; NULL: none is known. */
static const struct check_configuration *committed_at (
  const struct sim_checks *checks, raft_index index) {
  for (size_t i = checks->configuration_count; i > 0; i--) {
    if (checks->configurations[i - 1].index <= index) {
      return &checks->configurations[i - 1];
    }
  }
  return NULL;
}

static void note_committed (struct sim_checks *checks,
                            const struct raft_status *status) {
  struct check_configuration *added;
  if (checks->configuration_count > 0
      && checks->configurations[checks->configuration_count - 1].index
           >= status->configuration_index) {
    return;
  }
  checks->configurations
    = sim_check_grow (checks->configurations,
                      &checks->configuration_capacity,
                      checks->configuration_count + 1, sizeof *added);
  added = &checks->configurations[checks->configuration_count++];
  added->index = status->configuration_index;
  added->value = *status->configuration;
}

static void check_known (struct sim_world *world,
                         const struct sim_member *member,
                         const struct raft_status *status) {
  const struct check_configuration *known
    = committed_at (world->checks, status->commit);
  if (known == NULL || known->index < status->configuration_index) {
    return;
  }
  if (known->index > status->configuration_index
      || !is_equal (&known->value, status->configuration)) {
    sim_violate (world, "configuration",
                 "member %llu has configuration %llu at commit index %llu, "
                 "and not what was committed as %llu",
                 (number)member->id, (number)status->configuration_index,
                 (number)status->commit, (number)known->index);
  }
}

void sim_check_members (struct sim_world *world, struct sim_member *member,
                        const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  check_left (world, own, status);
  if (status->configuration_index == own->configuration_index
      && status->commit == own->commit) {
    return;
  }
  if (status->role == RAFT_LEADER && own->role == RAFT_LEADER
      && status->term == own->term
      && status->configuration_index > own->configuration_index) {
    check_change (world, member, status);
  }
  if (status->configuration_index <= status->commit) {
    note_committed (world->checks, status);
  }
  check_known (world, member, status);
  own->configuration_index = status->configuration_index;
}
