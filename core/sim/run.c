/* SPDX-License-Identifier: MIT
**
** run.c - the course of a run. */

#include "sim/run.h"

#include "raft/membership.h"
#include "sim/action.h"
#include "sim/check.h"
#include "sim/member.h"
#include "sim/nemesis.h"
#include "sim/order.h"

static struct sim_matter next_client (const struct sim_world *world) {
  return sim_matter_of (
    SIM_MATTER_CLIENT,
    sim_whom_client (world->client_count + 1, RAFT_ID_NONE), 0);
}

struct sim_client *sim_run_client (struct sim_world *world) {
  struct sim_matter matter = next_client (world);
  bool has_session = sim_chance (world, SIM_CHOICE_SESSIONLESS, matter,
                                 world->options.sessionless, 1)
                     == 0;
  /* No option makes these: they are calm unless a schedule has them. */
  raft_id home = sim_choose (world, SIM_CHOICE_HOME, matter, 1);
  bool is_pinned = sim_choose (world, SIM_CHOICE_PINNED, matter, 1) != 0;
  return sim_client_new_at (world, has_session,
                            home <= world->member_count ? home : 0,
                            is_pinned);
}

void sim_run_chose_client (struct sim_world *world, bool has_session,
                           raft_id home, bool is_pinned) {
  struct sim_matter matter = next_client (world);
  sim_chosen (world, SIM_CHOICE_SESSIONLESS, matter, !has_session);
  sim_chosen (world, SIM_CHOICE_HOME, matter, home);
  sim_chosen (world, SIM_CHOICE_PINNED, matter, is_pinned);
}

static void start_all (struct sim_world *world, void *argument) {
  (void)argument;
  for (unsigned id = 1; id <= world->member_count; id++) {
    if (world->options.starts > 0) {
      sim_member_start (world->members[id]);
    }
  }
  for (uint64_t i = 0; i < world->options.clients; i++) {
    struct sim_client *client = sim_run_client (world);
    raft_assert (client != NULL);
    sim_workload_start (client);
  }
  if (world->options.replay == NULL) {
    sim_nemesis_start (world->nemesis);
  }
  world->has_begun = true;
}

void sim_run_start (struct sim_world *world) {
  if (!sim_world_has_ended (world)) {
    sim_guarded (world, start_all, NULL);
  }
}

static void end_faults (struct sim_world *world, void *argument) {
  (void)argument;
  sim_nemesis_end (world->nemesis);
  sim_rest_begin (world);
}

/* A fault of the last moment may still have stopped one. Who was wiped is
** refused each time, and would take calls with it. */
static void look (struct sim_world *world, void *argument) {
  for (unsigned id = 1; id <= world->member_count; id++) {
    struct sim_member *member = world->members[id];
    if (!member->has_left && !member->is_wiped
        && (world->rest.heal != SIM_HEAL_DEAD || !sim_rest_has (world, id))) {
      sim_member_start (member);
    }
  }
  *(bool *)argument = sim_check_converged (world);
}

static void give_up (struct sim_world *world, void *argument) {
  (void)argument;
  sim_check_give_up (world);
}

#define LOOK_US (50 * RAFT_MILLISECOND)

static void step_rest (struct sim_world *world, void *argument) {
  (void)argument;
  sim_rest_step (world);
}

/* While the rest, if there is one, goes on as it is. False: the run has
** ended. */
static bool run_on (struct sim_world *world, raft_time duration) {
  raft_time end = world->now + duration;
  while (world->now < end) {
    raft_time left = end - world->now;
    sim_guarded (world, step_rest, NULL);
    if (!sim_world_run (world, left < LOOK_US ? left : LOOK_US)) {
      return false;
    }
  }
  return true;
}

/* Runs until all is equal and quiet. */
static bool converge (struct sim_world *world) {
  raft_time end = world->now + world->options.settle_us;
  bool is_quiet = false;
  while (!is_quiet && world->now < end && run_on (world, LOOK_US)) {
    sim_guarded (world, look, &is_quiet);
  }
  if (!is_quiet && !sim_world_has_ended (world)) {
    sim_guarded (world, give_up, NULL);
  }
  return !sim_world_has_ended (world);
}

/* ---- calm -------------------------------------------------------------- */

struct calm {
  raft_id leader;
  raft_term term;
  uint64_t answers; /* that clients have got so far */
  uint64_t probes;
};

static void look_at_calm (struct sim_world *world, void *argument) {
  struct calm *calm = argument;
  struct sim_member *leader = sim_world_leader (world);
  raft_assert (leader != NULL);
  calm->leader = leader->id;
  calm->term = world->checks->members[leader->id].term;
  calm->answers = world->counters.acknowledged + world->counters.reads_done;
}

/* Each client of the random workload asks twice; without one nobody does. */
static void begin_calm (struct sim_world *world, void *argument) {
  struct calm *calm = argument;
  look_at_calm (world, calm);
  for (unsigned i = 1; i <= world->client_count; i++) {
    if (world->provider == NULL && world->clients[i]->is_worker) {
      calm->probes += sim_workload_probe (world->clients[i]);
    }
  }
}

/* Without faults a leader that all follow stays, and serves. */
static bool stay_calm (struct sim_world *world) {
  struct calm before = { 0 };
  struct calm after = { 0 };
  sim_guarded (world, begin_calm, &before);
  if (!run_on (world, world->options.calm_us)
      || !converge (world)) {
    return false;
  }
  sim_guarded (world, look_at_calm, &after);
  if (after.leader != before.leader || after.term != before.term) {
    sim_violate (world, "liveness",
                 "without any fault member %llu, leader of term %llu, is "
                 "followed by member %llu in term %llu",
                 (unsigned long long)before.leader,
                 (unsigned long long)before.term,
                 (unsigned long long)after.leader,
                 (unsigned long long)after.term);
  } else if (after.answers != before.answers + before.probes) {
    sim_violate (world, "liveness",
                 "without any fault %llu of %llu calls fail",
                 (unsigned long long)(before.answers + before.probes
                                      - after.answers),
                 (unsigned long long)before.probes);
  }
  return !sim_world_has_ended (world);
}

/* ---- orders in peace --------------------------------------------------- */

#define HAND_OVER_TRIES 5 /* chance still takes some messages */

struct handing {
  raft_id from;
  raft_id to;
};

/* To the next voter after the leader. */
static void hand_over (struct sim_world *world, void *argument) {
  struct handing *handing = argument;
  struct sim_member *leader = sim_world_leader (world);
  struct raft_status status;
  raft_id to = RAFT_ID_NONE;
  if (leader == NULL) {
    return;
  }
  raft_get_status (replica_raft (leader->replica), &status);
  for (raft_id i = 1; to == RAFT_ID_NONE && i < world->member_count; i++) {
    raft_id id = (leader->id + i - 1) % world->member_count + 1;
    if (raft_configuration_votes (status.configuration, id)
        && sim_member_is_up (world->members[id])) {
      to = id;
    }
  }
  handing->from = leader->id;
  handing->to = to;
  if (to != RAFT_ID_NONE) {
    sim_order_transfer (leader, to);
  }
}

static void look_who_leads (struct sim_world *world, void *argument) {
  const struct sim_member *leader = sim_world_leader (world);
  *(raft_id *)argument = leader == NULL ? RAFT_ID_NONE : leader->id;
}

/* When nothing is in the way a leader hands over to whom it is told. */
static bool obey (struct sim_world *world) {
  struct handing handing = { 0 };
  raft_id leader = RAFT_ID_NONE;
  if (world->options.obey == 0 || world->rest.heal != SIM_HEAL_ALL) {
    return true;
  }
  for (unsigned i = 0; i < HAND_OVER_TRIES; i++) {
    sim_guarded (world, hand_over, &handing);
    if (handing.to == RAFT_ID_NONE) {
      return !sim_world_has_ended (world);
    }
    if (!run_on (world, RAFT_SECOND / 2) || !converge (world)) {
      return false;
    }
    sim_guarded (world, look_who_leads, &leader);
    if (leader == handing.to) {
      return true;
    }
  }
  sim_violate (world, "liveness",
               "without any fault leadership does not go from member %llu to "
               "member %llu, however often it is asked for",
               (unsigned long long)handing.from,
               (unsigned long long)handing.to);
  return false;
}

bool sim_run_settle (struct sim_world *world) {
  struct sim_action settle = { .kind = SIM_ACTION_SETTLE };
  if (sim_world_has_ended (world)) {
    return false;
  }
  sim_act_record (world, &settle);
  sim_guarded (world, end_faults, NULL);
  return converge (world)
         && (world->options.calm_us == 0
             || (stay_calm (world) && obey (world)));
}

bool sim_run (struct sim_world *world) {
  sim_run_start (world);
  if (!sim_world_run (world, world->options.duration_us)) {
    return false;
  }
  /* A schedule may have settled on its way. */
  return world->options.settle_us == 0 || world->options.checks == 0
         || world->is_settling
         || sim_run_settle (world);
}
