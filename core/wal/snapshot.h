/* SPDX-License-Identifier: MIT
**
** snapshot.h - the format of snapshot files, version 1, and writing and
** reading them.
**
** Holds:     layout, a writer and a reader. This comment is the
**            specification.
** Knows not: what is in a snapshot (replica/snapshot.h), when one is taken.
**
** A directory holds snapshots "snapshot-0000000000000042", named by the index
** of the last entry that they cover, and at times "snapshot-new", which is
** being written and is deleted when found. All numbers are little-endian.
**
**   | head | block 0 + sum | block 1 + sum | … | last block + sum |
**   0     512
**
**   head, 512 bytes
**   offset  size  field
**        0     8  magic           "luasnap" and a zero byte
**        8     4  format version  1
**       12     4  feature bits    0; an unknown bit must not be ignored
**       16     8  cluster
**       24     8  member
**       32     8  incarnation     whose directory this is, not who took it
**       40     8  index           of the last entry covered
**       48     8  term            of that entry
**       56     8  time            of that entry, microseconds
**       64     8  size            bytes of the content
**       72     8  salt            random
**       80   424  reserved        0
**      504     8  checksum        of bytes 0 … 503, salted with
**                                 WAL_SNAPSHOT_SALT
**
** The content stands in blocks of 64 KiB, the last one shorter; behind each
** its checksum (8 bytes), salted with the file's salt and the block's number.
** So a block that is missing, damaged or in another's place is found when it
** is read, before any byte of it is believed.
**
** Rule:      it is written under another name, synced, renamed, and the
**            directory synced: a snapshot that stands under its name is whole.
** Rule:      the head is written last: a file without one is nothing.
** Rule:      it is synced every few MiB, too: the log's own syncs share the
**            disk, and none of them waits for a whole snapshot.
** Source:    Paper 7; SQLite's and LMDB's care with names. */

#ifndef RAFT_WAL_SNAPSHOT_H
#define RAFT_WAL_SNAPSHOT_H

#include "base/buffer.h"
#include "base/limit.h"
#include "port/fs.h"
#include "wal/record.h"

#define WAL_SNAPSHOT_MAGIC "luasnap" /* with its zero byte */
#define WAL_SNAPSHOT_VERSION 1
#define WAL_SNAPSHOT_FEATURES 0
#define WAL_SNAPSHOT_SALT 0x6c7561736e617031u
#define WAL_SNAPSHOT_HEAD 512          /* bytes */
#define WAL_SNAPSHOT_BLOCK 65536       /* bytes of content */
#define WAL_SNAPSHOT_SUM 8             /* bytes behind each block */
#define WAL_SNAPSHOT_SYNC (4 * RAFT_MIB) /* bytes between two syncs */
#define WAL_SNAPSHOT_PREFIX "snapshot-"
#define WAL_SNAPSHOT_DIGITS 16
#define WAL_SNAPSHOT_NEW "snapshot-new"
#define WAL_SNAPSHOT_NAME 32           /* of a name, ending zero included */

struct wal_snapshot_head {
  struct wal_identity identity;
  raft_index index;
  raft_term term;
  raft_time time;
  uint64_t size;          /* bytes of the content */
  uint64_t salt;
};

RAFT_HIDDEN_BEGIN

/* "snapshot-0000000000000042". 'name' has WAL_SNAPSHOT_NAME. */
void wal_snapshot_name (raft_index index, char *name);
/* The index in a name; 0: not the name of a snapshot. */
raft_index wal_snapshot_index (const char *name);

void wal_snapshot_head_encode (const struct wal_snapshot_head *head,
                               uint8_t *bytes);
/* Errors, said in *detail: RAFT_ECORRUPT, RAFT_EUNSUPPORTED. */
int wal_snapshot_head_decode (const uint8_t *bytes, size_t size,
                              const char *name,
                              struct wal_snapshot_head *head,
                              struct raft_detail *detail);

/* The checksum behind a block. */
uint64_t wal_snapshot_sum (const struct wal_snapshot_head *head,
                           uint64_t block, const uint8_t *data, size_t size);
/* Bytes of the file with 'size' bytes of content. */
uint64_t wal_snapshot_file_size (uint64_t size);

/* ---- writing ----------------------------------------------------------- */

/* One at a time in a directory. Zeroed, then begun; nothing of it is
** allocated but the buffer, which is plain. */
struct wal_snapshot_writer {
  struct port_fs *fs;
  enum raft_bug bug;
  struct wal_snapshot_head head; /* size is counted here */
  uint64_t blocks;          /* written */
  size_t written;           /* bytes of the block that is being written */
  uint64_t unsynced;        /* bytes written since the last sync */
  uint64_t offset;
  struct raft_buffer buffer;/* plain: content not yet written */
  int64_t file;
  bool is_open;
  bool is_ending;
  bool is_busy;             /* a request is under way: nothing may be added */
  const char *step;         /* what is under way, for people */
  char name[WAL_SNAPSHOT_NAME];
  uint8_t bytes[WAL_SNAPSHOT_HEAD]; /* a sum, or the head */
  struct raft_slice slices[2];
  size_t slice_count;
  struct fs_request request;
  int status;               /* of what failed, until the file is gone */
  bool is_directory_lost;   /* its sync failed: nobody's new name is sure */
  struct raft_detail detail;
  /* What was asked for is done: more may be added, or the whole stands under
  ** its name. Not 0: nothing of it is left, as far as the disk allows; but
  ** whoever shares a directory that is lost must stop. */
  void (*done) (struct wal_snapshot_writer *writer, int status);
  void *owner;
};

/* Creates the file, over a leftover. 'fs', 'bug', 'done', 'owner' and the
** head but its size are set. Ends with 'done'. */
void wal_snapshot_begin (struct wal_snapshot_writer *writer);
/* Adds content; may write. True: 'done' comes, and nothing may be added until
** then. False: more can be added now. Errors come with 'done'. */
bool wal_snapshot_add (struct wal_snapshot_writer *writer, const void *data,
                       size_t size);
/* The content is complete. Ends with 'done'. */
void wal_snapshot_end (struct wal_snapshot_writer *writer);
/* Gives up; ends with 'done', RAFT_ECANCELLED. Not while busy. */
void wal_snapshot_give_up (struct wal_snapshot_writer *writer);
/* When nothing is under way, or the world completes nothing any more. */
void wal_snapshot_writer_free (struct wal_snapshot_writer *writer);

/* ---- reading ----------------------------------------------------------- */

struct wal_snapshot_reader {
  struct port_fs *fs;
  enum raft_bug bug;
  struct wal_snapshot_head head;
  uint64_t file_size;
  int64_t file;
  bool is_open;
  bool is_busy;
  uint64_t block;           /* being read */
  struct raft_buffer bytes; /* plain */
  char name[WAL_SNAPSHOT_NAME];
  struct fs_request request;
  struct raft_detail detail;
  /* What was asked for is done. Of a block: 'data' is valid until the next
  ** request. Errors: RAFT_ECORRUPT (file and offset are in 'detail'),
  ** RAFT_EUNSUPPORTED, RAFT_EIO, RAFT_ENOT_FOUND, RAFT_ENOMEM. */
  void (*done) (struct wal_snapshot_reader *reader, int status,
                const uint8_t *data, size_t size);
  void *owner;
};

/* Opens the snapshot of an index and reads its head. */
void wal_snapshot_open (struct wal_snapshot_reader *reader,
                        raft_index index);
/* How many blocks it has. */
uint64_t wal_snapshot_blocks (const struct wal_snapshot_reader *reader);
void wal_snapshot_read (struct wal_snapshot_reader *reader, uint64_t block);
/* Closes the file; ends with 'done'. */
void wal_snapshot_close (struct wal_snapshot_reader *reader);
void wal_snapshot_reader_free (struct wal_snapshot_reader *reader);

RAFT_HIDDEN_END

#endif
