/* SPDX-License-Identifier: MIT
**
** machine.c - the door to a machine: delays, failures, observation. */

#include "sim/machine.h"

#include <stdio.h>

#include "sim/check.h"
#include "sim/member.h"

/* Requests wait in a list that runs through 'world', which is ours while a
** request is in flight. */
static struct machine_request *next_of (struct machine_request *request) {
  return request->world;
}

static struct sim_machine *of_port (struct port_machine *port) {
  return (struct sim_machine *)(void *)((char *)port
                                        - offsetof (struct sim_machine,
                                                    port));
}

static raft_time latency (struct sim_world *world,
                          struct sim_matter matter) {
  return 1
         + sim_chance (world, SIM_CHOICE_LATE, matter,
                       world->options.slow_apply,
                       world->options.slow_apply_us + 1)
         + sim_choose (world, SIM_CHOICE_DELAY, matter,
                       world->options.apply_us + 1);
}

static void machine_submit (struct port_machine *port,
                            struct machine_request *request) {
  struct sim_machine *machine = of_port (port);
  struct sim_member *member = machine->member;
  struct sim_world *world = member->world;
  struct sim_event *event = sim_event_new (&world->queue, SIM_EVENT_MACHINE);
  struct sim_matter matter = sim_matter (world, SIM_MATTER_APPLY,
                                         sim_whom_member (member->id));
  sim_mark_request (world, request);
  request->world = NULL;
  if (machine->first == NULL) {
    machine->first = request;
  } else {
    machine->last->world = request;
  }
  machine->last = request;
  if (machine->busy_until < world->now) {
    machine->busy_until = world->now;
  }
  machine->busy_until += latency (world, matter);
  event->target = (uint32_t)member->id;
  event->life = member->life;
  event->tag = matter.code;
  sim_queue_push (&world->queue, event, machine->busy_until);
}

void sim_machine_init (struct sim_machine *machine,
                       struct sim_member *member) {
  machine->port.submit = machine_submit;
  machine->member = member;
}

int sim_machine_start (struct sim_machine *machine) {
  struct sim_provider *provider = machine->member->world->provider;
  raft_assert (machine->machine == NULL && machine->first == NULL);
  machine->busy_until = 0;
  machine->dies_in = 0;
  machine->machine = provider == NULL
                       ? sim_register_new ()
                       : provider->make (provider, machine->member->id);
  return machine->machine == NULL ? RAFT_ENOMEM : RAFT_OK;
}

void sim_machine_end (struct sim_machine *machine) {
  machine->first = NULL;
  machine->last = NULL;
  if (machine->machine != NULL) {
    machine->machine->free (machine->machine);
    machine->machine = NULL;
  }
}

static bool runs_out_of_memory (struct sim_machine *machine,
                                struct sim_matter matter) {
  struct sim_world *world = machine->member->world;
  bool dies = machine->dies_in == 1
              || sim_rare (world, SIM_CHOICE_FAIL, matter,
                           world->options.machine_failure);
  machine->dies_in -= machine->dies_in > 0;
  return dies;
}

void sim_machine_step (struct sim_machine *machine, uint64_t number) {
  struct sim_matter matter = { number };
  struct sim_member *member = machine->member;
  struct sim_world *world = member->world;
  struct machine_request *request = machine->first;
  bool is_seen;
  raft_assert (request != NULL && machine->machine != NULL);
  machine->first = next_of (request);
  request->world = NULL;
  if (request->operation != MACHINE_CLOSE
      && runs_out_of_memory (machine, matter)) {
    world->counters.machine_failures++;
    member->is_excused = true;
    request->status = RAFT_ENOMEM;
    (void)snprintf (request->message, sizeof request->message,
                    "out of memory");
  } else {
    machine->machine->perform (machine->machine, request);
    is_seen = request->status == 0 && world->options.checks > 0;
    if (is_seen && request->operation == MACHINE_APPLY) {
      sim_check_applied (world, member, request);
    } else if (is_seen && request->operation == MACHINE_SNAPSHOT) {
      sim_check_remembered (world, member, machine->machine);
    }
  }
  request->done (request);
}
