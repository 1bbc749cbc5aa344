/* SPDX-License-Identifier: MIT
**
** machine.h - the door to a machine with pretended delays and failures, and
** the register machine of the checks.
**
** Holds:  requests in the order of submission; a machine of port/machine.h
**         behind them.
** Rule:   the register machine's values carry the index of the entry that
**         wrote them, so that reads can be judged by order alone:
**           ["set", key, value, …]  -> index      (… is padding)
**           ["get", key]            -> [value, index], [nil, 0] at first */

#ifndef RAFT_SIM_MACHINE_H
#define RAFT_SIM_MACHINE_H

#include "port/machine.h"
#include "sim/world.h"
#include "wire/rpc.h"

struct sim_machine {
  struct port_machine port;
  struct sim_member *member;
  struct machine *machine;          /* of this life */
  struct machine_request *first;    /* waiting; linked by 'world' */
  struct machine_request *last;
  raft_time busy_until;
  uint64_t dies_in;                 /* the Nth request fails; 0: none */
};

struct sim_command {
  bool is_set;         /* else a get */
  struct wire_view key;
  struct wire_view value; /* of a set */
};

RAFT_HIDDEN_BEGIN

void sim_machine_init (struct sim_machine *machine,
                       struct sim_member *member);
/* A new machine for a new life. Errors: RAFT_ENOMEM. */
int sim_machine_start (struct sim_machine *machine);
/* Frees it; drops what waits. */
void sim_machine_end (struct sim_machine *machine);
/* Performs the oldest request, whose number is that of the event. */
void sim_machine_step (struct sim_machine *machine, uint64_t number);

/* A register machine. NULL: out of memory. */
struct machine *sim_register_new (void);

/* Takes a command or question of the register machine apart; views point
** into it. Errors: RAFT_EINVALID. */
int sim_command_parse (const uint8_t *data, size_t size,
                       struct sim_command *command);

RAFT_HIDDEN_END

#endif
