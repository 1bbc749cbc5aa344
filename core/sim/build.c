/* SPDX-License-Identifier: MIT
**
** build.c - builds of different age. */

#include "sim/build.h"

#include "sim/world.h"

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

bool sim_build_lacks (const struct sim_member *member, uint64_t agreed) {
  return member->id > member->world->options.members
         && (agreed & ~sim_build_of (member).features) != 0;
}
