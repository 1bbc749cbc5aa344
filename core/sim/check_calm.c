/* SPDX-License-Identifier: MIT
**
** check_calm.c - when the faults are over: whether all is level and nothing is
** left to do, and what stands in the way of it.
**
** Rule: whoever takes part and was healed has what the one leader has. Nobody
** else leads, no order and no call waits; then nothing may change by itself,
** and every call is answered. */

#include "sim/check.h"

#include <stdio.h>

#include "raft/membership.h"
#include "sim/net.h"

static bool is_level (const struct sim_member *member,
                      const struct raft_status *want) {
  struct raft_status status;
  if (!sim_member_is_up (member)) {
    return false;
  }
  raft_get_status (replica_raft (member->replica), &status);
  /* A log that was full notices that it is not any more when it tries again. */
  return !replica_is_full (member->replica) && status.term == want->term
         && status.last == want->last && status.applied == want->last
         && status.stable == want->last;
}

/* What a leader last heard of a member's disk may be older than the disk. */
static bool is_thought_full (const struct raft_status *want, raft_id id) {
  for (uint32_t i = 0; i < want->member_count; i++) {
    if (want->members[i].id == id) {
      return want->members[i].disk_full;
    }
  }
  return false;
}

/* A higher term that comes and goes will end a leadership when it is heard. */
static bool is_threat (struct sim_world *world,
                       const struct sim_member *member,
                       const struct raft_status *want) {
  struct raft_status status;
  if (world->rest.heal != SIM_HEAL_FLAPPING
      || !sim_rest_has (world, member->id) || !sim_member_is_up (member)) {
    return false;
  }
  raft_get_status (replica_raft (member->replica), &status);
  return status.term > want->term;
}

/* A leader that has just lost its majority does not know it yet. */
static bool are_joined (const struct sim_world *world, raft_id one,
                        raft_id other) {
  return one == other
         || (!sim_net_is_cut (world->net, one, other)
             && !sim_net_is_cut (world->net, other, one));
}

/* Everybody is level with the leader who takes part and was healed; or a
** majority is that hears it, where one that was not healed may lead. */
static bool are_level (struct sim_world *world,
                       const struct sim_member *leader,
                       const struct raft_status *want) {
  unsigned level = 0;
  unsigned voters = 0;
  if (!is_level (leader, want)
      || (sim_rest_has (world, leader->id) && !sim_rest_may_lead (world))) {
    return false;
  }
  for (raft_id id = 1; id <= world->member_count; id++) {
    const struct sim_member *member = world->members[id];
    if (!raft_configuration_has (want->configuration, id)) {
      continue;
    }
    voters += raft_configuration_votes (want->configuration, id);
    if (is_level (member, want) && !is_thought_full (want, id)
        && are_joined (world, leader->id, id)) {
      level += raft_configuration_votes (want->configuration, id);
    } else if (sim_member_is_owed (member) && !sim_rest_has (world, id)
               && !sim_rest_may_lead (world)) {
      return false;
    } else if (is_threat (world, member, want)) {
      return false;
    }
  }
  return level > voters / 2;
}

/* Who was removed is about to end; an order that was given while there were
** faults is yet to be done, or given up. */
static bool is_anyone_busy (const struct sim_world *world) {
  for (raft_id id = 1; id <= world->member_count; id++) {
    const struct sim_member *member = world->members[id];
    struct replica_status status;
    if (sim_member_is_up (member)) {
      replica_get_status (member->replica, &status);
      if (status.leaving || status.ordered) {
        return true;
      }
    }
  }
  return false;
}

/* Who is cut off, and leads an older term, refuses in its name what its clients
** ask for, until it steps down (dissertation section 6.2). */
static bool is_sole_leader (const struct sim_world *world,
                            const struct sim_member *leader) {
  for (raft_id id = 1; id <= world->member_count; id++) {
    const struct sim_member *member = world->members[id];
    struct raft_status status;
    if (member != leader && sim_member_is_up (member)
        && !member->is_paused) {
      raft_get_status (replica_raft (member->replica), &status);
      if (status.role == RAFT_LEADER) {
        return false;
      }
    }
  }
  return true;
}

/* Nobody who is level should lead rather than who leads. */
static bool is_preferred (struct sim_world *world,
                          const struct sim_member *leader,
                          const struct raft_status *want) {
  const struct raft_configuration *value = want->configuration;
  for (uint32_t i = 0; i < value->voters.count; i++) {
    if (world->rest.heal == SIM_HEAL_ALL
        && raft_configuration_priority (value, leader->id)
             < raft_configuration_priority (value, value->voters.ids[i])
        && is_level (world->members[value->voters.ids[i]], want)) {
      return false;
    }
  }
  return true;
}

bool sim_check_converged (struct sim_world *world) {
  struct sim_member *leader = sim_world_leader (world);
  struct raft_status want;
  if (leader == NULL || sim_clients_outstanding (world) != 0
      || is_anyone_busy (world)) {
    return false;
  }
  raft_get_status (replica_raft (leader->replica), &want);
  return is_sole_leader (world, leader)
         && are_level (world, leader, &want) && want.commit == want.last
         && want.configuration->outgoing.count == 0 /* whoever leads left */
         && is_preferred (world, leader, &want)
         && world->checks->committed[want.commit].by >= want.term;
}

void sim_check_give_up (struct sim_world *world) {
  struct sim_member *leader = sim_world_leader (world);
  unsigned outstanding = sim_clients_outstanding (world);
  char text[200] = "";
  size_t used = 0;
  for (raft_id id = 1; id <= world->member_count; id++) {
    struct sim_member *member = world->members[id];
    struct raft_status status;
    int wrote = 0;
    if (sim_member_is_up (member)) {
      raft_get_status (replica_raft (member->replica), &status);
      wrote = snprintf (text + used, sizeof text - used,
                        " %llu:%d/%llu/%llu/%llu/%llu",
                        (unsigned long long)id, (int)status.role,
                        (unsigned long long)status.term,
                        (unsigned long long)status.last,
                        (unsigned long long)status.commit,
                        (unsigned long long)status.applied);
    } else {
      wrote = snprintf (text + used, sizeof text - used, " %llu:down",
                        (unsigned long long)id);
    }
    if (wrote > 0 && (size_t)wrote < sizeof text - used) {
      used += (size_t)wrote;
    }
  }
  sim_violate (world, "liveness",
               "%s healed, leader %llu, %u calls wait, "
               "member:role/term/last/commit/applied%s",
               sim_heal_name (world->rest.heal),
               leader == NULL ? 0 : (unsigned long long)leader->id,
               outstanding, text);
}
