/* SPDX-License-Identifier: MIT
**
** storage.h - a member's disk, with pretended latencies and failures.
**
** Holds: the door port/fs.h over sim/disk.h. The disk performs requests one
**        after another; this decides when, and when it fails. */

#ifndef RAFT_SIM_STORAGE_H
#define RAFT_SIM_STORAGE_H

#include "port/fs.h"
#include "sim/disk.h"
#include "sim/world.h"

/* What a crash keeps of what was not synced. */
enum sim_keep {
  SIM_KEEP_SOME, /* by chance, each sector and name for itself */
  SIM_KEEP_NOTHING,
  SIM_KEEP_EVERYTHING,
  SIM_KEEP_CONTENTS /* of files, and no name */
};

struct sim_storage {
  struct port_fs port;
  struct sim_member *member;
  struct sim_disk *disk;
  struct sim_choice choice; /* what a crash or a failure keeps */
  raft_time busy_until;
  uint64_t fails_in;/* the Nth write or sync from now on fails; 0: none */
  raft_time slow_us; /* that every sync takes longer */
  uint32_t losses; /* crashes and failures so far */
  uint32_t asked;  /* unsynced changes of this one so far */
  enum sim_keep keeps; /* in a power loss */
  bool is_draining;/* its requests are performed without events */
};

RAFT_HIDDEN_BEGIN

/* Errors: RAFT_ENOMEM. */
int sim_storage_init (struct sim_storage *storage,
                      struct sim_member *member);
void sim_storage_free (struct sim_storage *storage);
/* Performs the oldest request, whose number is that of the event. */
void sim_storage_step (struct sim_storage *storage, uint64_t number);
/* Performs all that waits at once: for making directories. */
void sim_storage_drain (struct sim_storage *storage);
/* Power lost, or only the process gone: waiting requests are dropped. */
void sim_storage_crash (struct sim_storage *storage);
void sim_storage_kill (struct sim_storage *storage);

RAFT_HIDDEN_END

#endif
