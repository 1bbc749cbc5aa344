/* SPDX-License-Identifier: MIT
**
** run.c - the course of a run. */

#include "sim/run.h"

#include "sim/check.h"
#include "sim/nemesis.h"

static void start_all (struct sim_world *world, void *argument) {
  (void)argument;
  for (unsigned id = 1; id <= world->member_count; id++) {
    sim_member_start (world->members[id]);
  }
  for (uint64_t i = 0; i < world->options.clients; i++) {
    bool has_session
      = sim_choose (world, SIM_CHOICE_WORKLOAD, 1000)
        >= world->options.sessionless;
    struct sim_client *client = sim_client_new (world, has_session);
    raft_assert (client != NULL);
    sim_workload_start (client);
  }
  sim_nemesis_start (world->nemesis);
}

void sim_run_start (struct sim_world *world) {
  if (!sim_world_has_ended (world)) {
    sim_guarded (world, start_all, NULL);
  }
}

static void end_faults (struct sim_world *world, void *argument) {
  (void)argument;
  sim_nemesis_end (world->nemesis);
}

/* A fault of the last moment may still have stopped one. */
static void look (struct sim_world *world, void *argument) {
  for (unsigned id = 1; id <= world->member_count; id++) {
    sim_member_start (world->members[id]);
  }
  *(bool *)argument = sim_check_converged (world);
}

static void give_up (struct sim_world *world, void *argument) {
  (void)argument;
  sim_check_give_up (world);
}

#define LOOK_US (50 * RAFT_MILLISECOND)

bool sim_run_settle (struct sim_world *world) {
  raft_time end = world->now + world->options.settle_us;
  bool is_quiet = false;
  if (sim_world_has_ended (world)) {
    return false;
  }
  sim_guarded (world, end_faults, NULL);
  while (!is_quiet && world->now < end && sim_world_run (world, LOOK_US)) {
    sim_guarded (world, look, &is_quiet);
  }
  if (!is_quiet && !sim_world_has_ended (world)) {
    sim_guarded (world, give_up, NULL);
  }
  return !sim_world_has_ended (world);
}

bool sim_run (struct sim_world *world) {
  sim_run_start (world);
  if (!sim_world_run (world, world->options.duration_us)) {
    return false;
  }
  return sim_run_settle (world);
}
