/* SPDX-License-Identifier: MIT
**
** nemesis.c - which fault, whom, how long. */

#include "sim/nemesis.h"

#include <stdlib.h>
#include <string.h>

#include "sim/check.h"
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

static void note_disk (const struct sim_member *member,
                       enum raft_trace_kind kind, bool is_on) {
  const uint64_t fields[4] = { is_on };
  sim_note_fields (member->world, kind, member->id, fields);
}

/* ---- cuts -------------------------------------------------------------- */

static void cut_pair (struct sim_cut *cut, raft_id from, raft_id to) {
  if (from != to) {
    cut->rows[from] = (uint16_t)(cut->rows[from] | 1u << to);
  }
}

static void cut_both (struct sim_cut *cut, raft_id a, raft_id b) {
  cut_pair (cut, a, b);
  cut_pair (cut, b, a);
}

/* Two sides by chance; members at or above 'shared' are on both. */
static void fill_split (struct sim_nemesis *nemesis, struct sim_cut *cut,
                        raft_id shared) {
  unsigned count = nemesis->world->member_count;
  uint64_t sides = draw (nemesis, (uint64_t)1 << count) << 1;
  for (raft_id a = 1; a <= count; a++) {
    for (raft_id b = a + 1; b <= count; b++) {
      if (a != shared && b != shared
          && (sides >> a & 1) != (sides >> b & 1)) {
        cut_both (cut, a, b);
      }
    }
  }
}

static void fill_ring (struct sim_nemesis *nemesis, struct sim_cut *cut) {
  unsigned count = nemesis->world->member_count;
  for (raft_id a = 1; a <= count; a++) {
    for (raft_id b = a + 1; b <= count; b++) {
      if (b - a != 1 && b - a != count - 1) {
        cut_both (cut, a, b);
      }
    }
  }
}

static void fill_isolate (struct sim_nemesis *nemesis, struct sim_cut *cut,
                          raft_id who, bool hears, bool speaks) {
  for (raft_id other = 1; other <= nemesis->world->member_count; other++) {
    if (!speaks) {
      cut_pair (cut, who, other);
    }
    if (!hears) {
      cut_pair (cut, other, who);
    }
  }
}

static void fill_cut (struct sim_nemesis *nemesis, struct sim_cut *cut,
                      enum sim_fault fault) {
  unsigned count = nemesis->world->member_count;
  raft_id one;
  switch (fault) {
    case SIM_FAULT_split:
      fill_split (nemesis, cut, NOBODY);
      break;
    case SIM_FAULT_bridge:
      fill_split (nemesis, cut, 1 + draw (nemesis, count));
      break;
    case SIM_FAULT_ring:
      fill_ring (nemesis, cut);
      break;
    case SIM_FAULT_isolate:
      fill_isolate (nemesis, cut, victim (nemesis)->id, false, false);
      break;
    case SIM_FAULT_deaf:
      fill_isolate (nemesis, cut, victim (nemesis)->id, false, true);
      break;
    case SIM_FAULT_one_way:
      one = 1 + draw (nemesis, count); /* drawn in this order */
      cut_pair (cut, one, 1 + draw (nemesis, count));
      break;
    default:
      cut_both (cut, 0, victim (nemesis)->id);
      break;
  }
}

static void apply_cut (struct sim_nemesis *nemesis,
                       const struct sim_cut *cut, bool is_cut) {
  struct sim_net *net = nemesis->world->net;
  for (raft_id from = 0; from <= SIM_MEMBERS_MAX; from++) {
    for (raft_id to = 0; cut->rows[from] >> to != 0; to++) {
      if ((cut->rows[from] >> to & 1) == 0) {
        continue;
      }
      if (is_cut) {
        sim_net_cut (net, from, to);
      } else {
        sim_net_mend (net, from, to);
      }
    }
  }
}

static void begin_cut (struct sim_nemesis *nemesis, enum sim_fault fault) {
  for (unsigned i = 0; i < SIM_CUTS_MAX; i++) {
    struct sim_cut *cut = &nemesis->cuts[i];
    if (!cut->is_held) {
      memset (cut, 0, sizeof *cut);
      cut->is_held = true;
      fill_cut (nemesis, cut, fault);
      apply_cut (nemesis, cut, true);
      nemesis->world->counters.partitions++;
      schedule (nemesis, fault, NOBODY, i + 1, length (nemesis));
      return;
    }
  }
}

static void end_cut (struct sim_nemesis *nemesis, uint64_t tag) {
  struct sim_cut *cut = &nemesis->cuts[tag - 1];
  if (cut->is_held) {
    apply_cut (nemesis, cut, false);
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
    sim_member_crash (world->members[id]);
    restart_later (nemesis, SIM_FAULT_crash_all, world->members[id]);
  }
}

static bool may_lose (const struct sim_nemesis *nemesis,
                      const struct sim_member *member) {
  const struct sim_world *world = nemesis->world;
  return !member->is_wiped && !member->is_damaged
         && nemesis->losses < world->options.losses_max
         && (nemesis->losses + 1) * 2 < world->member_count;
}

/* A directory can be made anew only where every other member has met the old
** one: what meets only the new one cannot tell (DESIGN: identity). */
static bool is_known_to_all (const struct sim_world *world, raft_id whom) {
  for (unsigned id = 1; id <= world->member_count; id++) {
    if (id != whom && !sim_check_has_met (world, id, whom)) {
      return false;
    }
  }
  return true;
}

static void wipe (struct sim_nemesis *nemesis, struct sim_member *member) {
  if (may_lose (nemesis, member)
      && is_known_to_all (nemesis->world, member->id)) {
    nemesis->losses++;
    sim_member_crash (member);
    sim_member_wipe (member);
    restart_later (nemesis, SIM_FAULT_wipe, member);
  }
}

static void rot (struct sim_nemesis *nemesis, struct sim_member *member) {
  if (may_lose (nemesis, member)) {
    sim_member_kill (member);
    nemesis->losses += sim_member_rot (member);
    restart_later (nemesis, SIM_FAULT_rot, member);
  }
}

static void reset (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  raft_id from = 1 + draw (nemesis, world->member_count);
  raft_id to = 1 + draw (nemesis, world->member_count);
  if (from != to) {
    sim_net_reset (world->net, from, to);
  }
}

static void fill_disk (struct sim_nemesis *nemesis,
                       struct sim_member *member) {
  struct sim_world *world = nemesis->world;
  uint64_t used = sim_disk_used (member->storage.disk);
  sim_disk_set_capacity (member->storage.disk,
                         used + 1 + draw (nemesis, 4096));
  world->counters.disk_fulls++;
  note_disk (member, RAFT_TRACE_SIM_DISK_FULL, true);
  schedule (nemesis, SIM_FAULT_disk_full, member->id, 1, length (nemesis));
}

static void fail_memory (struct sim_nemesis *nemesis,
                         struct sim_member *member) {
  if (member->replica != NULL) {
    member->arena.fail_at = member->arena.calls + 1 + draw (nemesis, 64);
    member->arena.fail_count = 1 + draw (nemesis, 2);
    member->is_excused = true;
    nemesis->world->counters.memory_failures++;
    restart_later (nemesis, SIM_FAULT_memory_death, member);
  }
}

static void jump (struct sim_nemesis *nemesis, struct sim_member *member) {
  raft_time step = draw (nemesis, 2 * RAFT_SECOND);
  bool is_back = draw (nemesis, 2) == 0;
  const uint64_t fields[4] = { is_back, step };
  nemesis->world->counters.jumps++;
  sim_note_fields (nemesis->world, RAFT_TRACE_SIM_CLOCK, member->id, fields);
  member->wall_offset = is_back && member->wall_offset >= step
                          ? member->wall_offset - step
                          : member->wall_offset + step;
}

static void begin_member (struct sim_nemesis *nemesis,
                          enum sim_fault fault) {
  struct sim_member *member = victim (nemesis);
  switch (fault) {
    case SIM_FAULT_crash:
      sim_member_crash (member);
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_kill:
      sim_member_kill (member);
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_pause:
      sim_member_pause (member);
      schedule (nemesis, fault, member->id, member->life, length (nemesis));
      break;
    case SIM_FAULT_disk_failure:
      member->storage.fails_in = 1;
      restart_later (nemesis, fault, member);
      break;
    case SIM_FAULT_disk_slow:
      member->storage.slow_us
        = 1 + draw (nemesis, nemesis->world->options.slow_sync_us);
      note_disk (member, RAFT_TRACE_SIM_DISK_SLOW, true);
      schedule (nemesis, fault, member->id, 1, length (nemesis));
      break;
    case SIM_FAULT_disk_full:
      fill_disk (nemesis, member);
      break;
    case SIM_FAULT_machine_death:
      member->machine.dies_in = 1;
      restart_later (nemesis, fault, member);
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
        sim_member_resume (member);
      }
      break;
    case SIM_FAULT_disk_slow:
      member->storage.slow_us = 0;
      note_disk (member, RAFT_TRACE_SIM_DISK_SLOW, false);
      break;
    case SIM_FAULT_disk_full:
      sim_disk_set_capacity (member->storage.disk,
                             nemesis->world->options.disk_bytes);
      note_disk (member, RAFT_TRACE_SIM_DISK_FULL, false);
      break;
    default: /* what is down starts; what did not fall goes on */
      member->arena.fail_at = 0;
      sim_member_start (member);
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
  } else if (event->target == NOBODY) {
    end_cut (nemesis, event->tag);
  } else {
    end_member (nemesis, fault, world->members[event->target], event->tag);
  }
}

void sim_nemesis_end (struct sim_nemesis *nemesis) {
  struct sim_world *world = nemesis->world;
  world->is_settling = true;
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
    sim_member_start (member);
  }
}
