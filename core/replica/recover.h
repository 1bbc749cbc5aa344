/* SPDX-License-Identifier: MIT
**
** recover.h - going on with one member when the majority is lost for ever.
**
** Holds:     what a member's directory says when nobody uses it, and a new
**            directory made of it, whose member is the only voter.
** Knows not: who is lost, and whether that is true: the operator says so.
**
**   old   1   2 … 40 | 41 … 57         configurations { 1, 2, 3 }, term 4
**         |   snapshot   |
**   new   1' [2 … 40]  41 … 57  58     1' and 58 are { 1 }; 58 is of term 5
**
** Rule:      the old directory is not changed, and nobody else may be using
**            it. In place would not be safe: two survivors that each put an
**            entry of theirs behind the last one, in the next term, would
**            have two entries of one index and term, and nothing that is
**            compared later could tell (Log Matching, Paper 5.3).
** Rule:      entry 1 becomes another one, with a random number in it, so it is
**            another cluster: who comes back with an old directory is refused
**            in both directions, whatever it knows.
** Rule:      until it is whole and durable it is marked as unfinished, and
**            nobody opens it (wal/record.h): the mark is made first, and
**            removed last. A failure leaves it.
** Rule:      all other entries, sessions and the machine's state are as they
**            were. What was committed and is not here is lost; what is here
**            and was not committed, is from now on.
** Source:    Diss. 4.3 has no way out of it: this is one outside of Raft, and
**            nothing of the engine knows of it. */

#ifndef RAFT_REPLICA_RECOVER_H
#define RAFT_REPLICA_RECOVER_H

#include "base/error.h"
#include "base/limit.h"
#include "base/memory.h"
#include "port/clock.h"
#include "port/fs.h"
#include "wal/wal.h"
#include "wire/configuration.h"

/* What stands in a directory: as a member would start with it. */
struct replica_survivor {
  struct wal_identity identity;
  raft_term term;               /* current */
  raft_term last_term;          /* of the last entry */
  raft_index last_index;
  raft_time last_time;
  raft_index snapshot_index;    /* the newest one that is whole; 0: none */
  raft_index configuration_index;
  struct wire_configuration configuration;
};

struct replica_recover_options {
  struct raft_memory *memory;
  struct port_fs *from;         /* is locked and read, never written */
  struct port_fs *into;         /* an empty directory; NULL: only look */
  struct port_clock *clock;
  struct raft_limits limits;
  void *owner;
  /* Called once. On success 'survivor' is what was there; or, with 'into',
  ** what is there now: all of it is durable, and its name is not asked for.
  ** Valid during the call. Errors, said in *detail: RAFT_ENOT_INITIALISED,
  ** RAFT_ELOCKED, RAFT_ECORRUPT (file and offset), RAFT_EUNSUPPORTED,
  ** RAFT_ENOT_FOUND (the member is not in its own configuration); those of
  ** wal_init; RAFT_EDISK_FULL, RAFT_EIO, RAFT_ENOMEM. */
  void (*done) (void *owner, int status,
                const struct replica_survivor *survivor,
                const struct raft_detail *detail);
};

RAFT_HIDDEN_BEGIN

struct rescue;

/* Begins; ends with 'done'. Errors: RAFT_ENOMEM (then 'done' is not called). */
int replica_recover (struct rescue **rescue,
                     const struct replica_recover_options *options);
/* After 'done', not within it; or when the world completes nothing any more.
** NULL is ignored. */
void replica_recover_free (struct rescue *rescue);

RAFT_HIDDEN_END

#endif
