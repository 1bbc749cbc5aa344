/* SPDX-License-Identifier: MIT
**
** build.c - builds of different age. */

#include "sim/build.h"

#include "sim/check.h"

struct wire_version sim_build_of (const struct sim_member *member) {
  const struct sim_options *world = &member->world->options;
  struct wire_version version = wire_version_own ();
  if (member->life <= 1 && ((world->older >> member->id) & 1) != 0) {
    version.features = 0;
  } else if (world->features != 0) {
    version.protocol++; /* and the one before is still spoken */
    version.features |= world->features;
  }
  return version;
}

bool sim_build_may_lack (const struct sim_world *world, raft_id member) {
  return member > world->options.members;
}

bool sim_build_lacks (const struct sim_member *member) {
  const struct sim_world *world = member->world;
  return sim_build_may_lack (world, member->id)
         && (world->checks->agreed & ~sim_build_of (member).features) != 0;
}
