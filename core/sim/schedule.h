/* SPDX-License-Identifier: MIT
**
** schedule.h - a run as a list: actions in the order of time, and the choices
** that were not calm.
**
** Holds:     the list, recorded or to be replayed.
** Knows not: what an action does (action.h), how a choice is drawn (world.c).
** Invariant: a world that replays what another one recorded, with its options
**            and seed, has the same trace hash. The seed is that of the bits
**            for processes, which are no outcome that could be left out. */

#ifndef RAFT_SIM_SCHEDULE_H
#define RAFT_SIM_SCHEDULE_H

#include "sim/choice.h"

/*  X(symbol, word) */
#define SIM_ACTIONS(X)                                                    \
  X(START, "start") X(CRASH, "crash") X(KILL, "kill") X(PAUSE, "pause")   \
  X(RESUME, "resume") X(WIPE, "wipe") X(ROT, "rot") X(CUT, "cut")         \
  X(MEND, "mend") X(PARTITION, "partition") X(JOIN, "join")               \
  X(HEAL, "heal") X(RESET, "reset") X(FAIL, "fail")                       \
  X(FAIL_MEMORY, "fail_memory") X(SLOW, "slow") X(FILL, "fill")           \
  X(JUMP, "jump") X(DRIFT, "drift") X(SLOW_LINK, "slow_link")             \
  X(LIE, "lie") X(MEMBERS, "set_members") X(TRANSFER, "transfer")         \
  X(SNAPSHOT, "snapshot") X(INVOKE, "invoke") X(SET, "set")               \
  X(SETTLE, "settle")

enum sim_action_kind {
  SIM_ACTION_NONE = 0,
#define X(symbol, word) SIM_ACTION_##symbol,
  SIM_ACTIONS (X)
#undef X
  SIM_ACTION_KINDS
};

enum sim_rot { SIM_ROT_FLIP, SIM_ROT_SHORT, SIM_ROT_GONE };

struct sim_action {
  raft_time time;      /* since the run began */
  uint32_t after;      /* events of that microsecond that come before it */
  enum sim_action_kind kind;
  uint32_t whom;       /* member or client, from 1 */
  uint32_t from;       /* sets of members, by bit; bit 0: all clients. Of
                          MEMBERS: voters, and learners */
  uint32_t to;
  unsigned how;        /* enum sim_keep, sim_rot, sim_operation_kind; of FAIL:
                          1 the machine, else the disk; of JUMP: 1 back; of
                          DRIFT: 1 slower; of LIE: 1 from now on */
  uint64_t value;      /* microseconds, bytes, the Nth, a file; of SET */
  uint64_t more;       /* how many, a place, a deadline */
  uint8_t *bytes;      /* a command; of SET the name; owned by the schedule */
  size_t size;
};

struct sim_chosen {
  uint64_t key; /* the matter's code with the kind on top */
  uint64_t value;
};

struct sim_schedule {
  struct sim_action *actions;
  size_t action_count;
  size_t action_capacity;
  struct sim_chosen *chosen;
  size_t chosen_count;
  size_t chosen_capacity;
  struct sim_map by_key;  /* values, made when first asked for */
  bool is_mapped;
};

RAFT_HIDDEN_BEGIN

/* NULL: out of memory. Later there is an assertion when memory is short. */
struct sim_schedule *sim_schedule_new (void);
void sim_schedule_free (struct sim_schedule *schedule); /* NULL is ignored */

/* Copies the action with its bytes. */
void sim_schedule_act (struct sim_schedule *schedule,
                       const struct sim_action *action);
void sim_schedule_choose (struct sim_schedule *schedule,
                          enum sim_choice_kind kind, struct sim_matter matter,
                          uint64_t value);
/* The outcome listed; 0, which is calm, when none is. */
uint64_t sim_schedule_find (struct sim_schedule *schedule,
                            enum sim_choice_kind kind,
                            struct sim_matter matter);

RAFT_HIDDEN_END

#endif
