/* SPDX-License-Identifier: MIT
**
** check_reign.c - what a leader may say by itself, and what it may withhold.
**
** Rule (Diss. 6.4.1): who has a lease answers reads without asking. So as
** long as it has one nobody has come to lead a later term, by whatever clock,
** and it knows of all that anybody has committed.
** Rule (Diss. 3.10): who hands over takes no proposals, and gives that up
** after an election timeout of its own clock, whatever the other does. Time
** in which it did nothing at all, because it was paused, does not count. */

#include "sim/check_inside.h"
#include "sim/drift.h"

typedef unsigned long long number;

#define HEARTBEATS 4 /* until the end of a transfer is noticed, and some */

static void check_lease (struct sim_world *world,
                         const struct sim_member *member,
                         const struct raft_status *status) {
  const struct sim_checks *checks = world->checks;
  if (checks->led > status->term) {
    sim_violate (world, "lease",
                 "leader %llu of term %llu has a lease, and term %llu has "
                 "had a leader", (number)member->id, (number)status->term,
                 (number)checks->led);
  } else if (checks->committed_index > status->commit) {
    sim_violate (world, "lease",
                 "leader %llu of term %llu has a lease and commit index "
                 "%llu, and entry %llu is committed", (number)member->id,
                 (number)status->term, (number)status->commit,
                 (number)checks->committed_index);
  }
}

static void check_transfer (struct sim_world *world,
                            const struct sim_member *member,
                            const struct raft_status *status) {
  struct check_member *own = &world->checks->members[member->id];
  raft_time now = sim_drift_show (&member->drift, world->now);
  raft_time passed = now - own->reigned;
  struct raft_options engine;
  sim_check_times (world, &engine);
  own->reigned = now;
  if (status->transferee == RAFT_ID_NONE) {
    own->transferring = 0;
    return;
  }
  own->transferring
    += passed < engine.heartbeat_us ? passed : engine.heartbeat_us;
  if (own->transferring
      > engine.election_us + HEARTBEATS * engine.heartbeat_us) {
    sim_violate (world, "transfer_ends",
                 "leader %llu of term %llu hands over to member %llu, for "
                 "longer than an election timeout",
                 (number)member->id, (number)status->term,
                 (number)status->transferee);
  }
}

/* A member that goes on after a pause knows of a lease as of before it, until
** its engine is told the time. */
static bool is_current (const struct sim_world *world,
                        const struct sim_member *member,
                        const struct raft_status *status) {
  return status->now == sim_drift_show (&member->drift, world->now);
}

void sim_check_reign (struct sim_world *world, struct sim_member *member,
                      const struct raft_status *status) {
  if (status->has_lease && is_current (world, member, status)) {
    check_lease (world, member, status);
  }
  check_transfer (world, member, status);
}
