/* SPDX-License-Identifier: MIT
**
** member.h - one pretended computer: a disk that stays, and a process that
** comes and goes.
**
** Holds:     starting, crashing, killing, pausing; the doors of one process.
** Invariant: nothing of an earlier life of the process reaches a later one,
**            but the disk. All memory of a life goes with its arena. */

#ifndef RAFT_SIM_MEMBER_H
#define RAFT_SIM_MEMBER_H

#include "base/memory.h"
#include "port/clock.h"
#include "replica/replica.h"
#include "sim/drift.h"
#include "sim/machine.h"
#include "sim/net.h"
#include "sim/storage.h"
#include "sim/world.h"

#define SIM_ADDRESS_MAX 32
#define SIM_FILE_NAME_MAX 64 /* ending zero included, as the disk has them */

enum sim_member_state {
  SIM_MEMBER_DOWN,
  SIM_MEMBER_OPENING, /* recovering */
  SIM_MEMBER_UP,
  SIM_MEMBER_STOPPED  /* stopped itself, or could not open */
};

struct sim_member {
  struct sim_world *world;
  raft_id id;
  char address[SIM_ADDRESS_MAX];
  enum sim_member_state state;
  bool is_paused;
  bool is_wiped;        /* its directory was made anew: others refuse it */
  bool is_damaged;      /* its files were, at rest: it may refuse to open */
  bool must_halt;       /* and cannot do without what it has lost */
  char damaged_file[SIM_FILE_NAME_MAX];
  bool has_left;        /* it said once that it was removed */
  bool is_excused;      /* a fault explains that it stops or does not open */
  bool has_taken;       /* its engine has seen the message delivered */
  bool has_opened;      /* told, and not yet acted upon */
  uint64_t life;        /* of the process, from 1 */
  uint64_t incarnation; /* of the directory, as greeted; 0: not yet */
  uint64_t first_incarnation; /* that it had before it was wiped */
  raft_time wall_offset;/* of its wall clock */
  struct sim_drift drift; /* of its monotonic clock */
  struct raft_arena arena;
  struct replica *replica;
  struct sim_storage storage;
  struct sim_machine machine;
  struct port_net net;
  struct port_clock clock;
  struct raft_tracer tracer;
  struct sim_event time_event;
  /* Incarnations that this life has accepted, by member; 0: none. */
  uint64_t greeted[SIM_MEMBERS_MAX + 1];
  struct sim_event *backlog;     /* what waits for the end of a pause */
  struct sim_event *backlog_last;
  uint32_t backlog_messages;
  raft_time drawn_at;            /* its last draw of bits, by time */
  uint64_t drawn;                /* of that microsecond, before it */
  int stop_status;
  struct raft_detail stop_detail;
};

RAFT_HIDDEN_BEGIN

/* Makes the computer, its disk and the directory on it. */
int sim_member_new (struct sim_world *world, raft_id id);
void sim_member_free (struct sim_member *member);

/* Starts the process; it recovers first. */
void sim_member_start (struct sim_member *member);
/* Power is lost: the disk keeps any subset of what was not synced. */
void sim_member_crash (struct sim_member *member);
/* The process alone dies: the page cache lives on. */
void sim_member_kill (struct sim_member *member);
void sim_member_pause (struct sim_member *member);
void sim_member_resume (struct sim_member *member);
/* Its monotonic clock goes wrong by so many parts per million, or right. */
void sim_member_drift (struct sim_member *member, bool is_slower,
                       uint64_t parts);
/* The disk is replaced by an empty one and the directory made anew. The
** process must be down. */
void sim_member_wipe (struct sim_member *member);

/* A file is damaged: a bit flipped, cut short, or gone, as an action says.
** False: none that matters. The process must be down. */
bool sim_member_rot (struct sim_member *member,
                     const struct sim_action *action);
/* Whether it must take part again once all faults have ended. */
bool sim_member_is_owed (const struct sim_member *member);

/* One event of the queue that concerns this member's process or computer;
** takes care of pauses and of lives gone by. */
void sim_member_handle (struct sim_member *member, struct sim_event *event);

/* After calls into the replica: flushes, sets the deadline anew, checks. */
void sim_member_settle (struct sim_member *member);

bool sim_member_is_up (const struct sim_member *member); /* and has opened */

RAFT_HIDDEN_END

#endif
