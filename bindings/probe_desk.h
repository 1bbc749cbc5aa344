/* SPDX-License-Identifier: MIT
**
** probe_desk.h - a few members on one desk, for specs of core/replica.
**
** Holds:     members with pretended disks, a clock that moves when told,
**            messages in the order they were sent, a small machine.
** Knows not: chance in time or order. Everything takes no time, unless it is
**            held back; that is what unit specs want. The simulator is
**            another world, and an honest one. */

#ifndef RAFT_BINDINGS_PROBE_DESK_H
#define RAFT_BINDINGS_PROBE_DESK_H

#include "replica/replica.h"
#include "sim/disk.h"
#include "wire/configuration.h"

#define DESK_MEMBERS_MAX 8
#define DESK_REQUESTS_MAX 64 /* of one machine */

enum desk_state { DESK_DOWN, DESK_OPENING, DESK_UP, DESK_STOPPED,
                  DESK_CLOSED, DESK_REFUSED };

/* A message on its way, or an answer to a client. */
struct desk_note {
  struct desk_note *next;
  raft_id from;
  raft_id to;          /* 0: a client */
  uint64_t connection;
  bool is_hang_up;
  size_t size;
  uint8_t bytes[];
};

struct desk_queue {
  struct desk_note *first;
  struct desk_note **last;
};

/* One command as the machine saw it. */
struct desk_applied {
  raft_index index;
  size_t size;
  uint8_t *payload;
};

struct desk;

struct desk_member {
  struct port_net net;
  struct port_clock clock;
  struct port_machine machine;
  struct desk *desk;
  raft_id id;
  enum desk_state state;
  int status;
  struct raft_detail detail;
  struct raft_arena arena;
  struct sim_disk *disk;
  struct replica *replica;
  bool disk_held;
  bool machine_held;
  bool machine_keeps;     /* its state survives the process */
  bool machine_bare;      /* it takes no snapshots */
  uint64_t blocks;           /* of snapshots, sent to others */
  size_t pull_fails_in;   /* that MACHINE_PULL raises; 0: none */
  struct raft_buffer image; /* plain: of MACHINE_SNAPSHOT, or pushed */
  size_t image_at;
  raft_index skew_from;   /* results differ from this index on; 0: never */
  int machine_fails;      /* status of the next apply; 0: works */
  char vm[16];
  struct wire_version version; /* protocol 0: that of this build */
  struct machine_request *requests[DESK_REQUESTS_MAX];
  size_t request_count;
  size_t results_kept;    /* bytes that the last request came with */
  struct desk_applied *applied;
  size_t applied_count;
  size_t applied_capacity;
  bool is_wanted[DESK_MEMBERS_MAX + 1]; /* the replica knows it */
  bool is_linked[DESK_MEMBERS_MAX + 1];
};

struct desk {
  struct raft_tracer tracer; /* first */
  raft_id count;
  raft_id voters;            /* the first of them; the others may join */
  struct desk_member members[DESK_MEMBERS_MAX + 1]; /* by id, from 1 */
  bool is_cut[DESK_MEMBERS_MAX + 1][DESK_MEMBERS_MAX + 1];
  raft_time now;
  uint64_t chance;
  struct raft_limits limits;
  uint64_t hash_interval;
  enum raft_bug bug;
  struct desk_queue messages;
  struct desk_queue answers;
  struct raft_buffer traces; /* lines */
  uint64_t refused;          /* messages and greetings that were refused */
  int init_status;
  struct raft_detail init_detail;
  char panic[220];           /* an assertion failed: nothing goes on */
};

/* Calls into a replica stand between these: an assertion ends the desk, not
** the process. Each member is settled by replica_flush. */
#define DESK_CALL(desk, guard, call)                                 \
  do {                                                               \
    if ((desk)->panic[0] == '\0') {                                  \
      raft_guard_enter (&(guard));                                   \
      if (setjmp ((guard).jump) == 0) {                              \
        call;                                                        \
      } else {                                                       \
        memcpy ((desk)->panic, (guard).what, sizeof (guard).what);   \
      }                                                              \
      raft_guard_leave (&(guard));                                   \
    }                                                                \
  } while (0)

/* What specs hold in their hands. */
#define DESK_NAME "raft.probe.desk"

struct desk_handle {
  struct desk *desk;         /* NULL: freed */
};

RAFT_HIDDEN_BEGIN

/* NULL: out of memory. */
struct desk *desk_new (raft_id count);
void desk_free (struct desk *desk);

/* Makes the directory of a member on an empty disk. */
int desk_init (struct desk *desk, raft_id id);
void desk_start (struct desk *desk, raft_id id);
/* The process dies; with power, all that 'mask' says of what is unsynced. */
void desk_kill (struct desk *desk, raft_id id);
/* The link from 'at' to 'id' has ended, or could not be made. */
void desk_link_down (struct desk *desk, raft_id at, raft_id id,
                     enum net_down why);
void desk_crash (struct desk *desk, raft_id id, uint64_t mask);
void desk_close (struct desk *desk, raft_id id);

/* One greeting or refusal, on a connection that 'dialled' was dialled on; 0:
** somebody dialled. Returns what became of it, 0 also for a refusal. */
int desk_hear (struct desk *desk, raft_id id, const uint8_t *data,
               size_t size, raft_id dialled);

/* One object from a client, or from an operator. Returns what the replica
** returned. */
int desk_request (struct desk *desk, raft_id id, uint64_t connection,
                  const struct wire_view *bytes, bool is_admin);
int desk_snapshot (struct desk *desk, raft_id id);
void desk_hang_up (struct desk *desk, raft_id id, uint64_t connection);

/* What is under way to a disk that is held ends. */
void desk_finish_disk (struct desk *desk, raft_id id);
/* Everything that can happen now; and then as time passes. */
void desk_settle (struct desk *desk);
void desk_run (struct desk *desk, raft_time length);

/* The oldest answer, to be freed by the caller; NULL: none. */
struct desk_note *desk_take_answer (struct desk *desk);

RAFT_HIDDEN_END

#endif
