/* SPDX-License-Identifier: MIT
**
** disk_file.h - one file of the pretended disk: its bytes as seen, its bytes
** as stored, and the unsynced difference.
**
**   seen     |chunk|chunk| 0 0 |chunk|        what a process reads
**   changes  (sector, bytes) (sector, bytes)  in order, since the last sync
**   stored   |chunk| 0 0 | 0 0 |chunk|        what survives power loss
**
** Invariant: chunks are shared between 'seen', 'stored' and copies of the
**            disk, and copied before they are written; a chunk that was never
**            written reads as zeros and costs nothing. */

#ifndef RAFT_SIM_DISK_FILE_H
#define RAFT_SIM_DISK_FILE_H

#include "base/buffer.h"
#include "base/types.h"
#include "sim/disk.h"

struct sim_chunk;
struct sim_change;

/* Bytes of a file: chunks that were written, and a length. */
struct sim_image {
  struct sim_chunk **chunks; /* NULL: zeros; beyond 'count' too */
  size_t count;
  size_t capacity;
  uint64_t size;             /* bytes */
};

struct sim_file {
  uint32_t owners;           /* names, operations, handles */
  struct sim_image seen;
  struct sim_image stored;
  struct sim_change *changes;
  size_t change_count;
  size_t change_capacity;
  size_t request_start;      /* changes before the request at hand */
  bool is_resized;           /* the length is not synced */
  bool is_same;              /* seen and stored are equal */
  uint64_t allocated;        /* bytes that count as used */
  struct sim_file *twin;     /* while copied: its copy */
};

RAFT_HIDDEN_BEGIN

struct sim_file *sim_file_new (void); /* one owner */
struct sim_file *sim_file_retain (struct sim_file *file);
void sim_file_release (struct sim_file *file);
struct sim_file *sim_file_copy (const struct sim_file *file);

/* Begins a request: what it writes to one sector is one change. */
void sim_file_begin (struct sim_file *file);
/* Writes what 'choice' keeps, sector by sector; NULL keeps all. */
void sim_file_write (struct sim_file *file, uint64_t offset,
                     const uint8_t *data, size_t size,
                     struct sim_choice *choice);
void sim_file_resize (struct sim_file *file, uint64_t size);
void sim_file_read (const struct sim_image *image, uint64_t offset,
                    uint8_t *data, size_t size);

void sim_file_sync (struct sim_file *file);
/* Some changes reach the disk, none is remembered as unsynced. */
void sim_file_sync_failed (struct sim_file *file, struct sim_choice *choice);
/* Power is lost. */
void sim_file_crash (struct sim_file *file, struct sim_choice *choice);
uint32_t sim_file_unsynced (const struct sim_file *file);

/* What is seen becomes what is stored. */
void sim_file_settle (struct sim_file *file);

uint64_t sim_file_hash (const struct sim_file *file, uint64_t hash);

RAFT_HIDDEN_END

#endif
