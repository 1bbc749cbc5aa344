/* SPDX-License-Identifier: MIT
**
** build.h - which build a member runs, and what that excuses.
**
** Holds:     builds of different age in one world: the one before this, which
**            had no features; this one; one to come (options features, older).
** Rule:      features are agreed on when all members have announced them. So
**            none of the first members can lack one; a spare can that is added
**            later: it is refused, rightly. */

#ifndef RAFT_SIM_BUILD_H
#define RAFT_SIM_BUILD_H

#include "sim/member.h"
#include "wire/version.h"

RAFT_HIDDEN_BEGIN

/* What it runs now, or will when it starts. */
struct wire_version sim_build_of (const struct sim_member *member);

/* Whether it was added without a feature of 'agreed', a set of bits. */
bool sim_build_lacks (const struct sim_member *member, uint64_t agreed);

RAFT_HIDDEN_END

#endif
