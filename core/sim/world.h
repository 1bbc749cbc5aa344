/* SPDX-License-Identifier: MIT
**
** world.h - a pretended world: one clock, one queue, one seed.
**
** Holds:     what its rooms share (members, net, clients, checks, faults),
**            the loop, and the end of a run.
** Knows not: Raft. Members are rings 0 and 1 as they are in production; the
**            world is behind the doors of core/port only.
** Invariant: a run is decided by its options and the calls from outside:
**            equal ones give an equal trace hash.
** Rule:      every choice of the world goes through sim_choose, so that
**            choices can be recorded, replayed and shrunk (choice.h). */

#ifndef RAFT_SIM_WORLD_H
#define RAFT_SIM_WORLD_H

#include "base/bug.h"
#include "base/panic.h"
#include "base/trace.h"
#include "sim/choice.h"
#include "sim/mark.h"
#include "sim/options.h"
#include "sim/queue.h"
#include "sim/rest.h"
#include "sim/schedule.h"

#define SIM_MEMBERS_MAX 15
#define SIM_CLIENTS_MAX 64

struct sim_violation {
  char name[48];   /* of the check; empty: none */
  char text[256];
  raft_time time;
};

struct sim_kept_operation;
struct sim_member;
struct sim_client;
struct sim_net;
struct sim_checks;
struct sim_nemesis;
struct machine;

/* Makes the machine of one process; NULL: out of memory. */
struct sim_provider {
  struct machine *(*make) (struct sim_provider *provider, raft_id member);
};

struct sim_world {
  struct sim_options options;
  struct sim_counters counters;
  struct sim_marks marks;
  struct sim_queue queue;
  struct sim_choices choices;
  struct sim_schedule *record;   /* NULL: nothing is recorded */
  size_t replayed;               /* actions of options.replay done */
  bool has_begun;                /* actions are done when their time comes */
  uint32_t turn;                 /* events handled in the microsecond */
  raft_time turn_time;
  raft_time now;
  struct sim_event *current;     /* being handled */
  struct sim_member *members[SIM_MEMBERS_MAX + 1]; /* by id */
  unsigned member_count;
  struct sim_client *clients[SIM_CLIENTS_MAX + 1]; /* from 1 */
  unsigned client_count;
  struct sim_net *net;
  struct sim_checks *checks;
  struct sim_nemesis *nemesis;
  struct sim_rest rest;          /* after the faults */
  struct sim_provider *provider; /* NULL: the register machine */
  bool has_panicked;             /* an assertion failed: states are broken */
  bool is_settling;              /* chances of faults are off */
  struct sim_violation violation;
  uint64_t trace_hash;
  struct raft_trace *traces;     /* a ring: the last keep_traces records */
  size_t trace_room;             /* keep_traces, as it was at first */
  size_t trace_count;            /* that there were; also those let go */
  struct sim_kept_operation *kept; /* note.h; while traces are kept */
  size_t kept_count;
  size_t kept_capacity;
};

RAFT_HIDDEN_BEGIN

/* A world whose members have their directories and are down. It frees
** options->replay, whatever happens. NULL: out of memory. An option out of its
** range is a violation named "options". */
struct sim_world *sim_world_new (const struct sim_options *options,
                                 struct sim_provider *provider);
void sim_world_free (struct sim_world *world);

/* Handles the next event. False: there is none, or the run has ended. */
bool sim_world_step (struct sim_world *world);
/* Handles what happens in the next 'duration' microseconds; the clock stands
** at their end then. False: the run has ended. */
bool sim_world_run (struct sim_world *world, raft_time duration);
bool sim_world_has_ended (const struct sim_world *world);
/* Whether anything is going to happen until then. */
bool sim_world_has_next (const struct sim_world *world, raft_time end);
/* How many events of that microsecond have been handled; those that bring
** faults and operations are not counted, for a replay has none. */
uint32_t sim_world_turn (const struct sim_world *world, raft_time time);

/* The next matter of that kind, of which any kind of choice can be asked
** once. */
struct sim_matter sim_matter (struct sim_world *world,
                              enum sim_matter_kind kind, uint32_t whom);
/* A number in [0, bound), 0 being calm. */
uint64_t sim_choose (struct sim_world *world, enum sim_choice_kind kind,
                     struct sim_matter matter, uint64_t bound);
/* How much longer than the least a message takes: below 'bound', and by the
** options, once in a while, by far more. */
raft_time sim_delay (struct sim_world *world, struct sim_matter matter,
                     raft_time bound);
/* 0, or with a chance in permille a number in [1, bound]; while the world
** settles always 0. */
uint64_t sim_chance (struct sim_world *world, enum sim_choice_kind kind,
                     struct sim_matter matter, uint64_t permille,
                     uint64_t bound);
/* Whether a chance per million comes true. */
bool sim_rare (struct sim_world *world, enum sim_choice_kind kind,
               struct sim_matter matter, uint64_t per_million);
/* 64 bits for a process. */
uint64_t sim_bits (struct sim_world *world, enum sim_matter_kind kind,
                   uint32_t whom);
/* An outcome that was not chosen here, to be recorded. */
void sim_chosen (struct sim_world *world, enum sim_choice_kind kind,
                 struct sim_matter matter, uint64_t value);
/* A number in [0, bound) that stands in no schedule: what comes of it is
** recorded as an action. */
uint64_t sim_draw (struct sim_world *world, enum sim_choice_kind kind,
                   uint32_t whom, uint64_t bound);

/* The run has failed. Only the first violation counts. */
void sim_violate (struct sim_world *world, const char *name,
                  const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

/* Chains what happened into the trace hash. */
void sim_hash (struct sim_world *world, uint64_t value);
void sim_trace (struct sim_world *world, const struct raft_trace *trace);
/* Room for the next record that is kept, cleared; NULL: none is. The oldest
** makes room: what a failing run ends with is what people want to see. */
struct raft_trace *sim_trace_next (struct sim_world *world);
/* The record of that number, from 1; NULL: it is not there (any more). */
const struct raft_trace *sim_trace_at (const struct sim_world *world,
                                       size_t number);

/* ---- from outside ------------------------------------------------------ */

/* Runs 'call' under the world's guard: for calls into members that are not
** made by an event. */
void sim_guarded (struct sim_world *world,
                  void (*call) (struct sim_world *world, void *argument),
                  void *argument);

/* Time and place of what is shown to people. */
struct sim_member *sim_world_member (struct sim_world *world, raft_id id);
/* The member that leads the highest term, NULL when none does. */
struct sim_member *sim_world_leader (struct sim_world *world);

RAFT_HIDDEN_END

#endif
