/* SPDX-License-Identifier: MIT
**
** note.h - what people want to see of a run besides what members say: the
** ways of messages, faults, and the operations of clients.
**
** Holds:     records of the world itself, among those of the members, and the
**            operations with their bytes.
** Invariant: notes decide nothing and are in no hash: a run is the same
**            whether they are kept or not.
** Rule:      nothing is kept, and nothing costs, unless keep_traces asks. */

#ifndef RAFT_SIM_NOTE_H
#define RAFT_SIM_NOTE_H

#include "sim/client.h"
#include "sim/world.h"

struct sim_kept_operation {
  uint32_t client;
  uint64_t number;
  enum sim_operation_kind kind;
  raft_time from;
  raft_time to;        /* 0: it is not done */
  uint64_t youngest;   /* number of the last that began before its end */
  int status;
  uint8_t *bytes;      /* the command or question, then the result */
  size_t size;
  size_t result_size;
};

RAFT_HIDDEN_BEGIN

/* A record of what happened to a member (0: to none, or to all). */
void sim_note (struct sim_world *world, enum raft_trace_kind kind,
               raft_id member);
/* The same with fields, as the table of base/trace.h says. */
void sim_note_fields (struct sim_world *world, enum raft_trace_kind kind,
                      raft_id member, const uint64_t fields[4]);
/* A message that did not arrive. */
void sim_note_lost (struct sim_world *world, const struct sim_event *event,
                    enum raft_reason why);

void sim_note_invoked (struct sim_world *world,
                       const struct sim_operation *operation,
                       uint32_t client, struct wire_view bytes);
void sim_note_done (struct sim_world *world,
                    const struct sim_operation *operation);
void sim_note_free (struct sim_world *world);

RAFT_HIDDEN_END

#endif
