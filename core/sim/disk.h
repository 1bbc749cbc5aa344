/* SPDX-License-Identifier: MIT
**
** disk.h - a pretended disk: one directory of one member, behind port/fs.h.
**
** Holds:     files and names twice, as a process sees them and as the disk
**            has them, and between the two what was not synced: sector
**            writes, lengths and directory operations, in order.
** Knows not: time, chance. Its owner says when the oldest request is done
**            (sim_disk_step), which one fails, and what a crash keeps.
** Invariant: only a successful sync makes anything durable, and only of what
**            was written since the sync before: after a failed one the lost
**            sectors are clean in memory and a later sync does not write them
**            (Rebello et al., "Can applications recover from fsync
**            failures?", ATC'20).
** Rule:      nothing here depends on addresses; equal requests and equal
**            choices give equal disks. Memory is raft_memory_plain, and the
**            world ends by an assertion when there is none. */

#ifndef RAFT_SIM_DISK_H
#define RAFT_SIM_DISK_H

#include "base/buffer.h"
#include "base/types.h"
#include "port/fs.h"

#define SIM_SECTOR_BYTES 512 /* written whole or not at all */
#define SIM_CHUNK_BYTES 4096 /* of a file, allocated when first written */

/* Answers one question after another: is this unsynced change kept? */
struct sim_choice {
  bool (*keep) (struct sim_choice *choice);
};

/* Choice i is bit i of 'mask', and from 64 on of raft_mix of it. */
struct sim_choice_mask {
  struct sim_choice choice; /* first */
  uint64_t mask;
  uint32_t asked;           /* questions so far */
};

enum sim_disk_fault {
  SIM_DISK_WRITE = 1, /* FS_WRITE, FS_ALLOCATE */
  SIM_DISK_SYNC,      /* FS_SYNC, FS_SYNC_DIRECTORY */
  SIM_DISK_ANY,       /* every request but FS_CLOSE */
  SIM_DISK_FAULTS
};

struct sim_disk_counts {
  uint64_t requests;  /* performed, of each kind below too */
  uint64_t changes;   /* to contents, lengths or names; syncs too */
  uint64_t writes;
  uint64_t syncs;
  uint64_t failed;    /* by a planned fault */
  uint64_t sectors_lost; /* in crashes, unsynced */
  uint64_t names_lost;
};

struct sim_disk;

RAFT_HIDDEN_BEGIN

void sim_choice_mask_init (struct sim_choice_mask *choice, uint64_t mask);

/* An empty directory, endless. NULL: out of memory. */
struct sim_disk *sim_disk_new (void);
void sim_disk_free (struct sim_disk *disk); /* NULL is ignored */

/* The door. Valid as long as the disk. */
struct port_fs *sim_disk_port (struct sim_disk *disk);

/* ---- running ---------------------------------------------------------- */

/* How many requests wait; the oldest, or NULL. */
size_t sim_disk_pending (const struct sim_disk *disk);
const struct fs_request *sim_disk_oldest (const struct sim_disk *disk);

/* Performs the oldest request and calls its 'done'. False: there is none. */
bool sim_disk_step (struct sim_disk *disk);
/* Performs until none waits. */
void sim_disk_drain (struct sim_disk *disk);

/* The process is gone: waiting requests are dropped without 'done', handles
** and lock with them. What was written stays visible, unsynced as it is. */
void sim_disk_kill (struct sim_disk *disk);
/* Power is lost: a kill, and of all that is not synced 'choice' says what is
** kept; asked once per change, in order. */
void sim_disk_crash (struct sim_disk *disk, struct sim_choice *choice);

/* Whether what is being asked is of a name, not of a file. */
bool sim_disk_asks_names (const struct sim_disk *disk);
/* How many questions a crash would ask now. */
uint32_t sim_disk_unsynced (const struct sim_disk *disk);
/* As after sim_disk_crash: what is seen is what is stored. */
bool sim_disk_is_at_rest (const struct sim_disk *disk);

/* Requests performed from now on are those of another process; what an
** earlier one locked stays locked until sim_disk_release. */
void sim_disk_become (struct sim_disk *disk, uint64_t process);
void sim_disk_release (struct sim_disk *disk, uint64_t process);

/* ---- faults ----------------------------------------------------------- */

/* After 'after' more requests of that kind, one fails with 'status'.
** One plan per kind; status 0 takes it back. */
void sim_disk_fail (struct sim_disk *disk, enum sim_disk_fault fault,
                    uint64_t after, int status);
/* Decides how much of a failed write or sync reaches the disk. NULL (as at
** first): nothing. Borrowed until replaced. */
void sim_disk_set_choice (struct sim_disk *disk, struct sim_choice *choice);

/* Bytes that files may have together; 0: endless. Files that are there stay,
** and can be written where they are allocated. */
void sim_disk_set_capacity (struct sim_disk *disk, uint64_t bytes);
uint64_t sim_disk_used (const struct sim_disk *disk);

/* An illegal disk: syncs succeed and make nothing durable. */
void sim_disk_set_lying (struct sim_disk *disk, bool lies);
bool sim_disk_lies (const struct sim_disk *disk);

/* Damage, visible and durable at once. Errors: RAFT_ENOT_FOUND: no such
** file, or shorter. */
int sim_disk_flip (struct sim_disk *disk, const char *name, uint64_t offset,
                   unsigned bit);
int sim_disk_truncate (struct sim_disk *disk, const char *name,
                       uint64_t size);
int sim_disk_remove (struct sim_disk *disk, const char *name);
/* A whole file as given, replacing one of that name. */
void sim_disk_put (struct sim_disk *disk, const char *name,
                   const void *bytes, size_t size);

/* ---- looking in ------------------------------------------------------- */

/* Names, each ended by a zero byte, sorted; appended.
** Errors: RAFT_ENOMEM. */
int sim_disk_names (const struct sim_disk *disk, bool durable,
                    struct raft_buffer *out);
/* The bytes of a file, appended: what a process sees, or what would be there
** if power were lost now and nothing unsynced kept.
** Errors: RAFT_ENOT_FOUND, RAFT_ENOMEM. */
int sim_disk_contents (const struct sim_disk *disk, const char *name,
                       bool durable, struct raft_buffer *out);

/* A disk of its own with the same files, names and unsynced changes; without
** process: as after sim_disk_kill. Shares unchanged chunks, which is cheap. */
struct sim_disk *sim_disk_copy (const struct sim_disk *disk);

/* Of everything that a later process or crash can tell apart (but not of
** faults planned and capacity). Equal disks have equal hashes. */
uint64_t sim_disk_hash (const struct sim_disk *disk);

void sim_disk_get_counts (const struct sim_disk *disk,
                          struct sim_disk_counts *counts);

RAFT_HIDDEN_END

#endif
