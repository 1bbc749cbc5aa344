/* SPDX-License-Identifier: MIT
**
** fs.h - a disk that forgets: a decorator of port/fs that holds unsynced
** changes back in memory.
**
** Holds:     what was written and not synced, by file, and the renames that
**            no directory sync has confirmed.
** Knows not: which port is below it: libuv's or the simulator's.
** Invariant: whoever asks through the decorator sees its own writes and
**            renames at once; whoever asks the port below sees them only
**            after the sync. So a process that is killed with SIGKILL, which
**            alone keeps the page cache and proves nothing, loses what it
**            had not synced, as if power were lost.
** Rule:      a removal and the creation of an empty file are passed on at
**            once: losing them is harmless to the log. */

#ifndef RAFT_FAULT_FS_H
#define RAFT_FAULT_FS_H

#include "base/types.h"
#include "port/fs.h"

struct fault_fs;

RAFT_HIDDEN_BEGIN

/* 'below' is borrowed until fault_fs_free. NULL: out of memory (plain). */
struct fault_fs *fault_fs_new (struct port_fs *below);
/* Forgets what it holds, and requests under way that will not be done any
** more: the port below must not touch them again. */
void fault_fs_free (struct fault_fs *fault);

/* The door that decorates. Valid as long as the decorator. */
struct port_fs *fault_fs_port (struct fault_fs *fault);

/* From now on syncs do nothing, which no disk may do. */
void fault_fs_lie (struct fault_fs *fault, bool lies);

/* A sync, of a file or of the directory, has failed: what it should have made
** durable is seen as before, but a later sync does not write it, and the next
** life does not find it. So do kernels: after an error pages are clean.
** Source: Rebello et al., "Can applications recover from fsync failures?",
** ATC'20; sim/disk.h does the same. */
void fault_fs_lose (struct fault_fs *fault, const struct fs_request *sync);

#define FAULT_FS_ALL UINT64_MAX

/* Before the process is killed: passes on what is held of files' contents,
** all of it, or what 'bits' choose, as a loss of power leaves some sectors
** and not others. Names stay as they were synced. Then calls last->done; the
** rest of 'last' is set here. */
void fault_fs_spill (struct fault_fs *fault, uint64_t bits,
                     struct fs_request *last);

/* Bytes held back at the moment. */
uint64_t fault_fs_held (const struct fault_fs *fault);

RAFT_HIDDEN_END

#endif
