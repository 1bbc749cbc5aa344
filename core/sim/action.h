/* SPDX-License-Identifier: MIT
**
** action.h - what is done to a world from outside: by the nemesis, by a
** scenario, or by a schedule.
**
** Rule:      whoever does something to a world does it through here, or by
**            sim_client_invoke; so it is recorded, and can be done again. */

#ifndef RAFT_SIM_ACTION_H
#define RAFT_SIM_ACTION_H

#include "sim/schedule.h"
#include "sim/world.h"

RAFT_HIDDEN_BEGIN

/* Records and does it; 'time' and 'after' are filled in. Calls members: only
** under the world's guard. Not for INVOKE and SETTLE. */
void sim_act (struct sim_world *world, const struct sim_action *action);
/* The commonest: of one member, with nothing else to say. */
void sim_act_on (struct sim_world *world, enum sim_action_kind kind,
                 raft_id member);
/* Damage of a member's log, drawn. */
void sim_act_rot (struct sim_world *world, raft_id member);
/* What was done in another way, now. */
void sim_act_record (struct sim_world *world,
                     const struct sim_action *action);

/* ---- replay ------------------------------------------------------------ */

/* The next action, if it comes before any event; else NULL. */
const struct sim_action *sim_replay_due (const struct sim_world *world);
/* Does it. Guards its calls itself. */
void sim_replay_step (struct sim_world *world);

RAFT_HIDDEN_END

#endif
