/* SPDX-License-Identifier: MIT
**
** damage.c - who may lose what, and who must start. */

#include "sim/damage.h"

#include <string.h>

#include "base/error.h"
#include "sim/check.h"
#include "sim/member.h"
#include "sim/nemesis.h"

bool sim_damage_may_rot (const struct sim_world *world, raft_id member) {
  const struct sim_member *victim = world->members[member];
  return !victim->is_wiped && !victim->is_damaged
         && !world->nemesis->has_changed /* nobody knows who will vote */
         && (world->nemesis->losses + 1) * 2 < world->options.members;
}

bool sim_damage_may_wipe (const struct sim_world *world, raft_id member) {
  for (raft_id id = 1; id <= world->options.members; id++) {
    if (id != member && !sim_check_has_met (world, id, member)) {
      return false;
    }
  }
  return sim_damage_may_rot (world, member);
}

void sim_damage_count (struct sim_world *world) {
  world->nemesis->losses++;
}

void sim_damage_judge (struct sim_world *world,
                       const struct sim_member *member, int status) {
  if (status == RAFT_ECORRUPT && !member->is_damaged) {
    sim_violate (world, "must_start", "member %llu has lost nothing, and "
                 "does not start: %s", (unsigned long long)member->id,
                 member->stop_detail.text);
  } else if (status == RAFT_OK && member->must_halt) {
    sim_violate (world, "must_halt", "member %llu starts, and its file %s is "
                 "damaged", (unsigned long long)member->id,
                 member->damaged_file);
  } else if (status == RAFT_ECORRUPT && member->must_halt
             && strstr (member->stop_detail.text, member->damaged_file)
                  == NULL) {
    sim_violate (world, "must_halt", "member %llu does not say that its file "
                 "%s is damaged: %s", (unsigned long long)member->id,
                 member->damaged_file, member->stop_detail.text);
  }
}
