/* SPDX-License-Identifier: MIT
**
** disk_names.h - the names of the pretended disk: as seen, as stored, and the
** unsynced creations, renames and removals between.
**
** Invariant: names are sorted by memcmp; each entry and each operation owns
**            its file once. */

#ifndef RAFT_SIM_DISK_NAMES_H
#define RAFT_SIM_DISK_NAMES_H

#include "base/types.h"
#include "sim/disk.h"
#include "sim/disk_file.h"

#define SIM_NAME_BYTES 64 /* ending zero included */

struct sim_entry {
  char name[SIM_NAME_BYTES];
  struct sim_file *file;
};

struct sim_entries {
  struct sim_entry *items;
  size_t count;
  size_t capacity;
};

/* A creation is from "", a removal is to "". */
struct sim_operation {
  char from[SIM_NAME_BYTES];
  char to[SIM_NAME_BYTES];
  struct sim_file *file;
};

struct sim_names {
  struct sim_entries seen;
  struct sim_entries stored;
  struct sim_operation *operations;
  size_t count;
  size_t capacity;
};

RAFT_HIDDEN_BEGIN

void sim_names_free (struct sim_names *names);

struct sim_file *sim_entries_find (const struct sim_entries *entries,
                                   const char *name);
/* Puts a file under a name, replacing another; NULL removes the name. */
void sim_entries_set (struct sim_entries *entries, const char *name,
                      struct sim_file *file);

/* Moves a file from one name to another, seen at once; "" is no name. */
void sim_names_move (struct sim_names *names, const char *from,
                     const char *to, struct sim_file *file);

void sim_names_sync (struct sim_names *names);
void sim_names_sync_failed (struct sim_names *names,
                            struct sim_choice *choice);
void sim_names_crash (struct sim_names *names, struct sim_choice *choice);

/* Calls 'visit' once for each file that any name or operation holds. */
void sim_names_each (const struct sim_names *names,
                     void (*visit) (struct sim_file *file, void *argument),
                     void *argument);

/* 'to' is empty; it gets copies of the files. */
void sim_names_copy (struct sim_names *to, const struct sim_names *from);

uint64_t sim_names_hash (const struct sim_names *names, uint64_t hash);

RAFT_HIDDEN_END

#endif
