/* SPDX-License-Identifier: MIT
**
** record.h - the format of the log on disk, version 1.
**
** Holds:     layout, encoding and checking of segment heads, batches and
**            records. This comment is the specification.
** Knows not: files, requests, what a sequence of records means (contents.h).
**
** A directory holds segments "log-0000000001", "log-0000000002", … without a
** gap, and at times "log-new", which is being made and is deleted when found.
** The oldest may be gone: then a snapshot has what they held. Where the empty
** file "recovery-unfinished" stands, the rest is not to be believed: the
** directory is being made out of another one (replica/recover.h), and lacks
** entries. It is there before the first segment, and goes last.
** All numbers are little-endian. A sector is 512 bytes.
**
** A segment is a file of fixed length: one sector of head, then batches, each
** beginning at a sector, then zeros.
**
**   | head | batch 17    | batch 18 | batch 19 (mark) | 0 0 0 0 0 0 … |
**   0     512                                               'size' bytes
**
**   head, 512 bytes
**   offset  size  field
**        0     8  magic           "luaraft" and a zero byte
**        8     4  format version  1
**       12     4  feature bits    0; an unknown bit must not be ignored
**       16     8  cluster
**       24     8  member
**       32     8  incarnation
**       40     8  segment number  as in the name, from 1
**       48     8  size            bytes of the file, sectors
**       56     8  salt            random
**       64   440  reserved        0
**      504     8  checksum        of bytes 0 … 503, salted with WAL_HEAD_SALT;
**                                 stands here in every version
**
** The head is written and synced before the file gets its name.
**
**   batch: head, record heads, bodies in the same order, zeros up to a sector
**        0     4  magic           "BATC"
**        4     4  size            bytes, padding included, sectors
**        8     8  number          from 1, by one, across segments
**       16     8  term            current term when the batch is done
**       24     8  vote            of that term, 0 for none
**       32     4  record count
**       36     4  reserved        0
**       40     8  records' checksum  of all record heads
**       48     8  reserved        0
**       56     8  checksum        of bytes 0 … 55
**
**   record head, 32 bytes
**        0     1  kind            enum wal_record_kind; kinds below 128 must
**                                 be understood, others may be skipped
**        1     3  reserved        0
**        4     4  size            bytes of the body
**        8     8  a               see below
**       16     8  b
**       24     8  checksum        of the body
**
**   kind            a                b            body
**   1 CHECKPOINT    last index       snapshot     -
**   2 PEER          member           incarnation  -
**   3 CONFIGURATION index            term         that entry, once more
**   4 TRUNCATE      first index cut  0            -
**   5 ENTRY         index            term         the entry (wire/entry.h)
**   6 RESET         index            0            -
**
** A segment's first batch begins with a checkpoint: CHECKPOINT, one PEER for
** each known incarnation, and CONFIGURATION, the latest of the log (which
** the very first segment has not). With the term and vote of the batch head
** it says all that earlier segments would, so that these can be removed once
** a snapshot covers their entries, oldest first. The snapshot mark is 0.
**
** RESET empties the log: a snapshot that was installed covers it up to index,
** and entries go on behind it. Configurations are forgotten, too: the latest
** is in the snapshot.
**
** A batch without records says term and vote. One that repeats those of the
** batch before is a mark: it stands there to prove that batch durable.
**
** All checksums of a batch are salted with wal_batch_salt: of the segment's
** random salt, the batch's number and its place. A payload that looks like a
** batch, even a copy of one that once stood in this log, does not pass.
**
** Rule (proof):  a batch is written only after the sync of the batch before
**   returned. So a valid batch head proves all batches before it durable.
** Rule (rot):    an invalid batch with a valid batch head after it, in its
**   segment or a later one, or a segment that is shorter than its head says,
**   was damaged after it was durable. Nothing is guessed: RAFT_ECORRUPT.
** Rule (torn):   an invalid batch without proof was never reported durable.
**   It is cut.
** Source:        LogCabin Storage/SegmentedLog.h and SQLite wal.c for the
**   questions a format must answer; Alagappan et al., "Protocol-aware
**   recovery", FAST'18, for telling rot from a crash. */

#ifndef RAFT_WAL_RECORD_H
#define RAFT_WAL_RECORD_H

#include "base/bug.h"
#include "base/error.h"
#include "base/types.h"
#include "wal/wal.h"

#define WAL_SECTOR 512
#define WAL_FORMAT_VERSION 1
#define WAL_FEATURES 0
#define WAL_MAGIC "luaraft" /* with its zero byte */
#define WAL_BATCH_MAGIC 0x43544142u
#define WAL_HEAD_SALT 0x6c75617261667431u

#define WAL_BATCH_HEAD 64   /* bytes */
#define WAL_RECORD_HEAD 32  /* bytes */

/* The last index that entries can begin behind. A log never comes near it;
** with half of all indexes left, no sum of indexes can leave their range. */
#define WAL_BASE_MAX (RAFT_INDEX_MAX / 2)

#define WAL_NAME_NEW "log-new"
#define WAL_NAME_UNFINISHED "recovery-unfinished"
#define WAL_NAME_LOCK "lock" /* a world may keep its lock in such a file */
#define WAL_NAME_PREFIX "log-"
#define WAL_NAME_DIGITS 10
#define WAL_NAME_BYTES 24   /* of a name, ending zero included */
#define WAL_UNFINISHED \
  WAL_NAME_UNFINISHED ": a recovery has begun here and has not come to its " \
  "end: remove this directory, and recover again"

enum wal_record_kind {
  WAL_CHECKPOINT = 1,
  WAL_PEER = 2,
  WAL_CONFIGURATION = 3,
  WAL_TRUNCATE = 4,
  WAL_ENTRY = 5,
  WAL_RESET = 6
};
#define WAL_MUST_UNDERSTAND 128 /* kinds below it may not be skipped */

struct wal_segment_head {
  struct wal_identity identity;
  uint64_t number;
  uint64_t size;
  uint64_t salt;
};

struct wal_batch_head {
  uint64_t number;
  uint32_t size;         /* bytes, padding included */
  uint32_t record_count;
  raft_term term;
  raft_id vote;
  uint64_t records_checksum;
};

struct wal_record {
  uint8_t kind;
  uint32_t size;
  uint64_t a;
  uint64_t b;
  uint64_t checksum;     /* of the body */
};

/* The bytes of one segment, or of a stretch of it, and where they are from:
** what a check needs to name. */
struct wal_bytes {
  const uint8_t *data;
  size_t size;
  uint64_t offset;       /* of data[0] in the file */
  uint64_t salt;         /* of the segment */
  enum raft_bug bug;
};

RAFT_HIDDEN_BEGIN

/* "log-0000000042". 'name' has WAL_NAME_BYTES. */
void wal_segment_name (uint64_t number, char *name);
/* The number in a name; 0: not the name of a segment. */
uint64_t wal_segment_number (const char *name);

/* Writes one sector. */
void wal_segment_head_encode (const struct wal_segment_head *head,
                              uint8_t *sector);
/* Errors, said in *detail: RAFT_ECORRUPT: too short, magic or checksum wrong;
** RAFT_EUNSUPPORTED: another version, an unknown feature. */
int wal_segment_head_decode (const uint8_t *data, size_t size,
                             const char *name, struct wal_segment_head *head,
                             struct raft_detail *detail);

/* The salt of a batch's checksums: of its segment, number and place. */
uint64_t wal_batch_salt (uint64_t salt, uint64_t number, uint64_t offset);

void wal_batch_head_encode (const struct wal_batch_head *head, uint64_t salt,
                            uint8_t *bytes);
/* Reads the head at file offset 'at'. False: there is none that this log
** wrote there. Checks nothing behind the head. */
bool wal_batch_head_decode (const struct wal_bytes *bytes, uint64_t at,
                            struct wal_batch_head *head);

void wal_record_encode (const struct wal_record *record, uint8_t *bytes);
void wal_record_decode (const uint8_t *bytes, struct wal_record *record);

/* Checks records and bodies behind a head. NULL: all is as written; else
** what is wrong, in a few words. */
const char *wal_batch_check (const struct wal_bytes *bytes, uint64_t at,
                             const struct wal_batch_head *head);

/* The first valid batch head at a sector of [at, end) with a number above
** 'number'; 0: none. */
uint64_t wal_find_proof (const struct wal_bytes *bytes, uint64_t at,
                         uint64_t number);

static inline uint64_t wal_sectors (uint64_t size) {
  return (size + WAL_SECTOR - 1) / WAL_SECTOR * WAL_SECTOR;
}

RAFT_HIDDEN_END

#endif
