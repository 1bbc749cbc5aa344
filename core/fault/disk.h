/* SPDX-License-Identifier: MIT
**
** disk.h - a disk that is slow, full, or fails: a decorator of port/fs.
**
** Holds:     requests that wait behind a slow sync; how much is left; which
**            write or sync fails.
** Knows not: which port is below it: libuv's, the simulator's, or fs.h.
** Invariant: requests reach the port below in the order of their submission,
**            and each 'done' comes in that order, never from inside submit().
** Rule:      what fails here does nothing below. Who keeps unsynced bytes
**            there is told of a failed sync, and loses them (fs.h). */

#ifndef RAFT_FAULT_DISK_H
#define RAFT_FAULT_DISK_H

#include "port/clock.h"
#include "port/fs.h"

#define FAULT_DISK_ENDLESS UINT64_MAX

struct fault_disk;

RAFT_HIDDEN_BEGIN

/* Both are borrowed until fault_disk_free. NULL: out of memory (plain). */
struct fault_disk *fault_disk_new (struct port_fs *below,
                                   struct port_clock *clock);
/* Forgets requests under way: the port below must not touch them again. */
void fault_disk_free (struct fault_disk *fault);

/* The door that decorates. Valid as long as the decorator. */
struct port_fs *fault_disk_port (struct fault_disk *fault);

/* Each sync takes so much longer; 0: not. */
void fault_disk_slow (struct fault_disk *fault, raft_time by);
/* So many bytes are left for files to grow; FAULT_DISK_ENDLESS: mended. */
void fault_disk_fill (struct fault_disk *fault, uint64_t left);
/* The Nth write or sync from now on fails; 0: none. */
void fault_disk_fail (struct fault_disk *fault, uint64_t nth);

/* Whom to tell of a sync that fails, before it is done. */
void fault_disk_tell (struct fault_disk *fault,
                      void (*lost) (void *owner,
                                    const struct fs_request *sync),
                      void *owner);

/* When fault_disk_on_time must be called next; RAFT_TIME_MAX: not. */
raft_time fault_disk_deadline (const struct fault_disk *fault);
void fault_disk_on_time (struct fault_disk *fault);

RAFT_HIDDEN_END

#endif
