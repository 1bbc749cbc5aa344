/* SPDX-License-Identifier: MIT
**
** machine.h - the door to the replicated machine.
**
** Holds:  two things. 'struct machine' is the machine itself, a table of
**         plain functions (a Lua machine, or the null machine of benches).
**         'struct port_machine' is the door: requests with a completion. A
**         world puts one behind the other: on an apply thread, or behind a
**         simulated delay.
** Rule:   requests are performed in the order of submission; each 'done' is
**         called exactly once, on the engine's thread, never from inside
**         submit(). At most one MACHINE_APPLY is in flight.
** Rule:   a machine sees entries in log order, without holes. */

#ifndef RAFT_PORT_MACHINE_H
#define RAFT_PORT_MACHINE_H

#include "base/buffer.h"
#include "base/types.h"

/* One command to apply. */
struct machine_entry {
  raft_index index;
  raft_time time;         /* the leader's wall clock, microseconds; never
                             going back along the log */
  uint64_t random;        /* the same on every member */
  const uint8_t *payload; /* one canonical value; borrowed for the call */
  size_t payload_size;
};

/* One answer, encoded. The same on every member and no option of a process: a
** larger answer is an error that all of them give. So one call of 256 entries
** collects 256 MiB at most. */
#define MACHINE_ANSWER_MAX ((size_t)1024 * 1024)

/* What became of one command. */
struct machine_result {
  int status;      /* 0; RAFT_EAPPLY_FAILED: the machine raised, the bytes
                      are its message as a canonical string (the same on
                      every member) */
  size_t offset;   /* of the canonical value in 'bytes' */
  size_t size;
};

enum machine_operation {
  MACHINE_OPEN,   /* make it; -> held_index, hash, vm */
  MACHINE_APPLY,  /* entries -> results, bytes */
  MACHINE_QUERY,  /* question -> one result, bytes */
  MACHINE_DIGEST, /* -> state hash of what was applied so far */
  MACHINE_SNAPSHOT, /* remember the state as it is now, to be pulled while
                     more is applied. RAFT_ENO_METHOD: it takes none */
  MACHINE_PULL,   /* -> the next piece in 'bytes'; none: that was all. After a
                     failure, and after the last piece, nothing is remembered*/
  MACHINE_DROP,   /* forget what was remembered, or pushed */
  MACHINE_RESTORE,/* begin anew: what is pushed becomes the state */
  MACHINE_PUSH,   /* entries[0].payload: the next piece */
  MACHINE_RESTORED, /* that was all: be in that state. A failure leaves no
                     machine: it must be restored again */
  MACHINE_CLOSE
};

/* Of one piece of a snapshot. */
#define MACHINE_PIECE_MAX ((size_t)256 * 1024)

struct machine_request {
  enum machine_operation operation;
  const struct machine_entry *entries; /* APPLY, QUERY (one): borrowed */
  size_t entry_count;
  struct machine_result *results;      /* room for entry_count, by caller */
  struct raft_buffer bytes;            /* memory: raft_memory_plain only */
  raft_index held_index;               /* OPEN: already held by the machine */
  uint64_t hash;                       /* OPEN: of the machine's source
                                          DIGEST: the state hash */
  char vm[16];                         /* OPEN: "Lua 5.4", "LuaJIT", "C" */
  char message[256];                   /* why 'status' is not 0 */
  int status;       /* 0, or the machine cannot go on: RAFT_EMACHINE (a
                       mistake in the machine's file), RAFT_ENOMEM. Of
                       SNAPSHOT and PULL also RAFT_ENO_METHOD and
                       RAFT_EAPPLY_FAILED: it goes on without a snapshot */
  void (*done) (struct machine_request *request);
  void *owner;
  void *world;
};

struct port_machine {
  /* Borrows 'request' until its 'done'. Cannot fail. */
  void (*submit) (struct port_machine *port, struct machine_request *request);
};

/* A machine: performs one request, now, on the calling thread, and sets its
** results and status; does not call 'done'. */
struct machine {
  void (*perform) (struct machine *machine, struct machine_request *request);
  void (*free) (struct machine *machine);
};

#endif
