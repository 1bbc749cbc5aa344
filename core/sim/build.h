/* SPDX-License-Identifier: MIT
**
** build.h - which build a member runs, and what that excuses.
**
** Holds:     builds of different age in one world: the one before this, which
**            had no features; this one; one to come (options features, older).
** Rule:      features are agreed on when all members have announced them. So
**            none of the first members can lack one; a spare can that is added
**            later: it is refused, or stops, rightly, and is not waited for. */

#ifndef RAFT_SIM_BUILD_H
#define RAFT_SIM_BUILD_H

#include "sim/member.h"
#include "wire/version.h"

RAFT_HIDDEN_BEGIN

/* What it runs now, or will when it starts. */
struct wire_version sim_build_of (const struct sim_member *member);

/* Whether one may be added that lacks what is agreed on. */
bool sim_build_may_lack (const struct sim_world *world, raft_id member);
/* Whether this one is such a one, until it starts as a newer build. */
bool sim_build_lacks (const struct sim_member *member);

RAFT_HIDDEN_END

#endif
