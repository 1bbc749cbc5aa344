/* SPDX-License-Identifier: MIT
**
** world.c - the loop, chance, and how a run ends. */

#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "sim/action.h"
#include "sim/check.h"
#include "sim/client.h"
#include "sim/member.h"
#include "sim/nemesis.h"
#include "sim/net.h"
#include "sim/note.h"

/* ---- chance ------------------------------------------------------------ */

struct sim_matter sim_matter (struct sim_world *world,
                              enum sim_matter_kind kind, uint32_t whom) {
  return sim_matter_next (&world->choices, kind, whom);
}

/* Below 2^32 by multiplication, which is faster than a division; the bias of
** 2^-32 is without meaning for a choice of faults. */
static uint64_t below (uint64_t bits, uint64_t bound) {
  raft_assert (bound > 0);
  return bound >> 32 != 0 ? bits % bound : (bits >> 32) * bound >> 32;
}

void sim_chosen (struct sim_world *world, enum sim_choice_kind kind,
                 struct sim_matter matter, uint64_t value) {
  if (value != 0 && world->record != NULL) {
    sim_schedule_choose (world->record, kind, matter, value);
  }
}

/* Whether a schedule says what chance does; else it is drawn. */
static bool is_listed (const struct sim_world *world) {
  return world->options.replay != NULL && world->options.redraw == 0;
}

/* What a schedule says, whatever the options say. */
static uint64_t replayed (struct sim_world *world, enum sim_choice_kind kind,
                          struct sim_matter matter) {
  uint64_t value
    = sim_schedule_find (world->options.replay, kind, matter);
  sim_chosen (world, kind, matter, value);
  return value;
}

uint64_t sim_choose (struct sim_world *world, enum sim_choice_kind kind,
                     struct sim_matter matter, uint64_t bound) {
  uint64_t value;
  if (is_listed (world)) {
    return replayed (world, kind, matter);
  }
  if (bound == 1) {
    return 0;
  }
  value = below (sim_choices_bits (&world->choices, kind, matter), bound);
  sim_chosen (world, kind, matter, value);
  return value;
}

/* Pareto's law, cut off: twice as long is half as frequent. */
static raft_time tail_of (const struct sim_world *world, uint64_t bits) {
  const struct sim_options *options = &world->options;
  if (options->tail == 0 || world->is_settling
      || below (raft_mix (bits), 1000) >= options->tail) {
    return 0;
  }
  return options->tail_us / (1 + below (raft_mix (bits + 1), 1000));
}

raft_time sim_delay (struct sim_world *world, struct sim_matter matter,
                     raft_time bound) {
  uint64_t bits;
  raft_time value;
  if (is_listed (world)) {
    return replayed (world, SIM_CHOICE_DELAY, matter);
  }
  bits = sim_choices_bits (&world->choices, SIM_CHOICE_DELAY, matter);
  value = tail_of (world, bits);
  world->counters.tails += value > 0;
  value += below (bits, bound);
  sim_chosen (world, SIM_CHOICE_DELAY, matter, value);
  return value;
}

uint64_t sim_chance (struct sim_world *world, enum sim_choice_kind kind,
                     struct sim_matter matter, uint64_t permille,
                     uint64_t bound) {
  uint64_t value;
  uint64_t bits;
  if (is_listed (world)) {
    return replayed (world, kind, matter);
  }
  if (permille == 0 || world->is_settling) {
    return 0;
  }
  bits = sim_choices_bits (&world->choices, kind, matter);
  if (below (bits, 1000) >= permille) {
    return 0;
  }
  value = 1 + below (raft_mix (bits), bound);
  sim_chosen (world, kind, matter, value);
  return value;
}

bool sim_rare (struct sim_world *world, enum sim_choice_kind kind,
               struct sim_matter matter, uint64_t per_million) {
  uint64_t bits;
  bool is_true;
  if (is_listed (world)) {
    return replayed (world, kind, matter) != 0;
  }
  if (per_million == 0 || world->is_settling) {
    return false;
  }
  bits = sim_choices_bits (&world->choices, kind, matter);
  is_true = below (bits, 1000000) < per_million;
  sim_chosen (world, kind, matter, is_true);
  return is_true;
}

uint64_t sim_bits (struct sim_world *world, enum sim_matter_kind kind,
                   uint32_t whom) {
  return sim_choices_bits (&world->choices, SIM_CHOICE_BITS,
                           sim_matter (world, kind, whom));
}

uint64_t sim_draw (struct sim_world *world, enum sim_choice_kind kind,
                   uint32_t whom, uint64_t bound) {
  raft_assert (kind > SIM_CHOICE_RECORDED);
  return below (sim_choices_bits (&world->choices, kind,
                                  sim_matter (world, SIM_MATTER_RUN, whom)),
                bound);
}

/* ---- what happened ----------------------------------------------------- */

void sim_violate (struct sim_world *world, const char *name,
                  const char *format, ...) {
  va_list arguments;
  if (world->violation.name[0] != 0) {
    return;
  }
  (void)snprintf (world->violation.name, sizeof world->violation.name, "%s",
                  name);
  va_start (arguments, format);
  (void)vsnprintf (world->violation.text, sizeof world->violation.text,
                   format, arguments);
  va_end (arguments);
  world->violation.time = world->now;
}

bool sim_world_has_ended (const struct sim_world *world) {
  return world->violation.name[0] != 0;
}

void sim_hash (struct sim_world *world, uint64_t value) {
  world->trace_hash = raft_mix (world->trace_hash ^ value);
}

void sim_trace (struct sim_world *world, const struct raft_trace *trace) {
  struct raft_trace *kept;
  world->trace_hash = raft_trace_hash (world->trace_hash, trace);
  kept = sim_trace_next (world);
  if (kept != NULL) {
    *kept = *trace;
    kept->time = world->now; /* not the member's clock */
    kept->text = trace->text != NULL ? strdup (trace->text) : NULL;
  }
}

struct raft_trace *sim_trace_next (struct sim_world *world) {
  struct raft_trace *next;
  if (world->trace_room == 0) {
    return NULL;
  }
  next = &world->traces[world->trace_count % world->trace_room];
  free ((char *)(uintptr_t)next->text);
  memset (next, 0, sizeof *next);
  world->trace_count++;
  return next;
}

const struct raft_trace *sim_trace_at (const struct sim_world *world,
                                       size_t number) {
  size_t count = world->trace_count;
  if (number < 1 || number > count
      || count - number >= world->trace_room) {
    return NULL;
  }
  return &world->traces[(number - 1) % world->trace_room];
}

/* ---- making and ending ------------------------------------------------- */

static bool options_are_sound (struct sim_world *world) {
  const struct sim_options *options = &world->options;
  if (options->members < 1 || options->members > SIM_MEMBERS_MAX) {
    sim_violate (world, "options", "members: expected 1 to %d, got %llu",
                 SIM_MEMBERS_MAX, (unsigned long long)options->members);
  } else if (options->spares > SIM_MEMBERS_MAX - options->members) {
    sim_violate (world, "options", "spares: expected at most %d with the "
                 "members, got %llu", SIM_MEMBERS_MAX,
                 (unsigned long long)(options->members + options->spares));
  } else if (options->clients > SIM_CLIENTS_MAX) {
    sim_violate (world, "options", "clients: expected at most %d, got %llu",
                 SIM_CLIENTS_MAX, (unsigned long long)options->clients);
  } else if (!is_listed (world)
             && (options->delay_min_us > options->delay_max_us
                 || options->sync_min_us > options->sync_max_us)) {
    sim_violate (world, "options", "a shortest delay above the longest");
  } else if (options->start_us > RAFT_TIME_MAX / 2) {
    sim_violate (world, "options", "start_us: expected below 2^52");
  } else if (options->heal >= SIM_HEAL_COUNT) {
    sim_violate (world, "options", "heal: there is no such way");
  } else if (options->bug >= RAFT_BUG_COUNT) {
    sim_violate (world, "options", "bug: there is none of that number");
  } else {
    return true;
  }
  return false;
}

static void make_members (struct sim_world *world, void *argument) {
  (void)argument;
  for (unsigned id = 1; id <= world->member_count; id++) {
    if (sim_member_new (world, id) != RAFT_OK) {
      sim_violate (world, "memory", "a member could not be made");
      return;
    }
  }
}

struct sim_world *sim_world_new (const struct sim_options *options,
                                 struct sim_provider *provider) {
  struct sim_world *world = calloc (1, sizeof *world);
  if (world == NULL || !sim_choices_init (&world->choices, options->seed)) {
    sim_schedule_free (options->replay);
    free (world);
    return NULL;
  }
  world->options = *options;
  world->provider = provider;
  sim_queue_init (&world->queue);
  world->now = options->start_us;
  if (!options_are_sound (world)) {
    return world;
  }
  world->member_count = (unsigned)(options->members + options->spares);
  world->net = sim_net_new (world);
  world->checks = sim_checks_new (world);
  world->nemesis = sim_nemesis_new (world);
  world->record = options->record > 0 ? sim_schedule_new () : NULL;
  if (options->keep_traces > 0) {
    world->traces
      = calloc ((size_t)options->keep_traces, sizeof *world->traces);
    world->trace_room
      = world->traces != NULL ? (size_t)options->keep_traces : 0;
  }
  if (world->net == NULL || world->checks == NULL || world->nemesis == NULL
      || (options->record > 0 && world->record == NULL)
      || (options->keep_traces > 0 && world->traces == NULL)) {
    sim_world_free (world);
    return NULL;
  }
  sim_guarded (world, make_members, NULL);
  return world;
}

void sim_world_free (struct sim_world *world) {
  if (world == NULL) {
    return;
  }
  for (unsigned i = 1; i <= world->client_count; i++) {
    sim_client_free (world->clients[i]);
  }
  for (unsigned id = 1; id <= world->member_count; id++) {
    sim_member_free (world->members[id]);
  }
  if (world->current != NULL) {
    world->current->position = SIM_NOT_QUEUED;
    sim_event_recycle (&world->queue, world->current);
  }
  sim_nemesis_free (world->nemesis);
  sim_checks_free (world->checks);
  sim_net_free (world->net);
  sim_queue_free (&world->queue);
  for (size_t i = 0; i < world->trace_room; i++) {
    free ((char *)(uintptr_t)world->traces[i].text);
  }
  sim_choices_free (&world->choices);
  sim_schedule_free (world->record);
  sim_schedule_free (world->options.replay);
  free (world->traces);
  sim_note_free (world);
  free (world);
}

/* ---- the loop ---------------------------------------------------------- */

void sim_guarded (struct sim_world *world,
                  void (*call) (struct sim_world *world, void *argument),
                  void *argument) {
  struct raft_guard guard;
  raft_guard_enter (&guard);
  if (setjmp (guard.jump) == 0) {
    call (world, argument);
  } else {
    world->has_panicked = true;
    sim_violate (world, "assert", "%s", guard.what);
  }
  raft_guard_leave (&guard);
}

/* What an event is, in one number and the bytes it carries. */
static void hash_event (struct sim_world *world,
                        const struct sim_event *event) {
  sim_hash (world, event->time ^ (uint64_t)event->kind << 56
                     ^ (uint64_t)event->target << 48
                     ^ (uint64_t)event->source << 40);
  if (event->size > 0) {
    sim_hash (world, raft_checksum (event->bytes, event->size, 0));
  }
}

static void handle_current (struct sim_world *world, void *argument) {
  struct sim_event *event = argument;
  if (event->kind < SIM_EVENT_CLIENT_TIME) {
    sim_member_handle (world->members[event->target], event);
  } else if (event->kind < SIM_EVENT_NEMESIS) {
    sim_client_handle (world->clients[event->target], event);
  } else {
    sim_nemesis_handle (world->nemesis, event);
  }
}

uint32_t sim_world_turn (const struct sim_world *world, raft_time time) {
  return world->turn_time == time ? world->turn : 0;
}

/* Faults and operations of a nemesis and a workload are actions of a replay:
** that they come is no event of the run. */
static void count_turn (struct sim_world *world,
                        const struct sim_event *event) {
  if (event->kind != SIM_EVENT_NEMESIS && event->kind != SIM_EVENT_WORKLOAD) {
    world->turn = sim_world_turn (world, event->time) + 1;
    world->turn_time = event->time;
    hash_event (world, event);
  }
}

bool sim_world_step (struct sim_world *world) {
  bool is_action = sim_replay_due (world) != NULL;
  struct sim_event *event;
  if (sim_world_has_ended (world)) {
    return false;
  }
  if (is_action) {
    sim_replay_step (world);
    return !sim_world_has_ended (world);
  }
  event = sim_queue_pop (&world->queue);
  if (event == NULL) {
    return false;
  }
  raft_assert (event->time >= world->now);
  world->now = event->time;
  world->counters.events++;
  if (world->counters.events > world->options.events_max) {
    sim_violate (world, "events", "more than %llu events",
                 (unsigned long long)world->options.events_max);
  }
  world->current = event;
  count_turn (world, event);
  sim_guarded (world, handle_current, event);
  /* A handler that keeps the event (a paused member's backlog) says so by
  ** taking it out of 'current'. After a panic its owner is unknown: it stays
  ** for sim_world_free. */
  if (world->current != NULL && !sim_world_has_ended (world)) {
    world->current = NULL;
    sim_event_recycle (&world->queue, event);
  }
  return !sim_world_has_ended (world);
}

bool sim_world_has_next (const struct sim_world *world, raft_time end) {
  const struct sim_event *event = sim_queue_first (&world->queue);
  const struct sim_action *action = sim_replay_due (world);
  return action != NULL ? action->time + world->options.start_us <= end
                        : event != NULL && event->time <= end;
}

bool sim_world_run (struct sim_world *world, raft_time duration) {
  raft_time end = world->now + duration;
  while (sim_world_has_next (world, end) && sim_world_step (world)) {
  }
  if (!sim_world_has_ended (world)) {
    world->now = end > world->now ? end : world->now;
  }
  return !sim_world_has_ended (world);
}

/* ---- looking in -------------------------------------------------------- */

struct sim_member *sim_world_member (struct sim_world *world, raft_id id) {
  return id >= 1 && id <= world->member_count ? world->members[id] : NULL;
}

struct sim_member *sim_world_leader (struct sim_world *world) {
  struct sim_member *best = NULL;
  raft_term best_term = 0;
  for (unsigned id = 1; id <= world->member_count; id++) {
    struct sim_member *member = world->members[id];
    struct raft_status status;
    if (!sim_member_is_up (member)) {
      continue;
    }
    raft_get_status (replica_raft (member->replica), &status);
    if (status.role == RAFT_LEADER && status.term > best_term) {
      best = member;
      best_term = status.term;
    }
  }
  return best;
}
