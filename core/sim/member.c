/* SPDX-License-Identifier: MIT
**
** member.c - one process: its doors, its lives, its events. */

#include "sim/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "sim/build.h"
#include "sim/check.h"
#include "sim/damage.h"
#include "sim/link.h"
#include "sim/mark.h"
#include "sim/note.h"
#include "wire/configuration.h"

bool sim_member_is_up (const struct sim_member *member) {
  return member->state == SIM_MEMBER_UP;
}

/* ---- clock, chance and traces ------------------------------------------ */

static struct sim_member *of_clock (struct port_clock *clock) {
  return (struct sim_member *)(void *)((char *)clock
                                       - offsetof (struct sim_member, clock));
}

static raft_time clock_now (struct port_clock *clock) {
  const struct sim_member *member = of_clock (clock);
  return sim_drift_show (&member->drift, member->world->now);
}

/* Some moment of 2026, so that wall times look like wall times. */
#define WALL_START ((raft_time)1767225600 * RAFT_SECOND)

static raft_time clock_wall (struct port_clock *clock) {
  struct sim_member *member = of_clock (clock);
  return WALL_START + member->world->now + member->wall_offset;
}

/* So one event less, when a run is made small, leaves what comes later as it
** was. Of one microsecond each draw is another one. */
static uint64_t bits_by_time (struct sim_member *member, uint32_t whom) {
  struct sim_world *world = member->world;
  struct sim_matter matter = sim_matter_of (SIM_MATTER_PROCESS, whom,
                                            (uint32_t)world->now);
  member->drawn = member->drawn_at == world->now ? member->drawn + 1 : 0;
  member->drawn_at = world->now;
  return raft_mix (sim_choices_bits (&world->choices, SIM_CHOICE_BITS, matter)
                   + member->drawn);
}

static uint64_t clock_random (struct port_clock *clock) {
  struct sim_member *member = of_clock (clock);
  uint32_t whom = sim_whom_member (member->id);
  return member->world->options.bits_by_time == 0
           ? sim_bits (member->world, SIM_MATTER_PROCESS, whom)
           : bits_by_time (member, whom);
}

void sim_member_drift (struct sim_member *member, bool is_slower,
                       uint64_t parts) {
  struct sim_world *world = member->world;
  const uint64_t fields[4] = { is_slower, parts };
  world->counters.drifts += parts > 0;
  sim_note_fields (world, RAFT_TRACE_SIM_DRIFT, member->id, fields);
  sim_drift_set (&member->drift, world->now, is_slower, parts);
  sim_member_settle (member); /* its deadline is another moment now */
}

static void tracer_emit (struct raft_tracer *tracer,
                         const struct raft_trace *trace) {
  struct sim_member *member
    = (struct sim_member *)(void *)((char *)tracer
                                    - offsetof (struct sim_member, tracer));
  sim_trace (member->world, trace);
  sim_check_trace (member->world, member, trace);
  sim_mark_trace (member->world, member, trace);
}

/* ---- the directory ----------------------------------------------------- */

struct init_answer {
  bool is_done;
  int status;
};

static void init_done (void *owner, int status,
                       const struct raft_detail *detail) {
  struct init_answer *answer = owner;
  (void)detail;
  answer->is_done = true;
  answer->status = status;
}

static void describe_cluster (struct sim_world *world,
                              struct wire_configuration *value) {
  static const uint32_t priorities[5] = { 100, 200, 0, 100, 300 };
  memset (value, 0, sizeof *value);
  (void)snprintf (value->name, sizeof value->name, "sim");
  value->lease_us = world->options.lease_us;
  value->drift_ppm = world->options.lease_drift_ppm;
  value->member_count = (uint32_t)world->options.members;
  for (unsigned i = 0; i < value->member_count; i++) {
    value->members[i].id = i + 1;
    value->members[i].roles = WIRE_VOTER;
    value->members[i].priority
      = world->options.priorities ? priorities[i % 5] : RAFT_PRIORITY_DEFAULT;
    (void)snprintf (value->members[i].address,
                    sizeof value->members[i].address, "10.0.0.%u:7000",
                    i + 1);
  }
}

/* A spare one joins, with the first entry of the others. */
static int init_or_join (const struct wal_options *options, raft_id id,
                         const struct wire_configuration *value) {
  struct raft_buffer first;
  struct raft_detail why;
  uint64_t cluster;
  int status;
  if (wire_configuration_find (value, id) != NULL) {
    return replica_init (options, id, value, init_done);
  }
  raft_buffer_init (&first, &raft_memory_plain);
  status = wire_first_entry (&first, 0, value, &cluster, &why);
  if (status == RAFT_OK) {
    status = replica_join (options, id,
                           raft_slice_borrowed (first.data, first.size),
                           init_done);
  }
  raft_buffer_free (&first);
  return status;
}

static int make_directory (struct sim_member *member) {
  struct sim_world *world = member->world;
  struct init_answer answer = { false, 0 };
  struct wire_configuration value;
  struct wal_options options;
  int status;
  describe_cluster (world, &value);
  memset (&options, 0, sizeof options);
  options.memory = &member->arena.memory;
  options.fs = &member->storage.port;
  options.clock = &member->clock;
  options.member = member->id;
  options.limits = world->options.limits;
  options.owner = &answer;
  member->storage.is_draining = true;
  status = init_or_join (&options, member->id, &value);
  if (status == RAFT_OK) {
    sim_storage_drain (&member->storage);
    status = answer.is_done ? answer.status : RAFT_EINVALID;
  }
  member->storage.is_draining = false;
  sim_storage_kill (&member->storage);
  raft_arena_clear (&member->arena);
  return status;
}

int sim_member_new (struct sim_world *world, raft_id id) {
  struct sim_member *member = calloc (1, sizeof *member);
  if (member == NULL) {
    return RAFT_ENOMEM;
  }
  world->members[id] = member;
  member->world = world;
  member->id = id;
  (void)snprintf (member->address, sizeof member->address, "10.0.0.%u:7000",
                  (unsigned)id);
  raft_arena_init (&member->arena);
  member->clock.now = clock_now;
  member->clock.wall = clock_wall;
  member->clock.random = clock_random;
  member->tracer.levels = RAFT_TRACE_ALL;
  member->tracer.emit = tracer_emit;
  member->time_event.kind = SIM_EVENT_MEMBER_TIME;
  member->time_event.is_owned = true;
  member->time_event.target = (uint32_t)id;
  member->time_event.position = SIM_NOT_QUEUED;
  sim_drift_init (&member->drift, world->now);
  member->wall_offset = sim_choose (
    world, SIM_CHOICE_SKEW,
    sim_matter (world, SIM_MATTER_PROCESS, sim_whom_member (id)),
    world->options.skew_us + 1);
  sim_net_door (&member->net);
  sim_machine_init (&member->machine, member);
  if (sim_storage_init (&member->storage, member) != RAFT_OK) {
    return RAFT_ENOMEM;
  }
  return make_directory (member);
}

static void note_number (struct sim_member *member,
                         enum raft_trace_kind kind, uint64_t number) {
  const uint64_t fields[4] = { number };
  sim_note_fields (member->world, kind, member->id, fields);
}

/* ---- the life of a process --------------------------------------------- */

static void on_opened (void *owner, int status,
                       const struct raft_detail *detail) {
  struct sim_member *member = owner;
  if (status == RAFT_OK) {
    member->state = SIM_MEMBER_UP;
    member->has_opened = true;
    return;
  }
  member->state = SIM_MEMBER_STOPPED;
  member->stop_status = status;
  member->stop_detail = *detail;
}

static void on_stopped (void *owner, int status,
                        const struct raft_detail *detail) {
  struct sim_member *member = owner;
  member->state = SIM_MEMBER_STOPPED;
  member->stop_status = status;
  member->stop_detail = *detail;
}

static void fill_options (struct sim_member *member,
                          struct replica_options *options) {
  const struct sim_options *world = &member->world->options;
  memset (options, 0, sizeof *options);
  options->memory = &member->arena.memory;
  options->fs = &member->storage.port;
  options->net = &member->net;
  options->machine = &member->machine.port;
  options->clock = &member->clock;
  options->tracer = &member->tracer;
  options->heartbeat_us = world->heartbeat_us;
  options->election_us = world->election_us;
  options->election_spread_us = world->election_spread_us;
  options->check_quorum_us = world->check_quorum_us;
  options->limits = world->limits;
  options->hash_interval = world->hash_interval;
  options->version = sim_build_of (member);
  options->bug = (enum raft_bug)world->bug;
  options->owner = member;
  options->opened = on_opened;
  options->stopped = on_stopped;
}

void sim_member_start (struct sim_member *member) {
  struct sim_world *world = member->world;
  struct replica_options options;
  if (member->replica != NULL
      || (member->is_damaged && member->stop_status == RAFT_ECORRUPT)) {
    return;
  }
  member->life++;
  world->counters.restarts += member->life > 1;
  member->state = SIM_MEMBER_OPENING;
  member->is_excused = member->is_wiped || member->is_damaged;
  member->has_opened = false;
  member->stop_status = 0;
  note_number (member, RAFT_TRACE_SIM_START, member->life);
  sim_check_started (world, member);
  fill_options (member, &options);
  if (sim_machine_start (&member->machine) != RAFT_OK
      || replica_new (&member->replica, &options) != RAFT_OK) {
    sim_violate (world, "memory", "member %llu could not be made",
                 (unsigned long long)member->id);
    return;
  }
  replica_open (member->replica);
  sim_member_settle (member);
}

static void drop_backlog (struct sim_member *member) {
  while (member->backlog != NULL) {
    struct sim_event *event = member->backlog;
    member->backlog = event->next;
    sim_net_drop (member->world->net, event);
    sim_event_recycle (&member->world->queue, event);
  }
  member->backlog_last = NULL;
  member->backlog_messages = 0;
}

/* The process is over; its disk has been told how. */
static void end_process (struct sim_member *member) {
  struct sim_world *world = member->world;
  sim_machine_end (&member->machine);
  replica_free (member->replica);
  member->replica = NULL;
  if (member->arena.bytes != 0) {
    sim_violate (world, "leak", "member %llu left %llu bytes",
                 (unsigned long long)member->id,
                 (unsigned long long)member->arena.bytes);
  }
  raft_arena_clear (&member->arena);
  raft_arena_init (&member->arena);
  drop_backlog (member);
  sim_queue_remove (&world->queue, &member->time_event);
  memset (member->greeted, 0, sizeof member->greeted);
  member->is_paused = false;
  sim_net_forget (world->net, member->id);
}

void sim_member_crash (struct sim_member *member) {
  if (member->replica != NULL) {
    sim_check_ended (member->world, member);
    sim_storage_crash (&member->storage);
    end_process (member);
  } else {
    sim_storage_crash (&member->storage);
  }
  member->world->counters.crashes++;
  sim_note (member->world, RAFT_TRACE_SIM_CRASH, member->id);
  member->state = SIM_MEMBER_DOWN;
}

void sim_member_kill (struct sim_member *member) {
  if (member->replica != NULL) {
    sim_check_ended (member->world, member);
    sim_storage_kill (&member->storage);
    end_process (member);
  }
  member->world->counters.kills++;
  sim_note (member->world, RAFT_TRACE_SIM_KILL, member->id);
  member->state = SIM_MEMBER_DOWN;
}

static bool is_outdated (const struct sim_member *member) {
  return member->stop_status == RAFT_EUNSUPPORTED && sim_build_lacks (member);
}

static void act_on_stop (struct sim_member *member) {
  struct sim_world *world = member->world;
  world->counters.stops++;
  world->counters.rots_refused
    += member->is_damaged && member->stop_status == RAFT_ECORRUPT;
  world->counters.removed += member->stop_status == RAFT_EREMOVED;
  member->has_left |= member->stop_status == RAFT_EREMOVED;
  sim_damage_judge (world, member, member->stop_status);
  if (!member->is_excused && !member->has_left && !is_outdated (member)) {
    sim_violate (world, "stopped", "member %llu stopped without a fault: "
                 "%s: %s", (unsigned long long)member->id,
                 raft_error_name (member->stop_status),
                 member->stop_detail.text);
    return;
  }
  note_number (member, RAFT_TRACE_SIM_STOP, (uint64_t)member->stop_status);
  sim_check_ended (world, member);
  sim_storage_kill (&member->storage);
  end_process (member);
}

static void free_replica (struct sim_world *world, void *argument) {
  (void)world;
  replica_free (argument);
}

void sim_member_free (struct sim_member *member) {
  if (member == NULL) {
    return;
  }
  sim_queue_remove (&member->world->queue, &member->time_event);
  sim_storage_kill (&member->storage);
  sim_machine_end (&member->machine);
  /* After a failed assertion it is not called again: only its arena goes. */
  if (member->replica != NULL && !member->world->has_panicked) {
    sim_guarded (member->world, free_replica, member->replica);
  }
  raft_arena_clear (&member->arena);
  while (member->backlog != NULL) {
    struct sim_event *event = member->backlog;
    member->backlog = event->next;
    sim_event_recycle (&member->world->queue, event);
  }
  sim_storage_free (&member->storage);
  free (member->time_event.bytes);
  free (member);
}

void sim_member_wipe (struct sim_member *member) {
  raft_assert (member->replica == NULL);
  sim_storage_free (&member->storage);
  if (!member->is_wiped) {
    member->first_incarnation = member->incarnation;
  }
  member->is_wiped = true;
  member->world->counters.wipes++;
  sim_note (member->world, RAFT_TRACE_SIM_WIPE, member->id);
  if (sim_storage_init (&member->storage, member) != RAFT_OK
      || make_directory (member) != RAFT_OK) {
    sim_violate (member->world, "memory", "a directory could not be made");
  }
}

bool sim_member_is_owed (const struct sim_member *member) {
  return !member->is_wiped && !member->has_left && !sim_build_lacks (member)
         && !(member->is_damaged && member->stop_status == RAFT_ECORRUPT);
}

/* ---- pauses ------------------------------------------------------------ */

void sim_member_pause (struct sim_member *member) {
  if (member->replica != NULL && !member->is_paused) {
    member->is_paused = true;
    member->world->counters.pauses++;
    sim_note (member->world, RAFT_TRACE_SIM_PAUSE, member->id);
  }
}

void sim_member_resume (struct sim_member *member) {
  struct sim_world *world = member->world;
  if (!member->is_paused) {
    return;
  }
  member->is_paused = false;
  sim_note (world, RAFT_TRACE_SIM_RESUME, member->id);
  while (member->backlog != NULL) {
    struct sim_event *event = member->backlog;
    member->backlog = event->next;
    sim_queue_push (&world->queue, event, world->now);
  }
  member->backlog_last = NULL;
  member->backlog_messages = 0;
  sim_queue_move (&world->queue, &member->time_event, world->now);
}

/* Sockets hold what arrives meanwhile, up to a bound. */
static void wait_for_resume (struct sim_member *member,
                             struct sim_event *event) {
  struct sim_world *world = member->world;
  bool is_message = event->kind == SIM_EVENT_MESSAGE
                    || event->kind == SIM_EVENT_REQUEST;
  if (event->is_owned) {
    return;
  }
  if (is_message
      && member->backlog_messages >= world->options.backlog_messages) {
    world->counters.overflowed++;
    sim_net_drop (world->net, event);
    return;
  }
  member->backlog_messages += is_message;
  event->next = NULL;
  if (member->backlog == NULL) {
    member->backlog = event;
  } else {
    member->backlog_last->next = event;
  }
  member->backlog_last = event;
  world->current = NULL;
}

/* ---- events ------------------------------------------------------------ */

static void on_time (struct sim_member *member) {
  if (member->replica != NULL
      && replica_deadline (member->replica)
           <= clock_now (&member->clock)) {
    replica_on_time (member->replica);
  }
}

static void dispatch (struct sim_member *member, struct sim_event *event) {
  switch (event->kind) {
    case SIM_EVENT_MEMBER_TIME:
      on_time (member);
      break;
    case SIM_EVENT_DISK:
      sim_storage_step (&member->storage, event->tag);
      break;
    case SIM_EVENT_MACHINE:
      sim_machine_step (&member->machine, event->tag);
      break;
    case SIM_EVENT_CONNECT:
    case SIM_EVENT_REQUEST:
    case SIM_EVENT_HANG_UP:
      sim_connection_handle (member->world->net, member, event);
      break;
    default:
      sim_net_handle (member->world->net, member, event);
      break;
  }
}

void sim_member_handle (struct sim_member *member, struct sim_event *event) {
  bool is_stale = event->life != 0
                  && (event->life != member->life || member->replica == NULL);
  if (is_stale) {
    sim_net_drop (member->world->net, event);
  } else if (member->is_paused) {
    wait_for_resume (member, event);
  } else {
    dispatch (member, event);
    sim_member_settle (member);
  }
}

/* The event stays where it is when the deadline moved back: it then comes
** early once, which is cheaper than a place in the heap after each event. */
static void set_deadline (struct sim_member *member) {
  struct sim_world *world = member->world;
  raft_time deadline = replica_deadline (member->replica);
  if (deadline >= RAFT_TIME_MAX) {
    return;
  }
  deadline = sim_drift_until (&member->drift, deadline);
  if (deadline <= world->now) {
    deadline = world->now + 1;
  }
  if (member->time_event.position == SIM_NOT_QUEUED
      || member->time_event.time > deadline) {
    sim_queue_move (&world->queue, &member->time_event, deadline);
  }
}

void sim_member_settle (struct sim_member *member) {
  struct sim_world *world = member->world;
  if (member->replica == NULL || member->is_paused
      || sim_world_has_ended (world)) {
    return;
  }
  if (member->has_opened) {
    member->has_opened = false;
    sim_damage_judge (world, member, RAFT_OK);
    sim_check_opened (world, member);
    sim_link_dial_all (world->net, member);
  }
  if (sim_member_is_up (member)) {
    replica_flush (member->replica);
  }
  if (member->state == SIM_MEMBER_STOPPED) {
    act_on_stop (member);
    return;
  }
  set_deadline (member);
  sim_check_member (world, member);
}
