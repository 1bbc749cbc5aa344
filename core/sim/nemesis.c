/* SPDX-License-Identifier: MIT
**
** nemesis.c - which fault, whom, how long. */

#include "sim/nemesis.h"

#include <stdlib.h>
#include <string.h>

#include "raft/membership.h"
#include "sim/action.h"
#include "sim/check.h"
#include "sim/damage.h"
#include "sim/drift.h"
#include "sim/member.h"
#include "sim/note.h"

#define NOBODY RAFT_ID_NONE

struct sim_nemesis *sim_nemesis_new (struct sim_world *world) {
  struct sim_nemesis *nemesis = calloc (1, sizeof *nemesis);
  if (nemesis != NULL) {
    nemesis->world = world;
  }
  return nemesis;
}

void sim_nemesis_free (struct sim_nemesis *nemesis) {
  free (nemesis);
}

static uint64_t draw (struct sim_nemesis *nemesis, uint64_t bound) {
  return sim_draw (nemesis->world, SIM_CHOICE_FAULT, 0, bound);
}

static void schedule (struct sim_nemesis *nemesis, enum sim_fault fault,
                      raft_id member, uint64_t tag, raft_time after) {
  struct sim_world *world = nemesis->world;
  struct sim_event *event = sim_event_new (&world->queue, SIM_EVENT_NEMESIS);
  event->reason = (uint8_t)fault;
  event->target = (uint32_t)member;
  event->tag = tag;
  sim_queue_push (&world->queue, event, world->now + after);
}

static raft_time length (struct sim_nemesis *nemesis) {
  return 1 + draw (nemesis, nemesis->world->options.fault_length_us + 1);
}

/* Half of the time the leader, if there is one: it has most to lose. */
static struct sim_member *victim (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  struct sim_member *leader
    = draw (nemesis, 2) == 0 ? sim_world_leader (world) : NULL;
  return leader != NULL ? leader
                        : world->members[1 + draw (nemesis,
                                                   world->member_count)];
}

/* ---- cuts -------------------------------------------------------------- */

static uint32_t bit (raft_id member) {
  return 1u << member;
}

static uint32_t all_members (const struct sim_nemesis *nemesis) {
  return (2u << nemesis->world->member_count) - 2;
}

static void add_part (struct sim_cut *cut, enum sim_action_kind kind,
                      uint32_t from, uint32_t to) {
  if (from != 0 && to != 0) {
    struct sim_action part = { .kind = kind, .from = from, .to = to };
    cut->parts[cut->count] = part;
    cut->count++;
  }
}

/* Two sides by chance; 'shared' is on both. */
static void fill_split (struct sim_nemesis *nemesis, struct sim_cut *cut,
                        uint32_t shared) {
  uint32_t all = all_members (nemesis) & ~shared;
  unsigned count = nemesis->world->member_count;
  uint32_t side = (uint32_t)draw (nemesis, (uint64_t)1 << count) << 1;
  add_part (cut, SIM_ACTION_PARTITION, side & all, ~side & all);
}

static void fill_ring (struct sim_nemesis *nemesis, struct sim_cut *cut) {
  unsigned count = nemesis->world->member_count;
  for (raft_id a = 1; a <= count; a++) {
    uint32_t far = 0;
    for (raft_id b = a + 2; b <= count; b++) {
      far |= b - a != count - 1 ? bit (b) : 0;
    }
    add_part (cut, SIM_ACTION_PARTITION, bit (a), far);
  }
}

static void fill_cut (struct sim_nemesis *nemesis, struct sim_cut *cut,
                      enum sim_fault fault) {
  unsigned count = nemesis->world->member_count;
  uint32_t one;
  switch (fault) {
    case SIM_FAULT_split:
      fill_split (nemesis, cut, 0);
      break;
    case SIM_FAULT_bridge:
      fill_split (nemesis, cut, bit (1 + draw (nemesis, count)));
      break;
    case SIM_FAULT_ring:
      fill_ring (nemesis, cut);
      break;
    case SIM_FAULT_isolate:
      one = bit (victim (nemesis)->id);
      add_part (cut, SIM_ACTION_PARTITION, one, all_members (nemesis) & ~one);
      break;
    case SIM_FAULT_deaf:
      one = bit (victim (nemesis)->id);
      add_part (cut, SIM_ACTION_CUT, all_members (nemesis) & ~one, one);
      break;
    case SIM_FAULT_one_way:
      one = bit (1 + draw (nemesis, count));
      add_part (cut, SIM_ACTION_CUT, one,
                bit (1 + draw (nemesis, count)) & ~one);
      break;
    default:
      add_part (cut, SIM_ACTION_PARTITION, bit (0),
                bit (victim (nemesis)->id));
      break;
  }
}

static void begin_cut (struct sim_nemesis *nemesis, enum sim_fault fault) {
  for (unsigned i = 0; i < SIM_CUTS_MAX; i++) {
    struct sim_cut *cut = &nemesis->cuts[i];
    if (!cut->is_held) {
      memset (cut, 0, sizeof *cut);
      cut->is_held = true;
      fill_cut (nemesis, cut, fault);
      for (unsigned part = 0; part < cut->count; part++) {
        sim_act (nemesis->world, &cut->parts[part]);
      }
      nemesis->world->counters.partitions++;
      schedule (nemesis, fault, NOBODY, i + 1, length (nemesis));
      return;
    }
  }
}

static void end_cut (struct sim_nemesis *nemesis, uint64_t tag) {
  struct sim_cut *cut = &nemesis->cuts[tag - 1];
  if (cut->is_held) {
    for (unsigned part = 0; part < cut->count; part++) {
      struct sim_action action = cut->parts[part];
      action.kind = action.kind == SIM_ACTION_CUT ? SIM_ACTION_MEND
                                                  : SIM_ACTION_JOIN;
      sim_act (nemesis->world, &action);
    }
    cut->is_held = false;
    nemesis->world->counters.heals++;
  }
}

/* ---- processes, disks, machines ---------------------------------------- */

static void restart_later (struct sim_nemesis *nemesis,
                           enum sim_fault fault,
                           struct sim_member *member) {
  schedule (nemesis, fault, member->id, 1, length (nemesis));
}

static void crash_all (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  for (unsigned id = 1; id <= world->member_count; id++) {
    sim_act_on (world, SIM_ACTION_CRASH, id);
    restart_later (nemesis, SIM_FAULT_crash_all, world->members[id]);
  }
}

static bool wants_loss (const struct sim_nemesis *nemesis) {
  return nemesis->losses < nemesis->world->options.losses_max;
}

static void wipe (struct sim_nemesis *nemesis, struct sim_member *member) {
  if (wants_loss (nemesis)
      && sim_damage_may_wipe (nemesis->world, member->id)) {
    sim_damage_count (nemesis->world);
    sim_act_on (nemesis->world, SIM_ACTION_CRASH, member->id);
    sim_act_on (nemesis->world, SIM_ACTION_WIPE, member->id);
    restart_later (nemesis, SIM_FAULT_wipe, member);
  }
}

static void rot (struct sim_nemesis *nemesis, struct sim_member *member) {
  if (wants_loss (nemesis)
      && sim_damage_may_rot (nemesis->world, member->id)) {
    sim_act_on (nemesis->world, SIM_ACTION_CRASH, member->id);
    sim_act_rot (nemesis->world, member->id);
    nemesis->losses += member->is_damaged;
    restart_later (nemesis, SIM_FAULT_rot, member);
  }
}

static void reset (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  struct sim_action action = { .kind = SIM_ACTION_RESET };
  action.from = bit (1 + draw (nemesis, world->member_count));
  action.to = bit (1 + draw (nemesis, world->member_count));
  if (action.from != action.to) {
    sim_act (world, &action);
  }
}

static void act_with (struct sim_nemesis *nemesis, enum sim_action_kind kind,
                      const struct sim_member *member, uint64_t value) {
  struct sim_action action = { .kind = kind,
                               .whom = (uint32_t)member->id,
                               .value = value };
  sim_act (nemesis->world, &action);
}

static void fill_disk (struct sim_nemesis *nemesis,
                       struct sim_member *member) {
  act_with (nemesis, SIM_ACTION_FILL, member, 1 + draw (nemesis, 4096));
  schedule (nemesis, SIM_FAULT_disk_full, member->id, 1, length (nemesis));
}

static void fail_machine (struct sim_nemesis *nemesis,
                          struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_FAIL,
                               .whom = (uint32_t)member->id,
                               .how = 1, .value = 1 };
  sim_act (nemesis->world, &action);
  restart_later (nemesis, SIM_FAULT_machine_death, member);
}

static void fail_memory (struct sim_nemesis *nemesis,
                         struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_FAIL_MEMORY,
                               .whom = (uint32_t)member->id };
  if (member->replica != NULL) {
    action.value = 1 + draw (nemesis, 64);
    action.more = 1 + draw (nemesis, 2);
    sim_act (nemesis->world, &action);
    nemesis->world->counters.memory_failures++;
    restart_later (nemesis, SIM_FAULT_memory_death, member);
  }
}

static void jump (struct sim_nemesis *nemesis, struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_JUMP,
                               .whom = (uint32_t)member->id };
  action.value = draw (nemesis, 2 * RAFT_SECOND);
  action.how = draw (nemesis, 2) == 0;
  sim_act (nemesis->world, &action);
}

static void drift (struct sim_nemesis *nemesis, struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_DRIFT,
                               .whom = (uint32_t)member->id };
  uint64_t most = nemesis->world->options.drift_ppm;
  action.value
    = 1 + draw (nemesis, most < SIM_DRIFT_MAX ? most : SIM_DRIFT_MAX);
  action.how = draw (nemesis, 2) == 0;
  sim_act (nemesis->world, &action);
  schedule (nemesis, SIM_FAULT_drift, member->id, 1, length (nemesis));
}

/* Power is lost, and of what was not synced the contents of files stay: names
** alone are as the disk last had them. */
static void lose_names (struct sim_nemesis *nemesis,
                        struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_CRASH,
                               .whom = (uint32_t)member->id,
                               .how = SIM_KEEP_CONTENTS };
  sim_act (nemesis->world, &action);
  restart_later (nemesis, SIM_FAULT_lost_entry, member);
}

/* What it said to have synced is gone after the next loss of power. */
static void lie (struct sim_nemesis *nemesis, struct sim_member *member,
                 bool is_on) {
  struct sim_action action = { .kind = SIM_ACTION_LIE,
                               .whom = (uint32_t)member->id,
                               .how = is_on };
  sim_act (nemesis->world, &action);
}

static void reset_clients (struct sim_nemesis *nemesis,
                           struct sim_member *member) {
  struct sim_action action = { .kind = SIM_ACTION_RESET, .from = bit (0),
                               .to = bit (member->id) };
  sim_act (nemesis->world, &action);
}

static void slow_link (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  struct sim_action action = { .kind = SIM_ACTION_SLOW_LINK };
  raft_id from = 1 + draw (nemesis, world->member_count);
  raft_id to = draw (nemesis, world->member_count + 1); /* 0: clients */
  action.from = bit (from);
  action.to = bit (to);
  action.value = 1 + draw (nemesis, world->options.slow_link_us + 1);
  if (from != to) {
    sim_act (world, &action);
    schedule (nemesis, SIM_FAULT_slow_link, NOBODY, from << 4 | to,
              length (nemesis));
  }
}

static void end_slow_link (struct sim_nemesis *nemesis, uint64_t tag) {
  struct sim_action action = { .kind = SIM_ACTION_SLOW_LINK };
  action.from = bit (tag >> 4);
  action.to = bit (tag & 15);
  sim_act (nemesis->world, &action);
}

/* ---- operators --------------------------------------------------------- */

/* How much loss can be survived depends on who votes: a run has the one or
** the other. */
static bool may_change (const struct sim_nemesis *nemesis) {
  return nemesis->losses == 0 && nemesis->world->counters.wipes == 0;
}

/* Most stay as they are; some join, go, or change between voter and learner.
** Those who have gone never come back: it ends with few. */
static void change (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  struct sim_member *leader = sim_world_leader (world);
  struct sim_action action = { .kind = SIM_ACTION_MEMBERS };
  struct raft_status status;
  raft_id last = RAFT_ID_NONE;
  if (leader == NULL || !may_change (nemesis)) {
    return;
  }
  raft_get_status (replica_raft (leader->replica), &status);
  for (raft_id id = 1; id <= world->member_count; id++) {
    const struct raft_configuration *now = status.configuration;
    uint64_t drawn = draw (nemesis, 8);
    bool is_learner = raft_id_set_has (&now->learners, id);
    if (raft_configuration_has (now, id)) {
      last = id;
      action.to |= drawn == 0 || (is_learner && drawn < 4) ? bit (id) : 0;
      action.from |= drawn >= (is_learner ? 4 : 2) ? bit (id) : 0;
    } else if (id > world->checks->used && drawn < 3) {
      action.to |= drawn == 0 ? bit (id) : 0;
      action.from |= drawn > 0 ? bit (id) : 0;
    }
  }
  action.from |= action.from == 0 ? bit (last) : 0;
  action.to &= ~action.from;
  action.whom = (uint32_t)leader->id;
  sim_act (world, &action);
}

static void transfer (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  struct sim_member *leader = sim_world_leader (world);
  struct sim_action action = { .kind = SIM_ACTION_TRANSFER };
  if (leader != NULL) {
    action.whom = (uint32_t)leader->id;
    action.value = draw (nemesis, world->member_count + 1);
    sim_act (world, &action);
  }
}

static void begin_member (struct sim_nemesis *nemesis,
                          enum sim_fault fault) {
  struct sim_member *member = victim (nemesis);
  switch (fault) {
    case SIM_FAULT_crash:
      sim_act_on (nemesis->world, SIM_ACTION_CRASH, member->id);
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_kill:
      sim_act_on (nemesis->world, SIM_ACTION_KILL, member->id);
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_pause:
      sim_act_on (nemesis->world, SIM_ACTION_PAUSE, member->id);
      schedule (nemesis, fault, member->id, member->life, length (nemesis));
      break;
    case SIM_FAULT_disk_failure:
      act_with (nemesis, SIM_ACTION_FAIL, member, 1);
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_disk_slow:
      act_with (nemesis, SIM_ACTION_SLOW, member,
                1 + draw (nemesis, nemesis->world->options.slow_sync_us));
      schedule (nemesis, fault, member->id, 1, length (nemesis));
      break;
    case SIM_FAULT_disk_full:
      fill_disk (nemesis, member);
      break;
    case SIM_FAULT_machine_death:
      fail_machine (nemesis, member);
      break;
    case SIM_FAULT_memory_death:
      fail_memory (nemesis, member);
      break;
    case SIM_FAULT_wipe:
      wipe (nemesis, member);
      break;
    case SIM_FAULT_rot:
      rot (nemesis, member);
      break;
    case SIM_FAULT_drift:
      drift (nemesis, member);
      break;
    case SIM_FAULT_client_reset:
      reset_clients (nemesis, member);
      break;
    case SIM_FAULT_lost_entry:
      lose_names (nemesis, member);
      break;
    case SIM_FAULT_lying_sync:
      lie (nemesis, member, true);
      schedule (nemesis, fault, member->id, 1, length (nemesis));
      break;
    default:
      jump (nemesis, member);
      break;
  }
}

static void begin (struct sim_nemesis *nemesis, enum sim_fault fault) {
  switch (fault) {
    case SIM_FAULT_split:
    case SIM_FAULT_isolate:
    case SIM_FAULT_bridge:
    case SIM_FAULT_ring:
    case SIM_FAULT_one_way:
    case SIM_FAULT_deaf:
    case SIM_FAULT_client_cut:
      begin_cut (nemesis, fault);
      break;
    case SIM_FAULT_crash_all:
      crash_all (nemesis);
      break;
    case SIM_FAULT_reset:
      reset (nemesis);
      break;
    case SIM_FAULT_change:
      change (nemesis);
      break;
    case SIM_FAULT_transfer:
      transfer (nemesis);
      break;
    case SIM_FAULT_slow_link:
      slow_link (nemesis);
      break;
    default:
      begin_member (nemesis, fault);
      break;
  }
}

/* ---- the end of one ---------------------------------------------------- */

static void end_member (struct sim_nemesis *nemesis, enum sim_fault fault,
                        struct sim_member *member, uint64_t tag) {
  switch (fault) {
    case SIM_FAULT_pause:
      if (member->life == tag) {
        sim_act_on (nemesis->world, SIM_ACTION_RESUME, member->id);
      }
      break;
    case SIM_FAULT_disk_slow:
      sim_act_on (nemesis->world, SIM_ACTION_SLOW, member->id);
      break;
    case SIM_FAULT_disk_full:
      sim_act_on (nemesis->world, SIM_ACTION_FILL, member->id);
      break;
    case SIM_FAULT_drift:
      sim_act_on (nemesis->world, SIM_ACTION_DRIFT, member->id);
      break;
    case SIM_FAULT_lying_sync:
      lie (nemesis, member, false);
      break;
    default: /* what is down starts; what did not fall goes on */
      if (member->arena.fail_at != 0) {
        sim_act_on (nemesis->world, SIM_ACTION_FAIL_MEMORY, member->id);
      }
      if (member->replica == NULL) {
        sim_act_on (nemesis->world, SIM_ACTION_START, member->id);
      }
      break;
  }
}

static void begin_next (struct sim_nemesis *nemesis) {
  const struct sim_options *options = &nemesis->world->options;
  uint64_t total = 0;
  uint64_t at;
#define X(name) total += options->name;
  SIM_FAULTS (X)
#undef X
  if (total == 0) {
    return;
  }
  at = draw (nemesis, total);
  total = 0;
#define X(name)                               \
  if (at >= total && at < total + options->name) { \
    begin (nemesis, SIM_FAULT_##name);             \
  }                                                \
  total += options->name;
  SIM_FAULTS (X)
#undef X
  sim_nemesis_start (nemesis);
}

void sim_nemesis_start (struct sim_nemesis *nemesis) {
  raft_time mean = nemesis->world->options.fault_us;
  if (mean > 0) {
    schedule (nemesis, SIM_FAULT_NEXT, NOBODY, 0,
              1 + draw (nemesis, 2 * mean));
  }
}

void sim_nemesis_handle (struct sim_nemesis *nemesis,
                         struct sim_event *event) {
  enum sim_fault fault = (enum sim_fault)event->reason;
  struct sim_world *world = nemesis->world;
  if (world->is_settling) {
    return;
  }
  if (fault == SIM_FAULT_NEXT) {
    begin_next (nemesis);
  } else if (fault == SIM_FAULT_slow_link) {
    end_slow_link (nemesis, event->tag);
  } else if (event->target == NOBODY) {
    end_cut (nemesis, event->tag);
  } else {
    end_member (nemesis, fault, world->members[event->target], event->tag);
  }
}

void sim_nemesis_end (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  world->is_settling = true;
  sim_note (world, RAFT_TRACE_SIM_SETTLE, RAFT_ID_NONE);
  sim_net_heal (world->net);
  memset (nemesis->cuts, 0, sizeof nemesis->cuts);
  for (unsigned id = 1; id <= world->member_count; id++) {
    struct sim_member *member = world->members[id];
    sim_member_resume (member);
    member->storage.fails_in = 0;
    member->storage.slow_us = 0;
    member->machine.dies_in = 0;
    member->arena.fail_at = 0;
    sim_disk_set_capacity (member->storage.disk, world->options.disk_bytes);
    sim_disk_set_lying (member->storage.disk, false);
    sim_drift_set (&member->drift, world->now, false, 0);
    sim_member_start (member);
  }
}
