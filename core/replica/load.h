/* SPDX-License-Identifier: MIT
**
** load.h - older entries, on their way back from the log.
**
** Holds:     one load per LOAD effect: from the effect until the step of its
**            LOADED event is over; the machine's batch holds it longer.
** Knows not: what is done with them. */

#ifndef RAFT_REPLICA_LOAD_H
#define RAFT_REPLICA_LOAD_H

#include "wal/wal.h"

struct replica;

/* An answer to a LOAD effect. */
enum replica_load_state { LOAD_FREE, LOAD_WANTED, LOAD_READING, LOAD_READ,
                          LOAD_USED };
struct replica_load {
  struct wal_load wal;
  struct replica *replica;
  uint64_t ticket;         /* of the effect */
  enum replica_load_state state;
};

RAFT_HIDDEN_BEGIN

void replica_load_want (struct replica *replica,
                        const struct raft_effect *effect);
struct replica_load *replica_load_find (struct replica *replica,
                                        uint64_t ticket);
void replica_load_release (struct replica_load *load);
bool replica_settle_loads (struct replica *replica);
void replica_loads_free (struct replica *replica);

RAFT_HIDDEN_END

#endif
