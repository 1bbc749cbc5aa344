/* SPDX-License-Identifier: MIT
**
** damage.h - what may be done to disks: the most that can be survived.
**
** Holds:     whether a member's disk may be lost, and what it owes then.
** Knows not: how a disk is damaged (rot.c), who asks for it (nemesis.c, Lua).
** Invariant: what was durable on a majority stays readable: fewer than half
**            of the members are ever wiped or damaged.
** Rule:      so a quorum recovers. One that has lost nothing must start, and
**            one that has lost what it cannot do without must halt and name
**            the file: two checks of these names. */

#ifndef RAFT_SIM_DAMAGE_H
#define RAFT_SIM_DAMAGE_H

#include "base/types.h"

struct sim_world;
struct sim_member;

RAFT_HIDDEN_BEGIN

/* Whether the log of a member may be damaged, so that others have it all. */
bool sim_damage_may_rot (const struct sim_world *world, raft_id member);
/* Whether its whole directory may be made anew: every other member must have
** met the old one, for what meets only the new one cannot tell (DESIGN:
** identity). */
bool sim_damage_may_wipe (const struct sim_world *world, raft_id member);
/* One more is lost. */
void sim_damage_count (struct sim_world *world);

/* A member has opened (RAFT_OK) or stopped itself: is that what it owes? */
void sim_damage_judge (struct sim_world *world,
                       const struct sim_member *member, int status);

RAFT_HIDDEN_END

#endif
