/* SPDX-License-Identifier: MIT
**
** action.c - actions done, recorded, and done again. */

#include "sim/action.h"

#include <stdio.h>

#include "base/error.h"
#include "sim/client.h"
#include "sim/drift.h"
#include "sim/member.h"
#include "sim/nemesis.h"
#include "sim/note.h"
#include "sim/order.h"
#include "sim/run.h"

/* ---- cuts -------------------------------------------------------------- */

static void slow_down (struct sim_world *world,
                       const struct sim_action *action) {
  for (raft_id from = 0; from <= world->member_count; from++) {
    for (raft_id to = 0; to <= world->member_count; to++) {
      if (from != to && (action->from >> from & 1) != 0
          && (action->to >> to & 1) != 0) {
        sim_net_slow (world->net, from, to, action->value);
      }
    }
  }
}

static void each_pair (struct sim_world *world,
                       const struct sim_action *action,
                       void (*call) (struct sim_net *net, raft_id from,
                                     raft_id to)) {
  bool is_both = action->kind == SIM_ACTION_PARTITION
                 || action->kind == SIM_ACTION_JOIN;
  for (raft_id from = 0; from <= world->member_count; from++) {
    for (raft_id to = 0; to <= world->member_count; to++) {
      if (from == to || (action->from >> from & 1) == 0
          || (action->to >> to & 1) == 0) {
        continue;
      }
      call (world->net, from, to);
      if (is_both) {
        call (world->net, to, from);
      }
    }
  }
}

/* ---- one member -------------------------------------------------------- */

static void crash (struct sim_member *member,
                   const struct sim_action *action) {
  member->storage.keeps = (enum sim_keep)action->how;
  sim_member_crash (member);
  member->storage.keeps = SIM_KEEP_SOME;
}

static void fail (struct sim_member *member,
                  const struct sim_action *action) {
  if (action->how == 1) {
    member->machine.dies_in = action->value;
  } else {
    member->storage.fails_in = action->value;
  }
}

/* The Nth allocation from now on, and so many from it; none: as if never. */
static void fail_memory (struct sim_member *member,
                         const struct sim_action *action) {
  member->arena.fail_at
    = action->value == 0 ? 0 : member->arena.calls + action->value;
  member->arena.fail_count = action->more;
  member->is_excused |= action->value > 0;
}

static void slow (struct sim_member *member,
                  const struct sim_action *action) {
  const uint64_t fields[4] = { action->value > 0 };
  member->storage.slow_us = action->value;
  sim_note_fields (member->world, RAFT_TRACE_SIM_DISK_SLOW, member->id,
                   fields);
}

static void fill (struct sim_member *member,
                  const struct sim_action *action) {
  const uint64_t fields[4] = { action->value > 0 };
  struct sim_disk *disk = member->storage.disk;
  member->world->counters.disk_fulls += action->value > 0;
  sim_note_fields (member->world, RAFT_TRACE_SIM_DISK_FULL, member->id,
                   fields);
  sim_disk_set_capacity (disk, action->value > 0
                                 ? sim_disk_used (disk) + action->value
                                 : member->world->options.disk_bytes);
}

static void jump (struct sim_member *member,
                  const struct sim_action *action) {
  const uint64_t fields[4] = { action->how, action->value };
  member->world->counters.jumps++;
  sim_note_fields (member->world, RAFT_TRACE_SIM_CLOCK, member->id, fields);
  member->wall_offset += action->how == 1 ? 0 - action->value
                                          : action->value;
}

static void lie (struct sim_member *member,
                 const struct sim_action *action) {
  const uint64_t fields[4] = { action->how };
  sim_disk_set_lying (member->storage.disk, action->how == 1);
  sim_note_fields (member->world, RAFT_TRACE_SIM_LIE, member->id, fields);
}

static void act_on_member (struct sim_member *member,
                           const struct sim_action *action) {
  switch (action->kind) {
    case SIM_ACTION_START:
      sim_member_start (member);
      break;
    case SIM_ACTION_CRASH:
      crash (member, action);
      break;
    case SIM_ACTION_KILL:
      sim_member_kill (member);
      break;
    case SIM_ACTION_PAUSE:
      sim_member_pause (member);
      break;
    case SIM_ACTION_RESUME:
      sim_member_resume (member);
      break;
    case SIM_ACTION_WIPE:
      if (member->replica == NULL) {
        sim_member_wipe (member);
      }
      break;
    case SIM_ACTION_ROT:
      if (member->replica == NULL) {
        (void)sim_member_rot (member, action);
      }
      break;
    case SIM_ACTION_FAIL:
      fail (member, action);
      break;
    case SIM_ACTION_FAIL_MEMORY:
      fail_memory (member, action);
      break;
    case SIM_ACTION_SLOW:
      slow (member, action);
      break;
    case SIM_ACTION_FILL:
      fill (member, action);
      break;
    case SIM_ACTION_MEMBERS:
      member->world->nemesis->has_changed = true;
      sim_order_members (member, action->from, action->to);
      break;
    case SIM_ACTION_TRANSFER:
      sim_order_transfer (member, action->value);
      break;
    case SIM_ACTION_SNAPSHOT:
      sim_order_snapshot (member);
      break;
    case SIM_ACTION_DRIFT:
      if (action->value <= SIM_DRIFT_MAX) {
        sim_member_drift (member, action->how == 1, action->value);
      }
      break;
    case SIM_ACTION_LIE:
      lie (member, action);
      break;
    default:
      jump (member, action);
      break;
  }
}

/* ---- any --------------------------------------------------------------- */

static void set (struct sim_world *world, const struct sim_action *action) {
  char name[64];
  (void)snprintf (name, sizeof name, "%.*s", (int)action->size,
                  (const char *)action->bytes);
  if (sim_options_set (&world->options, name, action->value) != RAFT_OK) {
    sim_violate (world, "schedule", "there is no option \"%s\"", name);
  }
}

static void perform (struct sim_world *world,
                     const struct sim_action *action) {
  switch (action->kind) {
    case SIM_ACTION_CUT:
    case SIM_ACTION_PARTITION:
      each_pair (world, action, sim_net_cut);
      break;
    case SIM_ACTION_MEND:
    case SIM_ACTION_JOIN:
      each_pair (world, action, sim_net_mend);
      break;
    case SIM_ACTION_RESET:
      each_pair (world, action, sim_net_reset);
      break;
    case SIM_ACTION_SLOW_LINK:
      slow_down (world, action);
      break;
    case SIM_ACTION_HEAL:
      sim_net_heal (world->net);
      break;
    case SIM_ACTION_SET:
      set (world, action);
      break;
    default:
      if (sim_world_member (world, action->whom) != NULL) {
        act_on_member (world->members[action->whom], action);
      }
      break;
  }
}

void sim_act_rot (struct sim_world *world, raft_id member) {
  uint64_t how = sim_draw (world, SIM_CHOICE_FAULT, 0, 8);
  struct sim_action action = { .kind = SIM_ACTION_ROT,
                               .whom = (uint32_t)member };
  action.how = how == 0 ? SIM_ROT_GONE : how <= 2 ? SIM_ROT_SHORT
                                                  : SIM_ROT_FLIP;
  action.value = sim_draw (world, SIM_CHOICE_FAULT, 0, 64);
  action.more = sim_draw (world, SIM_CHOICE_FAULT, 0, 1u << 30);
  sim_act (world, &action);
}

void sim_act_record (struct sim_world *world,
                     const struct sim_action *action) {
  struct sim_action timed = *action;
  if (world->record != NULL) {
    timed.time = world->now - world->options.start_us;
    timed.after = sim_world_turn (world, world->now);
    sim_schedule_act (world->record, &timed);
  }
}

void sim_act (struct sim_world *world, const struct sim_action *action) {
  if (!sim_world_has_ended (world)) {
    sim_act_record (world, action);
    perform (world, action);
  }
}

void sim_act_on (struct sim_world *world, enum sim_action_kind kind,
                 raft_id member) {
  struct sim_action action = { .kind = kind, .whom = (uint32_t)member };
  sim_act (world, &action);
}

/* ---- replay ------------------------------------------------------------ */

const struct sim_action *sim_replay_due (const struct sim_world *world) {
  const struct sim_schedule *replay = world->options.replay;
  const struct sim_event *event = sim_queue_first (&world->queue);
  const struct sim_action *action;
  raft_time time;
  if (replay == NULL || !world->has_begun
      || world->replayed == replay->action_count) {
    return NULL;
  }
  action = &replay->actions[world->replayed];
  time = action->time + world->options.start_us;
  return event == NULL || event->time > time
             || (event->time == time
                 && sim_world_turn (world, time) >= action->after)
           ? action
           : NULL;
}

/* Clients are there when they first do something; before that nothing tells
** whether they are. */
static struct sim_client *client_of (struct sim_world *world,
                                     uint32_t number) {
  if (number < 1 || number > SIM_CLIENTS_MAX) {
    return NULL;
  }
  while (world->client_count < number) {
    if (sim_run_client (world) == NULL) {
      return NULL;
    }
  }
  return world->clients[number];
}

static void invoke (struct sim_world *world,
                    const struct sim_action *action) {
  struct sim_client *client = client_of (world, action->whom);
  struct wire_view bytes = { action->bytes, action->size };
  struct sim_terms terms = { action->more, action->value };
  int status;
  if (client == NULL) {
    sim_violate (world, "schedule", "no client %u", action->whom);
    return;
  }
  (void)sim_client_invoke (client, (enum sim_operation_kind)action->how,
                           bytes, terms, &status);
}

static void act_again (struct sim_world *world, void *argument) {
  const struct sim_action *action = argument;
  if (action->kind == SIM_ACTION_INVOKE) {
    invoke (world, action);
  } else {
    sim_act (world, action);
  }
}

void sim_replay_step (struct sim_world *world) {
  struct sim_action action
    = world->options.replay->actions[world->replayed];
  world->replayed++;
  if (world->now < action.time + world->options.start_us) {
    world->now = action.time + world->options.start_us;
  }
  if (action.kind == SIM_ACTION_SETTLE) {
    world->has_begun = false; /* what comes next comes after all of it */
    (void)sim_run_settle (world);
    world->has_begun = true;
  } else {
    sim_guarded (world, act_again, &action);
  }
}
