/* SPDX-License-Identifier: MIT
**
** sim_fault.c - methods of raft.world: what may be lost.
**
** Holds: whether a member's disk can be lost so that a quorum recovers. The
**        faults themselves are actions: sim_schedule.c. */

#include "sim.h"

#include "sim/damage.h"
#include "sim/member.h"

static struct sim_member *check_member (lua_State *L) {
  return binding_sim_world (L)->members[binding_sim_id (L, 2)];
}

/* may_lose (id): whether its disk can be lost and a quorum recovers; and all
** others have met it, as they must to know it again (DESIGN.md, identity). */
static int world_may_lose (lua_State *L) {
  struct sim_member *member = check_member (L);
  lua_pushboolean (L, sim_damage_may_wipe (member->world, member->id));
  return 1;
}

/* lose (id): counts it as lost. */
static int world_lose (lua_State *L) {
  sim_damage_count (check_member (L)->world);
  return 0;
}

static const luaL_Reg METHODS[] = {
  { "lose", world_lose },
  { "may_lose", world_may_lose },
  { NULL, NULL },
};

void binding_sim_fault_open (lua_State *L) {
  luaL_setfuncs (L, METHODS, 0);
}
