/* SPDX-License-Identifier: MIT
**
** run.h - one whole run: a cluster, a workload, faults, and peace after
** them. */

#ifndef RAFT_SIM_RUN_H
#define RAFT_SIM_RUN_H

#include "sim/world.h"

struct sim_client;

RAFT_HIDDEN_BEGIN

/* Starts all members, and the clients of the random workload. */
void sim_run_start (struct sim_world *world);
/* One more client: with a session or not by chance, or as a schedule says.
** NULL: too many. */
struct sim_client *sim_run_client (struct sim_world *world);
/* The next client is made otherwise, like this: to be recorded. */
void sim_run_chose_client (struct sim_world *world, bool has_session,
                           raft_id home, bool is_pinned);
/* Ends all faults and waits for convergence, within the options' bounds.
** False: the run has a violation. */
bool sim_run_settle (struct sim_world *world);
/* All of it, to the end. False: the world has a violation. */
bool sim_run (struct sim_world *world);

RAFT_HIDDEN_END

#endif
