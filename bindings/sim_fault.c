/* SPDX-License-Identifier: MIT
**
** sim_fault.c - methods of raft.world: faults of single members.
**
** Holds: slow and full disks, clocks that jump, damage at rest, and whether a
**        member's disk can be lost so that a quorum recovers. */

#include "sim.h"

#include "sim/check.h"
#include "sim/member.h"
#include "sim/nemesis.h"
#include "sim/note.h"

static struct sim_member *check_member (lua_State *L) {
  return binding_sim_world (L)->members[binding_sim_id (L, 2)];
}

static void note_disk (const struct sim_member *member,
                       enum raft_trace_kind kind, bool is_on) {
  const uint64_t fields[4] = { is_on };
  sim_note_fields (member->world, kind, member->id, fields);
}

/* slow (id, us): each sync of its disk takes so much longer. */
static int world_slow (lua_State *L) {
  struct sim_member *member = check_member (L);
  member->storage.slow_us = (raft_time)luaL_checknumber (L, 3);
  note_disk (member, RAFT_TRACE_SIM_DISK_SLOW, member->storage.slow_us > 0);
  return 0;
}

/* fill (id [, bytes]): so much is left on its disk; nothing: as at first. */
static int world_fill (lua_State *L) {
  struct sim_member *member = check_member (L);
  struct sim_world *world = member->world;
  struct sim_disk *disk = member->storage.disk;
  if (lua_isnoneornil (L, 3)) {
    sim_disk_set_capacity (disk, world->options.disk_bytes);
    note_disk (member, RAFT_TRACE_SIM_DISK_FULL, false);
    return 0;
  }
  world->counters.disk_fulls++;
  note_disk (member, RAFT_TRACE_SIM_DISK_FULL, true);
  sim_disk_set_capacity (
    disk, sim_disk_used (disk) + 1 + (uint64_t)luaL_checknumber (L, 3));
  return 0;
}

/* jump (id, us): its wall clock, forth or back. */
static int world_jump (lua_State *L) {
  struct sim_member *member = check_member (L);
  lua_Number step = luaL_checknumber (L, 3);
  const uint64_t fields[4]
    = { step < 0, (uint64_t)(step < 0 ? -step : step) };
  member->world->counters.jumps++;
  sim_note_fields (member->world, RAFT_TRACE_SIM_CLOCK, member->id, fields);
  member->wall_offset += (raft_time)(int64_t)step;
  return 0;
}

/* may_lose (id): whether its disk can be lost and a quorum recovers; and all
** others have met it, as they must to know it again (DESIGN.md, identity). */
static int world_may_lose (lua_State *L) {
  struct sim_member *member = check_member (L);
  struct sim_world *world = member->world;
  bool may = !member->is_wiped && !member->is_damaged
             && (world->nemesis->losses + 1) * 2 < world->member_count;
  for (unsigned id = 1; id <= world->member_count; id++) {
    may = may && (id == member->id
                  || sim_check_has_met (world, id, member->id));
  }
  lua_pushboolean (L, may);
  return 1;
}

/* lose (id): counts it as lost. */
static int world_lose (lua_State *L) {
  check_member (L)->world->nemesis->losses++;
  return 0;
}

struct rot_call {
  struct sim_member *member;
  bool is_done;
};

static void call_rot (struct sim_world *world, void *argument) {
  struct rot_call *call = argument;
  (void)world;
  call->is_done = sim_member_rot (call->member);
}

/* rot (id): damages an old segment -> whether there was one. */
static int world_rot (lua_State *L) {
  struct rot_call call = { check_member (L), false };
  if (call.member->replica != NULL) {
    return luaL_error (L, "rot: expected a member that is down");
  }
  sim_guarded (call.member->world, call_rot, &call);
  lua_pushboolean (L, call.is_done);
  return 1;
}

static const luaL_Reg METHODS[] = {
  { "fill", world_fill },         { "jump", world_jump },
  { "lose", world_lose },         { "may_lose", world_may_lose },
  { "rot", world_rot },           { "slow", world_slow },
  { NULL, NULL },
};

void binding_sim_fault_open (lua_State *L) {
  luaL_setfuncs (L, METHODS, 0);
}
